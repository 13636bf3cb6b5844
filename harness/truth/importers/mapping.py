"""Which column of somebody's file is what of a truth table: `--map metric=test_acc,epochs=200`.

A map makes one row of each cell of the columns that it names. Several maps add up, so that a wide
table, with a column for each data set, split or length of training, becomes rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from harness.errors import TruthError, UsageError, unknown_name
from harness.scores.text import show
from harness.spaces.lookup import are_nested, to_numbers
from harness.truth.columns import SPLITS

METRIC = "metric"
PATTERNS = {
    "dataset": "(?P<dataset>.+)",
    "split": f"(?P<split>{'|'.join(SPLITS)})",
    "epochs": r"(?P<epochs>\d+)",
    "trial": r"(?P<trial>\d+)",
    "seed": r"(?P<seed>\d+)",
}
"""What else a map says, and what stands for it in the names of several columns of the metric."""

Map = Mapping[str, str]

EXAMPLE = "--map metric=test_acc,dataset=cifar10,split=test,epochs=200"


def parse_map(text: str) -> Map:
    """Parse the text of a map.

    Args:
        text: For example `metric=test_acc,dataset=cifar10,split=test,epochs=200`.

    Returns:
        Names of columns, or values, by what they stand for.

    Raises:
        UsageError: If it is not `name=value` separated by commas, or a name is unknown.
    """
    parsed: dict[str, str] = {}
    for part in text.split(","):
        name, sign, value = (each.strip() for each in part.partition("="))
        if not (name and sign and value) or name in parsed:
            raise UsageError(
                f"The map '{show(text)}' is not name=value, each name once, separated by commas. "
                f"Give it such as {EXAMPLE}."
            )
        if name not in (METRIC, *PATTERNS):
            raise unknown_name("name in a map", name, (METRIC, *PATTERNS))
        parsed[name] = value
    return parsed


def apply_maps(
    frame: pd.DataFrame,
    maps: Sequence[Map],
    archs: pd.DataFrame,
    source: str,
    others: Collection[str] = (),
) -> tuple[pd.DataFrame, int]:
    """Make rows of the columns that maps name.

    Args:
        frame: The file's columns.
        maps: What stands for what; what a map leaves out is in a column of its own name.
        archs: The columns that name the architectures of its rows.
        source: What to call the file in an error.
        others: Columns that a pattern does not stand for, such as the file's of architectures.

    Returns:
        The columns of architectures, those of `PATTERNS` that there are, and `accuracy`, with a
        row for each trial of a cell that is a list; and how many cells of several columns of the
        metric are empty, which have no row.

    Raises:
        TruthError: If a column is not there.
    """
    parts = [part for each in maps or ({},) for part in _apply(frame, each, archs, source, others)]
    rows = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    is_empty = rows["accuracy"].isna() & (len(parts) > 1)
    return _unpack_trials(rows[~is_empty]), int(is_empty.sum())


def _apply(
    frame: pd.DataFrame, fields: Map, archs: pd.DataFrame, source: str, others: Collection[str]
) -> Iterator[pd.DataFrame]:
    wanted = fields.get(METRIC, "accuracy")
    pattern = re.escape(wanted)
    for name, part in PATTERNS.items():
        pattern = pattern.replace(re.escape(f"{{{name}}}"), part, 1)
    matches = [
        match
        for match in (re.fullmatch(pattern, column) for column in frame.columns)
        if match and not (match.groupdict() and match[0] in others)
    ]
    if not matches:
        raise _missing(METRIC, wanted, frame, source)
    named = {name: _find(name, fields.get(name), frame, source) for name in PATTERNS}
    for match in matches:
        cells = {name: cells for name, cells in named.items() if cells is not None}
        cells |= match.groupdict()
        for name in ("dataset", "split", "epochs"):
            if name not in cells:
                raise _missing(name, name, frame, source)
        yield archs.assign(**cells, accuracy=frame[match[0]])


def _find(name: str, value: str | None, frame: pd.DataFrame, source: str) -> Any:
    """Return a column, or the one value of all rows; None where there is neither."""
    column = frame.get(name if value is None else value)
    if value is None:
        return column
    if name == "dataset" and (column is None or not pd.isna(to_numbers(column)).any()):
        return value  # its accuracies may be in a column of its name
    if (name == "split" and value in SPLITS) or re.fullmatch(r"-?\d{1,15}", value):
        return value
    if column is None:
        raise _missing(name, value, frame, source)
    return column


def _missing(name: str, column: str, frame: pd.DataFrame, source: str) -> TruthError:
    several = ", or several columns at once, such as metric={dataset}_{epochs}"
    return TruthError(
        f"{source}: column '{show(column)}' is missing, and so is the {name} of each row. "
        f"The file has the columns {show(', '.join(map(str, frame.columns)), 400)}. Say which is "
        f"what, such as {EXAMPLE}"
        f"{several if name == METRIC else ''}."
    )


def _unpack_trials(rows: pd.DataFrame) -> pd.DataFrame:
    """Give each accuracy of a list a row of its own, numbered as a trial."""
    if not are_nested(rows["accuracy"]).any():
        return rows.reset_index(drop=True)
    rows = rows.explode("accuracy")
    return rows.assign(trial=rows.groupby(level=0).cumcount()).reset_index(drop=True)
