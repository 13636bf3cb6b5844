"""A truth that is given in Python: accuracies by architecture, or an object of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import UsageError
from harness.estimators.loading import read_mapping
from harness.scores import ReadOptions
from harness.scores.sets import describe_exclusions
from harness.spaces import Space, load_space
from harness.spaces.lookup import name_archs
from harness.truth import NOTES_KEY, TruthTable, make_table
from harness.truth.importers.importing import import_api
from harness.truth.rows import refuse_fractions

TruthLike = TruthTable | str | Path | pd.Series | Mapping[Any, float] | Any
"""What a truth can be given as in Python; `Any` is an object of a benchmark's own package."""

OWN = "given"
"""Data set of a truth that was given as numbers; its split and length are placeholders."""


def resolve_truth(
    truth: TruthLike, space: Space | None, **reading: Any
) -> TruthTable | str | Path | None:
    """Make a table of a truth that is in memory.

    Args:
        truth: In any form; a table, its name or path, and None are returned as they are.
        space: The space of accuracies by architecture.
        reading: As `make_own_truth` takes it.

    Returns:
        The table, or what names it.

    Raises:
        UsageError: If the form is unknown.
        DataError: As `make_own_truth` does.
        TruthError: If an object of a benchmark's package holds nothing that is read.
    """
    if truth is None or isinstance(truth, (TruthTable, str, Path)):
        return truth
    if isinstance(truth, (pd.Series, Mapping)):
        return make_own_truth(truth, space, **reading)
    table = import_api(truth)
    if table is None:
        raise UsageError(
            f"A truth was given as {type(truth).__name__}; allowed are a table, its path or name, "
            "a pandas Series or a mapping from architectures to accuracies, and an object of a "
            "benchmark's own package, such as nas_201_api.NASBench201API. Give one of these."
        )
    return table


def make_own_truth(
    accuracies: pd.Series[Any] | Mapping[Any, float],
    space: Space | None = None,
    *,
    arch_form: str | None = None,
    exclude_bad: bool = False,
) -> TruthTable:
    """Make a table of one accuracy per architecture.

    Args:
        accuracies: Percent, by architecture, its string or its key (`nb201_index`).
        space: The space; NAS-Bench-201 unless given.
        arch_form: The form of the architectures where several can be read, a key of `Space.forms`.
        exclude_bad: Whether bad accuracies are left out and counted instead of refused.

    Returns:
        The table, of one trial each; its metadata have the notes of reading.

    Raises:
        DataError: If an architecture is unknown or occurs twice, or an accuracy is not in percent.
        TruthError: If the accuracies look like fractions.
    """
    space = space or load_space()
    options = ReadOptions(
        score_column="accuracy", arch_form=arch_form, exclude_bad=exclude_bad, space=space
    )
    sets = read_mapping(accuracies, "the truth", options)
    only = sets.sets[0]
    remedy = (
        "Multiply them by 100; if they are percent, make a table of them with 'harness truth "
        "import --accuracy-scale 1'."
    )
    refuse_fractions(only.score[0], "the truth", remedy)
    rows = pd.DataFrame(
        {
            **name_archs(only.keys, space),
            "dataset": OWN,
            "split": "test",
            "epochs": 1,
            "trial": 0,
            "seed": -1,
            "accuracy": only.score[0],
        }
    )
    notes = list(sets.notes)
    if only.exclusions:
        notes.append(f"Left out of the truth: {describe_exclusions(only.exclusions)}.")
    metadata = {NOTES_KEY: "\n".join(notes)} if notes else {}
    return make_table(rows, "the truth that was given", metadata, space=space)
