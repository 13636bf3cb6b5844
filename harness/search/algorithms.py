"""How a search chooses what to evaluate next: one row each in `REGISTRY`.

Most are samplers of Optuna. Each is made anew for every trial, with a seed of its own, so what it
proposes follows from the trials that it is shown, and a resumed search equals an uninterrupted
one. Optuna is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.errors import UsageError, unknown_name
from harness.search.candidates import Candidates, Position

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Seen(NamedTuple):
    """What one trial that has a result says: where it was, and its first objective."""

    position: Position
    value: float


class Settings(NamedTuple):
    """What can be set of algorithms; each reads its own.

    Attributes:
        population: Of `evolution` and `nsga2`, architectures.
        sample: Of `evolution`: members among which the best becomes a parent.
        eta: Of `tpe-hyperband`: at each stop the best 1 / eta so far go on, and each length is
            eta times the one before, or more.
    """

    population: int = 20
    sample: int = 5
    eta: int = 2


DEFAULTS = Settings()

Propose = Callable[[Sequence[Seen], Candidates, Settings, np.random.RandomState], Position | None]
MakeSampler = Callable[[int, Settings], "BaseSampler"]


@dataclass(frozen=True)
class Algorithm:
    """A row of the registry; it has `propose`, `sampler`, or neither: then any candidate is next.

    Attributes:
        name: What `--algorithm` calls it.
        description: What it is, in words.
        propose: Chooses from the trials so far, in their order; None is any candidate.
        sampler: Makes a sampler of Optuna from a seed.
        needs_axes: Whether it needs the axes of a space.
        takes_several: Whether it searches for several objectives at once.
        stops_early: Whether it looks at short trainings first, and stops those of the worse ones.
        reads: The settings that it has.
    """

    name: str
    description: str
    propose: Propose | None = None
    sampler: MakeSampler | None = None
    needs_axes: bool = True
    takes_several: bool = False
    stops_early: bool = False
    reads: tuple[str, ...] = ()

    def settings(self, settings: Settings) -> dict[str, int]:
        """Return what it reads of the settings."""
        return {name: getattr(settings, name) for name in self.reads}


def evolve(
    seen: Sequence[Seen], candidates: Candidates, settings: Settings, rng: np.random.RandomState
) -> Position | None:
    """Propose as regularised evolution does.

    The population is the youngest trials, so each member dies of age, however good it is. The best
    of a few drawn members, with replacement, has one axis changed.

    Args:
        seen: The trials with a result, the oldest first.
        candidates: What can be chosen.
        settings: Of them `population` and `sample`.
        rng: Draws.

    Returns:
        The child; any candidate until there are as many trials as the population has members.

    Reference:
        Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019,
        algorithm 1. They evaluate a child that equals an older one again; here the nearest new
        network takes its place (`Candidates`).
    """
    if len(seen) < settings.population:
        return None
    alive = seen[-settings.population :]
    drawn = [alive[place] for place in rng.randint(len(alive), size=settings.sample)]
    return candidates.mutate(max(drawn, key=lambda member: member.value).position, rng)


def _make_gp(seed: int, settings: Settings) -> BaseSampler:
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed, deterministic_objective=False, warn_independent_sampling=False)


def _make_tpe(seed: int, settings: Settings) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, multivariate=True, constant_liar=True)


def _make_nsga2(seed: int, settings: Settings) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed, population_size=settings.population)


ORDER, RANDOM = "order", "random"

_ROWS = (
    Algorithm(
        RANDOM,
        "random search: each candidate once, uniformly",
        needs_axes=False,
        takes_several=True,
    ),
    Algorithm(
        ORDER,
        "no search: the order of --start-from, the best first",
        needs_axes=False,
        takes_several=True,
    ),
    Algorithm(
        "evolution",
        "regularised evolution (Real et al. 2019), ours: Optuna has none",
        evolve,
        reads=("population", "sample"),
    ),
    Algorithm(
        "gp",
        "Bayesian optimisation with a Gaussian process, Optuna's GPSampler",
        sampler=_make_gp,
        takes_several=True,
    ),
    Algorithm(
        "tpe",
        "tree-structured Parzen estimator, Optuna's TPESampler (multivariate)",
        sampler=_make_tpe,
        takes_several=True,
    ),
    Algorithm(
        "tpe-hyperband",
        "TPE, and Hyperband's stops of trainings, Optuna's TPESampler and HyperbandPruner",
        sampler=_make_tpe,
        stops_early=True,
        reads=("eta",),
    ),
    Algorithm(
        "nsga2",
        "NSGA-II, a genetic algorithm for several objectives, Optuna's NSGAIISampler",
        sampler=_make_nsga2,
        takes_several=True,
        reads=("population",),
    ),
)

REGISTRY: Mapping[str, Algorithm] = {row.name: row for row in _ROWS}

ALIASES = {"bohb": "tpe-hyperband"}
"""Other names. BOHB (Falkner et al., 2018) is TPE with Hyperband; its own code fits one model to
the longest trainings that are enough, Optuna's one model for each of Hyperband's brackets."""


def find_algorithm(name: str) -> Algorithm:
    """Return an algorithm by its name.

    Raises:
        UsageError: If it is unknown.
    """
    name = ALIASES.get(name, name)
    if name not in REGISTRY:
        raise unknown_name("search algorithm", name, [*REGISTRY, *ALIASES])
    return REGISTRY[name]


def check_settings(settings: Settings, given: Mapping[str, Any], algorithms: Sequence[str]) -> None:
    """Check the settings of algorithms.

    Args:
        settings: The settings.
        given: Those that the user gave.
        algorithms: Names of what is run.

    Raises:
        UsageError: If one is out of range, or none of the algorithms reads it.
    """
    read = {name for each in algorithms for name in find_algorithm(each).reads}
    for name in given:
        if name not in read:
            users = [row.name for row in _ROWS if name in row.reads]
            raise UsageError(
                f"--{name} was given, which only {', '.join(users)} read. Leave it out, or add one "
                "of these to --algorithm."
            )
    least = {"population": 2, "sample": 1, "eta": 2}
    for name, lowest in least.items():
        if getattr(settings, name) < lowest:
            raise UsageError(
                f"--{name} {getattr(settings, name)} was given; it is {lowest} or more. Give a "
                f"number of {lowest} or more."
            )
