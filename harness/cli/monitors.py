"""Monitors for people: signals, notices, and the progress of runs and studies."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Self

from rich.console import Console

from harness.cli.printing import write_duration
from harness.cli.progress import Display, counted
from harness.cli.time_left import TimeLeft, job_of, ranking_share
from harness.monitor import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RETRIED,
    STARTED,
    WAITING,
    Event,
    Progress,
    SilentMonitor,
)
from harness.settings.run import RunConfig

UNITS = {
    "train": counted("steps", verb="train "),
    "rank": counted("evaluations", verb="rank "),
}
"""By phase."""


class SignalledMonitor(SilentMonitor):
    """Listens to signals, and prints notices.

    The first Ctrl-C (or SIGTERM) asks the runs to save and stop, the second ends at once.
    """

    def __init__(self, quiet: bool = False, headline: Callable[[], str] | None = None) -> None:
        """Prepare to watch any number of runs.

        Args:
            quiet: Whether to print nothing, since another rank or monitor does.
            headline: As of `Display`.
        """
        console = Console(stderr=True, highlight=False, quiet=quiet)
        self._display = Display(headline, console=console)
        self._stop = False
        self._told = False

    def __enter__(self) -> Self:
        """Install signal handlers and start drawing."""
        self._before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        self._display.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop drawing and restore the signal handlers."""
        self._display.__exit__(*error)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def should_stop(self) -> bool:
        """Return whether a signal has arrived."""
        if self._stop and not self._told:
            self._told = True
            self._display.tell(
                "Saving and stopping; run the same command to resume. Ctrl-C again stops at once."
            )
        return self._stop

    def notice(self, message: str) -> None:
        """Print a message."""
        self._display.tell(f"Note: {message}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True  # `should_stop` prints: a handler could interrupt another print


class RunsMonitor(SignalledMonitor):
    """Shows the progress of each run."""

    def progress(self, progress: Progress) -> None:
        """Show the progress of a run."""
        run_id, phase, done, total, loss, detail = progress
        info = [detail or "", "" if loss is None else f"loss {loss:.3f}"]
        self._display.update(
            run_id,
            UNITS[phase],
            done,
            total,
            ", ".join(filter(None, info)),
            at_once=done == total,
        )


class StudyMonitor(RunsMonitor):
    """Shows the progress of several runs: how many are done, running, failed or waiting."""

    def __init__(self, name: str, configs: Sequence[RunConfig]) -> None:
        """Prepare to watch them.

        Args:
            name: What they are called together, such as the study's name.
            configs: All of them, resolved.
        """
        self._name = name
        self._states = {config.run_id: "waiting" for config in configs}
        self._jobs = {config.run_id: job_of(config) for config in configs}
        self._left = TimeLeft(self._jobs.values())
        self._ranking = {config.run_id: ranking_share(config) for config in configs}
        super().__init__(headline=self._headline)  # last, as rich calls `_headline` at once

    def __exit__(self, *error: object) -> None:
        """Stop drawing, and print the final counts."""
        super().__exit__(*error)
        self._display.tell(self._headline())

    def progress(self, progress: Progress) -> None:
        """Show the progress of a run and of the study."""
        done = progress.done / max(1, progress.total)
        ranking = self._ranking[progress.run_id]
        share = 1 - ranking + ranking * done if progress.phase == "rank" else (1 - ranking) * done
        self._left.advance(self._jobs[progress.run_id], share, time.monotonic())
        super().progress(progress)

    def event(self, event: Event) -> None:
        """Show what happened to a run."""
        run_id, kind, facts = event
        state = {STARTED: "running", RETRIED: "running", WAITING: "elsewhere"}.get(kind, kind)
        if kind in (STARTED, RETRIED, WAITING, FINISHED, FAILED, INTERRUPTED):
            self._states[run_id] = state
        if kind in (FINISHED, FAILED, INTERRUPTED, WAITING):
            self._display.remove(run_id)
        if kind == FINISHED:
            self._left.finish(self._jobs[run_id], time.monotonic())
        elif kind in (FAILED, WAITING):
            self._left.leave(self._jobs[run_id])
        if kind in (FAILED, RETRIED):
            self._display.tell(f"{run_id} {kind}: {facts['reason']}")
        elif kind == WAITING:
            self._display.tell(f"{run_id}: waiting for another process that works on it.")

    def _headline(self) -> str:
        counts = Counter(self._states.values())
        parts = [f"{counts[FINISHED]} of {len(self._states)} done"]
        for state in ("running", "elsewhere", "waiting", FAILED, INTERRUPTED):
            if counts[state]:
                parts.append(f"{counts[state]} {state}")
        left = self._left.seconds(time.monotonic())
        if left is not None:
            parts.append(f"about {write_duration(left)} left")
        return f"{self._name}: {', '.join(parts)}"
