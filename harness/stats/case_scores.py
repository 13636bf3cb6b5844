"""The scores of one estimator on a case, with every figure computed once.

Figures are per seed and population, so that whatever an estimator is compared with, only
differences are left to compute.

An estimator is not evaluated on architectures whose truth it was fitted to, and these may differ
between its seeds. So each seed, and whatever it is compared with, is evaluated on the architectures
that the seed has not seen, and the results are averaged. Extremes (best rank, regret) are those of
a search among all architectures, of which the seed knows those that it has seen (`best_at`); they
do not depend on what it is compared with. Axis letters: seed; n, all architectures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import repeat
from typing import Self

import numpy as np
import numpy.typing as npt

from harness.stats.case import Case
from harness.stats.correlation import FloatArray, IntArray
from harness.stats.metrics import Method, find_metric
from harness.stats.populations import BoolArray, top_share
from harness.stats.samples import Sample, sample_seeds, subtract
from harness.stats.scored import Scored
from harness.stats.truth_noise import TruthInfluence, mean_influence


class CaseScores:
    """The scores of one estimator's seeds on the architectures of a case.

    Args:
        case: The truth to evaluate against; share one among all estimators on the same
            architectures, so that ceilings are modelled once.
        scores: Estimates, higher is better, finite numbers where not known, [n] or [seed, n].
        known: Architectures whose truth each seed was fitted to, [seed, n]; none by default.
        judged: Architectures that each seed is evaluated on, [seed, n]; by default all that it does
            not know.
        what: What the scores are called in an error.

    Raises:
        UsageError: If a shape does not fit, or a score is not finite.
    """

    def __init__(
        self,
        case: Case,
        scores: npt.ArrayLike,
        known: BoolArray | None = None,
        judged: BoolArray | None = None,
        what: str = "the scores",
    ) -> None:
        self.case = self._whole = case
        self.known = None if known is None or not known.any() else known
        judged = ~known if judged is None and known is not None else judged
        self.judged = None if judged is None or judged.all() else judged
        if self.known is not None:
            scores = np.where(self.known, 0.0, scores)
        self.rows = case.check_scores(scores, what)
        self._seeds: tuple[_Seed, ...] = tuple(
            _Seed(case, row)
            if self.judged is None
            else _Seed(case.within(self.judged[seed]), row[self.judged[seed]])
            for seed, row in enumerate(self.rows)
        )
        self._searches = self._seeds
        if self.judged is not None:
            each = repeat(None) if self.known is None else self.known
            self._searches = tuple(map(_Seed, repeat(case), self.rows, each))

    def __len__(self) -> int:
        """Return the number of seeds."""
        return len(self.rows)

    @property
    def n_per_seed(self) -> tuple[int, ...]:
        """How many architectures each seed is evaluated on."""
        if self.judged is None:
            return (len(self.case.truth),) * len(self)
        return tuple(self.judged.sum(axis=1).tolist())

    @property
    def _are_alike(self) -> bool:
        """Whether all seeds are evaluated on the same architectures."""
        return all(seed.case is self._seeds[0].case for seed in self._seeds)

    @property
    def by_all(self) -> BoolArray:
        """Whether every seed is evaluated on an architecture, [n]."""
        if self.judged is None:
            return np.ones(len(self.case.truth), dtype=np.bool_)
        return np.asarray(self.judged.all(axis=0))

    def of_seeds(self, places: Sequence[int]) -> Self:
        """Return the scores of some seeds, perhaps repeated, with what is computed of each."""
        chosen = list(places)
        if chosen == list(range(len(self))):
            return self
        other = copy(self)
        other.rows = self.rows[chosen]
        other.judged = None if self.judged is None else self.judged[chosen]
        other.known = None if self.known is None else self.known[chosen]
        other._seeds = tuple(self._seeds[place] for place in chosen)
        other._searches = tuple(self._searches[place] for place in chosen)
        return other

    def judged_on(self, judged: BoolArray) -> CaseScores:
        """Return the same scores evaluated on fewer architectures, [seed, n]."""
        if self.judged is not None and np.array_equal(judged, self.judged):
            return self
        return CaseScores(self.case, self.rows, self.known, judged)

    def within(self, mask: BoolArray) -> CaseScores:
        """Return the same scores evaluated on the architectures of a mask alone, [n]."""
        other = CaseScores(self.case.within(mask), self.rows[:, mask])
        other._searches, other._whole = self._searches, self._whole
        return other

    def sample(self, metric: str, name: str, minus: CaseScores | None = None) -> Sample:
        """Compute a metric, or the paired difference of two estimators, for every seed.

        Args:
            metric: Key of `METRICS`.
            name: The population, selected among the architectures that a seed is evaluated on.
            minus: What to subtract seed by seed, evaluated on the same; nothing by default.

        Returns:
            The sample.
        """
        is_extreme = find_metric(metric).is_extreme
        if is_extreme or self._are_alike:
            samples = []
            for side in (self,) if minus is None else (self, minus):
                seeds = side._searches if is_extreme else side._seeds
                size = side._count_population(seeds[0], name)
                samples.append(sample_seeds(metric, [seed.on(name) for seed in seeds], size))
            return samples[0] if minus is None else subtract(*samples)
        assert self.judged is not None
        samples, places = [], []
        for number, (own, mask) in enumerate(zip(self._seeds, self.judged, strict=True)):
            part = own.case.on(name).population
            size = self._count_population(own, name)
            sample = sample_seeds(metric, [own.on(name)], size)
            if minus is not None:
                other = sample_seeds(metric, [minus._seeds[number].on(name)], size)
                sample = subtract(sample, other)
            samples.append(sample)
            kept = np.flatnonzero(mask)[part.mask]
            if sample.metric.share is not None and len(kept):
                kept = kept[top_share(self.case.truth[kept], sample.metric.share)]
            places.append(kept)
        return _join(samples, places, len(self.case.truth))

    def _count_population(self, seed: _Seed, name: str) -> int | None:
        """Count what a seed's architectures were drawn from: not those that it was fitted to."""
        part, whole = (case.on(name).population for case in (seed.case, self._whole))
        if part.size is None or part.size != whole.size:  # a size that is its own count
            return part.size
        return part.size - (whole.n - part.n)

    def truth_se(self, name: str, minus: CaseScores | None = None) -> float | None:
        """Compute the truth's noise in a mean tau or a difference of two; None if unknown.

        For seeds with their own architectures it is the root mean square over seeds, because the
        noise of the truth is common to all.
        """
        if self._are_alike:
            return _noise_se(self._seeds, () if minus is None else minus._seeds, name)
        others = self._seeds if minus is None else minus._seeds
        found = [
            _noise_se([own], () if minus is None else [other], name)
            for own, other in zip(self._seeds, others, strict=True)
        ]
        known = [se for se in found if se is not None]
        if len(known) < len(found):
            return None
        return math.sqrt(float(np.mean(np.square(known))))


