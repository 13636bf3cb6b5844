"""Reports: estimators side by side on the same architectures, with what their training shows."""

from harness.evaluation import TruthChoice
from harness.report.contents import Section
from harness.report.in_python import EvaluationResult, compare, evaluate
from harness.report.report import Report, make_report
from harness.report.summary import summarise_run

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
