"""Locks: two processes never do the same work into the same place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import LockedError, StoreError


@contextmanager
def hold_lock(path: Path, work: str, other: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock while working; the system releases it whenever the process dies.

    Args:
        path: The lock file; its folder is made if missing.
        work: What is done, such as "working on results/runs", for the message.
        other: What to name instead, such as "--out folder", likewise.
        wait_s: How long to wait for another process, seconds.

    Raises:
        LockedError: If another live process holds it.
        StoreError: If the folder cannot be made or written to.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise LockedError(
            f"Another process is {work}. Wait for it, stop it, or give another {other}."
        ) from error
    except OSError as error:
        raise StoreError(
            f"The folder {path.parent} cannot be used: {error.strerror or error}. Give an {other} "
            "that can be written to."
        ) from error
    try:
        yield
    finally:
        lock.release()
