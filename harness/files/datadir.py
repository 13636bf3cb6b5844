"""Where data and caches live: the argument, else `$HARNESS_DATA`, else the user cache folder."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import DataError

DATA_VARIABLE = "HARNESS_DATA"


def user_cache_dir() -> Path:
    """Return the folder for files that can be made again; it need not exist.

    Returns:
        `$XDG_CACHE_HOME/harness`, or `~/.cache/harness` where that is unset or not absolute.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path(os.path.expanduser("~")) / ".cache"  # noqa: PTH111 - Path.home() may raise
    return base / "harness"


def resolve_data_dir(data_dir: Path | None = None) -> Path | None:
    """Find the data folder.

    A folder that was asked for must exist; the fallback, the user cache folder, need not.

    Args:
        data_dir: The folder that the user named; None to look at `$HARNESS_DATA` and then at
            the user cache folder.

    Returns:
        An existing folder, or None where none was named and there is no user cache folder.

    Raises:
        DataError: If the folder that was named does not exist.
    """
    named: tuple[Path, str] | None = None
    if data_dir is not None:
        named = data_dir.expanduser(), "--data-dir"
    elif os.environ.get(DATA_VARIABLE):
        named = Path(os.environ[DATA_VARIABLE]).expanduser(), f"${DATA_VARIABLE}"
    if named is None:
        cache = user_cache_dir()
        return cache if cache.is_dir() else None
    folder, origin = named
    if not folder.is_dir():
        raise DataError(
            f"The data folder '{folder}' ({origin}) is not a folder. Name one that exists; see "
            "docs/how-to/data.md for its layout."
        )
    return folder
