"""Ranking on batch after batch of images until tau is known well enough.

After each round, a further batch for every architecture, the error that the images leave in tau
is estimated (`harness.stats.jackknife`). The ranking ends when it was small enough `IN_A_ROW`
times in a row: at a single round it may look small by chance, and repeated looks would
find that chance. Simulated and real replays hold the stated error to account
(`tests/unit/stats/test_jackknife.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from harness.estimators.classes import class_key
from harness.estimators.supernet.measuring import BatchSums
from harness.spaces.base import Space
from harness.stats import image_error_of_tau

IN_A_ROW = 3
"""With the 5 batches that the first error needs, there are 7 at least: `config.MIN_ROUNDS`."""


class Goal(NamedTuple):
    """How well tau is to be known.

    Attributes:
        se: Standard error of tau from the images.
        truth: Ground truth by key; architectures without are ranked but do not count.
    """

    se: float
    truth: Mapping[int, float]


class Round(NamedTuple):
    """What was known after some batches.

    Attributes:
        round: Batches used, 1 and up.
        n_images: Images used.
        tau: Kendall's tau-b against the truth, or None where undefined.
        se: Its standard error from the images, or None where not known.
        seconds: Spent on ranking until then, in all starts of the run.
    """

    round: int
    n_images: int
    tau: float | None
    se: float | None
    seconds: float


class Rounds:
    """Measures tau after each batch and says when to end."""

    def __init__(self, goal: Goal, space: Space, keys: Sequence[int]) -> None:
        """Keep the architectures that are ranked, by key."""
        self._goal = goal
        self._keys = [key for key in keys if key in goal.truth]
        self._classes = [class_key(space, key) for key in self._keys]
        self._sizes: list[int] = []
        self._losses: list[list[float]] = []
        self.seen: list[Round] = []

    def add(self, sums: Mapping[int, BatchSums], n_images: int, seconds: float) -> Round:
        """Take in a further batch.

        Args:
            sums: By class, of this batch.
            n_images: Images in it.
            seconds: Spent on ranking.

        Returns:
            What is known now.
        """
        self._sizes.append(n_images)
        self._losses.append([sums[key].loss for key in self._classes])
        losses = np.array(self._losses)
        finite = np.isfinite(losses).all(axis=0)
        truth = np.array([self._goal.truth[key] for key in self._keys])
        tau, se = image_error_of_tau(losses[:, finite], self._sizes, truth[finite])
        self.seen.append(Round(len(self._sizes), sum(self._sizes), tau, se, seconds))
        return self.seen[-1]

    @property
    def are_enough(self) -> bool:
        """Whether tau has been known well enough for some rounds."""
        last = self.seen[-IN_A_ROW:]
        errors = [math.inf if seen.se is None else seen.se for seen in last]
        return len(last) == IN_A_ROW and max(errors) <= self._goal.se


def describe(seen: Round) -> str:
    """Say in a few words how well tau is known."""
    if seen.tau is None:
        return f"tau undefined on {seen.n_images:,} images"
    known = f"tau {seen.tau:.3f}"
    if seen.se is not None:
        known += f" +- {seen.se:.4f}"
    return f"{known} from {seen.n_images:,} images"
