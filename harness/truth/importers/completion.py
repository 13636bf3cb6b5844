"""Rows of one's own, made whole: what was left out is derived, what repeats is dropped.

What a source may leave out, or leave empty:

- the published index or the architecture's string: each follows from the other; and the space;
- `seed`: -1, unknown;
- `trial`: the position of the seed in ascending order where all seeds are known, otherwise the
  position among the rows of the same architecture, data set, split and epochs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.errors import ArchError, TruthError
from harness.spaces import Space
from harness.spaces.lookup import (
    arch_columns,
    keys_of_numbers,
    keys_of_strings,
    strings_of_keys,
    to_numbers,
)
from harness.truth.columns import row_columns
from harness.truth.rows import check_rows, key_columns, refuse_fractions


def complete_rows(df: pd.DataFrame, name: str, space: Space) -> pd.DataFrame:
    """Fill in the columns that may be left out.

    Args:
        df: Rows, possibly without index or string, `seed` and `trial`.
        name: What to call the source in an error.
        space: The space of the architectures.

    Returns:
        Rows with all columns of the schema, unless one is missing that cannot be derived.

    Raises:
        TruthError: If an architecture is neither named nor numbered, or is unknown.
    """
    columns, named = row_columns(space), arch_columns(space)
    df = df[[column for column in columns if column in df.columns]].copy()
    _check_flat(df, name)
    if named.index not in df and named.text not in df:
        ways = " nor ".join(f"'{way}'" for way in (named.index, named.text) if way is not None)
        raise TruthError(
            f"{name}: there is neither a column {ways}, so no row says which architecture it is "
            f"of. Add one of them; the columns of a truth table are {', '.join(columns)}."
        )
    if named.text not in df:
        df[named.text] = _strings(df[named.index], name, space)
    elif named.index is not None and named.index not in df:
        df[named.index] = _keys(df[named.text], name, space)
    if named.space is not None:
        df[named.space] = space.name
    df["seed"] = -1 if "seed" not in df else df["seed"].where(df["seed"].notna(), -1)
    group = [column for column in key_columns(space) if column != "trial"]
    if "trial" not in df and set(group) <= set(df.columns):
        df["trial"] = _number_trials(df, group)
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


def _keys(strings: pd.Series[Any], name: str, space: Space) -> Any:
    found = keys_of_strings(strings, space)
    if (found < 0).any():
        row = int(np.flatnonzero(found < 0)[0])
        try:
            space.parse(str(strings.iloc[row]))
        except ArchError as error:
            n_bad = int((found < 0).sum())
            raise TruthError(
                f"{name}: {n_bad:,} of {len(found):,} rows name no architecture of this space. The "
                f"first is row {row}: {error}"
            ) from error
    return found


def _strings(indices: pd.Series[Any], name: str, space: Space) -> Any:
    keys = keys_of_numbers(to_numbers(indices), space)
    if (keys < 0).any():
        row = int(np.flatnonzero(keys < 0)[0])
        raise TruthError(
            f"{name}: row {row} has the {indices.name} {indices.iloc[row]!s:.60}, and architectures"
            f" have 0 to {(space.size or 0) - 1}. Correct it, or give "
            f"'{arch_columns(space).text}' instead."
        )
    return strings_of_keys(keys, space)


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
    if "accuracy" not in df:
        return df  # named by the check of the table
    numbers = pd.Series(to_numbers(df["accuracy"]), df.index)
    if scale is not None:
        return df.assign(accuracy=numbers * scale)
    remedy = "Import with --accuracy-scale 100; if they are percent, with --accuracy-scale 1."
    refuse_fractions(to_numbers(df["accuracy"]), name, remedy)
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
    if not set(row_columns(space)) <= set(df.columns):
        return df  # the check of the table says what is missing
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
