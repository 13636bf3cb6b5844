"""The time left of a study, from the speed of its runs since it was started."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from harness.estimators import estimator_of
from harness.estimators.classes import count_classes
from harness.settings.run import RunConfig
from harness.spaces import load_space

PASSES_PER_STEP = 5.0
"""Passes of an image through a ranking that take as long as its training step, probes and small
rankings included: 4.8 in `quick` on tiles, 5.2 on CIFAR-10 (`timings` of the runs of seed 0 in
`results/ogd-study/`)."""


def ranking_share(config: RunConfig) -> float:
    """Estimate how much of a run's work is its ranking, 0 to 1.

    Args:
        config: The run's configuration.
    """
    asked = config.space, config.n_archs, config.rank_offset, config.archs
    passes = _count_classes(*asked) * config.rank_images
    return passes / (passes + PASSES_PER_STEP * config.steps * config.batch_size)


@cache
def _count_classes(
    space_name: str, n_archs: int | None, offset: int, archs: tuple[str, ...] | None
) -> int:
    space = load_space(space_name)
    if archs is not None:
        return count_classes(space, (space.key(space.parse(text)) for text in archs))
    if space.size is None:
        return n_archs or 1
    n_left = space.size - offset
    return count_classes(space, space.prefix(min(n_archs or n_left, n_left), offset))


def work_of(config: RunConfig) -> str:
    """Return what is equal of runs whose work the first of them does (`Estimator.together`)."""
    if not estimator_of(config).together:
        return config.run_id
    return config.model_copy(update={"estimator": "together"}).model_dump_json()


class TimeLeft:
    """Tracks the work that this process has done and the work that remains for it."""

    def __init__(self, works: Iterable[str]) -> None:
        """Start without progress.

        Args:
            works: All works of the study (`work_of`).
        """
        self._share = dict.fromkeys(works, 0.0)  # of each that is done, 0 to 1
        self._heard: set[str] = set()
        self._not_ours: set[str] = set()
        self._ended: set[str] = set()
        self._work = 0.0  # done here, in works
        self._began: float | None = None

    def advance(self, work: str, share: float, now: float) -> None:
        """Record the progress of a work; the first record is what was done before.

        Args:
            work: Which; nothing is left of one that has ended, as its other runs only read it.
            share: The share of it that is done, 0 to 1.
            now: The time, in seconds.
        """
        if work in self._ended:
            return
        if self._began is None:
            self._began = now
        if work in self._heard:
            self._work += share - self._share[work]
        self._heard.add(work)
        self._not_ours.discard(work)
        self._share[work] = share

    def finish(self, work: str, now: float) -> None:
        """Record that a work is done: here, or elsewhere if it never advanced here."""
        if work in self._heard:
            self.advance(work, 1.0, now)
        self._share[work] = 1.0
        self._ended.add(work)

    def leave(self, work: str) -> None:
        """Record that a work is not done here: another process has it, or it failed."""
        self._not_ours.add(work)

    def seconds(self, now: float) -> float | None:
        """Estimate the seconds left; None if nothing was done yet, or nothing is left to do."""
        left = sum(1.0 - share for work, share in self._share.items() if work not in self._not_ours)
        if self._began is None or self._work <= 0 or left <= 0:
            return None
        return left * (now - self._began) / self._work
