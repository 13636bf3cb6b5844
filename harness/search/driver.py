"""The driver of a search: it asks Optuna for trials, has them evaluated, tells and stores them.

A trial is one network that this search has not evaluated before. Trials are asked for in batches;
all of a batch are evaluated side by side, then told in their order. Everything that a trial's
proposal depends on is the trials of earlier batches, its number and the seed. Stored are finished
trials only, so a killed search loses what was under way, and asks for the same again when it
resumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from harness.errors import UsageError
from harness.estimators.predictors.halving import space_lengths
from harness.monitor import Watch, watch_nothing
from harness.provenance import own_version, versions
from harness.search.algorithms import Seen
from harness.search.problem import ROUNDING, Evaluation, Method, Problem
from harness.search.proposing import Proposer, make_distributions
from harness.search.storage import ARCH, EPOCHS, SECONDS, SPENT, StoredTrials


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
        self._distributions = make_distributions(problem.candidates.axes)
        name = f"{method.label}, seed {seed}"
        directions = [StudyDirection.MAXIMIZE] * problem.n_objectives
        stops = {"lengths": list(self._lengths)} if method.algorithm.stops_early else {}
        made_by = {"harness": own_version(), **versions(("optuna",))}
        config = {**problem.config, **method.config, **stops, **made_by, "seed": seed}
        self._stored = StoredTrials(storage or InMemoryStorage(), name, directions, config)
        self._kept = InMemoryStorage()
        self._memory = optuna.create_study(
            study_name=name,
            storage=self._kept,
            directions=directions,
            pruner=self._make_pruner(),
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

    def run(self, budget: int, watch: Watch = watch_nothing) -> list[Evaluation]:
        """Search until the budget is spent or every candidate was evaluated.

        Args:
            budget: How many trainings of the longest length may be paid, rounded up to a whole
                batch; where an algorithm stops trainings, a trial counts by the epochs trained.

            watch: Told how much of the budget is spent, before each batch.

        Returns:
            What was learned, in the order of trials.
        """
        found: list[Evaluation] = []
        known: set[int] = set()
        self._seen: list[Seen] = []
        while (spent := sum(each.spent for each in found)) < budget - ROUNDING:
            watch(int(spent), budget)
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
        candidates, told = self._problem.candidates, []
        for trial in self._stored.list_batch(start, self._method.batch):
            arch = candidates.space.parse(trial.user_attrs[ARCH])
            identity = candidates.identity(arch)
            if identity in known:
                raise self._stored.foreign(
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
            proposer = Proposer(
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
            stored = self._stored.find(asked.trial.number, asked.trial.user_attrs[ARCH])
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
            self._stored.append(told)
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
