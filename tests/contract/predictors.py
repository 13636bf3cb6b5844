"""The regressions of predictors; all laws run over them. A new one is one row."""

from __future__ import annotations

MODELS = ("forest", "gp", "gp-error", "gp-top", "comparator", "network")
