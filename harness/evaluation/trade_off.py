"""How good a trade-off between the truth and a second objective an estimator's picks are.

The second objective is latency or another metric of a table, or the architectures' cost. An
estimator picks k architectures by its score and that objective (`harness.stats.pick`), as a search
would that trains nothing; or by its score and another estimator's, where the second objective is
not known either. What they are worth is the hypervolume of their true values in both objectives,
divided by that of the best k of the architectures that could be picked. Objectives are scaled to
their range in the tables, so that 0 is the worst value and 1 the best, and the reference is the
corner where both are worst.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from harness.errors import TruthError, UsageError
from harness.estimators.matrix import FloatArray, IntArray, ScoreMatrix
from harness.evaluation.chosen import ChosenTruth
from harness.evaluation.constraints import Values
from harness.evaluation.results import JointEvaluation
from harness.seeding import make_rng
from harness.stats.trade_off import best_hypervolume, hypervolume, is_on_front, pick
from harness.truth.metric import TruthMetric

PICKS = (10, 50)
"""Sizes of the picks."""

RANDOM_SCORES, RANDOM_PICKS, DRAWS = "random scores", "random picks", 20
"""The yardsticks, and how often they are drawn: random scores in place of an estimator's, so that
picks spread along the second objective; and picks that know of neither objective."""


@dataclass(frozen=True)
class Picks:
    """What one estimator's picks reach.

    Attributes:
        label: The estimator.
        shares: Hypervolume over that of the best k, 0 to 1, for each seed (of what is random, each
            draw), by k; without a k that is no less than the architectures that a seed can pick
            from.
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
        second_source: Which numbers of which table it is; "" for a free score.
        note: What is to be known of it beside the truth, in a sentence; "" if nothing is.
        second_score: What picks know of it: the label of an estimator; None: its values.
        n: Architectures that have all scores and both values.
        front: True values on the Pareto front of these, best truth first.
        picks: Of each estimator, of the floor, of `RANDOM_SCORES` and `RANDOM_PICKS`.
    """

    first: TruthMetric
    second: TruthMetric
    second_source: str
    note: str
    second_score: str | None
    n: int
    front: tuple[tuple[float, float], ...]
    picks: tuple[Picks, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return asdict(self) | {"first": self.first._asdict(), "second": self.second._asdict()}


def measure_trade_off(
    evaluated: JointEvaluation,
    chosen: ChosenTruth,
    values: Values,
    second: ScoreMatrix | None = None,
) -> TradeOff:
    """Measure what estimators' picks reach by the truth and a second objective.

    Args:
        evaluated: The estimators, on the architectures that all of them scored.
        chosen: The truth.
        values: The second objective.
        second: What estimates it, where picks do not know its values; of a free score, less is
            better, as of one that is an objective.

    Returns:
        The figures. An estimator that was fitted to the truth of some architectures picks among
        the others, and so does one beside such an estimator of the second objective.

    Raises:
        UsageError: If both objectives are the same, or both estimators have several seeds and not
            the same ones.
        TruthError: If too few architectures have both, or one objective is the same for all.
    """
    if values.metric == chosen.metric:
        raise UsageError(
            f"--trade-off {values.metric.name} is what the truth measures. Name another objective, "
            "such as latency:raspi4 or params."
        )
    keys = np.intersect1d(evaluated.keys, values.keys)
    if second is not None:
        keys = np.intersect1d(keys, second.complete_archs)
    if len(keys) <= min(PICKS):
        raise TruthError(
            f"{len(keys):,} architectures have all scores, a truth ({chosen.query}) and "
            f"{values.metric.name}; picks of {min(PICKS)} need more. Score more architectures."
        )
    known = np.intersect1d(chosen.truth.keys, values.keys)
    first = _scale(chosen.metric, chosen.truth.keys, chosen.truth.value, known, keys)
    other = _scale(values.metric, values.keys, values.values, known, keys)
    raw = np.stack(
        [
            chosen.truth.value[np.searchsorted(chosen.truth.keys, keys)],
            values.values[np.searchsorted(values.keys, keys)],
        ]
    )

    def list_points(places: IntArray) -> tuple[tuple[float, float], ...]:
        places = places[np.lexsort((-other[places], -first[places]))]
        return tuple(zip(*raw[:, places].tolist(), strict=True))

    @cache
    def best(k: int, able: bytes) -> float:
        among = np.frombuffer(able, dtype=np.int64)
        return best_hypervolume(first[among], other[among], k)

    def measure(label: str, seeds: FloatArray, beside: FloatArray | None) -> Picks:
        shares: dict[int, list[float]] = {k: [] for k in PICKS if k < len(keys)}
        first_picks = np.zeros(0, dtype=np.int64)
        for row, scores in enumerate(seeds):
            second_scores = scores if beside is None else beside[row]
            able = np.flatnonzero(np.isfinite(scores) & np.isfinite(second_scores))
            for k in [k for k in shares if k < len(able)]:
                best_first = np.argsort(-scores[able])[:k]
                if beside is not None:
                    best_first = pick(scores[able], second_scores[able], k)
                own = able[best_first]
                share = hypervolume(first[own], other[own]) / best(k, able.tobytes())
                shares[k].append(share)
                first_picks = own if row == 0 else first_picks
        whole = {k: tuple(found) for k, found in shares.items() if len(found) == len(seeds)}
        return Picks(label, whole, list_points(first_picks))

    known_of = other[np.newaxis] if second is None else _orient(second, keys)
    shown = (*(result.estimator for result in evaluated.evaluations), evaluated.floor.estimator)
    noise = make_rng(0, RANDOM_PICKS).uniform(size=(DRAWS, len(keys)))
    rows: dict[str, tuple[FloatArray, FloatArray | None]] = {
        **{each.label: _pair(each, keys, known_of, second) for each in shown},
        RANDOM_SCORES: (noise, np.broadcast_to(known_of[:1], noise.shape)),
        RANDOM_PICKS: (noise, None),
    }
    return TradeOff(
        chosen.metric,
        values.metric,
        values.source,
        values.note,
        None if second is None else second.label,
        len(keys),
        list_points(np.flatnonzero(is_on_front(first, other))),
        tuple(measure(label, *own) for label, own in rows.items()),
    )


def _orient(second: ScoreMatrix, keys: IntArray) -> FloatArray:
    """Return the scores of what estimates the second objective, higher is better, [seed, k]."""
    scores = second.scores_of(keys)
    return -scores if second.is_free else scores


def _pair(
    estimator: ScoreMatrix, keys: IntArray, known_of: FloatArray, second: ScoreMatrix | None
) -> tuple[FloatArray, FloatArray]:
    """Put the seeds of an estimator beside those of the second objective's, [seed, k] each."""
    scores = estimator.scores_of(keys)
    several = len(scores) > 1 and len(known_of) > 1
    if several and second is not None and estimator.seeds != second.seeds:
        raise UsageError(
            f"'{estimator.label}' has the seeds {estimator.seeds} and '{second.label}', which "
            f"estimates the second objective, {second.seeds}. Give both the same seeds, or one of "
            "them a single one."
        )
    shape = max(len(scores), len(known_of)), len(keys)
    return np.broadcast_to(scores, shape), np.broadcast_to(known_of, shape)


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
