"""What a trial evaluates: an algorithm's proposal, as the nearest candidate that is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    IntDistribution,
)
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.trial import FrozenTrial

from harness.search.algorithms import Seen
from harness.search.candidates import Position
from harness.search.problem import Method, Problem
from harness.seeding import derive_seed, make_rng
from harness.spaces import Architecture
from harness.spaces.values import Axis


def make_distributions(axes: Sequence[Axis]) -> dict[str, BaseDistribution]:
    """Make Optuna's distributions of the axes of a space, by name."""
    return {axis.name: _distribution(axis) for axis in axes}


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis.values, range):
        return IntDistribution(axis.values[0], axis.values[-1])
    choices: Sequence[CategoricalChoiceType] = axis.values
    return CategoricalDistribution(choices)


class Proposer(BaseSampler):
    """Chooses the architecture of one trial, for Optuna."""

    def __init__(
        self,
        problem: Problem,
        method: Method,
        seed: int,
        order: Sequence[int],
        seen: Sequence[Seen],
        known: set[int],
        number: int,
    ) -> None:
        self._candidates, self._method, self._seen = problem.candidates, method, seen
        self._known = known
        self._rng = make_rng(seed, "search", method.label, number)
        self._next = self._next_of(order)
        self.chosen: Architecture | None = None
        make = method.algorithm.sampler
        sampler_seed = derive_seed(seed, "sampler", method.label, number) % 2**32
        self._inner = None if make is None else make(sampler_seed, method.settings)

    def _next_of(self, order: Sequence[int]) -> Architecture | None:
        """Return the first architecture of an order that is new."""
        space = self._candidates.space
        archs = (space.at(key) for key in order)
        return next((a for a in archs if self._candidates.identity(a) not in self._known), None)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Say that all axes are chosen together."""
        return make_distributions(self._candidates.axes)

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Choose, and return where the architecture is; nothing if there is no candidate left."""
        sampled = self._sample(study, trial, search_space)
        self.chosen = self._choose(sampled)
        if self.chosen is None:
            return {}
        position = self._candidates.position(self.chosen)
        return _to_params(self._candidates.axes, position)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return anything: only a trial that is not evaluated comes here."""
        if isinstance(param_distribution, CategoricalDistribution):
            return param_distribution.choices[0]
        return getattr(param_distribution, "low", 0)

    def _sample(
        self, study: optuna.Study, trial: FrozenTrial, space: dict[str, BaseDistribution]
    ) -> Position | None:
        """Ask Optuna's sampler, in any case: it may number its generations by trials."""
        if self._inner is None:
            return None
        if isinstance(self._inner, BaseGASampler):
            # Parents are in another order where they are found for the first time, which would make
            # a resumed search another one.
            generation = self._inner.get_trial_generation(study, trial)
            self._inner.get_parent_population(study, generation)
        together = {name: each for name, each in space.items() if not each.single()}
        params = self._inner.sample_relative(study, trial, together)
        for name, distribution in space.items():
            if name not in params:
                params[name] = self._inner.sample_independent(study, trial, name, distribution)
        return _to_position(self._candidates.axes, params)

    def _choose(self, sampled: Position | None) -> Architecture | None:
        if self._next is not None or self._method.is_order:
            return self._next
        propose, settings = self._method.algorithm.propose, self._method.settings
        if propose is not None:
            sampled = propose(self._seen, self._candidates, settings, self._rng)
        return self._candidates.settle(sampled, self._known, self._rng)


def _to_params(axes: Sequence[Axis], position: Position) -> dict[str, Any]:
    places = zip(axes, position, strict=True)
    return {axis.name: axis.values[place] for axis, place in places}


def _to_position(axes: Sequence[Axis], params: Mapping[str, Any]) -> Position:
    return tuple(axis.values.index(params[axis.name]) for axis in axes)
