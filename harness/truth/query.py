"""What can be asked of a truth table: which rows, and how trials become one number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.truth.metric import ACCURACY

MEAN, TRIAL, SEED = "mean", "trial", "seed"
POLICIES = (MEAN, f"{TRIAL}=K", f"{SEED}=S")

_NUMBERED = re.compile(rf"({TRIAL}|{SEED})=(-?[0-9]+)")
_LARGEST = {TRIAL: 2**31 - 1, SEED: 2**53 - 1}


class Policy(NamedTuple):
    """A policy, taken apart.

    Attributes:
        kind: "mean", "trial" or "seed".
        number: The trial or seed; 0 for the mean.
    """

    kind: str
    number: int


@dataclass(frozen=True)
class TruthQuery:
    """Which numbers of a table are the truth.

    Attributes:
        dataset: Data set in the table's spelling.
        split: "valid" or "test": the images that accuracy was measured on.
        epochs: Length of training, epochs; 0 of a metric that takes none.
        policy: How an architecture's trials become one number: "mean" of all of them, or
            "trial=K" or "seed=S" alone. Nothing is ever drawn at random.
        metric: Name of what is measured, such as "latency:raspi4".
    """

    dataset: str
    split: str
    epochs: int
    policy: str = MEAN
    metric: str = ACCURACY.name

    def __post_init__(self) -> None:
        """Check the policy, and write its number in one way."""
        rule = _parse_policy(self.policy)
        object.__setattr__(
            self, "policy", rule.kind if rule.kind == MEAN else f"{rule.kind}={rule.number}"
        )

    def __str__(self) -> str:
        """Say it in words, as every figure does."""
        rule = self.rule
        policy = "mean of trials" if rule.kind == MEAN else f"{rule.kind} {rule.number}"
        return f"{self.rows}, {policy}" if self.epochs else self.rows

    @property
    def rows(self) -> str:
        """The rows that are meant, in words; latency takes no training, so it has no epochs."""
        metric = "" if self.metric == ACCURACY.name else f"{self.metric}, "
        trained = f" {self.split}, {self.epochs} epochs" if self.epochs else ""
        return f"{metric}{self.dataset}{trained}"

    @property
    def rule(self) -> Policy:
        """The policy, taken apart."""
        return _parse_policy(self.policy)


def _parse_policy(text: str) -> Policy:
    if text == MEAN:
        return Policy(MEAN, 0)
    match = _NUMBERED.fullmatch(text)
    if match is None or len(match[2]) > len(str(_LARGEST[SEED])):
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise UsageError(
            f"Unknown truth policy '{shown}'. Available: {', '.join(POLICIES)}, where K is a "
            "trial's number from 0 and S a seed from 0. Give one of these, such as trial=0."
        )
    kind, number = match[1], int(match[2])
    if kind == SEED and number == -1:
        raise UsageError(
            "Truth policy 'seed=-1' was given; -1 stands for a seed that is not known, so it "
            "names no training. Ask for the mean, or for a trial, such as trial=0."
        )
    if not 0 <= number <= _LARGEST[kind]:
        raise UsageError(
            f"Truth policy '{text}' was given; a {kind} is a number from 0 to "
            f"{_LARGEST[kind]}. Give one of those that the table has."
        )
    return Policy(kind, number)


class Trials(NamedTuple):
    """The single trainings behind a truth.

    Attributes:
        keys: Architectures (`Space.key`), ascending, [arch].
        value: The metric, in its unit (percent, of accuracy), [arch, trial]; NaN where an
            architecture lacks a trial.
    """

    keys: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


class Truth(NamedTuple):
    """One number an architecture.

    Attributes:
        keys: Architectures (`Space.key`), ascending, [arch].
        value: The metric, in its unit (percent, of accuracy), rounded to 1e-6, [arch].
        n_trials: Trials behind each number, [arch].
        n_trainings: Trainings behind each, [arch]: more than trials of generators, where a trial
            is a network.
        n_missing: Architectures with other trainings on the same split and length, but without
            the trial or the seed that was asked for.
    """

    keys: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    n_trials: npt.NDArray[np.int64]
    n_trainings: npt.NDArray[np.int64]
    n_missing: int = 0

    def by_index(self) -> dict[int, float]:
        """Return the accuracies by architecture."""
        return dict(zip(self.keys.tolist(), self.value.tolist(), strict=True))


class Group(NamedTuple):
    """What can be asked for: the rows of one metric, data set, split and length of training.

    Attributes:
        dataset: Data set in the table's spelling.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        n_archs: Architectures with any row.
        n_rows: Rows.
        trials: Architectures by number of trials, such as {1: 20, 3: 100}.
        trial_numbers: The trial numbers that occur, with the architectures that have them.
        seeds: The known seeds that occur, with the rows that have them.
        metric: Name of the metric.
    """

    dataset: str
    split: str
    epochs: int
    n_archs: int
    n_rows: int
    trials: dict[int, int]
    trial_numbers: dict[int, int]
    seeds: dict[int, int]
    metric: str = ACCURACY.name

    @property
    def query(self) -> TruthQuery:
        """What asks for its means."""
        return TruthQuery(self.dataset, self.split, self.epochs, metric=self.metric)
