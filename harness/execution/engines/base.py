"""The interface of engines, and the queue of runs that they share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from harness.errors import (
    HarnessError,
    Interrupted,
    LockedError,
    MemoryShortageError,
    StoreError,
    WorkerError,
)
from harness.estimators.nested import find_needed
from harness.execution.conditions import Conditions
from harness.execution.experiment import Experiment, begin_record
from harness.monitor import FAILED, FINISHED, INTERRUPTED, WAITING, Event, Monitor
from harness.runs.folder import RunFolder
from harness.runs.record import FAILED as STATUS_FAILED
from harness.runs.record import FINISHED as STATUS_FINISHED
from harness.runs.record import INTERRUPTED as STATUS_INTERRUPTED
from harness.runs.record import RUNNING
from harness.settings.run import RunConfig

LOCKED_AGAIN_S = 1.0
"""Seconds before a run that another process holds is checked again."""


class Failure(NamedTuple):
    """Why a run did not finish.

    Attributes:
        run_id: Which run.
        error: The error.
    """

    run_id: str
    error: HarnessError


class Engine(Protocol):
    """Computes runs. Whatever the engine, a run's numbers on a CPU are the same bits.

    Laws: every run ends as finished or as a failure, and a failure does not stop the others; a run
    that was stopped, or whose worker was killed, resumes from its last checkpoint when any engine
    computes it again.
    """

    def run(
        self, configs: Sequence[RunConfig], conditions: Conditions, monitor: Monitor
    ) -> list[Failure]:
        """Compute the runs that are not finished.

        Args:
            configs: The runs, resolved, each once.
            conditions: What all runs share.
            monitor: Receives the progress and the events of all runs; can stop them.

        Returns:
            The runs that failed.

        Raises:
            Interrupted: If the monitor asked to stop; every run under way was saved.
        """
        ...


class Queue:
    """The runs that an engine has to start, and the failures of those that ended.

    Attributes:
        failures: So far.
        was_stopped: Whether a run ended because it was asked to stop.
    """

    def __init__(
        self, configs: Sequence[RunConfig], conditions: Conditions, monitor: Monitor
    ) -> None:
        """Take the runs, in the order in which they start, each after those that it needs."""
        self._waiting = list(configs)
        self._unended = {config.run_id for config in configs}
        self._needed = {
            config.run_id: {one.run_id for one in find_needed(config, conditions.out)}
            for config in configs
        }
        self._conditions = conditions
        self._monitor = monitor
        self._held: dict[str, float] = {}  # by run, when it was last seen held by another process
        self.failures: list[Failure] = []
        self.was_stopped = False

    def __len__(self) -> int:
        """Count the runs that wait."""
        return len(self._waiting)

    def next(self) -> RunConfig | None:
        """Return a run to start now; None if all that wait need another one, or are held.

        Runs that need no work, since they are finished or failed before, are ended.
        """
        position = 0
        while position < len(self._waiting):
            config = self._waiting[position]
            if self._is_early(config) or self._is_held(config):
                position += 1
                continue
            del self._waiting[position]
            if not self._settle(config):
                return config
        return None

    def put_first(self, config: RunConfig) -> None:
        """Put a run back as the next one."""
        self._waiting.insert(0, config)

    def clear(self) -> None:
        """Drop the waiting runs: the work is being stopped."""
        self.was_stopped |= bool(self._waiting)
        self._waiting.clear()

    def end(self, config: RunConfig, error: HarnessError | None, computed: bool = True) -> None:
        """Record how a run ended, and tell the monitor."""
        if isinstance(error, LockedError) and self._conditions.study:
            self._hold(config.run_id)
            self._waiting.append(config)
            return
        self._unended.discard(config.run_id)
        if isinstance(error, Interrupted):
            self.was_stopped = True
        elif error is not None:
            if isinstance(error, (WorkerError, MemoryShortageError)):
                self._record_death(config, str(error))
            self.failures.append(Failure(config.run_id, error))
        self._monitor.event(describe_end(config, self._conditions, error, computed))

    def result(self) -> list[Failure]:
        """Return the failures once nothing is left to do.

        Raises:
            Interrupted: If runs were stopped or left out.
        """
        if self.was_stopped:
            failed = "".join(f" {f.run_id} failed: {f.error}" for f in self.failures)
            raise Interrupted(f"Stopped; every run under way was saved.{failed}")
        return self.failures

    def _is_early(self, config: RunConfig) -> bool:
        """Return whether a run needs another one that has not ended."""
        return not self._needed[config.run_id].isdisjoint(self._unended)

    def _is_held(self, config: RunConfig) -> bool:
        """Return whether to skip a run for now, as another process works on it."""
        if not self._conditions.study:
            return False
        checked = self._held.get(config.run_id, -LOCKED_AGAIN_S)
        if time.monotonic() - checked < LOCKED_AGAIN_S:
            return True
        if not self._conditions.folder(config).is_locked():
            return False
        self._hold(config.run_id)
        return True

    def _hold(self, run_id: str) -> None:
        """Note that another process works on a run, and tell the monitor the first time."""
        if run_id not in self._held:
            self._monitor.event(Event(run_id, WAITING, {}))
        self._held[run_id] = time.monotonic()

    def _settle(self, config: RunConfig) -> bool:
        """End a run that needs no work."""
        conditions = self._conditions
        if not needs_no_work(config, conditions):
            return False
        try:
            Experiment(config, conditions, self._monitor).run()
            error = None
        except HarnessError as problem:
            error = problem
        self.end(config, error, computed=False)
        return True

    def _record_death(self, config: RunConfig, reason: str) -> None:
        """Write into the record that a run's process died."""
        folder, in_study = self._conditions.folder(config), self._conditions.study
        if not in_study and not folder.has_record():
            return
        with contextlib.suppress(StoreError), folder.locked():
            record = folder.read_record() if folder.has_record() else begin_record(config)
            if in_study and record.status != STATUS_FINISHED:
                status = STATUS_FAILED  # so that it does not kill a process at each start
            elif record.status == RUNNING:
                status = STATUS_INTERRUPTED
            else:
                return
            changes = {"status": status, "reason": reason}
            folder.write_record(record.model_copy(update=changes))


def needs_no_work(config: RunConfig, conditions: Conditions) -> bool:
    """Return whether a run is finished, or failed before and is not to be retried.

    A record that cannot be read is left for the run itself to report.
    """
    folder = conditions.folder(config)
    try:
        status = folder.read_record().status if folder.has_record() else None
    except StoreError:
        return False
    failed = status == STATUS_FAILED and not conditions.retry_failed
    return failed or status == STATUS_FINISHED


def describe_end(
    config: RunConfig, conditions: Conditions, error: HarnessError | None, computed: bool
) -> Event:
    """Describe how a run ended.

    Args:
        config: The run.
        conditions: Where its folder is.
        error: Why it did not finish, if so.
        computed: Whether it was computed now, not found finished.

    Returns:
        The event for monitors.
    """
    if error is None:
        facts = {"computed": computed, "tau": _read_tau(conditions.folder(config))}
        return Event(config.run_id, FINISHED, facts)
    kind = INTERRUPTED if isinstance(error, Interrupted) else FAILED
    return Event(config.run_id, kind, {"reason": str(error)})


def _read_tau(folder: RunFolder) -> float | None:
    with contextlib.suppress(StoreError):
        tau = folder.read_record().summary.get("tau")
        return None if tau is None else float(tau)
    return None
