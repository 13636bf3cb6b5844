"""A check in sentences and in a table.

Every text here is one printable line that begins with a word of ours and contains nothing that a
CI system takes for a command, whatever the methods are called.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.result import CheckResult, Finding, Outcome, Seeds
from harness.scores import show

HEADINGS = ("method", "rule", "baseline", "new", "D [95% bounds]", "n", "seeds", "finding")
N_TEXTS = 2

NOTES = (
    "D: how much worse the new side is: baseline minus new; for losses, disturbance and regret, "
    "new minus baseline. Its bounds are one-sided, 95% each, over training seeds and architectures "
    "(with one seed, over architectures only, if these are not all). Regression: the lower bound "
    "is beyond the margin. Pass: the upper bound is within the margin. Anything else is "
    "inconclusive.",
)

_SHOWN_SEEDS = 10
_LONGEST = 200


def show_label(label: str) -> str:
    """Write a method's name; GitHub's older commands begin with `##[`, anywhere in a line."""
    return show(label, _LONGEST).replace("##[", "# #[")


def make_rows(result: CheckResult) -> list[tuple[str, ...]]:
    """Make the rows of the table, cells as text."""
    return [
        (
            show_label(finding.label),
            str(finding.rule),
            _value(finding.baseline),
            _value(finding.new),
            _difference(finding),
            f"{finding.n:,}",
            _count_seeds(finding),
            finding.outcome.value,
        )
        for finding in result.findings
    ]


def describe_finding(finding: Finding) -> str:
    """Describe one finding."""
    figures = f"{finding.rule.quantity.name} {_value(finding.baseline)} -> {_value(finding.new)}"
    if finding.difference is not None:
        figures += f", D {_difference(finding)}, margin {finding.rule.show(finding.rule.margin)}"
        figures += f" {finding.unit}" if finding.unit else ""
    title = f"{finding.outcome.value.capitalize()}: {show_label(finding.label)}, {finding.rule}."
    text = f"{title} {figures}, "
    text += f"{finding.n:,} architectures, {_list_seeds(finding)}."
    if finding.outcome is Outcome.INCONCLUSIVE and finding.visible is not None:
        text += (
            f" This check would detect a D of {finding.rule.show(finding.visible)} in 8 of 10 "
            "cases."
        )
    return " ".join((text, *finding.notes))


def verdict(result: CheckResult, strict: bool = False) -> str:
    """Sum up a check in one sentence."""
    n = len(result.findings)
    checks = "the check" if n == 1 else f"all {n} checks"
    if result.outcome is Outcome.PASS:
        return f"PASS: {checks} found nothing worse than the margin allows."
    if result.outcome is Outcome.FAIL:
        return f"REGRESSION: {_name(result, Outcome.FAIL)} got worse by more than the margin."
    named = _name(result, Outcome.INCONCLUSIVE)
    parts = [f"{named} may or may not have got worse"] if named else []
    parts += [_say_missing(result.missing)] if result.missing else []
    end = "" if strict else " (--strict makes this exit with 3)"
    advice = "; add seeds on both sides to decide" if named else ""
    return f"INCONCLUSIVE: {' and '.join(parts)}{advice}{end}."


def describe(result: CheckResult, strict: bool = False) -> list[str]:
    """Describe a check: the verdict, each finding, the baseline and the truth."""
    base = result.baseline
    lines = [verdict(result, strict), *map(describe_finding, result.findings)]
    if result.missing and result.outcome is Outcome.FAIL:
        lines.append(f"Also, {_say_missing(result.missing)}.")
    if result.extra:
        lines.append(f"Not in the baseline, so not checked: {_quote(result.extra)}.")
    if len(result.findings) > 1:
        lines.append(
            f"Each of the {len(result.findings)} checks raises a false alarm in up to 5% of cases; "
            "together they do so more often."
        )
    lines += [f"Baseline: {note}" for note in base.notes]
    commit = "" if base.commit is None else f", commit {show(base.commit[:12])}"
    lines.append(f"Baseline of {show(base.created)}{commit}. Truth: {base.truth}.")
    return lines


def _say_missing(labels: Sequence[str]) -> str:
    verb = "is" if len(labels) == 1 else "are"
    return f"{_quote(labels)} of the baseline {verb} missing, so not checked"


def _name(result: CheckResult, outcome: Outcome) -> str:
    found = [finding for finding in result.findings if finding.outcome is outcome]
    return ", ".join(f"'{show_label(f.label)}' ({f.rule})" for f in found)


def _quote(labels: Sequence[str]) -> str:
    return ", ".join(f"'{show_label(label)}'" for label in labels)


def _value(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _difference(finding: Finding) -> str:
    if finding.difference is None:
        return "-"
    write = finding.rule.show
    if finding.low is None or finding.high is None:
        return f"{write(finding.difference)} [unknown]"
    return f"{write(finding.difference)} [{write(finding.low)}, {write(finding.high)}]"


def _count_seeds(finding: Finding) -> str:
    old, new = len(finding.baseline_seeds), len(finding.new_seeds)
    return f"{old}, paired" if finding.is_paired else f"{old} and {new}"


def _list_seeds(finding: Finding) -> str:
    if finding.is_paired:
        pairs = "" if finding.is_single else " (paired)"
        return f"{_write_seeds(finding.new_seeds)}{pairs}"
    return f"{_write_seeds(finding.baseline_seeds)} against {_write_seeds(finding.new_seeds)}"


def _write_seeds(seeds: Seeds) -> str:
    if seeds == (None,):
        return "one unknown seed"
    shown = ", ".join(map(str, seeds[:_SHOWN_SEEDS]))
    more = f" and {len(seeds) - _SHOWN_SEEDS} more" if len(seeds) > _SHOWN_SEEDS else ""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {shown}{more}"
