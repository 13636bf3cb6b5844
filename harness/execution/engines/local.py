"""Runs on this machine: one after the other in this process, or each in its own process.

Processes report through pipes. `machine` says how many runs there are at a time, and why each has
one thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import HarnessError, Interrupted, WorkerError
from harness.execution.conditions import Conditions
from harness.execution.engines.base import Failure, Queue, needs_no_work
from harness.execution.engines.worker import work
from harness.execution.machine import advise_threads, default_jobs, planned_threads
from harness.monitor import STARTED, Event, Monitor, Progress, pass_on
from harness.settings.run import RunConfig

REPORT_EVERY_S = 0.2
POLL_S = 0.2


@dataclass(frozen=True)
class LocalEngine:
    """Computes runs on this machine.

    Attributes:
        jobs: Runs at a time; None: as many as suit the machine.
    """

    jobs: int | None = None

    def run(
        self, configs: Sequence[RunConfig], conditions: Conditions, monitor: Monitor
    ) -> list[Failure]:
        """Compute runs; see `Engine`.

        In a study each run has its own process, even one at a time, so that a killed run leaves
        the others unharmed.
        """
        queue = Queue(configs, conditions, monitor)
        if not configs:
            return queue.result()
        jobs = self.jobs or default_jobs(configs[0], len(configs))
        _advise(configs, conditions, jobs, monitor)
        if jobs == 1 and not conditions.study:
            return _run_in_turn(queue, conditions, monitor)
        return _Pool(queue, conditions, jobs, monitor).run()


def _advise(
    configs: Sequence[RunConfig], conditions: Conditions, jobs: int, monitor: Monitor
) -> None:
    """Tell the monitor what another number of threads would do, if anything is to be computed."""
    left = [config for config in configs if not needs_no_work(config, conditions)]
    threads = [planned_threads(config, conditions.folder(config)) for config in left]
    advice = advise_threads(left, threads, min(jobs, len(left)))
    if advice is not None:
        monitor.notice(advice)


def _run_in_turn(queue: Queue, conditions: Conditions, monitor: Monitor) -> list[Failure]:
    while (config := queue.next()) is not None:
        error = None
        monitor.event(Event(config.run_id, STARTED, {}))
        try:
            _compute(config, conditions, monitor)
        except HarnessError as problem:
            error = problem
        queue.end(config, error)
        if isinstance(error, Interrupted):
            raise error
    return queue.result()


class _Worker(NamedTuple):
    """A process that computes a run."""

    process: BaseProcess
    config: RunConfig
    told: list[HarnessError]


class _Pool:
    """Processes, each with one run and a pipe from it."""

    def __init__(self, queue: Queue, conditions: Conditions, jobs: int, monitor: Monitor) -> None:
        self._queue = queue
        self._conditions = conditions
        self._jobs = jobs
        self._monitor = monitor
        self._running: dict[Connection, _Worker] = {}
        self._stopping = False

    def run(self) -> list[Failure]:
        try:
            while self._queue or self._running:
                self._start_some()
                for connection in wait(list(self._running), timeout=POLL_S):
                    assert isinstance(connection, Connection)
                    self._receive(connection)
                if self._monitor.should_stop() and not self._stopping:
                    self._stop()
        except KeyboardInterrupt:  # the second request: stop at once
            for worker in self._running.values():
                worker.process.kill()
            raise
        finally:
            self._stop()
            for worker in self._running.values():
                worker.process.join()
        return self._queue.result()

    def _start_some(self) -> None:
        while len(self._running) < self._jobs and not self._stopping:
            if (config := self._queue.next()) is None:
                return
            self._start(config)

    def _start(self, config: RunConfig) -> None:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        arguments = (config, self._conditions, sender, os.getpid())
        process = context.Process(target=_work, args=arguments)
        with _without_ctrl_c():
            process.start()
        sender.close()  # the worker has its own end; with ours closed, its death ends the pipe
        self._running[receiver] = _Worker(process, config, [])
        self._monitor.event(Event(config.run_id, STARTED, {}))

    def _receive(self, connection: Connection) -> None:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            self._end(connection)
            return
        if isinstance(message, HarnessError):
            self._running[connection].told.append(message)
        else:
            pass_on(message, self._monitor)

    def _end(self, connection: Connection) -> None:
        process, config, told = self._running.pop(connection)
        process.join()
        connection.close()
        error: HarnessError | None = told[0] if told else None
        if self._stopping and process.exitcode == -signal.SIGTERM:  # it had not started
            error = Interrupted(f"Run {config.run_id} was stopped.")
        elif process.exitcode and error is None:
            code, where = process.exitcode, self._conditions.place_of_traceback(config.run_id)
            how = (
                f"by signal {-code} (9 is often a lack of memory)"
                if code < 0
                else f"with exit code {code}; its traceback is {where}"
            )
            error = _explain(f"The process of run {config.run_id} ended {how}", self._conditions)
        self._queue.end(config, error)

    def _stop(self) -> None:
        self._stopping = True
        self._queue.clear()
        for worker in self._running.values():
            if worker.process.is_alive():
                worker.process.terminate()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block SIGINT: for good in a process started meanwhile, until the end of the block here.

    Ctrl-C reaches every process of a terminal. A worker that is still importing would die with a
    traceback; the parent asks it to stop by SIGTERM instead.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start would unblock the signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class _WorkerMonitor:
    """Sends progress to the parent; stops on its signal, or when the parent is gone."""

    def __init__(self, connection: Connection, parent: int) -> None:
        self._connection = connection
        self._parent = parent
        self._stop = False
        self._sent = 0.0
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # see `_without_ctrl_c`

    def _on_signal(self, _number: int, _frame: Any) -> None:
        self._stop = True

    def should_stop(self) -> bool:
        return self._stop or os.getppid() != self._parent

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._sent > REPORT_EVERY_S or progress.done == progress.total:
            self._sent = now
            self.send(progress)

    def send(self, message: Progress | Event | HarnessError | str) -> None:
        try:
            self._connection.send(message)
        except OSError:  # the parent is gone
            self._stop = True

    notice = event = send


def _work(
    config: RunConfig,
    conditions: Conditions,
    connection: Connection,
    parent: int,
) -> None:
    monitor = _WorkerMonitor(connection, parent)
    log = conditions.log(config.run_id)
    if log is not None:
        _redirect_to(log)
    try:
        _compute(config, conditions, monitor)
    except HarnessError as error:
        error.__cause__ = None  # it may not be picklable
        monitor.send(error)
        raise SystemExit(error.exit_code) from None


def _compute(config: RunConfig, conditions: Conditions, monitor: Monitor) -> None:
    """Compute a run. A strategy or estimator that calls `sys.exit` fails its own run only.

    `work` lets the call through, as Ray ends its workers in the same way.
    """
    try:
        work(config, conditions, monitor)
    except SystemExit as error:
        traceback.print_exc()
        where = conditions.place_of_traceback(config.run_id)
        raise _explain(
            f"Run {config.run_id} called sys.exit({error.code!r}); its traceback is {where}",
            conditions,
        ) from error


def _explain(what: str, conditions: Conditions) -> WorkerError:
    go_on = (
        "Run the same command with --retry-failed to resume from the last checkpoint"
        if conditions.study
        else "Run the same command to resume"
    )
    return WorkerError(f"{what}. {go_on}.")


def _redirect_to(log: Path) -> None:
    """Redirect the output of libraries into the log, away from the progress display."""
    log.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(handle, stream.fileno())
    os.close(handle)
