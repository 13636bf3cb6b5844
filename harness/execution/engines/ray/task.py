"""A Ray worker's task: one run, in the shared folder or in a temporary one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import HarnessError, Interrupted
from harness.execution.conditions import Conditions
from harness.execution.engines.ray.mailbox import Files, TaskMonitor, read_files, write_files
from harness.execution.engines.ray.ranking import RaySpread
from harness.execution.engines.worker import work
from harness.execution.machine import planned_threads
from harness.monitor import STARTED, Event
from harness.runs.folder import RunFolder
from harness.settings.run import RunConfig


class Result(NamedTuple):
    """The result of a worker.

    Attributes:
        error: Why it did not finish; None if it did.
        files: The run's files, if the driver does not share the folder.
        log: The run's log, likewise.
    """

    error: HarnessError | None
    files: Files | None = None
    log: str = ""


def run_task(
    config: RunConfig,
    conditions: Conditions,
    mailbox: Any,
    sent: Sequence[Files] | None,
    rank_workers: int,
) -> Result:
    """Compute one run.

    Args:
        config: The run, resolved.
        conditions: The settings that all runs share.
        mailbox: Handle of the driver's `Mailbox`.
        sent: The run's files that the driver already has, and the results of the runs that it
            needs, if folders are not shared; else None.
        rank_workers: Workers that the ranking is spread over; 0: none.

    Returns:
        The outcome.
    """
    if sent is None:
        monitor = TaskMonitor(mailbox, None)
        return Result(_work(config, conditions, monitor, rank_workers))
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        conditions = conditions._replace(out=Path(scratch))
        folder = conditions.folder(config)
        for files in sent:
            write_files(files, RunFolder(conditions.out / files.run_id))
        monitor = TaskMonitor(mailbox, RunFolder(folder.path))
        error = _work(config, conditions, monitor, rank_workers)
        log = conditions.log(config.run_id)
        text = log.read_text(encoding="utf-8") if log is not None and log.exists() else ""
        return Result(error, read_files(folder), text)


def _work(
    config: RunConfig,
    conditions: Conditions,
    monitor: TaskMonitor,
    rank_workers: int,
) -> HarnessError | None:
    if monitor.is_stopped():
        return Interrupted(f"Run {config.run_id} was stopped before it began.")
    monitor.event(Event(config.run_id, STARTED, {}))
    threads = planned_threads(config, conditions.folder(config))
    spread = RaySpread(rank_workers, threads) if rank_workers else None
    error: HarnessError | None = None
    try:
        work(config, conditions, monitor, spread)
    except HarnessError as problem:
        problem.__cause__ = None  # it may not be picklable
        error = problem
    monitor.is_stopped()  # sends the remaining messages
    return error
