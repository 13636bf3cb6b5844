"""The live view of a study: what is done, running, failed and waiting, and how long it takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.cli.printing import PLAIN_EVERY_S, clean
from harness.cli.progress import PHASES, SignalledMonitor
from harness.cli.time_left import TimeLeft, ranking_share
from harness.monitor import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RETRIED,
    STARTED,
    WAITING,
    Event,
    Progress,
)
from harness.settings.run import RunConfig


class SweepMonitor(SignalledMonitor):
    """Draws one table, or writes a line an event where there is no terminal."""

    def __init__(self, name: str, configs: Sequence[RunConfig]) -> None:
        """Prepare to watch a study.

        Args:
            name: Its name.
            configs: All its runs.
        """
        super().__init__()
        self._name = name
        self._states = {config.run_id: "waiting" for config in configs}
        self._left = TimeLeft(list(self._states))
        self._ranking = {config.run_id: ranking_share(config) for config in configs}
        self._last: dict[str, Progress] = {}
        self._written = 0.0
        self._live = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        """Take over the signals and start drawing."""
        super().__enter__()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing, and leave the counts."""
        if self._console.is_terminal:
            self._live.stop()
        self.tell(self._headline())
        super().__exit__(kind, error, trace)

    def progress(self, progress: Progress) -> None:
        """Take down how far a run has come."""
        done = progress.done / max(1, progress.total)
        ranking = self._ranking[progress.run_id]
        share = 1 - ranking + ranking * done if progress.phase == "rank" else (1 - ranking) * done
        now = time.monotonic()
        self._left.advance(progress.run_id, share, now)
        self._last[progress.run_id] = progress
        if not self._console.is_terminal and now - self._written > PLAIN_EVERY_S:
            self._written = now
            self.tell(self._headline())

    def event(self, event: Event) -> None:
        """Take down what happened to a run, and say it where nothing is drawn."""
        run_id, kind, facts = event
        state = {STARTED: "running", RETRIED: "running", WAITING: "elsewhere"}.get(kind, kind)
        if kind in (STARTED, RETRIED, WAITING, FINISHED, FAILED, INTERRUPTED):
            self._states[run_id] = state
        if kind in (FINISHED, FAILED):
            self._last.pop(run_id, None)
        if kind == FINISHED:
            self._left.finish(run_id, time.monotonic())
        elif kind in (FAILED, WAITING):
            self._left.leave(run_id)
        if kind in (FAILED, RETRIED):
            self.tell(f"{run_id} {kind}: {facts['reason']}")
        elif kind == WAITING:
            self.tell(f"{run_id} is being worked on by another process; it is left to that.")
        elif not self._console.is_terminal and kind in (STARTED, FINISHED):
            self.tell(f"{run_id} {kind}")

    def tell(self, message: str) -> None:
        """Print a line above the table."""
        super().tell(clean(message))

    def _headline(self) -> str:
        counts = Counter(self._states.values())
        parts = [f"{counts[FINISHED]} of {len(self._states)} done"]
        for state in ("running", "elsewhere", "waiting", FAILED, INTERRUPTED):
            if counts[state]:
                parts.append(f"{counts[state]} {state}")
        left = self._left.seconds(time.monotonic())
        if left is not None:
            parts.append(f"about {_duration(left)} left")
        return f"{self._name}: {', '.join(parts)}"

    def _draw(self) -> Group:
        table = Table(box=None, show_header=False, pad_edge=False)
        for run_id, state in self._states.items():
            if state == "running":
                table.add_row(Text(clean(run_id)), Text(_describe(self._last.get(run_id))))
        return Group(Text(clean(self._headline()), style="bold"), table)


def _describe(progress: Progress | None) -> str:
    if progress is None:
        return "starting"
    loss = "" if progress.loss is None else f", loss {progress.loss:.3f}"
    unit = PHASES[progress.phase]
    return f"{progress.phase} {progress.done:,} of {progress.total:,} {unit}{loss}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
