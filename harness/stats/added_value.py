"""What an estimator adds to others that are there anyway.

AV(e | F) is tau of the components of F and e, combined by rank with equal weights, minus tau of F
alone. A negative value means that e hurts at equal weight; beside it stands the gain at a weight
that was chosen on other architectures. Axis letters: n architectures, seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.stats.case import Case
from harness.stats.case_scores import CaseScores
from harness.stats.combination import LogRanks
from harness.stats.components import Components, decompose
from harness.stats.correlation import FloatArray, kendall_tau
from harness.stats.intervals import Interval
from harness.stats.populations import MIN_ARCHS, BoolArray
from harness.stats.reversals import adjust, find_winner
from harness.stats.samples import MetricResult, conclude, interval_to_dict
from harness.stats.uncertainty import Uncertainty

CHOSEN_FROM = 12_000
"""Architectures that come later in the canonical permutation serve to choose a weight."""
WEIGHTS = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Weights of the estimator to choose from; each component of the floor has 1."""


class Basis(Enum):
    """What a difference applies to, and so what its interval is over."""

    METHOD = "the method, over its seeds"
    SCORES = "these scores only"
    """One seed: nothing is known of others, so there is no verdict."""
    ARCHITECTURES = "a deterministic estimator, over architectures"
    EXACT = "a deterministic estimator on all architectures"
    """Only the truth's noise is left; the interval is over it."""


@dataclass(frozen=True)
class Gain:
    """The difference that an estimator makes on one population.

    Attributes:
        floor: Tau without it.
        together: Tau with it.
        difference: Their paired difference, with its intervals over seeds and architectures; ranks
            are held fixed, as if they did not depend on which architectures were drawn.
        components: Where its uncertainty comes from, with the truth's noise; only if the basis is
            `EXACT`, where nothing else is left.
        basis: What the difference applies to.
        p: Two-sided p-value for no difference, by the construction of `interval`, adjusted by Holm
            over the populations other than "all"; None if there is no interval, or for one seed.
    """

    floor: MetricResult
    together: MetricResult
    difference: MetricResult
    components: Components | None
    basis: Basis
    p: float | None = None

    @property
    def value(self) -> float | None:
        """The difference; None if too few or undefined."""
        return self.difference.value

    @property
    def interval(self) -> Interval | None:
        """The 95% interval that applies, named in its `over`; None if there is none."""
        if self.basis is Basis.EXACT:
            return None if self.components is None else self.components.interval
        return self.difference.interval

    @property
    def verdict(self) -> str | None:
        """What is shown: "adds" or "hurts" if the difference is significant, else None."""
        return find_winner(("adds", "hurts"), self.value, self.p)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "floor": self.floor.to_dict(),
            "together": self.together.to_dict(),
            "difference": self.difference.to_dict(),
            "components": self.components and self.components.to_dict(),
            "basis": self.basis.value,
            "p": self.p,
            "interval": self.interval and interval_to_dict(self.interval),
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class ChosenWeight:
    """The gain at a weight that was chosen on other architectures.

    Attributes:
        weight: One of `WEIGHTS`, with the largest tau there, mean over seeds; the smaller if tied.
        n: Number of architectures that it was chosen on.
        populations: The gain on the others, by population.
    """

    weight: float
    n: int
    populations: dict[str, Gain]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        gains = {name: gain.to_dict() for name, gain in self.populations.items()}
        return {"weight": self.weight, "n": self.n, "populations": gains}


@dataclass(frozen=True)
class AddedValue:
    """What an estimator adds to a floor.

    Attributes:
        estimator: The estimator.
        floor: The components of the floor.
        seeds: Seeds of the pairs; (None,) if unknown.
        n_ranked: Architectures that all of these were ranked over, of the seed with the fewest.
        populations: The gain at equal weight, by population.
        chosen: The gain at a chosen weight; None if there are fewer than 30 architectures to choose
            on, or to judge on.
    """

    estimator: str
    floor: tuple[str, ...]
    seeds: tuple[int | None, ...]
    n_ranked: int
    populations: dict[str, Gain]
    chosen: ChosenWeight | None

    @property
    def everything(self) -> Gain:
        """The gain over all architectures."""
        return self.populations["all"]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "estimator": self.estimator,
            "floor": list(self.floor),
            "seeds": list(self.seeds),
            "n_ranked": self.n_ranked,
            "populations": {name: gain.to_dict() for name, gain in self.populations.items()},
            "chosen": self.chosen and self.chosen.to_dict(),
        }


