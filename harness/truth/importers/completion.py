"""Rows of one's own, made whole: what was left out is derived, what repeats is dropped.

What a source may leave out, or leave empty:

- one of `nb201_index` and `arch_str`: each follows from the other;
- `seed`: -1, unknown;
- `trial`: the position of the seed in ascending order where all seeds are known, otherwise the
  position among the rows of the same architecture, data set, split and epochs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.errors import ArchError, TruthError
from harness.spaces.nb201.encoding import N_ARCHS, parse_arch
from harness.spaces.nb201.lookup import arch_strings, indices_of_strings
from harness.truth.parquet import COLUMNS
from harness.truth.rows import KEY, check_rows, to_numbers

_GROUP = [name for name in KEY if name != "trial"]


def complete_rows(df: pd.DataFrame, name: str) -> pd.DataFrame:
    """Fill in the columns that may be left out.

    Args:
        df: Rows, possibly without `nb201_index` or `arch_str`, `seed` and `trial`.
        name: What to call the source in an error.

    Returns:
        Rows with all columns of the schema, unless one is missing that cannot be derived.

    Raises:
        TruthError: If an architecture is neither named nor numbered, or is unknown.
    """
    df = df[[column for column in COLUMNS if column in df.columns]].copy()
    _check_flat(df, name)
    if "nb201_index" not in df and "arch_str" not in df:
        raise TruthError(
            f"{name}: there is neither a column 'nb201_index' nor 'arch_str', so no row says which "
            "architecture it is of. Add one of them; the columns of a truth table are "
            f"{', '.join(COLUMNS)}."
        )
    if "nb201_index" not in df:
        df["nb201_index"] = _indices(df["arch_str"], name)
    elif "arch_str" not in df:
        df["arch_str"] = _strings(df["nb201_index"], name)
    df["seed"] = -1 if "seed" not in df else df["seed"].where(df["seed"].notna(), -1)
    if "trial" not in df and set(_GROUP) <= set(df.columns):
        df["trial"] = _number_trials(df)
    return df


def _check_flat(df: pd.DataFrame, name: str) -> None:
    """Check that each value is a number or a text: only those can be compared and counted."""
    for column in df.columns:
        if df[column].dtype != object:
            continue
        kinds = (str, int, float, np.number, type(None), type(pd.NA))
        nested = [not isinstance(value, kinds) for value in df[column]]
        if any(nested):
            row = nested.index(True)
            raise TruthError(
                f"{name}: column '{column}' is neither a number nor a text in row {row}: "
                f"{df[column].iloc[row]!r:.60}. Give one value a row and column."
            )


def _indices(strings: pd.Series[Any], name: str) -> Any:
    found = indices_of_strings(strings)
    if (found < 0).any():
        row = int(np.flatnonzero(found < 0)[0])
        try:
            parse_arch(str(strings.iloc[row]))
        except ArchError as error:
            n_bad = int((found < 0).sum())
            raise TruthError(
                f"{name}: {n_bad:,} of {len(found):,} rows name no architecture of this space. The "
                f"first is row {row}: {error}"
            ) from error
    return found


def _strings(indices: pd.Series[Any], name: str) -> Any:
    numbers = to_numbers(indices)
    bad = ~((numbers >= 0) & (numbers < N_ARCHS) & (numbers == np.floor(numbers)))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise TruthError(
            f"{name}: row {row} has the nb201_index {indices.iloc[row]!s:.60}, and architectures "
            f"have 0 to {N_ARCHS - 1}. Correct it, or give 'arch_str' instead."
        )
    return pd.Categorical.from_codes(numbers.astype(np.int64), categories=arch_strings())


def _number_trials(df: pd.DataFrame) -> pd.Series[Any]:
    """Number the trainings of a key: by their seeds if all are known, else as they come."""
    seeds = pd.Series(to_numbers(df["seed"]), df.index)
    groups = df.groupby(_GROUP, sort=False, observed=True, dropna=False)
    if seeds.notna().all() and (seeds >= 0).all():
        by_group = [df[column] for column in _GROUP]
        ranks = seeds.groupby(by_group, sort=False, observed=True, dropna=False).rank("dense")
        return (ranks - 1).astype(np.int64)
    return groups.cumcount()


def scale_accuracies(df: pd.DataFrame, scale: float | None, name: str) -> pd.DataFrame:
    """Bring accuracies to percent.

    Args:
        df: Rows.
        scale: What to multiply by; None for nothing, if the accuracies do not look like fractions.
        name: What to call the source in an error.

    Returns:
        Rows with accuracies in percent.

    Raises:
        TruthError: If no scale was given and no accuracy is above 1.
    """
    if "accuracy" not in df:
        return df  # named by the check of the table
    numbers = pd.Series(to_numbers(df["accuracy"]), df.index)
    if scale is not None:
        return df.assign(accuracy=numbers * scale)
    if len(numbers) and numbers.notna().all() and numbers.between(0.0, 1.0).all():
        raise TruthError(
            f"{name}: no accuracy is above 1, so they look like fractions, and a truth table has "
            "percent. Import with --accuracy-scale 100; if they are percent, with "
            "--accuracy-scale 1."
        )
    return df


def drop_repeats(df: pd.DataFrame, name: str) -> pd.DataFrame:
    """Drop rows that repeat another one exactly.

    Args:
        df: Rows.
        name: What to call the source in an error.

    Returns:
        The rows, each key once.

    Raises:
        TruthError: If rows share a key and differ in seed or accuracy.
    """
    if not set(COLUMNS) <= set(df.columns):
        return df  # the check of the table says what is missing
    kept = df.drop_duplicates([*KEY, "seed", "accuracy"])
    clash = kept.duplicated(list(KEY), keep=False)
    if clash.any():
        # A wrong index or string makes keys clash too, and is what should be told.
        check_rows(kept.drop_duplicates(list(KEY)), name)
        first = kept[clash].iloc[0]
        same = kept[clash & (kept[list(KEY)] == first[list(KEY)]).all(axis=1)]
        values = " and ".join(f"{r.accuracy} (seed {r.seed})" for r in same.head(2).itertuples())
        key = ", ".join(f"{column}={first[column]}" for column in KEY)
        raise TruthError(
            f"{name}: {int(clash.sum()):,} rows disagree with another of the same key. The first "
            f"key is {key}, with the accuracies {values}. Keep one of each, or give each training "
            "its own 'trial'."
        )
    return kept.reset_index(drop=True)