class _Seed:
    """One seed's scores on its case, by population; `known` for extremes only."""

    def __init__(self, case: Case, scores: FloatArray, known: BoolArray | None = None) -> None:
        self.case = case
        self._scores = scores
        self._known = known
        self._on: dict[str, Scored] = {}
        self._influence: dict[str, TruthInfluence | None] = {}

    def on(self, name: str) -> Scored:
        """Return the scores on a population."""
        if name not in self._on:
            part = self.case.on(name)
            mask = part.population.mask
            known = None if self._known is None else self._known[mask]
            self._on[name] = Scored(self._scores[mask], part.truth, known)
        return self._on[name]

    def truth_influence(self, name: str) -> TruthInfluence | None:
        """Measure how tau moves with the truth's noise; None if unknown."""
        if name not in self._influence:
            part = self.case.on(name)
            scores = self._scores[part.noise_mask]
            self._influence[name] = None if part.noise is None else part.noise.influence(scores)
        return self._influence[name]


def _noise_se(seeds: Sequence[_Seed], minus: Sequence[_Seed], name: str) -> float | None:
    """Compute the truth's noise in the mean of some seeds, less that of others if there are any."""
    means = []
    for side in filter(None, (seeds, minus)):
        found = [seed.truth_influence(name) for seed in side]
        known = [influence for influence in found if influence is not None]
        if len(known) < len(found):
            return None
        means.append(mean_influence(known))
    return means[0].se() if len(means) == 1 else means[0].minus(means[1]).se()


def _join(samples: Sequence[Sample], places: Sequence[IntArray], n: int) -> Sample:
    """Join samples of one seed each; parts are placed at the positions of their architectures."""
    first = samples[0]
    status = next((s.status for s in samples if s.status != "ok"), "ok")
    parts = None
    if first.metric.method is Method.INFLUENCE and all(s.parts is not None for s in samples):
        parts = np.zeros((len(samples), n))
        for row, sample, at in zip(parts, samples, places, strict=True):
            assert sample.parts is not None
            row[at] = sample.parts[0]
    fewest = min(samples, key=lambda sample: sample.n_drawn)
    return replace(
        first,
        values=np.concatenate([s.values for s in samples]) if status == "ok" else np.zeros(0),
        status=status,
        n=min(s.n for s in samples),
        n_drawn=fewest.n_drawn,
        population=fewest.population,
        parts=parts if status == "ok" else None,
    )
