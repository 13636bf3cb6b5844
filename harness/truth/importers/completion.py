"""Rows of one's own, made whole: what was left out is derived, what repeats is dropped.

What a source may leave out, or leave empty:

- the published index or the architecture's string: each follows from the other, or from whichever
  form the architectures have; and the space;
- `seed`: -1, unknown;
- `trial`: the position of the seed in ascending order where all seeds are known, otherwise the
  position among the rows of the same architecture, data set, split and epochs.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import TruthError
from harness.scores.archs import Archs
from harness.scores.cells import refuse_rows
from harness.spaces import Space
from harness.spaces.lookup import arch_columns, strings_of_keys, to_numbers
from harness.truth.columns import row_columns
from harness.truth.rows import check_rows, key_columns, refuse_fractions


def check_archs(df: pd.DataFrame, archs: Archs, name: str, space: Space) -> pd.DataFrame:
    """Check that all rows name an architecture, and name it by the columns of `arch_columns`.

    Args:
        df: The columns of a file.
        archs: What they say of the architectures.
        name: What to call the file in an error.
        space: The space of the architectures.

    Returns:
        These columns, [row].

    Raises:
        TruthError: If a cell names no architecture, or two columns name different ones.
    """
    shown = df[[check.column for check in archs.checks]]
    for check in archs.checks:
        refuse = partial(refuse_rows, shown, name, TruthError, check.column)
        refuse(check.keys < 0, check.problem)
        first = archs.checks[0].column
        refuse(check.keys != archs.keys, f"names another architecture than '{first}' says")
    columns = arch_columns(space)
    cells = {
        columns.space: space.name,
        columns.index: archs.keys,
        columns.text: strings_of_keys(archs.keys, space),
    }
    return pd.DataFrame({each: cells[each] for each in columns.names}, index=df.index)


def complete_rows(df: pd.DataFrame, name: str, space: Space) -> pd.DataFrame:
    """Fill in seeds and trials, and leave out columns beyond the schema.

    Args:
        df: Rows whose architectures are named, with data set, split, epochs and accuracy.
        name: What to call the source in an error.
        space: The space of the architectures.

    Returns:
        Rows with all columns of the schema.

    Raises:
        TruthError: If a value is neither a number nor a text.
    """
    columns = row_columns(space)
    df = df[[column for column in columns if column in df]].copy()
    _check_flat(df, name)
    df["seed"] = -1 if "seed" not in df else df["seed"].where(df["seed"].notna(), -1)
    if "trial" not in df:
        df["trial"] = _number_trials(df, [each for each in key_columns(space) if each != "trial"])
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


def _number_trials(df: pd.DataFrame, group: list[str]) -> pd.Series[Any]:
    """Number the trainings of a key: by their seeds if all are known, else as they come."""
    seeds = pd.Series(to_numbers(df["seed"]), df.index)
    groups = df.groupby(group, sort=False, observed=True, dropna=False)
    if seeds.notna().all() and (seeds >= 0).all():
        by_group = [df[column] for column in group]
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
    numbers = to_numbers(df["accuracy"])
    if scale is not None:
        return df.assign(accuracy=numbers * scale)
    remedy = "Import with --accuracy-scale 100; if they are percent, with --accuracy-scale 1."
    refuse_fractions(numbers, name, remedy)
    return df


def drop_repeats(df: pd.DataFrame, name: str, space: Space) -> pd.DataFrame:
    """Drop rows that repeat another one exactly.

    Args:
        df: Rows.
        name: What to call the source in an error.
        space: The space of the architectures.

    Returns:
        The rows, each key once.

    Raises:
        TruthError: If rows share a key and differ in seed or accuracy.
    """
    key = list(key_columns(space))
    kept = df.drop_duplicates([*key, "seed", "accuracy"])
    clash = kept.duplicated(key, keep=False)
    if clash.any():
        # A wrong index or string makes keys clash too, and is what should be told.
        check_rows(kept.drop_duplicates(key), name, space)
        first = kept[clash].iloc[0]
        same = kept[clash & (kept[key] == first[key]).all(axis=1)]
        values = " and ".join(f"{r.accuracy} (seed {r.seed})" for r in same.head(2).itertuples())
        shown = ", ".join(f"{column}={first[column]}" for column in key)
        raise TruthError(
            f"{name}: {int(clash.sum()):,} rows disagree with another of the same key. The first "
            f"key is {shown}, with the accuracies {values}. Keep one of each, or give each "
            "training its own 'trial'."
        )
    return kept.reset_index(drop=True)