def added_value(
    ranks: LogRanks,
    case: Case,
    *,
    n_added: int = 1,
    weights: Sequence[float] | None = None,
    is_deterministic: bool = False,
    populations: Sequence[str] | None = None,
) -> AddedValue:
    """Measure what the last components add to the others.

    Args:
        ranks: The floor's components, then the estimator's, ranked together: at least two.
        case: The truth; its architectures are among those that some seed ranked. Each seed is
            judged on those that it ranked, and the floor beside it on the same.
        n_added: How many of the last components are the estimator's: one, unless it is a
            combination itself.
        weights: Stated weights of the components; 1 each by default. A chosen weight multiplies
            those of the estimator.
        is_deterministic: Whether another run would give the same scores of every component, as it
            does for counts of parameters; of one seed that is not known.
        populations: Keys of `populations_of`; all of the space by default.

    Returns:
        The added value.

    Raises:
        UsageError: If no component is left for the floor, the case has architectures that were not
            ranked, or a population is unknown.
    """
    n_floor = len(ranks.names) - n_added
    floor, estimator = ranks.names[: max(0, n_floor)], "+".join(ranks.names[max(0, n_floor) :])
    if not floor or not np.isin(case.keys, ranks.keys).all():
        missing = int((~np.isin(case.keys, ranks.keys)).sum())
        raise UsageError(
            f"The value that '{estimator}' adds to {', '.join(floor) or 'nothing'} was requested "
            f"on {len(case.keys):,} architectures, {missing:,} of which were not ranked. Rank a "
            "floor and an estimator together, and judge them on architectures that both scored."
        )
    order = np.argsort(ranks.keys)
    places = order[np.searchsorted(ranks.keys, case.keys, sorter=order)]

    stated = [1.0] * len(ranks.names) if weights is None else list(weights)

    def combine(weight: float) -> FloatArray:
        of_estimator = [weight * own for own in stated[n_floor:]]
        return ranks.combine([*stated[:n_floor], *of_estimator])[:, places]

    ranked = ranks.ranked[:, places]

    def find_gains(weight: float, judged: BoolArray) -> dict[str, Gain]:
        own, unranked = case.within(judged), ~ranked[:, judged]
        floor_scores, scores = combine(0.0)[:, judged], combine(weight)[:, judged]
        if unranked.any():
            of_floor = CaseScores(own, floor_scores, known=unranked)
        else:
            of_floor = _score_floor(own, len(ranks.seeds), floor_scores.tobytes())
        together = CaseScores(own, scores, known=unranked)
        return _find_gains(of_floor, together, is_deterministic, populations)

    everything = np.ones(len(places), dtype=np.bool_)
    n_first = CHOSEN_FROM if case.space.size is None else min(CHOSEN_FROM, case.space.size)
    is_first = np.isin(case.keys, case.space.prefix(n_first))
    chosen = None
    if min(int((ranked & part).sum(axis=1).min()) for part in (is_first, ~is_first)) >= MIN_ARCHS:
        later = ranked & ~is_first
        weight = _choose_weight([combine(each) for each in WEIGHTS], case.truth, later)
        chosen = ChosenWeight(weight, int((~is_first).sum()), find_gains(weight, is_first))
    return AddedValue(
        estimator=estimator,
        floor=floor,
        seeds=ranks.seeds,
        n_ranked=min(ranks.n_per_seed),
        populations=find_gains(1.0, everything),
        chosen=chosen,
    )


@lru_cache(maxsize=16)
def _score_floor(case: Case, n_seeds: int, scores: bytes) -> CaseScores:
    """Hold the floor's scores, [seed, n], against the truth, once for all that may be added."""
    rows = np.frombuffer(scores).reshape(n_seeds, -1)
    if (rows == rows[0]).all():
        return CaseScores(case, rows[0]).of_seeds([0] * n_seeds)
    return CaseScores(case, rows)


def _choose_weight(scores: Sequence[FloatArray], truth: FloatArray, judged: BoolArray) -> float:
    """Choose the weight whose scores, [seed, n] each, have the largest tau, mean over seeds."""
    taus = [
        np.mean(
            [
                kendall_tau(row[own], truth[own]).value or 0.0
                for row, own in zip(rows, judged, strict=True)
            ]
        )
        for rows in scores
    ]
    return WEIGHTS[int(np.argmax(taus))]


def _find_gains(
    floor: CaseScores,
    together: CaseScores,
    is_deterministic: bool,
    populations: Sequence[str] | None,
) -> dict[str, Gain]:
    names = floor.case.names(populations)
    gains = {name: _find_gain(floor, together, is_deterministic, name) for name in names}
    adjusted = adjust({name: gain.p for name, gain in gains.items()})
    return {name: replace(gain, p=adjusted[name]) for name, gain in gains.items()}


def _find_gain(floor: CaseScores, together: CaseScores, is_deterministic: bool, name: str) -> Gain:
    sample = together.sample("tau", name, minus=floor)
    difference = conclude(sample)
    components = None
    if len(together) > 1:
        basis = Basis.METHOD
    elif not is_deterministic:
        basis = Basis.SCORES
    else:
        basis = Basis.EXACT if sample.left == 0.0 else Basis.ARCHITECTURES
    p = difference.p if basis in (Basis.METHOD, Basis.ARCHITECTURES) else None
    if basis is Basis.EXACT:
        components = decompose(sample, together.truth_se(name, minus=floor))
        if components is not None and components.truth_se is not None:
            p = Uncertainty(None, 0.0, components.truth_se).p_value(difference.value or 0.0)
    return Gain(
        floor=conclude(floor.sample("tau", name)),
        together=conclude(together.sample("tau", name)),
        difference=difference,
        components=components,
        basis=basis,
        p=p,
    )
