"""The driver of a search: it asks Optuna for trials, has them evaluated, tells and stores them.

A trial is one network that this search has not evaluated before. Trials are asked for in batches;
all of a batch are evaluated side by side, then told in their order. Everything that a trial's
proposal depends on is the trials of earlier batches, its number and the seed. Stored are finished
trials only, each in one transaction, so a killed search loses what was under way, and asks for the
same again when it resumes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    IntDistribution,
)
from optuna.exceptions import OptunaError
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from harness.errors import MismatchError, StoreError, UsageError
from harness.estimators.predictors.halving import space_lengths
from harness.provenance import own_version, versions
from harness.search.algorithms import DEFAULTS, ORDER, Algorithm, Seen, Settings
from harness.search.candidates import Candidates, Position
from harness.search.objectives import Objective
from harness.seeding import derive_seed, make_rng
from harness.spaces import Architecture
from harness.spaces.values import Axis

optuna.logging.set_verbosity(optuna.logging.WARNING)

ARCH, EPOCHS, SPENT, SECONDS, CONFIG = "arch", "epochs", "spent", "seconds", "config"
"""Attributes of a trial, and of a study."""

ROUNDING = 1e-9
"""Budgets that differ by less are the same: shares of evaluations are added up."""


class Evaluation(NamedTuple):
    """What a search learned of one architecture.

    Attributes:
        number: Of the trial, from 0.
        key: The architecture.
        values: Of the objectives, higher is better.
        epochs: The longest training that it got; 0 where there is none.
        spent: What it cost, where one training of the longest length is 1; more than 1 where
            shorter trainings came before it and are trainings of their own.
        seconds: What it took; None where nobody knows.
    """

    number: int
    key: int
    values: tuple[float, ...]
    epochs: int
    spent: float
    seconds: float | None


@dataclass(frozen=True)
class Problem:
    """What is searched; the same for all algorithms and seeds.

    Attributes:
        objective: What the search maximises.
        candidates: What can be found.
        second: A second objective that is known, by key, higher is better; None without one.
        config: What decides its results, by name, for the stored study.
    """

    objective: Objective
    candidates: Candidates
    second: Mapping[int, float] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_objectives(self) -> int:
        """How many objectives it has."""
        return 1 + (self.second is not None)


class Start(NamedTuple):
    """Whose order a method starts from.

    Attributes:
        name: Of the estimator; None without one.
        n: How many are evaluated in that order before the algorithm proposes.
        sha256: Hash of what the estimator says.
    """

    name: str | None = None
    n: int = 0
    sha256: str = ""


NO_START = Start()


@dataclass(frozen=True)
class Method:
    """A way to search.

    Attributes:
        algorithm: How candidates are proposed.
        settings: Of algorithms.
        start: What is evaluated before the algorithm proposes.
        batch: Trials that are evaluated side by side.
    """

    algorithm: Algorithm
    settings: Settings = DEFAULTS
    start: Start = NO_START
    batch: int = 1

    @property
    def is_order(self) -> bool:
        """Whether nothing is proposed: the order of the start is all."""
        return self.algorithm.name == ORDER

    @property
    def label(self) -> str:
        """Its name in reports, and in the storage."""
        if self.start.name is None:
            return self.algorithm.name
        count = "" if self.is_order else f" ({self.start.n})"
        return f"{self.algorithm.name} from {self.start.name}{count}"

    @property
    def config(self) -> dict[str, Any]:
        """What decides its proposals."""
        of_start = {"start": self.start.name, "n_start": self.start.n}
        return {
            "algorithm": self.algorithm.name,
            **self.algorithm.settings(self.settings),
            **({} if self.start.name is None else {**of_start, "start_sha256": self.start.sha256}),
            "batch": self.batch,
        }


def open_storage(url: str | None) -> BaseStorage:
    """Open a storage of Optuna.

    Args:
        url: Such as `sqlite:///study.db`; None for memory.

    Raises:
        StoreError: If it cannot be opened.
    """
    if url is None:
        return InMemoryStorage()
    with _reported(url):
        try:
            return RDBStorage(url)
        except ImportError as error:
            raise StoreError(
                f"The storage {_hide_password(url)} needs a driver of its database that is not "
                f"installed: {error.__cause__ or error}. Install it, or give another --storage."
            ) from error


@contextlib.contextmanager
def _reported(url: str) -> Iterator[None]:
    """Report what goes wrong in a storage as an error that a user can fix."""
    try:
        yield
    except (OptunaError, SQLAlchemyError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(
            f"The storage {_hide_password(url)} cannot be used: {reason[:200]}. If it is "
            "damaged, put a copy back or remove it; or give another --out or --storage."
        ) from error


def _hide_password(url: str) -> str:
    return re.sub(r"//[^@/]*@", "//...@", url)


class Study:
    """One search: a method with one seed, in a storage."""

    def __init__(
        self,
        problem: Problem,
        method: Method,
        seed: int,
        order: Sequence[int] = (),
        storage: BaseStorage | None = None,
    ) -> None:
        """Open it, with the trials that it has.

        Args:
            problem: What is searched.
            method: How.
            seed: Of everything that is drawn.
            order: Keys in the order of the method's `start`, the best first.
            storage: Where trials are kept; memory unless given.

        Raises:
            MismatchError: If the storage holds a search of that name of something else.
            StoreError: If the storage cannot be used.
            UsageError: If trainings are to be stopped where none is so short that one can be.
        """
        self._problem, self._method, self._seed = problem, method, seed
        self._lengths = self._find_lengths()
        n_start = len(order) if method.is_order else method.start.n
        self._order = list(order[:n_start])
        self._distributions = {axis.name: _distribution(axis) for axis in problem.candidates.axes}
        name = f"{method.label}, seed {seed}"
        self._where = f"search '{name}'"
        self._directions = [StudyDirection.MAXIMIZE] * problem.n_objectives
        with _reported(self._where):
            self._stored = optuna.create_study(
                study_name=name,
                storage=storage or InMemoryStorage(),
                directions=self._directions,
                load_if_exists=True,
            )
            stops = {"lengths": list(self._lengths)} if method.algorithm.stops_early else {}
            made_by = {"harness": own_version(), **versions(("optuna",))}
            self._check({**problem.config, **method.config, **stops, **made_by, "seed": seed})
            self._trials = self._stored.get_trials(deepcopy=False)
        self._kept = InMemoryStorage()
        self._memory = optuna.create_study(
            study_name=name,
            storage=self._kept,
            directions=self._directions,
            pruner=self._make_pruner(),
        )

    def _check(self, config: dict[str, Any]) -> None:
        """Take over a stored search of the same config, or a study without a trial."""
        stored, self._config = self._stored.user_attrs.get(CONFIG), config
        has_trials = bool(self._stored.get_trials(deepcopy=False))
        if stored != config and not has_trials and self._stored.directions == self._directions:
            # New, or of a command that ended before it stored a trial.
            self._stored.set_user_attr(CONFIG, config)
        elif stored != config:
            found = stored if isinstance(stored, dict) else {}
            names = [key for key in {**config, **found} if config.get(key) != found.get(key)]
            told = [
                f"{name} is {found.get(name)}, not {config.get(name)}"
                for name in names
                if "sha256" not in name
            ]
            differing = "; ".join(told or names)
            raise MismatchError(
                f"The storage has a {self._where} of something else: {differing}. Give another "
                "--out or --storage, or the command and the versions that made it."
            )

    def _find_lengths(self) -> tuple[int, ...]:
        """Return the epochs of the trainings of one trial, ascending.

        With Hyperband each is at least eta times the one before, down from the longest.
        """
        *shorter, longest = self._problem.objective.fidelities
        if not self._method.algorithm.stops_early:
            return (longest,)
        eta = self._method.settings.eta
        lengths = space_lengths(shorter, longest, eta)
        if len(lengths) < 2:
            raise UsageError(
                f"--eta {eta} was given, so a training is stopped after 1/{eta} of {longest} "
                f"epochs or less; the shortest has {self._problem.objective.fidelities[0]}. Give a "
                "smaller --eta (2 or more), or the algorithm 'tpe'."
            )
        return tuple(lengths)

    def _make_pruner(self) -> optuna.pruners.BasePruner:
        """Make Hyperband for the lengths that there are.

        It takes the lengths to be 1, eta, eta^2, ... times the shortest. Those that there are may
        be any, so a length is reported as its power of eta: every bracket begins at one of them.
        """
        if not self._method.algorithm.stops_early:
            return optuna.pruners.NopPruner()
        eta, n = self._method.settings.eta, len(self._lengths)
        # As many brackets as lengths: the logarithm of eta^(n-1) itself may be rounded down.
        return optuna.pruners.HyperbandPruner(1, eta**n - 1, eta)

    def run(self, budget: int) -> list[Evaluation]:
        """Search until the budget is spent or every candidate was evaluated.

        Args:
            budget: How many trainings of the longest length may be paid, rounded up to a whole
                batch; where an algorithm stops trainings, a trial counts by the epochs trained.

        Returns:
            What was learned, in the order of trials.
        """
        found: list[Evaluation] = []
        known: set[int] = set()
        self._seen: list[Seen] = []
        while sum(each.spent for each in found) < budget - ROUNDING:
            if told := self._take_stored(len(found), known):
                found += told
                continue
            batch = self._ask(len(found), known)
            if not batch:
                break
            self._evaluate(batch)
            found += [self._tell(asked) for asked in batch]
        return found

    def _take_stored(self, start: int, known: set[int]) -> list[Evaluation]:
        """Take over a batch that is stored whole.

        Raises:
            MismatchError: If a trial of it cannot be of this search.
        """
        stored = self._trials[start : start + self._method.batch]
        if len(stored) < self._method.batch or not all(t.state.is_finished() for t in stored):
            return []
        candidates, told = self._problem.candidates, []
        for trial in stored:
            if not trial.user_attrs.keys() >= {ARCH, EPOCHS, SPENT, SECONDS}:
                raise self._foreign(
                    f"Trial {trial.number} was not stored by a search of the harness"
                )
            arch = candidates.space.parse(trial.user_attrs[ARCH])
            identity = candidates.identity(arch)
            if identity in known:
                raise self._foreign(
                    f"Trial {trial.number} evaluated {trial.user_attrs[ARCH]}, a network that an "
                    "earlier trial evaluated"
                )
            known.add(identity)
            self._memory.add_trial(trial)
            told.append(self._note_told(trial, candidates.space.key(arch)))
        return told

    def _note_told(self, trial: FrozenTrial, key: int) -> Evaluation:
        """Note what was told, for those to come."""
        second, attributes = self._problem.second, trial.user_attrs
        if trial.state == TrialState.COMPLETE:
            candidates = self._problem.candidates
            position = candidates.position(candidates.space.at(key))
            self._seen.append(Seen(position, trial.values[0]))
        values = (trial.values[0],) if second is None else (trial.values[0], second[key])
        return Evaluation(
            trial.number, key, values, attributes[EPOCHS], attributes[SPENT], attributes[SECONDS]
        )

    def _ask(self, start: int, known: set[int]) -> list[_Asked]:
        batch: list[_Asked] = []
        for number in range(start, start + self._method.batch):
            proposer = _Proposer(
                self._problem, self._method, self._seed, self._order, self._seen, known, number
            )
            self._memory.sampler = proposer
            trial = self._memory.ask(self._distributions)
            candidates, arch = self._problem.candidates, proposer.chosen
            if arch is None:  # every candidate was evaluated
                break
            known.add(candidates.identity(arch))
            trial.set_user_attr(ARCH, candidates.space.format(arch))
            batch.append(_Asked(trial, candidates.space.key(arch)))
        return batch

    def _evaluate(self, batch: Sequence[_Asked]) -> None:
        """Evaluate a batch: those that are stored are looked up, all others side by side.

        Trainings go on from one length to the next, unless they are stopped there.
        """
        for asked in batch:
            stored = self._find_stored(asked)
            if stored is not None:
                self._replay(asked, stored)
        going = [asked for asked in batch if asked.state is None]
        objective = self._problem.objective
        for place, epochs in enumerate(self._lengths):
            measured = objective.evaluate([asked.key for asked in going], epochs, self._seed)
            for asked, one in zip(going, measured, strict=True):
                asked.add(one.value, epochs, one.seconds, objective.is_curve)
                if len(self._lengths) > 1:
                    asked.trial.report(one.value, self._method.settings.eta**place)
                if epochs == self._lengths[-1]:
                    asked.state = TrialState.COMPLETE
                elif asked.trial.should_prune():
                    asked.state = TrialState.PRUNED
            going = [asked for asked in going if asked.state is None]
            if not going:
                break
        for asked in batch:
            self._note_cost(asked)

    def _find_stored(self, asked: _Asked) -> FrozenTrial | None:
        """Return the stored trial of a number.

        Raises:
            MismatchError: If it is of another architecture.
        """
        number = asked.trial.number
        if number >= len(self._trials):
            return None
        stored = self._trials[number]
        arch = asked.trial.user_attrs[ARCH]
        if stored.user_attrs.get(ARCH) != arch or not stored.state.is_finished():
            raise self._foreign(
                f"Trial {number} evaluated {stored.user_attrs.get(ARCH)}; asked for now is {arch}"
            )
        return stored

    def _foreign(self, finding: str) -> MismatchError:
        """Return the error of a storage that somebody else wrote into."""
        return MismatchError(
            f"The stored {self._where} is not what this command stores. {finding}. Another "
            "program, or the same search at the same time, wrote into it: give another --out or "
            "--storage."
        )

    def _replay(self, asked: _Asked, stored: FrozenTrial) -> None:
        """Take over what is stored of a trial, with the stops that Optuna notes of its own."""
        for step, value in sorted(stored.intermediate_values.items()):
            asked.trial.report(value, step)
        trial_id = self._kept.get_trial_id_from_study_id_trial_number(
            self._kept.get_study_id_from_name(self._memory.study_name), asked.trial.number
        )
        for name, noted in stored.system_attrs.items():
            self._kept.set_trial_system_attr(trial_id, name, noted)
        asked.value = stored.values[0]  # of one that was stopped, Optuna keeps its last
        asked.epochs, asked.seconds = stored.user_attrs[EPOCHS], stored.user_attrs[SECONDS]
        asked.state, asked.is_stored = stored.state, True

    def _note_cost(self, asked: _Asked) -> None:
        spent = 1.0
        if len(self._lengths) > 1:
            spent = self._problem.objective.spent(asked.epochs, self._lengths)
        for name, value in ((EPOCHS, asked.epochs), (SPENT, spent), (SECONDS, asked.seconds)):
            asked.trial.set_user_attr(name, value)

    def _tell(self, asked: _Asked) -> Evaluation:
        """Tell a trial to Optuna, and store it unless it is.

        Raises:
            MismatchError: If the storage has got trials that this search did not store.
        """
        second, value, state = self._problem.second, asked.value, asked.state
        assert value is not None, "it was evaluated"
        values = [value] if second is None else [value, second[asked.key]]
        self._memory.tell(asked.trial, values if state == TrialState.COMPLETE else None, state)
        told = self._memory.get_trials(deepcopy=False)[asked.trial.number]
        if not asked.is_stored:
            with _reported(self._where):
                n_stored = len(self._stored.get_trials(deepcopy=False))
                if n_stored != told.number:
                    raise self._foreign(f"Trial {told.number} is done, and {n_stored} are stored")
                if self._stored.user_attrs.get(CONFIG) != self._config:
                    raise self._foreign("A command that asks for something else took its place")
                self._stored.add_trial(told)
        return self._note_told(told, asked.key)


@dataclass
class _Asked:
    """A trial under way."""

    trial: Trial
    key: int
    value: float | None = None
    epochs: int = 0
    seconds: float | None = 0.0
    state: TrialState | None = None
    is_stored: bool = False

    def add(self, value: float, epochs: int, seconds: float | None, is_curve: bool) -> None:
        """Take the result of a training of a length."""
        before = 0.0 if is_curve else self.seconds
        self.value, self.epochs = value, epochs
        self.seconds = None if seconds is None or before is None else before + seconds


class _Proposer(BaseSampler):
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
        return {axis.name: _distribution(axis) for axis in self._candidates.axes}

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


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis.values, range):
        return IntDistribution(axis.values[0], axis.values[-1])
    choices: Sequence[CategoricalChoiceType] = axis.values
    return CategoricalDistribution(choices)


def _to_params(axes: Sequence[Axis], position: Position) -> dict[str, Any]:
    places = zip(axes, position, strict=True)
    return {axis.name: axis.values[place] for axis, place in places}


def _to_position(axes: Sequence[Axis], params: Mapping[str, Any]) -> Position:
    return tuple(axis.values.index(params[axis.name]) for axis in axes)
