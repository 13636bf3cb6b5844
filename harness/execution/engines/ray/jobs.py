"""Trainings as tasks of a Ray cluster, for tables of one's own and for searches.

The driver alone writes: a worker returns what it computed. A job that is lost with its worker is
computed again; as each draws everything from its own seed, that changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Any, TypeVar

import ray
import torch
from ray.exceptions import RayError, RayTaskError

from harness.errors import HarnessError, WorkerError

Given = TypeVar("Given")
Job = TypeVar("Job")
Done = TypeVar("Done")

RETRIES = 3
"""How often a job is computed again after its worker is lost."""


def count_cpus() -> int:
    """Count the CPUs of the cluster that this process is connected to."""
    resources: Any = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1)))


def compute_on_ray(
    function: Callable[[Given, Job], Done], given: Given, jobs: Iterable[Job], workers: int
) -> Generator[Done, None, None]:
    """Apply a function to jobs on the cluster that this process is connected to.

    See `harness.training.pool.compute_all`. A class of one's own has to be importable on every
    node.

    Args:
        function: Found by its module and name, or a `partial` of such a one.
        given: Its first argument, sent to each node once.
        jobs: Its second arguments; drawn when a worker is about to be free.
        workers: Jobs at a time, each with one CPU.

    Yields:
        What it returns, as it is finished.

    Raises:
        HarnessError: What a job raised.
        WorkerError: If a job lost its worker more than `RETRIES` times.
    """
    shared = ray.put(given)
    remote: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(_compute)
    with closing(
        keep_busy(lambda job: remote.remote(function, shared, job), jobs, workers)
    ) as done:
        for _, reference in done:
            yield _take(reference)


def keep_busy(
    submit: Callable[[Job], Any], jobs: Iterable[Job], workers: int
) -> Generator[tuple[Job, Any], None, None]:
    """Submit jobs, some at a time; what is under way when the generator is closed is cancelled.

    Args:
        submit: Submits a job, and returns the reference to its result.
        jobs: The jobs; drawn when a worker is free.
        workers: Jobs at a time.

    Yields:
        Each job with that reference, as it is finished.
    """
    waiting, under_way = iter(jobs), dict[Any, Job]()
    try:
        while True:
            for job in itertools.islice(waiting, workers - len(under_way)):
                under_way[submit(job)] = job
            if not under_way:
                return
            (reference,), _ = ray.wait(list(under_way))
            yield under_way.pop(reference), reference
    finally:
        for reference in under_way:
            ray.cancel(reference, force=True)


def _take(reference: Any) -> Any:
    try:
        done, error = ray.get(reference)
    except RayTaskError:  # a bug; it has its own traceback
        raise
    except RayError as problem:
        reason = str(problem).strip().splitlines()[0]
        raise WorkerError(
            f"A training lost its worker: {type(problem).__name__}, {reason} (It was tried "
            f"{1 + RETRIES} times.) What was finished is kept: run the same command again."
        ) from problem
    if error is not None:
        raise error
    return done


def _compute(
    function: Callable[[Given, Job], Done], given: Given, job: Job
) -> tuple[Done | None, HarnessError | None]:
    """Return what the function returns, or why it failed: Ray would wrap what is raised."""
    torch.set_num_threads(1)
    try:
        return function(given, job), None
    except HarnessError as error:
        error.__cause__ = None  # it may not be picklable
        return None, error
