"""Rows as pandas frames: what a truth table accepts, and how its arrays become a frame again.

One row is one network that was trained from scratch. All checks work on whole columns, since a
published table has some 330,000 rows. Pandas is imported where it is used, since reading a table
that was checked before does without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.errors import TruthError
from harness.spaces import Space, load_space
from harness.spaces.lookup import (
    arch_columns,
    are_nested,
    keys_of_rows,
    strings_of_keys,
    to_numbers,
)
from harness.truth.columns import (
    ONLY_ACCURACY,
    ROUNDED_TO,
    SPLITS,
    Columns,
    IntArray,
    Labels,
    Metrics,
    all_accuracies,
    fewest_epochs,
    key_kind,
    row_columns,
    value_range,
)
from harness.truth.metric import ACCURACY, TruthMetric

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = row_columns(load_space())
"""Columns of rows that name no space."""

_LABELS = ("metric", "dataset", "split")
_INTEGER_RANGES = {
    "epochs": (0, 2**15 - 1),
    "trial": (0, 2**31 - 1),
    "seed": (-1, 2**53 - 1),
}


def refuse_fractions(accuracy: npt.NDArray[np.float64], source: str, remedy: str) -> None:
    """Refuse accuracies from 0 to 1, which would make every gap a hundredth of what it is.

    Args:
        accuracy: All accuracies of a source, which should be percent.
        source: What to call it in an error.
        remedy: How to have them multiplied, and what to do if they are percent.

    Raises:
        TruthError: If no accuracy is above 1.
    """
    if len(accuracy) and ((accuracy >= 0.0) & (accuracy <= 1.0)).all():
        raise TruthError(
            f"{source}: no accuracy is above 1, so they look like fractions, and a truth has "
            f"percent. {remedy}"
        )


def key_columns(space: Space, metrics: Metrics = ONLY_ACCURACY) -> tuple[str, ...]:
    """Return what identifies a row. The seed does not: a published table repeats -1."""
    columns = arch_columns(space)
    key = ("metric", "dataset", "split", "epochs", "trial")
    return (columns.index or columns.text, *key[metrics == ONLY_ACCURACY :])


def check_rows(
    df: pd.DataFrame, source: str, space: Space, metrics: Metrics = ONLY_ACCURACY
) -> None:
    """Check that a frame holds rows of the schema; columns beyond it are ignored.

    Args:
        df: The rows.
        source: What to call them in an error, usually the file's name.
        space: Their space.
        metrics: What they measure.

    Raises:
        TruthError: If there are no rows, a column is missing, a value is not what it should be or
            finer than truths are compared at,
            a string is not an architecture or another than its index says, or a key occurs twice.
    """
    import pandas as pd

    from harness.scores.cells import check_table

    df, refuse = check_table(
        df,
        row_columns(space, metrics),
        space,
        source,
        TruthError,
        "A truth table",
        "trained network",
        ", or make a table of the file with 'harness truth import'",
    )
    ranges = _INTEGER_RANGES | {"epochs": (fewest_epochs(metrics), _INTEGER_RANGES["epochs"][1])}
    for name, (low, high) in ranges.items():
        values = to_numbers(df[name])
        bad = ~((values >= low) & (values <= high) & (values == np.floor(values)))
        refuse(name, bad, f"is not an integer from {low} to {high}")
    if metrics != ONLY_ACCURACY:
        known = [metric.name for metric in metrics]
        refuse("metric", are_nested(df["metric"]), "is not a text")
        refuse("metric", ~df["metric"].isin(known).to_numpy(dtype=bool), "is not a known metric")
    value = row_columns(space, metrics)[-1]
    numbers = to_numbers(df[value])
    for metric in metrics:
        least, most = value_range(metric)
        bad = _is_of(df, metric.name, metrics) & ~((numbers >= least) & (numbers <= most))
        unit = "percent" if metric == ACCURACY else metric.title
        refuse(value, bad, f"is not a number from {least:g} to {most:g} ({unit})")
        _refuse_fine(numbers[_is_of(df, metric.name, metrics)], metric, source)
    refuse("dataset", df["dataset"].isna().to_numpy(dtype=bool), "is empty")
    refuse("dataset", are_nested(df["dataset"]), "is not a text")
    bad = ~df["split"].isin(SPLITS).to_numpy(dtype=bool)
    refuse("split", bad, f"is not one of {', '.join(SPLITS)}")
    repeats = pd.Series(_row_keys(df, keys_of_rows(df, space))).duplicated().to_numpy()
    refuse("trial", repeats, f"repeats a key ({', '.join(key_columns(space, metrics))})")


def _refuse_fine(values: npt.NDArray[np.float64], metric: TruthMetric, source: str) -> None:
    """Refuse values whose differences are lost in the rounding that truths are compared at."""
    distinct = np.unique(values)
    is_narrow = len(distinct) > 0 and distinct[-1] - distinct[0] < 1.0
    if is_narrow and len(np.unique(distinct.round(ROUNDED_TO))) < len(distinct):
        raise TruthError(
            f"{source}: values of {metric.title} that differ by less than 1e-6 would count as "
            "equal. Give them in a smaller unit, such as millionths: of a file of rows with "
            "--accuracy-scale 1e6 and the --unit that this makes."
        )


def _is_of(df: pd.DataFrame, metric: str, metrics: Metrics) -> npt.NDArray[np.bool_]:
    """Say which rows are of a metric, [row]."""
    if metrics == ONLY_ACCURACY:
        return np.ones(len(df), dtype=np.bool_)
    return (df["metric"] == metric).to_numpy(dtype=bool)


def _row_keys(df: pd.DataFrame, archs: IntArray) -> IntArray:
    """Pack what identifies each row into one integer, [row], that sorts as it does."""
    keys = np.unique(archs, return_inverse=True)[1].astype(np.int64)
    for name in ("metric", "dataset", "split", "epochs", "trial"):
        if name not in df:
            continue  # all are accuracies
        if name in _LABELS:
            codes = _codes(df[name])[0]
        else:
            codes = np.unique(to_numbers(df[name]), return_inverse=True)[1]
        keys = keys * (codes.max(initial=0) + 1) + codes
    return keys


def _codes(column: pd.Series[Any]) -> tuple[IntArray, tuple[str, ...]]:
    """Replace texts by their rank among those that occur; -1 where one is missing."""
    labels = column.astype("category").cat.remove_unused_categories()
    names = np.array([str(name) for name in labels.cat.categories], dtype=object)
    distinct, ranks = np.unique(names, return_inverse=True)
    # The last entry serves code -1, pandas' code of a missing value.
    return np.append(ranks, -1)[labels.cat.codes.to_numpy()], tuple(distinct.tolist())


def arrange_rows(df: pd.DataFrame, space: Space, metrics: Metrics = ONLY_ACCURACY) -> Columns:
    """Bring checked rows into the one form that tables hold.

    Args:
        df: Rows that passed `check_rows`.
        space: Their space.
        metrics: What they measure.

    Returns:
        Their columns, sorted by `key_columns`.
    """
    archs = keys_of_rows(df, space)
    df = df[list(row_columns(space, metrics))]
    keys = _row_keys(df, archs)
    if (np.diff(keys) < 0).any():
        order = np.argsort(keys, kind="stable")
        df, archs = df.iloc[order], archs[order]
    metric = all_accuracies(len(df)) if metrics == ONLY_ACCURACY else _labels(df["metric"])
    return Columns(
        key=archs.astype(key_kind(space)),
        metric=metric,
        dataset=_labels(df["dataset"]),
        split=_labels(df["split"]),
        epochs=to_numbers(df["epochs"]).astype(np.int16),
        trial=to_numbers(df["trial"]).astype(np.int32),
        seed=to_numbers(df["seed"]).astype(np.int64),
        value=to_numbers(df.iloc[:, -1]) + 0.0,  # -0.0 becomes 0.0
        space=space,
        metrics=tuple(each for each in metrics if each.name in metric.names),
    )


def _labels(column: pd.Series[Any]) -> Labels:
    codes, names = _codes(column)
    smallest = np.int8 if len(names) <= 2**7 else np.int32
    return Labels(codes.astype(smallest), tuple(names))


def to_frame(columns: Columns) -> pd.DataFrame:
    """Return rows as a frame with all columns of `row_columns`, texts as categoricals."""
    import pandas as pd

    def category(labels: Labels) -> pd.Categorical[str]:
        return pd.Categorical.from_codes(labels.codes.tolist(), categories=pd.Index(labels.names))

    named = arch_columns(columns.space)
    cells: dict[str | None, Any] = {
        named.text: strings_of_keys(columns.key, columns.space),
        "accuracy": columns.value,
        **{name: category(getattr(columns, name)) for name in _LABELS},
    }
    if named.space is not None:
        cells[named.space] = pd.Categorical([columns.space.name] * len(columns))
    return pd.DataFrame(
        {
            # What is neither an architecture's text nor a label is an array of that name.
            name: cells[name] if name in cells else getattr(columns, name, columns.key)
            for name in row_columns(columns.space, columns.metrics)
        }
    )
