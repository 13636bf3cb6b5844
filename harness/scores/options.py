"""What a caller says of somebody's scores: which columns and rows are meant, and what is bad."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.spaces import Space

SCORE = "score"


@dataclass(frozen=True)
class ReadOptions:
    """How a table of scores is to be read.

    Attributes:
        score_column: The columns of scores, each an estimator: names, several in one text separated
            by commas, or patterns such as `*`, which stand for the numeric columns that fit.
        lower_is_better: Whether a lower number is better; the scores are negated once, on reading.
        lower_in: Columns in which a lower number is better, where it is not so in all.
        exclude_bad: Whether bad rows are left out and counted instead of refused.
        worst_if_bad: Whether infinite scores, and those too large for a number, rank last, as ties.
        arch_column: The column of architectures; by default it is found.
        arch_form: The form of the architectures, a key of `Space.forms`; by default it is found.
        rows: Values by column: only rows that have the value, or one of several, are read.
        space: The space; whichever the table names unless given.
    """

    score_column: str | Sequence[str] = SCORE
    lower_is_better: bool = False
    lower_in: Collection[str] = ()
    exclude_bad: bool = False
    worst_if_bad: bool = False
    arch_column: str | None = None
    arch_form: str | None = None
    rows: Mapping[str, Any] = field(default_factory=dict)
    space: Space | None = None

    @property
    def score_columns(self) -> tuple[str, ...]:
        """What `score_column` says, as a tuple."""
        asked = self.score_column
        return (asked,) if isinstance(asked, str) else tuple(asked)
