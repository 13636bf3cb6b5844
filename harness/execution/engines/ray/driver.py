"""The driver, where the command runs: it submits runs to a Ray cluster and stores the results."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.exceptions import OutOfMemoryError, RayError, TaskCancelledError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.errors import HarnessError, Interrupted, WorkerError
from harness.estimators.nested import find_needed
from harness.execution.cluster import choose_address
from harness.execution.conditions import Conditions
from harness.execution.engines.base import Failure, Queue
from harness.execution.engines.ray.connecting import connected
from harness.execution.engines.ray.mailbox import (
    Files,
    Mailbox,
    Message,
    read_files,
    read_result,
    write_files,
)
from harness.execution.engines.ray.task import Result, run_task
from harness.execution.machine import planned_threads
from harness.files.datadir import DATA_VARIABLE
from harness.monitor import RETRIED, STARTED, Event, Monitor, pass_on
from harness.runs.folder import RunFolder
from harness.settings.run import RunConfig

POLL_S = 0.2


@dataclass(frozen=True)
class RayEngine:
    """Computes runs as tasks of a Ray cluster.

    Attributes:
        address: The cluster's head, such as `10.0.0.1:6379`; None: $RAY_ADDRESS, else a cluster on
            this machine alone.
        jobs: Runs at a time; None: as many as fit on the cluster.
        fetch: Whether workers write a run's files to their own folder and send them here.
        gpus: GPUs per run; a fraction shares one.
        retries: How often a run is retried after its worker is lost.
        rank_workers: Workers that each ranking is spread over; 0: none.
    """

    address: str | None = None
    jobs: int | None = None
    fetch: bool = False
    gpus: float = 0.0
    retries: int = 3
    rank_workers: int = 0

    def run(
        self, configs: Sequence[RunConfig], conditions: Conditions, monitor: Monitor
    ) -> list[Failure]:
        """Compute runs; see `Engine`.

        Raises:
            UsageError: If there is no cluster at the address, or Ray does not start.
        """
        address = choose_address(self.address)
        data_dir = conditions.data_dir or os.environ.get(DATA_VARIABLE)
        conditions = conditions._replace(
            out=conditions.out.absolute(),  # workers may start in another folder
            data_dir=None if data_dir is None else Path(data_dir).absolute(),
        )
        queue = Queue(configs, conditions, monitor)
        first = queue.next()
        if first is None and not queue:
            return queue.result()
        if first is not None:
            queue.put_first(first)
        with connected(address):
            return _Driver(self, queue, conditions, monitor).run()


class _Task(NamedTuple):
    """A run that was submitted.

    Attributes:
        config: The run.
        attempt: Starts at 1 and increases by 1 after each lost worker.
        lock: Locks the run's folder if the worker cannot.
    """

    config: RunConfig
    attempt: int
    lock: ExitStack


class _Driver:
    """The tasks in progress, and the mailbox that they report to."""

    def __init__(
        self, engine: RayEngine, queue: Queue, conditions: Conditions, monitor: Monitor
    ) -> None:
        self._engine = engine
        self._queue = queue
        self._conditions = conditions
        self._monitor = monitor
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor: Any = ray.remote(Mailbox)
        self._mailbox: Any = actor.options(num_cpus=0, scheduling_strategy=here).remote()
        self._under_way: dict[Any, _Task] = {}
        self._started: set[str] = set()
        self._broken: dict[str, HarnessError] = {}
        self._stopping = False

    def run(self) -> list[Failure]:
        try:
            while self._queue or self._under_way:
                self._submit_some()
                ready = self._wait()
                for message in ray.get(self._mailbox.take.remote()):
                    self._receive(message)
                for reference in ready:
                    self._end(reference)
                if self._monitor.should_stop() and not self._stopping:
                    self._stop()
        finally:
            for task in self._under_way.values():
                task.lock.close()
        return self._queue.result()

    def _wait(self) -> list[Any]:
        if not self._under_way:
            time.sleep(POLL_S)
            return []
        references = list(self._under_way)
        return ray.wait(references, num_returns=len(references), timeout=POLL_S)[0]

    def _submit_some(self) -> None:
        limit = self._engine.jobs
        while not self._stopping and (limit is None or len(self._under_way) < limit):
            config = self._queue.next()
            if config is None:
                return
            lock = ExitStack()
            if self._engine.fetch:
                try:
                    lock.enter_context(self._conditions.folder(config).locked())
                except HarnessError as error:
                    self._queue.end(config, error)
                    continue
            self._submit(_Task(config, 1, lock))

    def _submit(self, task: _Task) -> None:
        config, conditions, engine = task.config, self._conditions, self._engine
        folder = conditions.folder(config)
        sent = None
        if engine.fetch:
            needed = find_needed(config, conditions.out)
            sent = [read_files(folder), *(read_result(conditions.folder(one)) for one in needed)]
        remote: Any = ray.remote(run_task).options(
            name=config.run_id,
            num_cpus=planned_threads(config, folder),
            num_gpus=engine.gpus,
            max_retries=0,  # counted here, where retries are reported
        )
        reference = remote.remote(config, conditions, self._mailbox, sent, engine.rank_workers)
        self._under_way[reference] = task

    def _receive(self, message: Message) -> None:
        if isinstance(message, Files):
            self._keep(message)
            return
        if isinstance(message, Event) and message.kind == STARTED:
            self._started.add(message.run_id)
        pass_on(message, self._monitor)

    def _keep(self, files: Files) -> None:
        """Write files of a run in progress; if that fails, only this run fails."""
        run_id = files.run_id
        for reference, task in self._under_way.items():
            if task.config.run_id == run_id and run_id not in self._broken:
                try:
                    write_files(files, RunFolder(self._conditions.out / run_id))
                except HarnessError as error:
                    self._broken[run_id] = error
                    ray.cancel(reference)  # its result could not be stored either

    def _end(self, reference: Any) -> None:
        task = self._under_way.pop(reference)
        config = task.config
        self._started.discard(config.run_id)
        error: HarnessError | None = self._broken.pop(config.run_id, None)
        try:
            result: Result | None = None if error else ray.get(reference)
        except TaskCancelledError:
            error = Interrupted(f"Run {config.run_id} was stopped before it began.")
        except RayError as problem:
            error = self._lost(task, problem)
            if error is None:
                return
        else:
            if result is not None:
                error = self._take(result, config)
        task.lock.close()
        self._queue.end(config, error)

    def _take(self, result: Result, config: RunConfig) -> HarnessError | None:
        """Store a run's results; return why it did not finish, or None if it did."""
        log = self._conditions.log(config.run_id)
        try:
            if result.files is not None:
                write_files(result.files, self._conditions.folder(config))
        except HarnessError as error:
            return error
        if result.log and log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(result.log)
        return result.error

    def _lost(self, task: _Task, problem: RayError) -> HarnessError | None:
        """Retry a run whose worker was lost, or return why it cannot be retried."""
        config, attempt = task.config, task.attempt
        reason = f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}"
        if self._stopping:
            return Interrupted(f"Run {config.run_id} lost its worker while it was stopped.")
        if isinstance(problem, OutOfMemoryError):
            return WorkerError(
                f"The worker of run {config.run_id} was killed for lack of memory ({reason}). Run "
                "the same command with --retry-failed on a larger machine, or with fewer --jobs."
            )
        if attempt > self._engine.retries:
            return WorkerError(
                f"Run {config.run_id} lost its worker {attempt} times, the last time by {reason}. "
                "Run the same command with --retry-failed to resume from the last checkpoint."
            )
        facts = {"attempt": attempt + 1, "reason": reason}
        self._monitor.event(Event(config.run_id, RETRIED, facts))
        self._submit(task._replace(attempt=attempt + 1))
        return None

    def _stop(self) -> None:
        self._stopping = True
        self._queue.clear()
        ray.get(self._mailbox.stop.remote())
        for reference, task in self._under_way.items():
            if task.config.run_id not in self._started:
                ray.cancel(reference)
