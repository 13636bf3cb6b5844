"""The regression gate: a baseline, rules, and whether a new ranking is as good."""

from harness.check.annotations import annotate, make_annotations
from harness.check.files import load_baseline, save_baseline
from harness.check.gate import MIN_SEEDS, check_estimators
from harness.check.junit import save_junit, to_junit
from harness.check.result import EXIT_INCONCLUSIVE, EXIT_NOT_COMPARED, CheckResult, Finding, Outcome
from harness.check.rules import DEFAULT_RULE, QUANTITIES, parse_rule, parse_rules
from harness.check.sentences import describe, describe_finding, verdict
from harness.check.snapshot import Snapshot, make_snapshot

__all__ = [
    "DEFAULT_RULE",
    "EXIT_INCONCLUSIVE",
    "EXIT_NOT_COMPARED",
    "MIN_SEEDS",
    "QUANTITIES",
    "CheckResult",
    "Finding",
    "Outcome",
    "Snapshot",
    "annotate",
    "check_estimators",
    "describe",
    "describe_finding",
    "load_baseline",
    "make_annotations",
    "make_snapshot",
    "parse_rule",
    "parse_rules",
    "save_baseline",
    "save_junit",
    "to_junit",
    "verdict",
]
