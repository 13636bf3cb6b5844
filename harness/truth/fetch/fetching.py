"""Fetching an entry of the catalogue: get its downloads, check, unpack or convert them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from harness.errors import DataError, Interrupted, StoreError
from harness.files.atomic import make_folder
from harness.files.datadir import DATA_VARIABLE, user_cache_dir
from harness.files.locks import hold_lock
from harness.truth.fetch.archives import unpack
from harness.truth.fetch.download import QUIET, Patience, Watch, part_path
from harness.truth.fetch.obtain import obtain
from harness.truth.fetch.state import MADE_FROM, State, check_product, product_paths, summarise
from harness.truth.published import Entry, Table

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Fetched(NamedTuple):
    """What fetching an entry did.

    Attributes:
        was_present: Whether everything was there and verified, so that nothing was done.
        paths: The files of the entry.
        sources: Where each download came from: addresses and local files.
    """

    was_present: bool
    paths: tuple[Path, ...]
    sources: tuple[str, ...]


def data_folder(data_dir: Path | None = None) -> Path:
    """Return the folder that is fetched into; it need not exist.

    Args:
        data_dir: The folder that the user named; None for `$HARNESS_DATA`, and the user cache
            folder where that is unset.

    Returns:
        The folder, absolute.

    Raises:
        DataError: If it is not a folder.
    """
    named = data_dir or os.environ.get(DATA_VARIABLE)
    folder = Path(named).expanduser().absolute() if named else user_cache_dir()
    if folder.exists() and not folder.is_dir():
        raise DataError(f"'{folder}' is not a folder. Name one with --data-dir.")
    return folder


def fetch(
    entry: Entry,
    folder: Path,
    origin: str | None = None,
    may_replace: bool = False,
    watch: Watch = QUIET,
    patience: Patience | None = None,
) -> Fetched:
    """Bring an entry into the data folder, unless it is there already.

    Args:
        entry: What to fetch.
        folder: The data folder; made if it does not exist.
        origin: A local file, a folder, or an address to take the downloads from.
        may_replace: Whether files that are there, but are not what would be fetched, may be
            replaced.
        watch: Sees the progress.
        patience: How long a server is waited for.

    Returns:
        What was done.

    Raises:
        DataError: If a file cannot be obtained or is not the published one, or others are in its
            place.
        TruthError: If a truth table cannot be made of the downloads.
        LockedError: If another process is fetching the same.
        StoreError: If the folder cannot be written or the disk is full.
        Interrupted: At Ctrl-C; what has arrived is kept.
    """
    states = check_product(entry, folder)
    if summarise(states) is State.OK:
        return Fetched(True, tuple(each.path for each in states), ())
    try:
        with _locked(entry, folder):
            return _fetch(entry, folder, origin, may_replace, watch, patience)
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped. What has arrived of {entry.name} is kept.") from None


def _fetch(
    entry: Entry,
    folder: Path,
    origin: str | None,
    may_replace: bool,
    watch: Watch,
    patience: Patience | None,
) -> Fetched:
    # Looked at again: another process may have been at it until now.
    states = check_product(entry, folder)
    places = tuple(each.path for each in states)
    if summarise(states) is State.OK:
        return Fetched(True, places, ())
    differing = [each for each in states if each.state is State.DIFFERS]
    if differing and not may_replace:
        raise DataError(
            f"'{differing[0].path}' is there, but is not what would be fetched "
            f"({differing[0].note}). It was left as it is. Use it as it is, fetch into another "
            "folder with --data-dir, or put the published one in its place with --replace."
        )
    _check_room(entry, folder)
    paths, sources = obtain(entry, folder, origin, watch, patience)
    if isinstance(entry.product, Table):
        _make_table(entry, entry.product, paths, folder)
    else:
        present = {each.path for each in states if each.state is State.OK}
        members = [each for each in entry.product.members if folder / each.name not in present]
        unpack(paths[0], members, folder)
        for path, source in zip(paths, sources, strict=True):
            if str(path) != source:  # downloaded just now, and no longer needed
                path.unlink()
    return Fetched(False, places, tuple(sources))


@contextmanager
def _locked(entry: Entry, folder: Path) -> Iterator[None]:
    for each in {folder, *(path.parent for path in product_paths(entry, folder))}:
        _check_writable(each)
    work = f"fetching {entry.name} into '{folder}'"
    with hold_lock(folder / f".fetch-{entry.name}.lock", work, "--data-dir"):
        yield


def _check_writable(folder: Path) -> None:
    """Respect a read-only mark, which the system does not enforce for the superuser."""
    if folder.exists() and not folder.stat().st_mode & _ANY_WRITE:
        raise StoreError(
            f"'{folder}' is marked read-only, so nothing was written to it. Name another folder "
            "with --data-dir, or allow writing to this one."
        )


def _check_room(entry: Entry, folder: Path) -> None:
    """Check that the disk can take what is missing, before an hour of downloading."""
    need = 0
    for download in entry.downloads:
        target = folder / download.path
        here = [path.stat().st_size for path in (target, part_path(target)) if path.is_file()]
        need += max(0, download.size - max(here, default=0))
    if not isinstance(entry.product, Table):
        need += sum(member.size for member in entry.product.members)
    free = shutil.disk_usage(folder).free
    if free < need:
        raise StoreError(
            f"There is no room in '{folder}' for {entry.name}: it needs {need:,} bytes, and "
            f"{free:,} are free. Free {need - free:,} bytes there, or name another folder with "
            "--data-dir."
        )


def _make_table(entry: Entry, product: Table, paths: Sequence[Path], folder: Path) -> None:
    from harness.truth import TruthTable, save_table

    table = product.make(paths)
    if product.sha256 not in (None, table.sha256):
        raise DataError(
            f"The table made of {entry.name} has the content {table.sha256[:12]} instead of "
            f"{str(product.sha256)[:12]}, though its files are the published ones. This is a fault "
            "of the harness or of its libraries: report it with the versions of numpy and pandas."
        )
    target = folder / product.path
    made = TruthTable(table.name, table.columns, table.metadata | {MADE_FROM: entry.name})
    make_folder(target.parent, "--data-dir")
    save_table(made, target)
