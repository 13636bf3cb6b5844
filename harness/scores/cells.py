"""Cells of somebody's table: what is a number, what is missing, and which rows are refused.

Axis letter: row, the rows of the table.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.errors import DataError, HarnessError
from harness.scores.text import show
from harness.spaces import Space
from harness.spaces.lookup import arch_faults

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MISSING = ("", "nan", "na", "n/a", "null", "none")
"""Texts that stand for a missing value, whatever their case."""


class Numbers(NamedTuple):
    """A column read as numbers.

    Attributes:
        values: [row]; NaN where missing or not a number.
        missing: Whether the cell is empty, [row].
        invalid: Whether the cell holds something that is not a number, [row].
    """

    values: FloatArray
    missing: BoolArray
    invalid: BoolArray


def read_numbers(column: pd.Series[Any]) -> Numbers:
    """Read a column as numbers; True, dates and lists are not numbers.

    Args:
        column: Numbers, texts, or anything, [row].

    Returns:
        The numbers, and which rows lack one.
    """
    missing = column.isna().to_numpy(dtype=bool)
    if column.dtype.kind in "iuf":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return Numbers(values, missing, np.zeros(len(values), dtype=np.bool_))
    cells = np.array(column, dtype=object)
    cells[missing] = math.nan
    values, invalid = _convert(cells)
    return Numbers(values, np.isnan(values) & ~invalid, invalid)


def _convert(cells: npt.NDArray[np.object_]) -> tuple[FloatArray, BoolArray]:
    """Convert cells to numbers, [row], and mark those that are not; fast where all are plain."""
    listed = cells.tolist()
    if set(map(type, listed)) <= {str, float, int} and not any("_" in str(x) for x in listed):
        with contextlib.suppress(ValueError, OverflowError):
            return cells.astype(np.float64), np.zeros(len(cells), dtype=np.bool_)
    read = [to_number(value) for value in listed]
    invalid = np.array([number is None for number in read], dtype=np.bool_)
    return np.array([math.nan if x is None else x for x in read], dtype=np.float64), invalid


def to_number(value: object) -> float | None:
    """Read one value as a number.

    Args:
        value: Anything but a missing value.

    Returns:
        The number; NaN where a text says that there is none, None where it is not a number.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in MISSING:
            return math.nan
        if "_" in text:  # Python's own spelling of a number, and nobody else's
            return None
    elif isinstance(value, (bool, np.bool_)):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:  # an integer
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]
    except (TypeError, ValueError):
        return None


