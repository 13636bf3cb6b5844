"""A worker's part, with every engine: compute one run and keep its log."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from harness import provenance
from harness.distributed.ranks import ALONE, Ranks
from harness.errors import HarnessError, WorkerError
from harness.estimators.supernet.spread import Spread
from harness.execution.conditions import Conditions
from harness.execution.experiment import Experiment, describe_error
from harness.monitor import Event, Monitor, Progress, SilentMonitor, Tee
from harness.settings.run import RunConfig

LOG_EVERY_FRAC = 0.05
"""Share of a phase between two lines of progress in a log."""


def work(
    config: RunConfig,
    conditions: Conditions,
    threads: int,
    monitor: Monitor,
    spread: Spread | None = None,
    ranks: Ranks = ALONE,
) -> None:
    """Compute one run.

    Args:
        config: The run, resolved.
        conditions: What all runs share.
        threads: CPU threads, unless the settings or an earlier start specify them.
        monitor: Receives the progress; can stop the run.
        spread: Scores architectures elsewhere; None: here.
        ranks: The processes that train it together, of which this is the first.

    Raises:
        HarnessError: If the run fails in a way that a user can fix, or is interrupted.
        WorkerError: If there is a bug; its traceback is on the error stream or in the log.
    """
    path = conditions.log(config.run_id)
    with _logging(path, config.run_id) as log:
        try:
            heard = monitor if log is None else Tee(monitor, [log])
            Experiment(config, conditions, threads, heard, ranks, spread).run()
        except HarnessError:
            raise
        except Exception as error:
            traceback.print_exc(file=log and log.file)
            where = "above" if path is None else f"in {path}"
            raise WorkerError(
                f"Run {config.run_id} crashed unexpectedly, {describe_error(error)}; its traceback "
                f"is {where}. Run the same command with --retry-failed to resume from the last "
                "checkpoint."
            ) from error


@contextmanager
def _logging(path: Path | None, run_id: str) -> Iterator[RunLog | None]:
    """Open a run's log, if it has one."""
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        log = RunLog(file)
        log.write(f"started: {run_id}")
        try:
            yield log
        except HarnessError as error:
            log.write(f"ended: {error}")
            raise
        log.write("finished")


class RunLog(SilentMonitor):
    """Writes the events of a run to its log."""

    def __init__(self, file: TextIO) -> None:
        """Take an open file."""
        self.file = file
        self._next: dict[str, float] = {}

    def write(self, text: str) -> None:
        """Add a line."""
        self.file.write(f"{provenance.now()} {text}\n")

    def progress(self, progress: Progress) -> None:
        """Log it at intervals."""
        phase, done, total = progress.phase, progress.done, progress.total
        if done >= self._next.get(phase, 0.0) or done == total:
            self._next[phase] = done + LOG_EVERY_FRAC * total
            loss = "" if progress.loss is None else f", loss {progress.loss:.4f}"
            detail = "" if progress.detail is None else f", {progress.detail}"
            self.write(f"{phase} {done:,} of {total:,}{loss}{detail}")

    def notice(self, message: str) -> None:
        """Log it."""
        self.write(f"note: {message}")

    def event(self, event: Event) -> None:
        """Log it."""
        facts = ", ".join(f"{key} {value}" for key, value in event.facts.items())
        self.write(f"{event.kind}: {facts}")
