"""Reports: estimators side by side on the same architectures, with what their training shows."""

from harness.report.comparing import compare
from harness.report.report import Report, Section, make_report
from harness.report.results import summarise_run
from harness.report.truths import TruthChoice

__all__ = ["Report", "Section", "TruthChoice", "compare", "make_report", "summarise_run"]
