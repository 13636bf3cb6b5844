"""Write a file so that, whatever happens, either the old one or the new one is there, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from harness.errors import StoreError, UsageError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, content: str | bytes | Callable[[Path], object]) -> None:
    """Write a file beside its final place, flush it to the disk, and move it there in one step.

    Args:
        path: Where the file belongs; its folder must exist.
        content: Text (UTF-8), bytes, or a function that writes to the path that it is given, which
            holds an empty file.

    Raises:
        StoreError: If the disk is full or the folder cannot be written; an older file at
            `path` is then as it was. What `content` raises, other than `OSError`, passes through.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        temporary.touch(exist_ok=False)
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    except OSError as error:
        raise _store_error(path, temporary, error) from error
    finally:
        with contextlib.suppress(OSError):  # such as a name that is too long, reported above
            temporary.unlink(missing_ok=True)


def make_folder(path: Path, option: str) -> None:
    """Make a folder, and those above it, unless it is there.

    Args:
        path: The folder.
        option: What names it, such as "--out", for the message.

    Raises:
        StoreError: If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {path} cannot be made: {error.strerror or error}. Give {option} another "
            "folder."
        ) from error


def check_replaceable(path: Path, start: bytes, kind: str) -> None:
    """Refuse to write over a file of another kind, such as the scores that were given.

    Args:
        path: Where something is about to be written.
        start: How every file of that kind begins, in lower case.
        kind: What it is called.

    Raises:
        UsageError: If there is a file that begins otherwise.
    """
    try:
        with path.open("rb") as file:
            is_kind = file.read(len(start)).lower() == start
    except OSError:  # nothing there, or nothing to be read: writing says what is wrong
        return
    if not is_kind:
        raise UsageError(
            f"{path} exists and is not a {kind}, so it is not replaced. Name another file, or "
            "remove it first."
        )


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of writers that were killed; no process may be writing there."""
    for path in folder.glob(".*-*.tmp"):
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _store_error(path: Path, temporary: Path, error: OSError) -> StoreError:
    survivor = "The file that was there is as it was." if _is_there(path) else "No file was left."
    if error.errno in _DISK_FULL:
        sizes = [part.stat().st_size for part in (temporary, path) if _is_there(part)]
        return StoreError(
            f"The disk of '{path.parent}' is full: '{path.name}' could not be written. {survivor} "
            f"Free more than {max(sizes, default=0):,} bytes there and run the command again."
        )
    reason = error.strerror or str(error)
    return StoreError(
        f"'{path}' could not be written: {reason}. {survivor} Check that the folder exists and "
        "may be written to, or name another."
    )
