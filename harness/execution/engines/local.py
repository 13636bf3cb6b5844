"""Runs on this machine: one after the other in this process, or each in its own process.

Processes get their run through a connection, and report through it. `machine` says how many runs
there are at a time, and why each has one thread.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from harness.errors import HarnessError, Interrupted, WorkerError
from harness.execution.conditions import Conditions
from harness.execution.engines.base import Failure, Queue, needs_no_work
from harness.execution.engines.processes import Processes, hear_of_stops, make_processes
from harness.execution.engines.worker import work
from harness.execution.machine import advise_threads, default_jobs, planned_threads
from harness.monitor import STARTED, Event, Monitor, Progress, pass_on
from harness.settings.run import RunConfig

REPORT_EVERY_S = 0.2
POLL_S = 0.2

LATE_IMPORTS = {"tiles": "sklearn.datasets"}
"""What runs import when they load images, in about a second, by data set."""


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
        datasets = {config.dataset for config in configs}
        modules = [module for dataset, module in LATE_IMPORTS.items() if dataset in datasets]
        return _Pool(queue, conditions, jobs, monitor, make_processes(_work, modules)).run()


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


class _Ended(NamedTuple):
    """The last message of a process: how its run ended."""

    error: HarnessError | None


class _Pool:
    """Processes, each with one run and a connection to it."""

    def __init__(
        self,
        queue: Queue,
        conditions: Conditions,
        jobs: int,
        monitor: Monitor,
        processes: Processes,
    ) -> None:
        self._queue = queue
        self._conditions = conditions
        self._jobs = jobs
        self._monitor = monitor
        self._processes = processes
        self._running: dict[Connection, RunConfig] = {}
        self._ended: dict[Connection, _Ended] = {}
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
            self._processes.kill()
            raise
        finally:
            for connection in self._running:  # as if this process were gone: they save and end
                connection.close()
            self._processes.close()
        return self._queue.result()

    def _start_some(self) -> None:
        while len(self._running) < self._jobs and not self._stopping:
            if (config := self._queue.next()) is None:
                return
            connection = self._processes.start()
            self._running[connection] = config
            with suppress(OSError):  # it has ended already, which `_receive` finds
                connection.send((config, self._conditions))
            self._monitor.event(Event(config.run_id, STARTED, {}))

    def _receive(self, connection: Connection) -> None:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            self._end(connection)
            return
        if isinstance(message, _Ended):
            self._ended[connection] = message
        else:
            pass_on(message, self._monitor)

    def _end(self, connection: Connection) -> None:
        config = self._running.pop(connection)
        status = self._processes.status(connection)
        connection.close()
        ended = self._ended.pop(connection, None)
        self._queue.end(config, ended.error if ended else self._explain_death(config, status))

    def _explain_death(self, config: RunConfig, status: int | None) -> WorkerError:
        where = self._conditions.place_of_traceback(config.run_id)
        if status is None:
            how = "without an exit code, or could not be started"
        elif status < 0:
            how = f"by signal {-status} (9 is often a lack of memory)"
        else:
            how = f"with exit code {status}; its traceback is {where}"
        return _explain(f"The process of run {config.run_id} ended {how}", self._conditions)

    def _stop(self) -> None:
        self._stopping = True
        self._queue.clear()
        for connection in self._running:
            with suppress(OSError):
                connection.send(None)


class _WorkerMonitor:
    """Sends progress to the parent; stops when it is told to, or the parent is gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stop = False
        self._sent = 0.0
        hear_of_stops(self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stop = True

    def should_stop(self) -> bool:
        return self._stop or self._connection.poll()

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._sent > REPORT_EVERY_S or progress.done == progress.total:
            self._sent = now
            self.send(progress)

    def send(self, message: Progress | Event | _Ended | str) -> None:
        try:
            self._connection.send(message)
        except OSError:  # the parent is gone
            self._stop = True

    notice = event = send


def _work(connection: Connection) -> None:
    monitor = _WorkerMonitor(connection)
    try:
        config, conditions = connection.recv()
    except (EOFError, OSError):  # the parent is gone
        return
    log = conditions.log(config.run_id)
    if log is not None:
        _redirect_to(log)
    try:
        if monitor.should_stop():
            raise Interrupted(f"Run {config.run_id} was stopped before it began.")
        _compute(config, conditions, monitor)
    except HarnessError as error:
        error.__cause__ = None  # it may not be picklable
        monitor.send(_Ended(error))
        raise SystemExit(error.exit_code) from None
    monitor.send(_Ended(None))


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
