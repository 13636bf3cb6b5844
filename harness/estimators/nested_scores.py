"""The scores of the estimators within the run of another.

One that works `in_place`, such as a proxy, is asked in the run itself. Any other, such as a
supernet, has a run of its own beside it, which is computed before.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from harness.errors import MismatchError, StoreError
from harness.estimators import estimator_of, is_free
from harness.estimators.base import Scores, Task
from harness.estimators.cost import LABEL_EPOCHS, LABEL_S, NESTED, find_cost_of_run
from harness.estimators.matrix import FloatArray, IntArray
from harness.estimators.methods import Nested
from harness.estimators.nested import complete
from harness.estimators.runs import LABELS_OF, load_run
from harness.runs.folder import RunFolder, under_stored_name
from harness.runs.record import FINISHED
from harness.scores import STATUS_DEAD
from harness.scores.sifting import next_below
from harness.settings.run import RunConfig


class OfLabels(NamedTuple):
    """What a record says of labels: the tables and facts of the estimator that is fitted to them.

    Attributes:
        tables: For the run's folder, by name.
        facts: For the record.
    """

    tables: Mapping[str, Sequence[Any]]
    facts: Mapping[str, Any]


class NestedScores:
    """The scores of the estimators within a run, each asked once for each architecture."""

    def __init__(self, task: Task, nested: Sequence[Nested]) -> None:
        """Take the run's task; nothing is computed yet.

        Raises:
            HarnessError: If an estimator refuses its settings.
        """
        configs = {one.name: complete(one.config) for one in nested}
        beside = tuple(dict.fromkeys((*task.beside, *(c.estimator for c in configs.values()))))
        self._parts: dict[str, _Part] = {}
        for name, config in configs.items():
            is_within = estimator_of(config).in_place
            self._parts[name] = (
                _Within(replace(task, beside=beside), config)
                if is_within
                else _OfRun(task, name, config)
            )

    def prepare(self) -> None:
        """Prepare each.

        Raises:
            StoreError: If a run that is needed is not finished, or has other images.
            HarnessError: As the estimators do.
        """
        for part in self._parts.values():
            part.prepare()

    def score(self, name: str, keys: IntArray) -> FloatArray:
        """Return the scores of architectures by one of the estimators.

        Args:
            name: Its name.
            keys: The architectures, [k].

        Returns:
            The scores, [k], higher is better; NaN where there is none, and the number next below
            all others where there is no live path.
        """
        return self._parts[name].score(keys)

    @property
    def fitted_on(self) -> frozenset[int]:
        """The architectures whose truth any was fitted to."""
        return frozenset().union(*(part.fitted_on for part in self._parts.values()))

    def costs_nothing_more(self, names: Iterable[str]) -> bool:
        """Return whether estimators can be asked for all architectures as well as for some."""
        return all(self._parts[name].is_whole for name in names)

    def cost(self) -> dict[str, float] | None:
        """Return the seconds spent within the run, by part; None if unknown of an estimator.

        Those of other runs are among the facts.
        """
        spent: defaultdict[str, float] = defaultdict(float)
        for part in self._parts.values():
            if (cost := part.cost()) is None:
                return None
            for name, seconds in cost.items():
                spent[name] += seconds
        return spent

    def facts(self) -> dict[str, Any]:
        """Return what runs the scores are from, at any depth, for the record."""
        runs = {run["run_id"]: run for part in self._parts.values() for run in part.runs()}
        return {NESTED: list(runs.values())} if runs else {}

    def labels(self) -> OfLabels:
        """Return what is known of labels, if one estimator is fitted to some."""
        fitted = [part for part in self._parts.values() if part.fitted_on]
        return fitted[0].labels() if fitted else OfLabels({}, {})


class _Part(ABC):
    """One estimator within a run.

    Attributes:
        fitted_on: The architectures whose truth it was fitted to.
    """

    fitted_on: frozenset[int] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether asking it for more architectures takes no more time."""
        return True

    @abstractmethod
    def prepare(self) -> None: ...

    @abstractmethod
    def score(self, keys: IntArray) -> FloatArray: ...

    @abstractmethod
    def cost(self) -> Mapping[str, float] | None: ...

    @abstractmethod
    def runs(self) -> list[dict[str, Any]]: ...

    def labels(self) -> OfLabels:
        return OfLabels({}, {})


