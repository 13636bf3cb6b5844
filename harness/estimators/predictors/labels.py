"""Which architectures are a predictor's labels, what is known of them, and what that took.

Axes: n, labels; pool, architectures of a run; level, lengths of training, ascending.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.errors import UsageError
from harness.estimators.matrix import BoolArray, FloatArray, IntArray
from harness.estimators.predictors.halving import choose_levels
from harness.estimators.predictors.settings import PredictorSettings
from harness.seeding import make_rng
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.truth import TruthQuery, TruthTable, default_query
from harness.truth.costs import find_seconds


class Labels(NamedTuple):
    """The architectures that a predictor is fitted to.

    Attributes:
        places: Theirs among those that the run ranks, [n].
        accuracy: Percent, or the scores of an estimator, [n]; or percent of several lengths of
            training, ascending, [n, level], NaN where not trained.
        lengths: Of these trainings, epochs; none for the scores of an estimator.
    """

    places: IntArray
    accuracy: FloatArray
    lengths: tuple[int, ...] = ()

    @property
    def levels(self) -> FloatArray:
        """The accuracy by length of training, [n, level]; NaN where not trained."""
        return self.accuracy.reshape(len(self.places), -1)

    @property
    def longest(self) -> FloatArray:
        """The accuracy after the longest training that each had, [n]."""
        levels = self.levels
        last = np.isfinite(levels).sum(axis=1) - 1
        found: FloatArray = levels[np.arange(len(levels)), last]
        return found

    @property
    def epochs(self) -> int:
        """Epochs of all trainings, one for each label and length."""
        return int((np.isfinite(self.levels) * self.lengths).sum())

    def find_seconds(
        self, config: RunConfig, truth: TruthTable, data_dir: Path | None
    ) -> float | None:
        """Find what these trainings took, s; None where that of any was not recorded."""
        query, keys, total = query_of(config), ranked_keys(config), 0.0
        for length, accuracy in zip(self.lengths, self.levels.T, strict=True):
            seconds = find_seconds(truth, replace(query, epochs=length), data_dir)
            trained = keys[self.places[np.isfinite(accuracy)]].tolist()
            if seconds is None or not all(key in seconds for key in trained):
                return None
            total += sum(seconds[key] for key in trained)
        return round(total, 1)


def draw_labels(config: RunConfig, truth: TruthTable) -> Labels:
    """Draw the architectures that a predictor is fitted to; the run's seed decides.

    Args:
        config: The run, with a number of architectures.
        truth: The table that labels are taken from.

    Raises:
        UsageError: If there are more labels than architectures with this truth, or all labels are
            equal.
        TruthError: If the table has no such truth.
    """
    query, keys = query_of(config), ranked_keys(config)
    of_all = truth.mean(query)
    places = draw_places(config, keys, f"have a truth ({query})", np.isin(keys, of_all.keys))
    accuracy: FloatArray = of_all.value[np.searchsorted(of_all.keys, keys[places])]
    refuse_constant(accuracy, str(query))
    return Labels(places, accuracy, (query.epochs,))


def read_levels(config: RunConfig, truth: TruthTable) -> tuple[list[int], FloatArray]:
    """Return the lengths of training to halve over, and their truths, [pool, level]; NaN: none."""
    query, keys = query_of(config), ranked_keys(config)
    lengths = [
        group.epochs
        for group in truth.groups()
        if (group.dataset, group.split) == (query.dataset, query.split)
    ]
    levels = choose_levels(lengths, query.epochs)
    known = np.full((len(keys), len(levels)), np.nan)
    for level, epochs in enumerate(levels):
        of_all = truth.mean(replace(query, epochs=epochs))
        has = np.isin(keys, of_all.keys)
        known[has, level] = of_all.value[np.searchsorted(of_all.keys, keys[has])]
    draw_places(config, keys, f"have all truths ({query.dataset})", np.isfinite(known).all(axis=1))
    return levels, known


def draw_places(
    config: RunConfig, keys: IntArray, what: str, known: BoolArray | None = None
) -> IntArray:
    """Draw the places of labels among `keys`, [pool], of those that are `known`, [pool], if given.

    Raises:
        UsageError: If there are no more than labels.
    """
    n = PredictorSettings.of(config).n
    candidates = np.arange(len(keys)) if known is None else np.flatnonzero(known)
    if n >= len(candidates):
        raise UsageError(
            f"predictor.n = {n:,} was given; of the {len(keys):,} architectures that this run "
            f"ranks, {len(candidates):,} {what}, and some have to be left to predict. Give fewer "
            "labels, or a larger --n-archs."
        )
    drawn = make_rng(config.seed, "labels").permutation(len(candidates))[:n]
    places: IntArray = candidates[drawn]
    return places


def refuse_constant(labels: FloatArray, what: str) -> None:
    """Refuse labels that are all the same, or none.

    Raises:
        UsageError: If they are.
    """
    if len(set(labels.tolist())) < 2:
        shown = f"{labels[0]:g}" if len(labels) else "missing"
        raise UsageError(
            f"All {len(labels):,} labels ({what}) are {shown}, so nothing can be fitted to them. "
            "Give more labels, or others, such as those of another length of training."
        )


def ranked_keys(config: RunConfig) -> IntArray:
    """Return the architectures that a run ranks, [pool]."""
    return np.array(config.ranked_keys(), dtype=np.int64)


def query_of(config: RunConfig) -> TruthQuery:
    """Return the truth that labels are taken from."""
    settings = PredictorSettings.of(config)
    given = {
        key: value
        for key in ("dataset", "split", "epochs")
        if (value := getattr(settings, key)) is not None
    }
    return replace(default_query(config.dataset, load_space(config.space)), **given)
