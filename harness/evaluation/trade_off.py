"""How good a trade-off between the truth and a second objective an estimator's picks are.

The second objective is known: latency or another metric of a table, or the architectures' cost.
An estimator picks k architectures by its score and the known objective (`harness.stats.pick`), as
a search would that trains nothing. What they are worth is the hypervolume of their true values in
both objectives, divided by that of the best k of the same architectures. Objectives are scaled to
their range in the tables, so that 0 is the worst value and 1 the best, and the reference is the
corner where both are worst.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from harness.errors import TruthError, UsageError
from harness.estimators.matrix import FloatArray, IntArray
from harness.evaluation.chosen import ChosenTruth
from harness.evaluation.constraints import Values
from harness.evaluation.results import JointEvaluation
from harness.seeding import make_rng
from harness.stats.trade_off import best_hypervolume, hypervolume, is_on_front, pick
from harness.truth.metric import TruthMetric

PICKS = (10, 50)
"""Sizes of the picks."""

RANDOM, DRAWS = "random", 20
"""The yardstick: random scores in place of an estimator's, and how often they are drawn."""


@dataclass(frozen=True)
class Picks:
    """What one estimator's picks reach.

    Attributes:
        label: The estimator.
        shares: Hypervolume over that of the best k, 0 to 1, for each seed (of `RANDOM`, each draw),
            by k; without a k that is no less than the architectures that a seed can pick from.
        points: True values of the truth and the second objective of the largest picks of the first
            seed, best truth first.
    """

    label: str
    shares: dict[int, tuple[float, ...]]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TradeOff:
    """The truth and a second objective, on the architectures of a report.

    Attributes:
        first: What the truth measures.
        second: The second objective.
        n: Architectures that have all scores and both values.
        front: True values on the Pareto front of these, best truth first.
        picks: Of each estimator, of the floor, and of `RANDOM`.
    """

    first: TruthMetric
    second: TruthMetric
    n: int
    front: tuple[tuple[float, float], ...]
    picks: tuple[Picks, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return asdict(self) | {"first": self.first._asdict(), "second": self.second._asdict()}


def measure_trade_off(evaluated: JointEvaluation, chosen: ChosenTruth, values: Values) -> TradeOff:
    """Measure what estimators' picks reach by the truth and a second objective.

    Args:
        evaluated: The estimators, on the architectures that all of them scored.
        chosen: The truth.
        values: The second objective.

    Returns:
        The figures. An estimator that was fitted to the truth of some architectures picks among
        the others.

    Raises:
        UsageError: If both objectives are the same.
        TruthError: If too few architectures have both, or one objective is the same for all.
    """
    if values.metric == chosen.metric:
        raise UsageError(
            f"--trade-off {values.metric.name} is what the truth measures. Name another objective, "
            "such as latency:raspi4 or params."
        )
    keys = np.intersect1d(evaluated.keys, values.keys)
    if len(keys) <= min(PICKS):
        raise TruthError(
            f"{len(keys):,} architectures have all scores, a truth ({chosen.query}) and "
            f"{values.metric.name}; picks of {min(PICKS)} need more. Score more architectures."
        )
    known = np.intersect1d(chosen.truth.keys, values.keys)
    first = _scale(chosen.metric, chosen.truth.keys, chosen.truth.accuracy, known, keys)
    second = _scale(values.metric, values.keys, values.values, known, keys)
    best = {k: best_hypervolume(first, second, k) for k in PICKS if k < len(keys)}
    raw = np.stack(
        [
            chosen.truth.accuracy[np.searchsorted(chosen.truth.keys, keys)],
            values.values[np.searchsorted(values.keys, keys)],
        ]
    )

    def list_points(places: IntArray) -> tuple[tuple[float, float], ...]:
        places = places[np.lexsort((-second[places], -first[places]))]
        return tuple(zip(*raw[:, places].tolist(), strict=True))

    def measure(label: str, seeds: FloatArray) -> Picks:
        shares: dict[int, list[float]] = {k: [] for k in best}
        first_picks = np.zeros(0, dtype=np.int64)
        for row, scores in enumerate(seeds):
            able = np.flatnonzero(np.isfinite(scores))
            for k in [k for k in shares if k < len(able)]:
                own = able[pick(scores[able], second[able], k)]
                shares[k].append(hypervolume(first[own], second[own]) / best[k])
                first_picks = own if row == 0 else first_picks
        whole = {k: tuple(found) for k, found in shares.items() if len(found) == len(seeds)}
        return Picks(label, whole, list_points(first_picks))

    shown = (*(result.estimator for result in evaluated.evaluations), evaluated.floor.estimator)
    by_label = {estimator.label: estimator.scores_of(keys) for estimator in shown}
    by_label[RANDOM] = make_rng(0, "random picks").uniform(size=(DRAWS, len(keys)))

    return TradeOff(
        chosen.metric,
        values.metric,
        len(keys),
        list_points(np.flatnonzero(is_on_front(first, second))),
        tuple(measure(label, seeds) for label, seeds in by_label.items()),
    )


def _scale(
    metric: TruthMetric, keys: IntArray, values: FloatArray, known: IntArray, asked: IntArray
) -> FloatArray:
    """Scale an objective so that 0 is the worst of the known values and 1 the best, [asked]."""
    goodness = metric.orient(values)
    own = goodness[np.searchsorted(keys, known)]
    low, high = own.min(), own.max()
    if low == high:
        raise TruthError(
            f"All {len(known):,} architectures have the same {metric.name}, so there is nothing to "
            "trade. Name another objective."
        )
    return np.asarray((goodness[np.searchsorted(keys, asked)] - low) / (high - low))