class _Within(_Part):
    """An estimator that is asked within the run; what it knows already it is not asked again."""

    def __init__(self, task: Task, config: RunConfig) -> None:
        inner = replace(
            task,
            config=config.stored_as(task.config.run_id),
            note=_note_nothing,
            noted={},
            spent={},
        )
        self._is_free = is_free(config)
        self._estimator = estimator_of(config)(inner)
        self._known: dict[int, float] = {}
        self._scores = Scores({}, {}, {})

    @property
    def is_whole(self) -> bool:
        return self._is_free or bool(self.fitted_on)

    def prepare(self) -> None:
        self._estimator.prepare()
        self.fitted_on = self._estimator.fitted_on

    def score(self, keys: IntArray) -> FloatArray:
        if asked := [key for key in keys.tolist() if key not in self._known]:
            self._scores = self._estimator.score(asked)
            for key, row in zip(asked, self._scores.rows["scores"], strict=True):
                score = np.nan if row["score"] is None else row["score"]
                self._known[key] = -np.inf if row["status"] == STATUS_DEAD else score
        scores = np.array([self._known[key] for key in keys.tolist()], dtype=np.float64)
        scores[np.isneginf(scores)] = next_below(scores[np.isfinite(scores)])
        return scores

    def cost(self) -> Mapping[str, float] | None:
        cost = self._estimator.cost()
        return cost if cost or self._is_free else None

    def runs(self) -> list[dict[str, Any]]:
        return list(self._scores.facts.get(NESTED, ()))

    def labels(self) -> OfLabels:
        tables, facts = self._scores.tables, self._scores.facts
        return OfLabels(
            {name: table for name, table in tables.items() if name == "labels"},
            {key: facts[key] for key in (LABELS_OF, LABEL_EPOCHS, LABEL_S) if key in facts},
        )


class _OfRun(_Part):
    """An estimator that has a run of its own, beside the run that asks for its scores."""

    def __init__(self, task: Task, name: str, config: RunConfig) -> None:
        self._task = task
        self._name = name
        out = task.folder.path.parent
        self._config = under_stored_name(config, out)
        self._folder = RunFolder(out / self._config.run_id)

    def prepare(self) -> None:
        run = f"Run {self._task.config.run_id} needs the scores of run {self._config.run_id}"
        if not self._folder.has_record():
            raise StoreError(
                f"{run}, which is not in {self._folder.path.parent}. `harness run` and `harness "
                "sweep` compute it first; put its folder back, or run the command again."
            )
        self._record = self._folder.read_record()
        if self._record.status != FINISHED:
            reason = f": {self._record.reason}" if self._record.reason else ""
            raise StoreError(
                f"{run}, which is {self._record.status}{reason}. Finish that one first; the same "
                "command then computes both."
            )
        if self._record.data.get("images_sha256") != self._task.data.sha256:
            raise MismatchError(
                f"{run}, which is of other images. Give another --out folder, or the data folder "
                "that it was computed with."
            )
        self._matrix = load_run(self._folder, self._record)

    def score(self, keys: IntArray) -> FloatArray:
        scores: FloatArray = self._matrix.scores_of(keys)[0]
        return scores

    def cost(self) -> Mapping[str, float]:
        return {}

    def runs(self) -> list[dict[str, Any]]:
        """Return what decided the scores, and what they cost in all."""
        matrix = self._matrix
        digest = hashlib.sha256(matrix.keys.tobytes() + matrix.score.tobytes()).hexdigest()
        cost = find_cost_of_run(self._record, len(matrix.keys))
        run = {
            "name": self._name,
            "run_id": self._record.run_id,
            "seed": self._config.seed,
            "scores_sha256": digest,
            "cost": cost and cost.to_dict(),
        }
        return [run]


def _note_nothing(**facts: Any) -> None:
    """Keep what an estimator notes out of the record of the run that asks for its scores."""
