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


def job_of(config: RunConfig) -> str:
    """Name a run's job: one for all runs whose work the first of them does (`together`)."""
    if not estimator_of(config).together:
        return config.run_id
    return config.model_copy(update={"estimator": "together"}).model_dump_json()


class TimeLeft:
    """Tracks the jobs that this process has done, and those that remain for it."""

    def __init__(self, jobs: Iterable[str]) -> None:
        """Start without progress.

        Args:
            jobs: All jobs of the study (`job_of`).
        """
        self._share = dict.fromkeys(jobs, 0.0)  # of each that is done, 0 to 1
        self._heard: set[str] = set()
        self._not_ours: set[str] = set()
        self._ended: set[str] = set()
        self._work = 0.0  # done here, in jobs
        self._began: float | None = None

    def advance(self, job: str, share: float, now: float) -> None:
        """Record the progress of a job; the first record is what was done before.

        Args:
            job: Which; one that has ended stays so, as its other runs only read it.
            share: The share of it that is done, 0 to 1.
            now: The time, in seconds.
        """
        if job in self._ended:
            return
        if self._began is None:
            self._began = now
        if job in self._heard:
            self._work += share - self._share[job]
        self._heard.add(job)
        self._not_ours.discard(job)
        self._share[job] = share

    def finish(self, job: str, now: float) -> None:
        """Record that a job is done: here, or elsewhere if it never advanced here."""
        if job in self._heard:
            self.advance(job, 1.0, now)
        self._share[job] = 1.0
        self._ended.add(job)

    def leave(self, job: str) -> None:
        """Record that a job is not done here: another process has it, or it failed."""
        self._not_ours.add(job)

    def seconds(self, now: float) -> float | None:
        """Estimate the seconds left; None if nothing was done yet, or nothing is left to do."""
        left = sum(1.0 - share for job, share in self._share.items() if job not in self._not_ours)
        if self._began is None or self._work <= 0 or left <= 0:
            return None
        return left * (now - self._began) / self._work
