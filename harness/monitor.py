"""Monitors: work reports its progress to them, and they ask it to stop."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

STARTED, FINISHED, FAILED, INTERRUPTED = "started", "finished", "failed", "interrupted"
CHECKPOINT, RANKED, WAITING, RETRIED = "checkpoint", "ranked", "waiting", "retried"

EVENTS: dict[str, str] = {
    STARTED: "work on the run started or resumed; facts: none",
    CHECKPOINT: "training was saved; facts: step",
    RANKED: "all architectures are scored; facts: n_archs, n_failed",
    FINISHED: "the run is finished; facts: computed (false: it was finished before), tau",
    FAILED: "the run failed; the others continue; facts: reason",
    INTERRUPTED: "the run was saved and stopped; facts: reason",
    WAITING: "another process works on the run; facts: none",
    RETRIED: "the run's worker was lost, and another resumes it; facts: attempt, reason",
}
"""Kinds of events, and what each means."""

Watch = Callable[[int, int], None]
"""Told how much of a short piece of work is done, and of how much."""


def watch_nothing(_done: int, _total: int) -> None:
    """Ignore progress."""


class Ticks:
    """Counts equal pieces of work as they are done, and tells a watch.

    Args:
        watch: Told at once that nothing is done.
        total: Number of pieces.
    """

    def __init__(self, watch: Watch, total: int) -> None:
        self._watch, self._done, self._total = watch, 0, total
        watch(0, total)

    def __call__(self) -> None:
        """Count one."""
        self._done += 1
        self._watch(self._done, self._total)


class Progress(NamedTuple):
    """The progress of one phase of one run.

    Attributes:
        run_id: Which run.
        phase: "train" or "rank".
        done: Units done: steps, or evaluations of a class on a batch.
        total: Units in all.
        loss: Loss of the last step, if any.
        detail: Further information, in words.
    """

    run_id: str
    phase: str
    done: int
    total: int
    loss: float | None = None
    detail: str | None = None


class Event(NamedTuple):
    """Something that happened to a run.

    Attributes:
        run_id: Which run.
        kind: One of `EVENTS`.
        facts: Details of the event, as JSON values.
    """

    run_id: str
    kind: str
    facts: dict[str, Any]


class Monitor(Protocol):
    """Watches work. Its methods are called often and must be quick."""

    def progress(self, progress: Progress) -> None:
        """Receive the progress of the work."""
        ...

    def notice(self, message: str) -> None:
        """Receive a message that a person should read."""
        ...

    def event(self, event: Event) -> None:
        """Receive an event of a run."""
        ...

    def should_stop(self) -> bool:
        """Return whether the work shall save and stop now."""
        ...


class SilentMonitor:
    """Ignores everything, and never stops the work."""

    def progress(self, progress: Progress) -> None:
        """Ignore it."""

    def notice(self, message: str) -> None:
        """Ignore it."""

    def event(self, event: Event) -> None:
        """Ignore it."""

    def should_stop(self) -> bool:
        """Never."""
        return False


class Tee:
    """Passes everything on to several monitors; the first one decides whether to stop."""

    def __init__(self, first: Monitor, others: Sequence[Monitor]) -> None:
        """Take them."""
        self._first = first
        self._all = (first, *others)

    def progress(self, progress: Progress) -> None:
        """Pass it on."""
        for monitor in self._all:
            monitor.progress(progress)

    def notice(self, message: str) -> None:
        """Pass it on."""
        for monitor in self._all:
            monitor.notice(message)

    def event(self, event: Event) -> None:
        """Pass it on."""
        for monitor in self._all:
            monitor.event(event)

    def should_stop(self) -> bool:
        """Ask the first."""
        return self._first.should_stop()


class Slowdown:
    """Notices when units of work, such as training steps, take several times as long as usual.

    Usual is, for work of one thread, its own processor time, which is what it takes on an idle
    core; for any other work, what its fastest window of units took.
    """

    SEVERAL = 3.0
    OVER = 1.5
    """Factors: a slowdown begins above the first, and has ended below the second."""

    MIN_UNITS = 20
    MIN_S = 5.0
    """A window has at least so many units, and takes at least so long."""

    def __init__(self, is_one_thread: bool) -> None:
        """Start without measurements.

        Args:
            is_one_thread: Whether one thread of this process does the work alone.
        """
        self._is_one_thread = is_one_thread
        self._usual_s = math.inf
        self._is_slow = False
        self._each_s: list[float] = []
        self._wall_s = self._cpu_s = 0.0

    def add(self, wall_s: float, cpu_s: float, n: int = 1) -> float | None:
        """Take the time of one or more units.

        Args:
            wall_s: Seconds that they took.
            cpu_s: Seconds of processor time of this process meanwhile.
            n: How many there were.

        Returns:
            How many times as long as usual units take, where a slowdown has just begun.
        """
        self._each_s += [wall_s / n] * n
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        if len(self._each_s) < self.MIN_UNITS or self._wall_s < self.MIN_S:
            return None
        if self._is_one_thread:
            factor = self._wall_s / max(self._cpu_s, 1e-9)
        else:  # the median leaves out what is done between units now and then
            typical_s = statistics.median(self._each_s)
            self._usual_s = min(self._usual_s, typical_s)
            factor = typical_s / max(self._usual_s, 1e-9)
        self._each_s, self._wall_s, self._cpu_s = [], 0.0, 0.0
        begins = factor > self.SEVERAL and not self._is_slow
        self._is_slow = factor > (self.OVER if self._is_slow else self.SEVERAL)
        return factor if begins else None


def pass_on(message: object, monitor: Monitor) -> None:
    """Pass a message from another process to a monitor: progress, an event or a notice."""
    match message:
        case Progress():
            monitor.progress(message)
        case Event():
            monitor.event(message)
        case str():
            monitor.notice(message)