def read_texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Read a column as texts without blanks around them.

    Args:
        column: Texts, or anything, [row].

    Returns:
        Texts as a categorical, [row]; empty where there is nothing.
    """
    cells = np.array(column, dtype=object)
    cells[column.isna().to_numpy(dtype=bool)] = ""
    texts = [cell.strip() if isinstance(cell, str) else str(cell) for cell in cells.tolist()]
    return pd.Series(texts, dtype="category")


Raise = Callable[[str], HarnessError]
"""Makes an error of its text."""


Refuse = Callable[[str, BoolArray, str], None]
"""Refuses a table that has bad rows, as `refuse_rows` does: column, bad rows, problem."""


def check_table(
    df: pd.DataFrame,
    names: Sequence[str],
    space: Space,
    source: str,
    error: Raise,
    kind: str,
    row: str,
    remedy: str = "",
) -> tuple[pd.DataFrame, Refuse]:
    """Check what the harness's own tables have in common: their columns, rows and architectures.

    Args:
        df: The table.
        names: Its columns, those of `arch_columns` among them.
        space: The space of the architectures.
        source: What to call the table in an error.
        error: Makes the error.
        kind: What such a table is called, such as "A scores file".
        row: What a row of it stands for.
        remedy: What else can be done about a missing column.

    Returns:
        The columns, in the order of `names`; and what refuses bad rows.

    Raises:
        HarnessError: If a column is missing or occurs twice, there are no rows, or a row names no
            architecture or two.
    """
    missing = [name for name in names if name not in df.columns]
    if missing:
        given = show(", ".join(map(str, df.columns)), 400) or "none"
        raise error(
            f"{source}: column '{missing[0]}' is missing. {kind} has the columns "
            f"{', '.join(names)}; this one has {given}. Rename or add what is missing{remedy}."
        )
    check_names(list(df.columns), names, source, error)
    if df.empty:
        raise error(f"{source}: there are no rows. {kind} has one per {row}.")
    df = df[list(names)]
    refuse = partial(refuse_rows, df, source, error)
    for fault in arch_faults(df, space):
        refuse(*fault)
    return df, refuse


_ALL_ROWS = "It is so in all rows: correct the file, or name another column."


def refuse_rows(
    df: pd.DataFrame,
    source: str,
    error: Raise,
    column: str,
    bad: BoolArray,
    problem: str,
    remedy: str = "",
    removal: str = "Correct or remove such rows and try again.",
) -> None:
    """Refuse a table that has bad rows.

    Args:
        df: The table.
        source: What to call it in an error.
        error: Makes the error.
        column: The column at fault.
        bad: Whether a row is bad, [row].
        problem: What the column does in bad rows.
        remedy: What to do about them in this case.
        removal: What else to do about them, unless all rows are bad.

    Raises:
        HarnessError: If there is a bad row; it names the first one.
    """
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        advice = f"{remedy} {_ALL_ROWS if bad.all() else removal}".lstrip()
        cells = (f"{name}={show(df[name].iloc[row], 120)}" for name in df.columns)
        raise error(
            f"{source}: column '{show(column)}' {problem} in {int(bad.sum()):,} of {len(bad):,} "
            f"rows. The first is row {row} (counted from 0): {', '.join(cells)}. "
            f"{advice}"
        )


def check_names(
    names: Sequence[str],
    wanted: Sequence[str],
    source: str,
    error: Raise = DataError,
) -> None:
    """Check that no column to be read occurs twice, which would leave one of them unread.

    Args:
        names: All columns.
        wanted: Those to be read.
        source: What to call the table in an error.
        error: Makes the error.

    Raises:
        HarnessError: If one does.
    """
    count = Counter(names)
    repeated = [name for name in wanted if count[name] > 1]
    if repeated:
        raise error(
            f"{source}: column '{show(repeated[0])}' is there more than once. Rename or remove "
            "all but one."
        )


_REMOVAL = (
    "Correct or remove such rows, or have them left out and counted (--exclude-bad, in Python "
    "exclude_bad=True)."
)


class Sieve:
    """Refuses a table for its first bad row, or counts the bad rows and leaves them out.

    Attributes:
        keep: The rows that are left, [row].
        reasons: Why each row is out, [row]; empty where it is not.
    """

    def __init__(
        self, frame: pd.DataFrame, source: str, exclude: bool, removal: str = _REMOVAL
    ) -> None:
        """Start with all rows.

        Args:
            frame: The table.
            source: What to call it in an error.
            exclude: Whether bad rows are left out instead of refused.
            removal: What can be done about rows that are refused.
        """
        self._frame, self._source, self._exclude = frame, source, exclude
        self._removal = removal
        self.keep: BoolArray = np.ones(len(frame), dtype=np.bool_)
        self.reasons: npt.NDArray[np.object_] = np.full(len(frame), "", dtype=object)

    @property
    def exclusions(self) -> dict[str, int]:
        """Rows left out, by reason."""
        return self.count(~self.keep)

    def copy(self, frame: pd.DataFrame) -> Sieve:
        """Return a sieve of the same rows that goes on by itself.

        Args:
            frame: The table, perhaps with other columns.
        """
        other = Sieve(frame, self._source, self._exclude, self._removal)
        other.keep, other.reasons = self.keep.copy(), self.reasons.copy()
        return other

    def count(self, rows: BoolArray) -> dict[str, int]:
        """Count those of some rows that are out, by reason, most frequent first."""
        return dict(Counter(self.reasons[rows & ~self.keep].tolist()).most_common())

    def set_aside(self, rows: BoolArray, reason: str) -> None:
        """Leave out rows that are not at fault, whether or not bad ones are refused."""
        out = rows & self.keep
        self.reasons[out] = reason
        self.keep &= ~out

    def sift(
        self, column: str, bad: BoolArray, reason: str, problem: str, remedy: str = ""
    ) -> None:
        """Refuse or leave out bad rows.

        Args:
            column: The column at fault.
            bad: The bad rows, [row]; those that are out already do not matter.
            reason: What their count is called.
            problem: What the column does in them, as an error says it.
            remedy: What else can be done about them.

        Raises:
            DataError: If there is one and bad rows are refused.
        """
        bad = bad & self.keep
        if self._exclude:
            self.set_aside(bad, reason)
        else:
            shown = (self._frame, self._source, DataError)
            refuse_rows(*shown, column, bad, problem, remedy, self._removal)
