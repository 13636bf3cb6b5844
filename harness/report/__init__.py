"""Reports: estimators side by side on the same architectures, with what their training shows."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.evaluation import TruthChoice as TruthChoice
    from harness.report.contents import Section as Section
    from harness.report.in_python import EvaluationResult as EvaluationResult
    from harness.report.in_python import compare as compare
    from harness.report.in_python import evaluate as evaluate
    from harness.report.report import Report as Report
    from harness.report.report import make_report as make_report
    from harness.report.summary import summarise_run as summarise_run

_PLACES = {
    "EvaluationResult": "harness.report.in_python",
    "Report": "harness.report.report",
    "Section": "harness.report.contents",
    "TruthChoice": "harness.evaluation",
    "compare": "harness.report.in_python",
    "evaluate": "harness.report.in_python",
    "make_report": "harness.report.report",
    "summarise_run": "harness.report.summary",
}
"""Where each name is, so that the command line can name a report's parts without pandas."""

__all__ = [
    "EvaluationResult",
    "Report",
    "Section",
    "TruthChoice",
    "compare",
    "evaluate",
    "make_report",
    "summarise_run",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'harness.report' has no attribute '{name}'")
    return getattr(importlib.import_module(_PLACES[name]), name)
