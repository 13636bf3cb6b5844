"""How long work talks to whoever watches it: progress out, a wish to stop in."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Progress(NamedTuple):
    """How far one phase of one run has come.

    Attributes:
        run_id: Which run.
        phase: "train" or "rank".
        done: Units done: steps, or evaluations of a class on a batch.
        total: Units in all.
        loss: Loss of the last step, where there is one.
        detail: What else is known by now.
    """

    run_id: str
    phase: str
    done: int
    total: int
    loss: float | None = None
    detail: str | None = None


class Monitor(Protocol):
    """Whoever watches. Methods are called often and must be quick."""

    def progress(self, progress: Progress) -> None:
        """Be told how far the work has come."""
        ...

    def notice(self, message: str) -> None:
        """Be told something that a person should read."""
        ...

    def should_stop(self) -> bool:
        """Say whether to save and stop now."""
        ...


class SilentMonitor:
    """Watches nothing and never stops the work."""

    def progress(self, progress: Progress) -> None:
        """Ignore it."""

    def notice(self, message: str) -> None:
        """Ignore it."""

    def should_stop(self) -> bool:
        """Never."""
        return False
