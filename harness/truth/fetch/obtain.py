"""Obtaining an entry's downloads: from where they are published, a mirror, or this machine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from harness.errors import DataError
from harness.files.atomic import make_folder
from harness.truth.fetch.download import Patience, TransferError, Watch, fetch_file
from harness.truth.fetch.state import State, check_file
from harness.truth.published import Download, Entry

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def obtain(
    entry: Entry, folder: Path, origin: str | None, watch: Watch, patience: Patience | None
) -> tuple[list[Path], list[str]]:
    """Get an entry's downloads; all of them are the published ones then.

    Args:
        entry: What to get.
        folder: The data folder, where downloads go. Local files are used where they lie.
        origin: A local file, a folder, or an address to take them from; None for where they are
            published.
        watch: Sees the progress.
        patience: How long a server is waited for.

    Returns:
        The files, and where each came from: an address, or the file itself if it was there.

    Raises:
        DataError: If a file cannot be obtained, or is not the published one.
        StoreError: If the folder cannot be written or the disk is full.
    """
    if origin is not None and not _ADDRESS.match(origin):
        paths = [_find_local(entry, each, Path(origin).expanduser()) for each in entry.downloads]
        return paths, [str(path) for path in paths]
    sources = []
    for download in entry.downloads:
        urls = download.urls if origin is None else (_address(entry, download, origin),)
        try:
            sources.append(_download(download, folder / download.path, urls, watch, patience))
        except TransferError as error:
            raise _not_fetched(entry, folder, download, error) from error
    return [folder / download.path for download in entry.downloads], sources


def _find_local(entry: Entry, download: Download, origin: Path) -> Path:
    """Find a download at a place that the user named, and check that it is the published one."""
    is_alone = len(entry.downloads) == 1
    places = [origin / download.file, origin / download.path]
    if is_alone and not origin.is_dir():
        places = [origin]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        names = ", ".join(each.file for each in entry.downloads)
        raise DataError(
            f"There is no file '{places[0]}'. For {entry.name}, --from takes a folder or an "
            f"address (http://, https://) that holds {names}"
            + (", or that file itself." if is_alone else ".")
        )
    found = check_file(path, download)
    if found.state is not State.OK:
        raise DataError(
            f"'{path}' is not the published {download.file}: {found.note}. It was not used. The "
            f"published one is {download.size:,} bytes long, {download.checksum}, and is at "
            f"{download.urls[0]}."
        )
    return path


def _address(entry: Entry, download: Download, origin: str) -> str:
    """Return the address of a download at a mirror, which is a folder unless it names one file."""
    if len(entry.downloads) == 1 and not origin.endswith("/"):
        return origin
    return f"{origin.rstrip('/')}/{quote(download.file)}"


def _download(
    download: Download,
    target: Path,
    urls: tuple[str, ...],
    watch: Watch,
    patience: Patience | None,
) -> str:
    """Download a file unless it is at its place, and return where it came from."""
    found = check_file(target, download)
    if found.state is State.OK:
        return str(target)
    if found.state is State.DIFFERS:
        watch.notice(f"'{target}' is not the published file ({found.note}); getting it again.")
    make_folder(target.parent, "--data-dir")
    return fetch_file(urls, target, download.checksum, download.size, watch, patience)


def _not_fetched(
    entry: Entry, folder: Path, failed: Download, error: TransferError
) -> TransferError:
    """Say what failed, and what to put where by hand."""
    lines = [f"{failed.file} could not be fetched:"]
    lines += [f"  {line}" for line in str(error).splitlines()]
    lines += ["To continue by hand, get"]
    for download in entry.downloads:
        target = folder / download.path
        if check_file(target, download).state is not State.OK:
            kind, _, digest = download.checksum.partition(":")
            lines.append(f"  {download.urls[0]}")
            lines.append(f"    {download.size:,} bytes, {kind} {digest}")
            lines.append(f"    and put it at {target}")
    lines.append(
        "and run the same command again. Or name a copy that you have, or a mirror: harness data "
        f"fetch {entry.name} --from PATH|URL. What has arrived so far is kept."
    )
    return TransferError("\n".join(lines))
