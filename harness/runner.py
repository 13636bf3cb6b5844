"""Several runs at once on one machine: a process for each, watched by one monitor."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from harness.config import RunConfig
from harness.errors import HarnessError, Interrupted, StoreError
from harness.experiment import default_jobs, default_threads, resolve_config, run_experiment
from harness.monitor import Monitor, Progress
from harness.store import RunFolder
from harness.truth import find_truth

REPORT_EVERY_S = 0.2
POLL_S = 0.2


class Failure(NamedTuple):
    """Why a run did not finish.

    Attributes:
        run_id: Which run.
        error: The error.
    """

    run_id: str
    error: HarnessError


class Outcome(NamedTuple):
    """What became of several runs.

    Attributes:
        finished: Folders of finished runs, in the order asked for.
        failures: The runs that failed; the others went on.
    """

    finished: list[RunFolder]
    failures: list[Failure]


class _Arguments(NamedTuple):
    """What all runs are called with."""

    out: Path
    data_dir: Path | None
    threads: int
    profile: bool


def run_all(
    configs: Sequence[RunConfig],
    out: Path,
    data_dir: Path | None,
    jobs: int | None,
    monitor: Monitor,
    profile: bool = False,
) -> Outcome:
    """Do several runs of one data set, some at a time, returning those that are finished already.

    Args:
        configs: The runs, as asked for; they are resolved here.
        out: Folder of run folders.
        data_dir: Where images and truth lie, for data sets that need it.
        jobs: Runs at a time; None: as many as suit the machine.
        monitor: Told the progress of all; can stop them.
        profile: Whether each run writes beforehand where its time goes.

    Returns:
        The finished runs, and the failures.

    Raises:
        Interrupted: If the monitor asked to stop; every run under way saved itself.
        HarnessError: If what the runs have in common is at fault.
    """
    truth = find_truth(configs[0].dataset, data_dir)
    resolved = [resolve_config(config, truth) for config in configs]
    jobs = jobs or default_jobs(resolved[0], len(resolved))
    arguments = _Arguments(out, data_dir, default_threads(resolved[0], jobs), profile)
    if jobs == 1:
        failures = _run_in_turn(resolved, arguments, monitor)
    else:
        failures = _Pool(resolved, arguments, jobs, monitor).run()
    failed = {failure.run_id for failure in failures}
    finished = [RunFolder(out / c.run_id) for c in resolved if c.run_id not in failed]
    return Outcome(finished, failures)


def _run(config: RunConfig, arguments: _Arguments, monitor: Monitor) -> None:
    out, data_dir, threads, profile = arguments
    run_experiment(config, out, data_dir, threads, monitor, profile)


def _run_in_turn(
    configs: Sequence[RunConfig], arguments: _Arguments, monitor: Monitor
) -> list[Failure]:
    failures = []
    for config in configs:
        try:
            _run(config, arguments, monitor)
        except Interrupted:
            raise
        except HarnessError as error:
            failures.append(Failure(config.run_id, error))
    return failures


class _Pool:
    """Processes at work, each on one run, with a pipe from each."""

    def __init__(
        self,
        configs: Sequence[RunConfig],
        arguments: _Arguments,
        jobs: int,
        monitor: Monitor,
    ) -> None:
        self._waiting = list(configs)
        self._arguments = arguments
        self._jobs = jobs
        self._monitor = monitor
        self._running: dict[Connection, tuple[BaseProcess, str]] = {}
        self._failures: list[Failure] = []
        self._stopping = False
        self._left_out = False

    def run(self) -> list[Failure]:
        try:
            while self._waiting or self._running:
                while self._waiting and len(self._running) < self._jobs and not self._stopping:
                    self._start(self._waiting.pop(0))
                if not self._running:
                    break
                for connection in wait(list(self._running), timeout=POLL_S):
                    assert isinstance(connection, Connection)
                    self._receive(connection)
                if self._monitor.should_stop() and not self._stopping:
                    self._stop()
        except KeyboardInterrupt:  # asked a second time: at once
            for process, _ in self._running.values():
                process.kill()
            raise
        finally:
            self._stop()
            for process, _ in self._running.values():
                process.join()
        if self._left_out or any(isinstance(f.error, Interrupted) for f in self._failures):
            raise Interrupted("Stopped; every run under way was saved.")
        return self._failures

    def _start(self, config: RunConfig) -> None:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(config, self._arguments, sender, os.getpid()))
        with _without_ctrl_c():
            process.start()
        sender.close()  # the worker has its own end; with ours closed, its death ends the pipe
        self._running[receiver] = (process, config.run_id)

    def _receive(self, connection: Connection) -> None:
        try:
            message = connection.recv()
        except EOFError:
            self._end(connection)
            return
        match message:
            case Progress():
                self._monitor.progress(message)
            case Failure():
                self._failures.append(message)
            case str():
                self._monitor.notice(message)

    def _end(self, connection: Connection) -> None:
        process, run_id = self._running.pop(connection)
        process.join()
        connection.close()
        told = any(failure.run_id == run_id for failure in self._failures)
        if self._stopping and process.exitcode == -signal.SIGTERM:  # it had not begun
            self._failures.append(Failure(run_id, Interrupted(f"Run {run_id} was stopped.")))
        elif process.exitcode and not told:
            how = (
                f"by signal {-process.exitcode} (9 is often a lack of memory)"
                if process.exitcode < 0
                else f"with exit code {process.exitcode}; its traceback is above"
            )
            text = f"The process of run {run_id} ended {how}. Run the same command to go on."
            with suppress(StoreError):  # the record only says it too
                RunFolder(self._arguments.out / run_id).mark_stopped(text)
            self._failures.append(Failure(run_id, StoreError(text)))

    def _stop(self) -> None:
        self._stopping = True
        self._left_out |= bool(self._waiting)
        self._waiting.clear()
        for process, _ in self._running.values():
            if process.is_alive():
                process.terminate()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block SIGINT, for a process started meanwhile for good; what comes is delivered after.

    Ctrl-C reaches the whole group of a terminal. A worker still importing would die of it with a
    traceback; the parent passes the wish to stop on as SIGTERM.
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

    def notice(self, message: str) -> None:
        self.send(message)

    def send(self, message: Progress | Failure | str) -> None:
        try:
            self._connection.send(message)
        except OSError:  # the parent is gone, and with it whoever would have read this
            self._stop = True


def _work(
    config: RunConfig,
    arguments: _Arguments,
    connection: Connection,
    parent: int,
) -> None:
    monitor = _WorkerMonitor(connection, parent)
    try:
        _run(config, arguments, monitor)
    except HarnessError as error:
        monitor.send(Failure(config.run_id, error))
        raise SystemExit(error.exit_code) from None
