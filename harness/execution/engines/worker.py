"""A worker's part, with every engine: compute one run and keep its log."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import torch

from harness import provenance
from harness.distributed.ranks import ALONE, Ranks
from harness.errors import HarnessError, WorkerError
from harness.estimators.supernet.spread import Spread
from harness.execution.conditions import Conditions
from harness.execution.experiment import Experiment
from harness.execution.faults import describe_error
from harness.execution.machine import computes_on_gpu
from harness.monitor import Event, Monitor, Progress, SilentMonitor, Slowdown, Tee
from harness.settings.run import RunConfig

UNITS = {"train": "training steps", "rank": "evaluations of the ranking"}
"""What progress counts, by phase."""

LOG_EVERY_FRAC = 0.05
"""Share of a phase between two lines of progress in a log."""


def work(
    config: RunConfig,
    conditions: Conditions,
    monitor: Monitor,
    spread: Spread | None = None,
    ranks: Ranks = ALONE,
) -> None:
    """Compute one run.

    Args:
        config: The run, resolved.
        conditions: What all runs share.
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
            told = monitor if log is None else Tee(monitor, [log])
            watch = SlowdownWatch(config, told, "train" if spread else None, ranks.size)
            heard = Tee(told, [watch])
            Experiment(config, conditions, heard, ranks, spread).run()
        except HarnessError:
            raise
        except Exception as error:
            traceback.print_exc(file=log and log.file)
            raise WorkerError(
                f"Run {config.run_id} crashed unexpectedly, {describe_error(error)}; its traceback "
                f"is {conditions.place_of_traceback(config.run_id)}. Run the same command with "
                "--retry-failed to resume from the last checkpoint."
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


class SlowdownWatch(SilentMonitor):
    """Says when a run takes several times as long as on an idle machine, and what to do."""

    def __init__(self, config: RunConfig, told: Monitor, here: str | None, n_ranks: int) -> None:
        """Prepare to watch a run.

        Args:
            config: The run.
            told: Receives the notice.
            here: The only phase whose work is done in this process; None: all are.
            n_ranks: Processes that train together.
        """
        self._told = told
        self._here = here
        self._is_alone = n_ranks == 1 and not computes_on_gpu(config)
        self._phase = ""
        self._last = (0.0, 0.0, 0)

    def progress(self, progress: Progress) -> None:
        """Measure the units since the last call."""
        phase, done = progress.phase, progress.done
        now = (time.perf_counter(), time.process_time(), done)
        (wall, cpu, before), self._last = self._last, now
        if phase != self._phase:
            is_here = self._is_alone and self._here in (None, phase)
            self._is_one_thread = is_here and torch.get_num_threads() == 1
            self._phase, self._slowdown = phase, Slowdown(self._is_one_thread)
        elif done > before and (
            factor := self._slowdown.add(now[0] - wall, now[1] - cpu, done - before)
        ):
            self._tell(progress, factor)

    def _tell(self, progress: Progress, factor: float) -> None:
        threads = torch.get_num_threads()
        than = "on an idle core" if self._is_one_thread else "they did before"
        advice = "Fewer --jobs or an idle machine is faster; the results are the same."
        if threads > 1:
            advice = (
                f"{threads} threads then wait for each other. Stop (Ctrl-C) and resume with "
                "--threads 1 to be faster on a busy machine; the last digits of the numbers may "
                "then differ from those of an uninterrupted run."
            )
        self._told.notice(
            f"{progress.run_id}: {UNITS[progress.phase]} take {factor:.1f} times as long as "
            f"{than}, probably since other work uses this machine. {advice}"
        )
