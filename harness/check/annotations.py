"""A check as GitHub workflow commands, which GitHub shows beside the change."""

from __future__ import annotations

from harness.check.result import CheckResult, Outcome
from harness.check.sentences import describe_finding, show_label
from harness.scores import show

ERROR, WARNING = "error", "warning"

_TITLE = "harness check"


def make_annotations(result: CheckResult, strict: bool = False) -> list[str]:
    """Make one line for every finding that is not a pass, regressions first.

    Args:
        result: The check.
        strict: Whether an inconclusive check is an error rather than a warning.

    Returns:
        The lines, escaped; GitHub shows the first ten of a kind.
    """
    open_kind = ERROR if strict else WARNING
    kinds = {Outcome.FAIL: ERROR, Outcome.INCONCLUSIVE: open_kind}
    lines = [
        annotate(kinds[outcome], f"{_TITLE}: {outcome.value}", describe_finding(finding))
        for outcome in kinds
        for finding in result.findings
        if finding.outcome is outcome
    ]
    lines += [
        annotate(open_kind, f"{_TITLE}: missing", f"{show_label(label)} was not checked.")
        for label in result.missing
    ]
    return lines


def annotate(kind: str, title: str, message: str) -> str:
    """Write one workflow command.

    Args:
        kind: "error" or "warning".
        title: Its title.
        message: Its text, which may contain several lines.

    Returns:
        One line: neither text can end it or begin another command.

    Reference:
        GitHub Actions, "Workflow commands for GitHub Actions": message and properties are
        percent-encoded, properties more so.
    """
    return f"::{kind} title={_escape_property(title)}::{_escape(message)}"


def _escape(text: str) -> str:
    encoded = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return show(encoded, max(4, len(encoded)))


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
