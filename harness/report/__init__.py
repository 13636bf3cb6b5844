"""Reports over finished runs: the ranking-correlation table and the paired differences."""

from harness.report.differences import Comparison
from harness.report.render import FORMATS, print_table, render
from harness.report.results import RunResult, load_result, summarise_run
from harness.report.tables import Report, StrategyRow, make_report
from harness.report.truths import TruthChoice

__all__ = [
    "FORMATS",
    "Comparison",
    "Report",
    "RunResult",
    "StrategyRow",
    "TruthChoice",
    "load_result",
    "make_report",
    "print_table",
    "render",
    "summarise_run",
]
