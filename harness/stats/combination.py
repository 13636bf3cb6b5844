"""Estimators combined by their ranks, without weights to tune.

The score is the sum over components of ln(rank), where rank 1 is the worst architecture and ties
share their mean rank. The logarithm makes it a veto: being near the bottom of one component costs
more than being near the top of another brings. (The same sum from the other end has a tau of 0.689
where this has 0.780, for live parameters and `jacov` on all of NAS-Bench-201.)

Axis letters: n architectures, seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.stats.correlation import FloatArray, IntArray, dense_ranks, mean_ranks
from harness.stats.populations import BoolArray

_Rows = TypeVar("_Rows", FloatArray, npt.NDArray[np.bool_])


class Component(NamedTuple):
    """One estimator to be combined.

    Attributes:
        name: Its name, of its own among the components.
        scores: Higher is better, [n] or [seed, n]; NaN where it has none.
        seeds: The seed of each row; None if unknown.
        known: Architectures whose truth each row was fitted to, [n] or [seed, n]; none by default.
    """

    name: str
    scores: npt.ArrayLike
    seeds: Sequence[int | None] = (None,)
    known: npt.ArrayLike | None = None


@dataclass(frozen=True, eq=False)
class LogRanks:
    """Components ranked over the architectures that all of them scored; made by `rank_together`.

    Attributes:
        names: The components.
        seeds: Seed of each row, those that all components of several seeds have; (None,) if no
            component has several or all are unknown.
        keys: The architectures that some seed ranked, [n].
        ranked: Which of them each seed ranked: those that no component of it was fitted to,
            [seed, n].
        logs: ln(rank), 1 is the worst, [component, seed, n]; NaN where a seed did not rank.
        n_dead: How many of them are dead.
        unscored: By component, the architectures that were left out as it has no score of them in
            some seed, the dead ones not counted.
        unused_seeds: By component, the seeds without a counterpart; only those with some.
    """

    names: tuple[str, ...]
    seeds: tuple[int | None, ...]
    keys: IntArray
    ranked: BoolArray
    logs: FloatArray
    n_dead: int
    unscored: dict[str, int]
    unused_seeds: dict[str, tuple[int | None, ...]]

    def combine(self, weights: Sequence[float] | None = None) -> FloatArray:
        """Return the sum of weight times ln(rank), higher is better.

        Args:
            weights: One for each component, finite, from 0 (left out) up, and not all 0; 1 each by
                default.

        Returns:
            The combined scores of `keys`, [seed, n]; NaN where a seed did not rank.

        Raises:
            UsageError: If the weights do not fit.
        """
        given = np.ones(len(self.names)) if weights is None else np.asarray(weights, dtype=float)
        is_right = given.shape == (len(self.names),) and np.isfinite(given).all()
        if not is_right or (given < 0.0).any() or not given.any():
            raise UsageError(
                f"Weights {list(weights or ())} were given for {len(self.names)} estimators "
                f"({', '.join(self.names)}); each has one, from 0 up, and not all are 0. To turn "
                "an estimator around, negate its scores."
            )
        # In turn, so that a component of weight 0 does not move a bit.
        total = np.zeros(self.logs.shape[1:])
        for weight, logs in zip(given, self.logs, strict=True):
            total += weight * logs
        return total

    def label(self, weights: Sequence[float] | None = None) -> str:
        """Return a name such as "live_params+2*jacov (n=1,000)", n those that a seed ranked."""
        given = [1.0] * len(self.names) if weights is None else weights
        return f"{write_sum(self.names, given)} (n={write_range(self.n_per_seed)})"

    @property
    def n_per_seed(self) -> list[int]:
        """How many architectures each seed ranked."""
        counts: list[int] = self.ranked.sum(axis=1).tolist()
        return counts


def write_sum(names: Iterable[str], weights: Iterable[float]) -> str:
    """Write components and their weights, such as "live_params+2*jacov"."""
    parts = [
        name if weight == 1.0 else f"{weight:g}*{name}"
        for name, weight in zip(names, weights, strict=True)
        if weight != 0.0
    ]
    return "+".join(parts)


def write_range(numbers: Iterable[int]) -> str:
    """Write the counts of seeds, such as "1,871 to 1,879"; one that all have, once."""
    fewest, *_, most = sorted([*numbers] * 2)
    return f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"


def rank_together(
    keys: npt.ArrayLike, components: Sequence[Component], dead: npt.ArrayLike | None = None
) -> LogRanks:
    """Rank estimators over the architectures that all of them scored.

    Architectures without a live path tie at the bottom of every component, whatever it says of
    them; all others that a component did not score, in any seed that is used, are left out. What a
    component of a seed was fitted to is left out of that seed alone.

    Seeds are paired: of components with several, the common ones are used. A component of one set
    of scores goes with every seed.

    Args:
        keys: Architectures that every component was asked about, no two equal, [n].
        components: At least one.
        dead: Which architectures have no live path, [n]; none by default.

    Returns:
        The ranks.

    Raises:
        UsageError: If a shape does not fit, a score is infinite, a name occurs twice, components of
            several seeds share none, or no architecture has a score of all.

    Reference:
        Lee & Ham, AZ-NAS, 2024, arXiv 2403.19232 (the sum of logarithms of ranks). Deviations:
        ties share their mean rank, and the dead are tied.
    """
    archs = np.asarray(keys, dtype=np.int64)
    is_dead = np.zeros(len(archs), dtype=np.bool_)
    if dead is not None:
        is_dead = np.asarray(dead, dtype=np.bool_)
    rows = [_check(component, len(archs)) for component in components]
    names = tuple(component.name for component in components)
    if not names or len(set(names)) < len(names) or is_dead.shape != archs.shape:
        raise UsageError(
            f"The combination of {', '.join(names) or 'no estimators'} was requested, with "
            f"{is_dead.size} architectures said to be dead or not and {archs.size} keys; names "
            "differ, at least one is needed, and all are of the same architectures."
        )
    seeds = _pair_seeds(components)
    used = [_take(seeds, own, row) for own, row in zip(components, rows, strict=True)]
    known = np.zeros((len(seeds), len(archs)), dtype=np.bool_)
    has_scores = []
    for component, row in zip(components, used, strict=True):
        has = is_dead | np.isfinite(row)
        if component.known is not None:
            own = np.atleast_2d(np.asarray(component.known, dtype=np.bool_))
            own = _take(seeds, component, own)
            known, has = known | own, has | own
        has_scores.append(has.all(axis=0))
    ranked = np.logical_and.reduce(has_scores) & ~known
    unscored = {name: int((~has).sum()) for name, has in zip(names, has_scores, strict=True)}
    if not ranked.any(axis=1).all():
        each = ", ".join(f"'{name}' {len(archs) - n:,}" for name, n in unscored.items())
        raise UsageError(
            f"No architecture has a score of all of {', '.join(names)}; scored of {len(archs):,}: "
            f"{each}. Combine estimators that scored the same architectures."
        )
    by_any = ranked.any(axis=0)
    logs = np.full((len(used), *ranked.shape), np.nan)
    for place, row in enumerate(used):
        for number, own in enumerate(ranked):
            scores = row[number if len(row) > 1 else 0]
            logs[place, number, own] = np.log(_rank(scores[own], is_dead[own]))
    unused = {
        component.name: tuple(seed for seed in component.seeds if seed not in seeds)
        for component in components
        if len(component.seeds) > 1
    }
    return LogRanks(
        names=names,
        seeds=seeds,
        keys=archs[by_any],
        ranked=ranked[:, by_any],
        logs=logs[:, :, by_any],
        n_dead=int(is_dead[by_any].sum()),
        unscored=unscored,
        unused_seeds={name: seeds for name, seeds in unused.items() if seeds},
    )


def _rank(scores: FloatArray, dead: BoolArray) -> FloatArray:
    """Rank scores from the worst, which is 1, with the dead tied below all others, [n]."""
    ranks = np.zeros(len(scores), dtype=np.int64)
    ranks[~dead] = dense_ranks(scores[~dead]) + int(dead.any())
    return mean_ranks(ranks)


def _take(seeds: Sequence[int | None], component: Component, rows: _Rows) -> _Rows:
    """Return the rows of some seeds; the only one, which goes with every seed, as it is."""
    if len(rows) == 1:
        return rows
    chosen: _Rows = rows[[list(component.seeds).index(seed) for seed in seeds]]
    return chosen


def _pair_seeds(components: Sequence[Component]) -> tuple[int | None, ...]:
    """Return the seeds that all components of several seeds have, in the order of the first."""
    several = [component for component in components if len(component.seeds) > 1]
    if not several:
        known = [component.seeds[0] for component in components if component.seeds[0] is not None]
        return (known[0] if len(set(known)) == 1 else None,)
    common = [seed for seed in several[0].seeds if all(seed in other.seeds for other in several)]
    if not common:
        each = "; ".join(f"'{c.name}' {', '.join(map(str, c.seeds))}" for c in several)
        raise UsageError(
            f"Estimators of several seeds are combined seed by seed, but these share none: {each}. "
            "Give runs of the same seeds, or one set of scores of the others."
        )
    return tuple(common)


def _check(component: Component, n: int) -> FloatArray:
    """Return a component's scores as [seed, n], or raise a UsageError."""
    rows = np.atleast_2d(np.asarray(component.scores, dtype=np.float64))
    fits = rows.shape == (len(component.seeds), n) and n > 0
    if not fits or np.isinf(rows).any() or len(set(component.seeds)) < len(component.seeds):
        raise UsageError(
            f"'{component.name}' has scores of shape {np.shape(component.scores)} for seeds "
            f"{list(component.seeds)}; they are [seed, n] with n = {n:,} architectures, at least "
            "one, finite or NaN, and no seed occurs twice."
        )
    return rows
