"""Fetching an entry: get its downloads, check them, and unpack or convert them.

They come from where they are published, from a mirror, or from files of this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from harness.errors import DataError, Interrupted, StoreError
from harness.files.atomic import make_folder
from harness.files.datadir import DATA_VARIABLE, user_cache_dir
from harness.files.locks import hold_lock
from harness.truth.fetch.archives import unpack
from harness.truth.fetch.download import (
    PATIENT,
    QUIET,
    Patience,
    TransferError,
    Watch,
    fetch_file,
    part_path,
)
from harness.truth.fetch.state import (
    MADE_FROM,
    FileState,
    State,
    check_file,
    check_product,
    product_paths,
    summarise,
)
from harness.truth.published import Download, Entry, Table

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
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
    patience: Patience = PATIENT,
) -> Fetched:
    """Bring an entry into the data folder, unless it is there already.

    Args:
        entry: What to fetch.
        folder: The data folder; made if it does not exist.
        origin: A local file, a folder, or an address to take the downloads from; None for where
            they are published.
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
    places = tuple(each.path for each in states)
    if summarise(states) is State.OK:
        return Fetched(True, places, ())
    _check_writable(entry, folder)
    work = f"fetching {entry.name} into '{folder}'"
    try:
        with hold_lock(folder / f".fetch-{entry.name}.lock", work, "--data-dir"):
            # Looked at again: another process may have been at it until now.
            states = check_product(entry, folder)
            if summarise(states) is State.OK:
                return Fetched(True, places, ())
            if not may_replace:
                _refuse_to_replace(states)
            _check_room(entry, folder)
            way = _Way(entry, folder, origin, watch, patience)
            downloads = [way.obtain(each) for each in entry.downloads]
            _make_product(entry, downloads, states, folder)
            return Fetched(False, places, tuple(source for _, source in downloads))
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped. What has arrived of {entry.name} is kept.") from None


def _refuse_to_replace(states: Sequence[FileState]) -> None:
    for each in states:
        if each.state is State.DIFFERS:
            raise DataError(
                f"'{each.path}' is there, but is not what would be fetched ({each.note}). It was "
                "left as it is. Use it as it is, fetch into another folder with --data-dir, or put "
                "the published one in its place with --replace."
            )


@dataclass(frozen=True)
class _Way:
    """How an entry's downloads come; the attributes are arguments of `fetch`."""

    entry: Entry
    folder: Path
    origin: str | None
    watch: Watch
    patience: Patience

    def obtain(self, download: Download) -> tuple[Path, str]:
        """Get a download; return where it is, and the address that it came from, or itself."""
        if self.origin is not None and not _ADDRESS.match(self.origin):
            path = self._find_local(download, Path(self.origin).expanduser())
            return path, str(path)
        target = self.folder / download.path
        found = check_file(target, download)
        if found.state is State.OK:
            return target, str(target)
        if found.state is State.DIFFERS:
            self.watch.notice(
                f"'{target}' is not the published file ({found.note}); getting it again."
            )
        urls = download.urls if self.origin is None else (self._address(download, self.origin),)
        make_folder(target.parent, "--data-dir")
        try:
            url = fetch_file(
                urls, target, download.checksum, download.size, self.watch, self.patience
            )
        except TransferError as error:
            raise self._not_fetched(download, error) from error
        return target, url

    def _find_local(self, download: Download, origin: Path) -> Path:
        """Find a download at a place that the user named; it has to be the published one."""
        is_alone = len(self.entry.downloads) == 1
        places = [origin / download.file, origin / download.path]
        if is_alone and not origin.is_dir():
            places = [origin]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            names = ", ".join(each.file for each in self.entry.downloads)
            raise DataError(
                f"There is no file '{places[0]}'. For {self.entry.name}, --from takes a folder or "
                f"an address (http://, https://) that holds {names}"
                + (", or that file itself." if is_alone else ".")
            )
        found = check_file(path, download)
        if found.state is not State.OK:
            raise DataError(
                f"'{path}' is not the published {download.file}: {found.note}. It was not used. "
                f"The published one is {download.size:,} bytes long, {download.checksum}, and is "
                f"at {download.urls[0]}."
            )
        return path

    def _address(self, download: Download, origin: str) -> str:
        """Return a download's address at a mirror, which is a folder unless it names one file."""
        if len(self.entry.downloads) == 1 and not origin.endswith("/"):
            return origin
        return f"{origin.rstrip('/')}/{quote(download.file)}"

    def _not_fetched(self, failed: Download, error: TransferError) -> TransferError:
        """Say what failed, and what to put where by hand."""
        lines = [f"{failed.file} could not be fetched:"]
        lines += [f"  {line}" for line in str(error).splitlines()]
        lines += ["To continue by hand, get"]
        for download in self.entry.downloads:
            target = self.folder / download.path
            if check_file(target, download).state is not State.OK:
                kind, _, digest = download.checksum.partition(":")
                lines.append(f"  {download.urls[0]}")
                lines.append(f"    {download.size:,} bytes, {kind} {digest}")
                lines.append(f"    and put it at {target}")
        lines.append(
            "and run the same command again. Or name a copy that you have, or a mirror: harness "
            f"data fetch {self.entry.name} --from PATH|URL. What has arrived so far is kept."
        )
        return TransferError("\n".join(lines))


def _check_writable(entry: Entry, folder: Path) -> None:
    """Respect a read-only mark, which the system does not enforce for the superuser."""
    for each in {folder, *(path.parent for path in product_paths(entry, folder))}:
        if each.exists() and not each.stat().st_mode & _ANY_WRITE:
            raise StoreError(
                f"'{each}' is marked read-only, so nothing was written to it. Name another folder "
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


def _make_product(
    entry: Entry, downloads: Sequence[tuple[Path, str]], states: Sequence[FileState], folder: Path
) -> None:
    """Make what an entry's downloads are for: a table, or the files of an archive."""
    if isinstance(entry.product, Table):
        _make_table(entry, entry.product, [path for path, _ in downloads], folder)
        return
    missing = {each.path for each in states if each.state is not State.OK}
    members = [each for each in entry.product.members if folder / each.name in missing]
    unpack(downloads[0][0], members, folder)
    for path, source in downloads:
        if str(path) != source:  # downloaded just now, and no longer needed
            path.unlink()


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
