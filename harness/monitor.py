"""Monitors: work reports its progress to them, and they ask it to stop."""

from __future__ import annotations

from collections.abc import Sequence
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


def pass_on(message: object, monitor: Monitor) -> None:
    """Pass a message from another process to a monitor: progress, an event or a notice."""
    match message:
        case Progress():
            monitor.progress(message)
        case Event():
            monitor.event(message)
        case str():
            monitor.notice(message)
