"""Errors that a user can fix: what was given, what is allowed, what to do.

Every error raised on purpose derives from `HarnessError`. The command line prints its message
without a traceback and exits with `exit_code`; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_OUTPUT = 74
"""Standard output could not be written; the number that systems have for that."""
EXIT_INTERRUPTED = 130


class HarnessError(Exception):
    """Base of all errors that a user can fix."""

    exit_code = EXIT_FAILED


class UsageError(HarnessError):
    """An option, a name or a value that is not allowed."""

    exit_code = EXIT_USAGE


class ArchError(UsageError):
    """A string or an index that does not name an architecture of the space."""


class DataError(HarnessError):
    """A data file that is missing, damaged, or not the expected one."""


class TruthError(DataError):
    """A truth table that is missing, damaged, or lacks the requested entry."""


class StoreError(HarnessError):
    """A run folder that cannot be used."""


class LockedError(StoreError):
    """A run folder that another live process is using."""


class CheckpointError(StoreError):
    """A checkpoint that cannot be read or written."""


class MismatchError(StoreError):
    """A run that would resume under conditions other than those it was started with."""


class RankError(HarnessError):
    """A process of a distributed training run that is gone, or out of step with the others."""


class WorkerError(HarnessError):
    """A process that was killed, or crashed on a bug, while computing a run."""


class MemoryShortageError(HarnessError):
    """There was not enough memory for a run; it can be resumed on a larger machine."""


class DivergedError(HarnessError):
    """Training reached a loss that is not a number."""


class Interrupted(HarnessError):  # noqa: N818 - an event, not a fault
    """The user or the scheduler asked to stop; the run can be resumed."""

    exit_code = EXIT_INTERRUPTED


def unknown_name(kind: str, given: str, allowed: Iterable[str]) -> UsageError:
    """Make the error for an unknown name, suggesting the nearest known one.

    Args:
        kind: What the name names, in the singular, such as "strategy".
        given: The name as the user wrote it.
        allowed: The names that exist.

    Returns:
        The error, to be raised by the caller.
    """
    import difflib  # slow to import, and rarely needed

    names = sorted(allowed)
    nearest = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
    return UsageError(f"Unknown {kind} '{given}'.{hint} Available: {', '.join(names)}.")
