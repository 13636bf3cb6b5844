"""What is searched, the ways to search it, and what is learned of an architecture.

Needs neither torch nor Optuna.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.search.algorithms import DEFAULTS, ORDER, Algorithm, Settings
from harness.search.candidates import Candidates

if TYPE_CHECKING:
    from harness.search.objectives import Objective

ROUNDING = 1e-9
"""Numbers of evaluations that differ by less are the same: shares of trainings are added up."""


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

    @property
    def merit(self) -> tuple[int, float]:
        """What the best has most of: the longest training, then the first objective."""
        return self.epochs, self.values[0]


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
