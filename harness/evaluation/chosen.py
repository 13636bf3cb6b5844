"""A truth that scores can be held to, and where the tables of data sets are."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from harness.errors import unknown_name
from harness.estimators.matrix import FloatArray
from harness.files.images import is_own_name
from harness.spaces import Space
from harness.stats import Subset
from harness.truth import Trials, Truth, TruthQuery, TruthTable, find_truth
from harness.truth.metric import TruthMetric
from harness.truth.published import published
from harness.truth.sources import BUILT


class ChosenTruth(NamedTuple):
    """A truth that scores can be held to.

    Attributes:
        table: The table.
        query: Which numbers of it.
        truth: These numbers, [arch]; of networks that have several names, each once.
        trials: The trainings behind them, of the same architectures, [arch, trial].
        subsets: Populations that satisfy constraints.
        notes: What was found in it that may surprise, in sentences.
    """

    table: TruthTable
    query: TruthQuery
    truth: Truth
    trials: Trials
    subsets: tuple[Subset, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> TruthMetric:
        """What is measured."""
        return self.table.metric(self.query.metric)

    @property
    def goodness(self) -> FloatArray:
        """The numbers turned so that higher is better, in the metric's unit, [arch]."""
        return self.metric.orient(self.truth.value)


def find_table(dataset: str, data_dir: Path | None, space: Space) -> TruthTable:
    """Find the table that has a data set's accuracies.

    Raises:
        UsageError: If no table is known for the data set.
        TruthError: If the table is not there or is damaged.
    """
    images = find_images(space)
    if dataset not in images and not is_own_name(dataset):
        raise unknown_name("data set with a truth table of its own", dataset, images)
    return find_truth(images.get(dataset, dataset), data_dir, space)


def find_images(space: Space) -> dict[str, str]:
    """Return, by data set of a truth, the image data set that its table is found by."""
    known = published(space)
    first = next(iter(known.queries), "")
    return {dataset: dataset for dataset in BUILT} | dict.fromkeys(known.datasets, first)
