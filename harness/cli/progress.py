"""Progress of several runs on the terminal's error stream, and Ctrl-C."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)

from harness.cli.printing import PLAIN_EVERY_S, clean_lines
from harness.monitor import Event, Progress

PHASES = {"train": "steps", "rank": "evaluations"}


class Speed:
    """How fast each phase of each run goes, counted from the first that was heard of it."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self._first: dict[tuple[str, str], tuple[float, int]] = {}

    def measure(self, progress: Progress, now: float) -> float:
        """Return steps or evaluations a second; 0 at first."""
        key = (progress.run_id, progress.phase)
        started, already = self._first.setdefault(key, (now, progress.done))
        return (progress.done - already) / (now - started) if now > started else 0.0


class SignalledMonitor:
    """Listens to signals, and prints notices.

    The first Ctrl-C (or SIGTERM) asks the runs to save and stop, the second ends at once.
    """

    def __init__(self, quiet: bool = False) -> None:
        """Prepare to watch any number of runs.

        Args:
            quiet: Whether to say nothing, as where another rank says it.
        """
        self._console = Console(stderr=True, highlight=False, quiet=quiet)
        self._stop = False
        self._told = False

    def __enter__(self) -> Self:
        """Take over the signals."""
        self._before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def should_stop(self) -> bool:
        """Say whether a signal came."""
        if self._stop and not self._told:
            self._told = True
            self.tell("Saving and stopping; the same command goes on. Again: stop at once.")
        return self._stop

    def tell(self, message: str) -> None:
        """Print a line."""
        self._console.print(message, markup=False, soft_wrap=True)

    def notice(self, message: str) -> None:
        """Print a message."""
        self.tell(f"Note: {clean_lines(message)}")

    def progress(self, progress: Progress) -> None:
        """Ignore it."""

    def event(self, event: Event) -> None:
        """Ignore it."""

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True  # told by `should_stop`: printing here could meet a print under way


class ConsoleMonitor(SignalledMonitor):
    """Draws a bar a run, or writes a line now and then where there is no terminal."""

    def __init__(self, quiet: bool = False) -> None:
        """Prepare to watch any number of runs.

        Args:
            quiet: Whether to say nothing, as where another rank says it.
        """
        super().__init__(quiet)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[info]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._speed = Speed()
        self._written: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Take over the signals and start drawing."""
        super().__enter__()
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing and give the signals back."""
        self._bars.stop()
        super().__exit__(kind, error, trace)

    def progress(self, progress: Progress) -> None:
        """Draw how far a run has come."""
        key = (progress.run_id, progress.phase)
        now = time.monotonic()
        rate = self._speed.measure(progress, now)
        unit = PHASES[progress.phase]
        info = f"{rate:.1f} {unit}/s"
        if progress.loss is not None:
            info = f"loss {progress.loss:.3f}, {info}"
        if progress.detail is not None:
            info = f"{progress.detail}, {info}"
        if not self._bars.disable:
            self._draw(key, progress, info)
        elif (
            progress.done == progress.total
            or now - self._written.get(progress.run_id, 0.0) > PLAIN_EVERY_S
        ):
            self._written[progress.run_id] = now
            left = f", {(progress.total - progress.done) / rate:.0f} s left" if rate else ""
            self._console.print(
                f"{progress.run_id} {progress.phase} {progress.done:,}/{progress.total:,} {unit}, "
                f"{info}{left}",
                markup=False,
                soft_wrap=True,
            )

    def _draw(self, key: tuple[str, str], progress: Progress, info: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(
                f"{progress.run_id} {progress.phase}", total=progress.total, info=info
            )
        self._bars.update(self._tasks[key], completed=progress.done, info=info)
        if progress.done == progress.total and progress.phase == "train":
            self._bars.update(self._tasks[key], visible=False)
