"""Processes that train one network each, on one thread."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.synchronize import Event
from typing import Any, Protocol, TypeVar

import torch

from harness.training.allocation import keep_freed_memory

Given = TypeVar("Given")
Job = TypeVar("Job")
Done = TypeVar("Done")

_given: Any = None
"""In a worker: what all jobs share."""


class Pool(Protocol):
    """A way to compute jobs side by side: `compute_all`, or tasks of a Ray cluster."""

    def __call__(
        self,
        function: Callable[[Given, Job], Done],
        given: Given,
        jobs: Iterable[Job],
        workers: int,
    ) -> Generator[Done, None, None]:
        """Yield what `function(given, job)` returns, as it is finished."""
        ...


def compute_all(
    function: Callable[[Given, Job], Done], given: Given, jobs: Iterable[Job], workers: int
) -> Generator[Done, None, None]:
    """Apply a function to jobs in processes, handing out a few ahead, so that a stop is quick.

    What is under way when the caller closes the generator, or is interrupted, is given up. The
    processes themselves do not hear of Ctrl-C, which a terminal sends to all.

    Args:
        function: Found by its module and name in the workers, or a `partial` of such a one.
        given: Its first argument, sent to each worker once.
        jobs: Its second arguments; drawn when a worker is about to be free.
        workers: Processes, each with one thread.

    Yields:
        What it returns, as it is finished.
    """
    context = multiprocessing.get_context("spawn")
    # Pickled here: torch's own way would put the tensors into shared memory, of which containers
    # have little.
    stop = context.Event()
    start = (os.getpid(), stop, pickle.dumps(given))
    with ProcessPoolExecutor(workers, context, _start_worker, start) as pool:
        waiting = iter(jobs)
        running: set[Future[Done]] = set()
        try:
            while True:
                for job in waiting:
                    running.add(pool.submit(_compute, function, job))
                    if len(running) > workers:
                        break
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BaseException:
            stop.set()
            raise


def _start_worker(parent: int, stop: Event, given: bytes) -> None:
    global _given
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _given = pickle.loads(given)
    torch.set_num_threads(1)
    keep_freed_memory()
    threading.Thread(target=_die_with, args=(parent, stop), daemon=True).start()


def _die_with(parent: int, stop: Event) -> None:
    """End this worker when it is told to, or its parent is gone, which a pool's workers outlive."""
    while os.getppid() == parent and not stop.wait(1.0):
        pass
    os._exit(1)


def _compute(function: Callable[[Any, Job], Done], job: Job) -> Done:
    return function(_given, job)
