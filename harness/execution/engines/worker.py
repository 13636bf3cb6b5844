"""What a worker does with one run, whichever engine started it: compute, and keep a log."""

from __future__ import annotations

import traceback
from typing import TextIO

from harness import provenance
from harness.errors import HarnessError, WorkerError
from harness.estimators.supernet import Spread
from harness.execution.engines.base import Conditions
from harness.execution.experiment import run_experiment
from harness.monitor import Event, Monitor, Progress
from harness.settings.run import RunConfig

LOG_EVERY_FRAC = 0.05
"""Of a phase, between two lines of progress in a log."""


def work(
    config: RunConfig,
    conditions: Conditions,
    threads: int,
    monitor: Monitor,
    spread: Spread | None = None,
) -> None:
    """Compute one run.

    Args:
        config: The run, resolved.
        conditions: What all runs are called with.
        threads: CPU threads if neither the settings nor an earlier start say.
        monitor: Told the progress; can stop the run.
        spread: Ranks architectures elsewhere; None: here.

    Raises:
        HarnessError: Whatever a user can fix, `Interrupted` among it.
        WorkerError: If there is a bug; its traceback is on the error stream, or in the log.
    """
    path = conditions.log(config.run_id)
    if path is None:
        _compute(config, conditions, threads, monitor, spread, "its traceback is above")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        log = LogMonitor(monitor, file)
        log.write(f"started: {config.run_id}")
        try:
            _compute(config, conditions, threads, log, spread, f"its traceback is in {path}", file)
        except HarnessError as error:
            log.write(f"ended: {error}")
            raise
        log.write("finished")


def _compute(
    config: RunConfig,
    conditions: Conditions,
    threads: int,
    monitor: Monitor,
    spread: Spread | None,
    where: str,
    file: TextIO | None = None,
) -> None:
    try:
        run_experiment(
            config,
            conditions.out,
            conditions.data_dir,
            threads,
            monitor,
            conditions.profile,
            retry_failed=conditions.retry_failed,
            spread=spread,
        )
    except HarnessError:
        raise
    except Exception as error:
        traceback.print_exc(file=file)
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        raise WorkerError(
            f"Run {config.run_id} ended by an error that nobody foresaw, {told}; {where}."
        ) from error


class LogMonitor:
    """Passes everything on, and writes it into a run's log."""

    def __init__(self, monitor: Monitor, file: TextIO) -> None:
        """Write to a file that is open."""
        self._monitor = monitor
        self._file = file
        self._next: dict[str, float] = {}

    def write(self, text: str) -> None:
        """Add a line."""
        self._file.write(f"{provenance.now()} {text}\n")

    def progress(self, progress: Progress) -> None:
        """Log it now and then."""
        phase, done, total = progress.phase, progress.done, progress.total
        if done >= self._next.get(phase, 0.0) or done == total:
            self._next[phase] = done + LOG_EVERY_FRAC * total
            loss = "" if progress.loss is None else f", loss {progress.loss:.4f}"
            detail = "" if progress.detail is None else f", {progress.detail}"
            self.write(f"{phase} {done:,} of {total:,}{loss}{detail}")
        self._monitor.progress(progress)

    def notice(self, message: str) -> None:
        """Log it."""
        self.write(f"note: {message}")
        self._monitor.notice(message)

    def event(self, event: Event) -> None:
        """Log it."""
        facts = ", ".join(f"{key} {value}" for key, value in event.facts.items())
        self.write(f"{event.kind}: {facts}")
        self._monitor.event(event)

    def should_stop(self) -> bool:
        """Ask."""
        return self._monitor.should_stop()
