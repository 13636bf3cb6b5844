"""The result of a check: findings, and the outcome of all together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from harness.check.rules import Rule
from harness.check.snapshot import Snapshot
from harness.errors import EXIT_FAILED, EXIT_OK

EXIT_INCONCLUSIVE = 3
EXIT_NOT_COMPARED = 4
"""The two sides are not comparable, or a file is missing or damaged: there is no result."""

CONFIDENCE = 0.95
"""Of each one-sided bound: at a difference of exactly the margin a check fails 5% of the time."""
POWER = 0.8
"""How often a check fails at the smallest difference that it "would detect"."""

Seeds = tuple[int | None, ...]


class Outcome(Enum):
    """Whether a rule holds."""

    PASS = "pass"
    FAIL = "regression"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Finding:
    """One rule applied to one method. Differences are in the units of the rule's margin.

    Attributes:
        label: The method.
        rule: The rule.
        outcome: Whether it holds.
        baseline: Mean over the baseline's seeds, geometric for a share; None where undefined.
        new: Mean over the new side's seeds, likewise.
        difference: D, how much worse the new side is: of the means, for regret the median over
            seeds; None where either mean is undefined.
        low: Lower bound of D, one-sided; None where there is none.
        high: Upper bound of D, one-sided; None where there is none.
        visible: Smallest true D that would make 8 of 10 such checks fail; None where unknown.
        unit: What regret is in, such as "accuracy points"; "" for other figures.
        n: Architectures that a seed is judged on, the fewest.
        baseline_seeds: Seeds of the baseline that are compared.
        new_seeds: Seeds of the new side that are compared; in pairs if they are the baseline's.
        notes: Caveats, in sentences.
    """

    label: str
    rule: Rule
    outcome: Outcome
    baseline: float | None
    new: float | None
    difference: float | None
    low: float | None
    high: float | None
    visible: float | None
    unit: str
    n: int
    baseline_seeds: Seeds
    new_seeds: Seeds
    notes: tuple[str, ...]

    @property
    def is_paired(self) -> bool:
        """Whether both sides have the same seeds."""
        return self.baseline_seeds == self.new_seeds

    @property
    def is_single(self) -> bool:
        """Whether it is one supernet against one: then it does not speak of the method."""
        return len(self.baseline_seeds) == len(self.new_seeds) == 1

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            **vars(self),
            "rule": str(self.rule),
            "margin": self.rule.margin,
            "outcome": self.outcome.value,
            "is_paired": self.is_paired,
            "is_single": self.is_single,
            "baseline_seeds": list(self.baseline_seeds),
            "new_seeds": list(self.new_seeds),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class CheckResult:
    """All findings of a check.

    Attributes:
        findings: One for each method and rule.
        missing: Methods that only the baseline has.
        extra: Methods that only the new side has.
        baseline: What they were compared with.
        min_seeds: Seeds that are expected on each side.
        notes: What was decided in reading the new side's scores that may surprise, in sentences.
    """

    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    baseline: Snapshot
    min_seeds: int
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst finding; a missing method makes a pass inconclusive."""
        found = {finding.outcome for finding in self.findings}
        if Outcome.FAIL in found:
            return Outcome.FAIL
        return (
            Outcome.INCONCLUSIVE if Outcome.INCONCLUSIVE in found or self.missing else Outcome.PASS
        )

    def exit_code(self, strict: bool = False) -> int:
        """Return 0 for a pass, 1 for a regression, and for neither 3 if `strict`, else 0."""
        if self.outcome is Outcome.FAIL:
            return EXIT_FAILED
        is_open = self.outcome is Outcome.INCONCLUSIVE
        return EXIT_INCONCLUSIVE if strict and is_open else EXIT_OK

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the scores, ready for JSON."""
        base = self.baseline
        return {
            "outcome": self.outcome.value,
            "confidence": CONFIDENCE,
            "power": POWER,
            "min_seeds": self.min_seeds,
            "truth": base.truth.model_dump(),
            "baseline": {
                "created": base.created,
                "commit": base.commit,
                "dirty": base.dirty,
                "notes": list(base.notes),
            },
            "missing": list(self.missing),
            "extra": list(self.extra),
            "notes": list(self.notes),
            "findings": [finding.to_dict() for finding in self.findings],
        }
