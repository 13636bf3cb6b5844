"""Which columns of somebody's table are scores, and which of its rows are meant.

Axis: row, of the table.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import DataError, unknown_name
from harness.scores.cells import BoolArray, FloatArray, check_names, read_numbers, read_texts
from harness.scores.contents import VALUE
from harness.scores.options import SCORE
from harness.scores.text import show

_SCORE_END, _TIME_END = "/score", "/time"
"""How the names of two columns end that NASLib's files hold for each estimator."""

_MOST_LISTED = 10


def select_rows(frame: pd.DataFrame, rows: Mapping[str, Any], source: str) -> pd.DataFrame:
    """Select the rows that have certain values.

    Args:
        frame: The table.
        rows: A value, or several, by column; numbers are compared as such.
        source: What to call the table in an error.

    Returns:
        The rows, in their order.

    Raises:
        DataError: If there is no such column, or no such row.
    """
    for name, wanted in rows.items():
        if name not in frame:
            hint = unknown_name("column", show(name), map(show, frame.columns))
            raise DataError(f"{source}: {hint}")
        check_names(list(frame.columns), [name], source)
        several = not isinstance(wanted, str) and np.ndim(wanted) > 0
        values = [str(value).strip() for value in (wanted if several else [wanted])]
        keep = _matches(frame[name], values)
        if not keep.any():
            raise DataError(
                f"{source}: no row has {show(name)}={show(', '.join(values))}. Column "
                f"'{show(name)}' has {list_values(frame[name])}."
            )
        frame = frame[keep]
    return frame.reset_index(drop=True)


def _matches(column: pd.Series[Any], values: Sequence[str]) -> BoolArray:
    """Say which cells are one of some values, as texts or as numbers, [row]."""
    found: BoolArray = read_texts(column).isin(values).to_numpy(dtype=bool)
    wanted = read_numbers(pd.Series(values, dtype=object)).values
    return found | np.isin(read_numbers(column).values, wanted[~np.isnan(wanted)])


def list_values(column: pd.Series[Any]) -> str:
    """List the distinct values of a column, the first few of many."""
    values = [show(value, 40) for value in dict.fromkeys(read_texts(column).tolist())]
    more = f" and {len(values) - _MOST_LISTED:,} more" if len(values) > _MOST_LISTED else ""
    return ", ".join(values[:_MOST_LISTED]) + more


def choose_score_columns(
    frame: pd.DataFrame, asked: Sequence[str], others: Collection[str], source: str
) -> tuple[list[str], list[str]]:
    """Find the columns of scores.

    Args:
        frame: The table.
        asked: Names, several in one text separated by commas, or patterns.
        others: Columns that hold something else; a pattern does not stand for these.
        source: What to call the table in an error.

    Returns:
        The columns, each once; and, in sentences, the columns of numbers that fit a pattern and
        are no scores.

    Raises:
        DataError: If a column is not there, or there more than once, or none fits a pattern.
    """
    names = list(frame.columns)
    chosen: dict[str, None] = {}
    passed: dict[str, str] = {}
    for text in asked:
        for part in [text] if text in names else map(str.strip, text.split(",")):
            if part in names:
                chosen.setdefault(part)
            elif part + _SCORE_END in names:
                chosen.setdefault(part + _SCORE_END)
            elif part == SCORE and VALUE in names:
                chosen.setdefault(VALUE)
            elif set(part) & set("*?["):
                found, why_not = _fit(frame, part, others)
                if not found:
                    given = show(", ".join(names), 300)
                    raise DataError(
                        f"{source}: no column of scores fits '{show(part)}'; there is {given}."
                    )
                chosen |= dict.fromkeys(found)
                passed |= why_not
            else:
                raise _missing(part, names, source)
    check_names(names, list(chosen), source)
    notes = [f"{source}: column '{show(name)}' {why}." for name, why in passed.items()]
    return list(chosen), notes


def _fit(
    frame: pd.DataFrame, pattern: str, others: Collection[str]
) -> tuple[list[str], dict[str, str]]:
    """Return the columns of scores that fit a pattern, and why others of numbers are none."""
    count = Counter(frame.columns)
    found, passed = [], {}
    for name in count:
        if count[name] > 1 or name in others or not fnmatch.fnmatchcase(name, pattern):
            continue
        values, missing, invalid = read_numbers(frame[name])
        n_numbers = int((~missing & ~invalid).sum())
        known = values[~missing & ~invalid]
        if n_numbers <= int(invalid.sum()):
            continue  # texts, or nothing
        if name.endswith(_TIME_END) and name.removesuffix(_TIME_END) + _SCORE_END in count:
            continue  # the cost of another
        if len(frame) > 1 and (known == known[0]).all():
            passed[name] = "has the same number in all rows, and is not taken for scores"
        elif len(frame) > 1 and numbers_rows(values):
            passed[name] = "numbers the rows, and is not taken for scores"
        else:
            found.append(name)
    return found, passed


def numbers_rows(values: FloatArray) -> bool:
    """Say whether numbers count the rows, from 0 or from 1."""
    return any(np.array_equal(values, np.arange(len(values)) + start) for start in (0, 1))


def _missing(name: str, names: Sequence[str], source: str) -> DataError:
    hint = unknown_name("column of scores", show(name), map(show, names[:40]))
    return DataError(
        f"{source}: {hint} Say which it is with --score-column, or read all columns of numbers "
        "with --score-column '*' (in Python score_column=...)."
    )


def name_of(column: str) -> str:
    """Return what the estimator of a column is called."""
    return column.removesuffix(_SCORE_END) or column


def mean_seconds(frame: pd.DataFrame, column: str, kept: BoolArray) -> float | None:
    """Return the mean time that a score took, seconds.

    Args:
        frame: The table.
        column: The column of scores.
        kept: The rows that count, [row].

    Returns:
        The mean over the rows that have a time; None where the table has no times.
    """
    name = column.removesuffix(_SCORE_END) + _TIME_END
    if not column.endswith(_SCORE_END) or name not in frame:
        return None
    seconds = read_numbers(frame[name][kept]).values
    known = seconds[np.isfinite(seconds) & (seconds >= 0)]
    return float(known.mean()) if len(known) else None
