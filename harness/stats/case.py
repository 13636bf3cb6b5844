"""Architectures with their truth and its noise, which all scores are evaluated against.

Axis letters: n architectures that have both a score and a truth, seed, trial of the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.spaces import Space, load_space
from harness.stats.ceiling import (
    Ceiling,
    Reference,
    modelled_ceiling,
    one_seed_reference,
)
from harness.stats.correlation import FloatArray, IntArray
from harness.stats.populations import (
    BoolArray,
    Subset,
    check_archs,
    populations_of,
    select_population,
)
from harness.stats.truth_noise import TruthNoise, prepare_noise

_SAME_TRUTH = 1e-4  # percent: means are rounded to 1e-6, tables to one image of their split


class Case:
    """The truth that scores are evaluated against; the noise model is fitted on first use.

    Args:
        keys: Each architecture's key, no two equal, [n].
        trials: Trainings behind the truth, [n, trial], NaN where a trial is missing; None
            to skip the ceiling, the reference and the truth's noise.
        truth: Ground truth, higher is better, [n]: the mean of the trials unless `n_behind` is
            given.
        n_behind: Number of trainings averaged in each truth, [n], if not all of them.
        seed: Seed of everything that is drawn.
        space: The space that the keys belong to; NAS-Bench-201 by default.
        subsets: Populations beside those of the space.

    Raises:
        UsageError: If a shape does not fit, a value is not finite, an index is out of range or
            repeated, or the truth is not the mean of the trials.
    """

    def __init__(
        self,
        keys: npt.ArrayLike,
        trials: npt.ArrayLike | None,
        truth: npt.ArrayLike,
        n_behind: npt.ArrayLike | None = None,
        seed: int = 0,
        space: Space | None = None,
        subsets: Sequence[Subset] = (),
    ) -> None:
        self.subsets = {subset.name: subset for subset in subsets}
        self.space = load_space() if space is None else space
        self.keys: IntArray
        self.truth: FloatArray
        self.keys, self.truth = check_archs(keys, truth, self.space)
        self.trials = None if trials is None else np.asarray(trials, dtype=np.float64)
        self.n_behind = None if n_behind is None else np.asarray(n_behind)
        self.seed = seed
        self._within: dict[bytes, Case] = {}
        self._parts: dict[str, CasePart] = {}
        self._check_trials()

    def check_scores(self, scores: npt.ArrayLike, what: str) -> FloatArray:
        """Return scores as [seed, n], or raise a UsageError."""
        rows = np.atleast_2d(np.asarray(scores, dtype=np.float64))
        if rows.ndim != 2 or rows.shape[1] != len(self.truth) or len(rows) == 0:
            raise UsageError(
                f"{what[:1].upper()}{what[1:]} have the shape {np.shape(scores)}; they must be [n] "
                f"or [seed, n], and n is {len(self.truth)} here. Pass one score per architecture."
            )
        if not np.isfinite(rows).all():
            raise UsageError(
                f"{int((~np.isfinite(rows)).sum())} of {what} are missing or infinite; only finite "
                "numbers can be ranked. Leave out these architectures, and report how many."
            )
        return rows

    def names(self, populations: Sequence[str] | None) -> Sequence[str]:
        """Return the requested populations, or all of the space and the subsets."""
        return (*populations_of(self.space), *self.subsets) if populations is None else populations

    def within(self, mask: BoolArray) -> Case:
        """Return the case restricted to a mask of architectures, [n]; cached per mask."""
        if mask.all():
            return self
        key = mask.tobytes()
        if key not in self._within:
            trials = None if self.trials is None else self.trials[mask]
            behind = None if self.n_behind is None else self.n_behind[mask]
            self._within[key] = Case(
                self.keys[mask],
                trials,
                self.truth[mask],
                behind,
                self.seed,
                self.space,
                tuple(self.subsets.values()),
            )
        return self._within[key]

    def on(self, name: str) -> CasePart:
        """Return a population; cached by name, as every estimator and metric asks for it."""
        if name not in self._parts:
            self._parts[name] = CasePart(self, name)
        return self._parts[name]

    def _check_trials(self) -> None:
        trials, n = self.trials, len(self.truth)
        if trials is None:
            return
        if trials.ndim != 2 or len(trials) != n:
            raise UsageError(
                f"Trainings of shape {trials.shape} were given for {n} architectures; they must "
                "be [n, trial]. Pass the rows of Trials.value of the same architectures."
            )
        counts = np.isfinite(trials).sum(axis=1)
        if (counts == 0).any() or np.isinf(trials).any():
            raise UsageError(
                f"{int((counts == 0).sum())} of {n} architectures have no training, or an "
                "infinite one; the truth averages trainings. Leave these out, or pass no trials."
            )
        behind = self.n_behind
        if behind is not None and (
            behind.shape != counts.shape or (behind < 1).any() or (behind > counts).any()
        ):
            raise UsageError(
                f"Numbers of trainings behind the truth of shape {behind.shape} were given; they "
                f"must be [n], {n} here, from 1 to the trainings that the architecture has. Pass "
                "Truth.n_trials of the same architectures."
            )
        gap = np.abs(np.nansum(trials, axis=1) / counts - self.truth).max()
        if self.n_behind is None and gap > _SAME_TRUTH:
            raise UsageError(
                f"The truth differs from the mean of its trainings by up to {gap:.3g} points. Pass "
                "the mean, or give in `n_behind` how many trainings each truth averages."
            )


class CasePart:
    """One population of a case, and what its truth is good for; each is computed on first use.

    Attributes:
        population: The population; its mask is over the case's architectures.
        truth: Its truth, [n of the population].
    """

    def __init__(self, case: Case, name: str) -> None:
        self._case = case
        if name in case.subsets:
            self.population = case.subsets[name].of(case.keys)
        else:
            self.population = select_population(name, case.keys, case.truth, case.space)
        self.truth = case.truth[self.population.mask]

    @cached_property
    def reference(self) -> Reference | None:
        """The one-seed reference; None without enough trials."""
        trials, part = self._case.trials, self.population
        if trials is None:
            return None
        if part.share is not None:
            return one_seed_reference(trials, part.share)
        return one_seed_reference(trials[part.mask])

    @cached_property
    def ceiling(self) -> Ceiling | None:
        """The modelled ceiling; None without enough trials."""
        case = self._case
        if case.trials is None:
            return None
        return modelled_ceiling(case.trials, case.truth, self.population.mask, seed=case.seed)

    @cached_property
    def noise(self) -> TruthNoise | None:
        """The truth's noise, for scores of `noise_mask`; None without enough trials."""
        case, mask = self._case, self.noise_mask
        if case.trials is None:
            return None
        behind = None if case.n_behind is None else case.n_behind[mask]
        share = self.population.share
        return prepare_noise(case.trials[mask], case.truth[mask], behind, share)

    @cached_property
    def noise_mask(self) -> BoolArray:
        """The architectures that the truth's noise is measured on, [n].

        Another truth would make another selection, so a selection by truth gets all.
        """
        mask = self.population.mask
        return np.ones_like(mask) if self.population.share is not None else mask
