"""Rows from outside: what a truth table accepts, and their order.

One row is one network that was trained from scratch. Rows come in a pandas frame; all checks work
on whole columns, since a published table has some 330,000 rows. Pandas is imported where it is
used, since reading a table that was checked before does without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.errors import TruthError
from harness.spaces.nb201.encoding import N_ARCHS
from harness.spaces.nb201.lookup import are_nested, indices_of_strings
from harness.truth.columns import SPLITS, Columns, IntArray, Labels
from harness.truth.parquet import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

KEY = ("nb201_index", "dataset", "split", "epochs", "trial")
"""What identifies a row. The seed does not: a published table repeats -1."""

_LABELS = ("dataset", "split")
_INTEGER_RANGES = {
    "nb201_index": (0, N_ARCHS - 1),
    "epochs": (1, 2**15 - 1),
    "trial": (0, 2**31 - 1),
    "seed": (-1, 2**53 - 1),
}

BoolArray = npt.NDArray[np.bool_]


def check_rows(df: pd.DataFrame, source: str) -> None:
    """Check that a frame holds rows of the schema; columns beyond it are ignored.

    Args:
        df: The rows.
        source: What to call them in an error, usually the file's name.

    Raises:
        TruthError: If there are no rows, a column is missing, a value is not what it should be,
            a string is no architecture or another than its index says, or a key occurs twice.
    """
    check_values(df, source)
    _check_archs(df, source)


def check_values(df: pd.DataFrame, source: str) -> None:
    """Check all that `check_rows` does, except that strings and indices name the same.

    Args:
        df: The rows.
        source: What to call them in an error.

    Raises:
        TruthError: As `check_rows` does.
    """
    missing = [name for name in COLUMNS if name not in df.columns]
    if missing:
        given = ", ".join(map(str, df.columns)) or "none"
        raise TruthError(
            f"{source}: column '{missing[0]}' is missing. A truth table has the columns "
            f"{', '.join(COLUMNS)}; this one has {given}. Rename or add what is missing."
        )
    repeated = [name for name in COLUMNS if (df.columns == name).sum() > 1]
    if repeated:
        raise TruthError(
            f"{source}: column '{repeated[0]}' is there more than once. Remove all but one."
        )
    if df.empty:
        raise TruthError(f"{source}: there are no rows. A truth table has one a trained network.")
    for name, (low, high) in _INTEGER_RANGES.items():
        values = to_numbers(df[name])
        bad = ~((values >= low) & (values <= high) & (values == np.floor(values)))
        _refuse(df, source, name, bad, f"is not an integer from {low} to {high}")
    accuracy = to_numbers(df["accuracy"])
    bad = ~((accuracy >= 0) & (accuracy <= 100))
    _refuse(df, source, "accuracy", bad, "is not a number from 0 to 100 (percent)")
    _refuse(df, source, "dataset", df["dataset"].isna().to_numpy(dtype=bool), "is empty")
    _refuse(df, source, "dataset", are_nested(df["dataset"]), "is no text")
    bad = ~df["split"].isin(SPLITS).to_numpy(dtype=bool)
    _refuse(df, source, "split", bad, f"is not one of {', '.join(SPLITS)}")
    duplicated = _repeats(row_keys(df))
    _refuse(df, source, "trial", duplicated, f"repeats a key ({', '.join(KEY)})")


def _check_archs(df: pd.DataFrame, source: str) -> None:
    named = indices_of_strings(df["arch_str"])
    problem = "names no architecture of NAS-Bench-201"
    _refuse(df, source, "arch_str", named < 0, problem)
    bad = named != to_numbers(df["nb201_index"])
    problem = "names another architecture than nb201_index (the published order) says"
    _refuse(df, source, "arch_str", bad, problem)


def _repeats(keys: IntArray) -> BoolArray:
    """Say which rows have the key of an earlier one."""
    repeats = np.ones(len(keys), dtype=np.bool_)
    repeats[np.unique(keys, return_index=True)[1]] = False
    return repeats


def to_numbers(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Return a column as numbers, [row]; NaN where a cell is none, or too large for a float."""
    import pandas as pd

    try:
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError, OverflowError):  # one cell that is no number, or far too large
        return np.array([_to_number(value) for value in column], dtype=np.float64)


def _to_number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _refuse(df: pd.DataFrame, source: str, column: str, bad: BoolArray, problem: str) -> None:
    """Raise an error with the first bad row, if there is one."""
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    shown = ", ".join(f"{name}={df[name].iloc[row]}" for name in COLUMNS)
    raise TruthError(
        f"{source}: column '{column}' {problem} in {int(bad.sum()):,} of {len(df):,} rows. The "
        f"first is row {row}: {shown}. Correct or remove such rows in the source and try again."
    )


def row_keys(df: pd.DataFrame) -> IntArray:
    """Pack each row's key into one integer that sorts as the key does.

    Args:
        df: Rows with the columns of `KEY`.

    Returns:
        Keys, [row], comparable within this frame only.
    """
    keys = np.zeros(len(df), dtype=np.int64)
    for name in KEY:
        if name in _LABELS:
            codes, names = _codes(df[name])
            n_levels = len(names)
        else:
            distinct, codes = np.unique(to_numbers(df[name]), return_inverse=True)
            n_levels = len(distinct)
        keys = keys * max(n_levels, 1) + codes
    return keys


def _codes(column: pd.Series[Any]) -> tuple[IntArray, tuple[str, ...]]:
    """Replace texts by their rank among those that occur; -1 where one is missing."""
    labels = column.astype("category")
    names = np.array([str(name) for name in labels.cat.categories], dtype=object)
    raw = labels.cat.codes.to_numpy().astype(np.int64)
    present = np.unique(raw[raw >= 0])
    distinct, ranks = np.unique(names[present], return_inverse=True)
    # The last entry serves code -1, pandas' code of a missing value.
    table = np.full(len(names) + 1, -1, dtype=np.int64)
    table[present] = ranks
    return table[raw], tuple(distinct.tolist())


def arrange_rows(df: pd.DataFrame) -> Columns:
    """Bring checked rows into the one form that tables hold.

    Args:
        df: Rows that passed `check_rows`, or `check_values` where `arch_str` is to be derived.

    Returns:
        Their columns, sorted by `KEY`.
    """
    keys = row_keys(df)
    if (np.diff(keys) < 0).any():
        df = df.iloc[np.argsort(keys, kind="stable")]
    return Columns(
        nb201_index=to_numbers(df["nb201_index"]).astype(np.int16),
        dataset=_labels(df["dataset"]),
        split=_labels(df["split"]),
        epochs=to_numbers(df["epochs"]).astype(np.int16),
        trial=to_numbers(df["trial"]).astype(np.int32),
        seed=to_numbers(df["seed"]).astype(np.int64),
        accuracy=to_numbers(df["accuracy"]) + 0.0,  # -0.0 becomes 0.0
    )


def _labels(column: pd.Series[Any]) -> Labels:
    codes, names = _codes(column)
    smallest = np.int8 if len(names) <= 2**7 else np.int32
    return Labels(codes.astype(smallest), tuple(names))
