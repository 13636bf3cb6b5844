"""Progress on standard error: one display of bars on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from harness.cli.printing import clean, clean_lines, write_bytes, write_duration
from harness.monitor import Watch

PLAIN_EVERY_S = 60.0
"""Without a terminal, seconds between two lines about one task."""
QUIET_S = 2.0
"""Without a terminal, seconds before the first line about a task that began quietly."""


class Unit(NamedTuple):
    """How work is measured.

    Attributes:
        amount: Formats how much is done, of how much.
        speed: Formats how much is done per second; None to omit it.
        is_even: Whether it takes about the same time throughout, so that the time left is known.
    """

    amount: Callable[[int, int], str]
    speed: Callable[[float], str] | None = None
    is_even: bool = True


def counted(things: str, verb: str = "") -> Unit:
    """Return the unit of countable things, such as steps."""
    return Unit(
        lambda done, total: f"{verb}{done:,}/{total:,} {things}",
        lambda rate: f"{rate:.1f} {things}/s",
    )


BYTES = Unit(
    lambda done, total: f"{write_bytes(done)} of {write_bytes(total)}",
    lambda rate: f"{write_bytes(rate)}/s",
)
SHARE = Unit(lambda done, total: f"{done / total:.0%}")


class Speed:
    """Measures the speed of tasks, each from its first measurement."""

    def __init__(self) -> None:
        """Start without measurements."""
        self._first: dict[Hashable, tuple[float, int]] = {}

    def begin(self, work: Hashable, done: int, now: float) -> None:
        """Start to measure a task."""
        self._first[work] = now, done

    def measure(self, work: Hashable, done: int, now: float) -> float:
        """Return how much is done per second; 0 at first."""
        began, already = self._first.setdefault(work, (now, done))
        if done < already:  # the task started again
            self.begin(work, done, now)
            return 0.0
        return (done - already) / (now - began) if now > began else 0.0


class Display:
    """Shows the progress, speed and time left of several tasks."""

    def __init__(
        self,
        headline: Callable[[], str] | None = None,
        transient: bool = False,
        console: Console | None = None,
    ) -> None:
        """Prepare to show any number of tasks.

        Args:
            headline: Summary of all tasks, above the bars, or instead of lines for single tasks.
            transient: Whether the bars disappear at the end.
            console: Where to draw; standard error by default.
        """
        self._console = console or Console(stderr=True, highlight=False)
        self._headline = headline
        self._bars = _Bars(headline, self._console, transient)
        self._tasks: dict[str, TaskID] = {}
        self._speed = Speed()
        self._told: dict[str, float] = {}

    @property
    def is_terminal(self) -> bool:
        """Whether bars are drawn, not lines written."""
        return self._console.is_terminal

    def __enter__(self) -> Self:
        """Start drawing."""
        if self.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop drawing."""
        if self.is_terminal:
            self._bars.stop()

    def tell(self, message: str) -> None:
        """Print a message, above the bars."""
        self._console.print(clean_lines(message), markup=False, soft_wrap=True)

    def begin(self, name: str, unit: Unit, done: int = 0) -> None:
        """Start to measure a task, without a line about it if it is short."""
        now = time.monotonic()
        self._told[name] = now - PLAIN_EVERY_S + QUIET_S
        self._speed.begin((name, unit), done, now)

    def update(
        self, name: str, unit: Unit, done: int, total: int, info: str = "", *, at_once: bool = False
    ) -> None:
        """Show the progress of a task.

        Args:
            name: Name of the task.
            unit: Its unit.
            done: How much is done.
            total: How much there is in all.
            info: Further information.
            at_once: Whether to write a line even shortly after another; this does not apply to
                headlines.
        """
        now = time.monotonic()
        rate = self._speed.measure((name, unit), done, now)
        parts = [unit.amount(done, total), info]
        if rate > 0:
            parts += [unit.speed(rate) if unit.speed else ""]
            parts += [f"{write_duration((total - done) / rate)} left"] if unit.is_even else []
        text = ", ".join(filter(None, parts))
        line = "" if self._headline else name  # one headline, or a line for each piece
        if self.is_terminal:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(clean(name), text="")
            self._bars.update(self._tasks[name], completed=done, total=total, text=clean(text))
        elif (at_once and line) or now - self._told.get(line, -math.inf) >= PLAIN_EVERY_S:
            self._told[line] = now
            self.tell(self._headline() if self._headline else f"{name}: {text}")

    def remove(self, name: str) -> None:
        """Remove a task from the display."""
        if name in self._tasks:
            self._bars.remove_task(self._tasks.pop(name))


@contextmanager
def show_share(name: str) -> Iterator[Watch]:
    """Show how much of uneven work is done if it takes long; gives what is to be told."""
    unit = SHARE._replace(is_even=False)
    with Display(transient=True) as display:
        display.begin(name, unit)
        yield partial(display.update, name, unit)


class _Bars(Progress):
    """A bar per task, below a headline."""

    def __init__(
        self, headline: Callable[[], str] | None, console: Console, transient: bool
    ) -> None:
        self._headline = headline
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            transient=transient,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        if self._headline is not None:
            yield Text(clean(self._headline()), style="bold")
        yield self.make_tasks_table(self.tasks)
