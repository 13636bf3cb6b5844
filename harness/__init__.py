"""Measure how well a weight-sharing supernet ranks architectures, and what disturbs it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.estimators.callables import from_callable as from_callable
    from harness.estimators.loading import load_estimators as load_estimators
    from harness.estimators.predictors.fitted import fit_predictor as fit_predictor
    from harness.estimators.predictors.fitted import load_predictor as load_predictor
    from harness.report import EvaluationResult as EvaluationResult
    from harness.report import Report as Report
    from harness.report import compare as compare
    from harness.report import evaluate as evaluate

_PLACES = {
    "EvaluationResult": "harness.report",
    "Report": "harness.report",
    "compare": "harness.report",
    "evaluate": "harness.report",
    "fit_predictor": "harness.estimators.predictors.fitted",
    "from_callable": "harness.estimators.callables",
    "load_estimators": "harness.estimators.loading",
    "load_predictor": "harness.estimators.predictors.fitted",
}
"""Where each public name is, so that `import harness` imports nothing."""

__all__ = [
    "EvaluationResult",
    "Report",
    "compare",
    "evaluate",
    "fit_predictor",
    "from_callable",
    "load_estimators",
    "load_predictor",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'harness' has no attribute '{name}'")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
