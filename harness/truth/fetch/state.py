"""What of an entry is in the data folder, and whether it is what was published."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from harness.errors import DataError
from harness.truth.fetch.download import part_path
from harness.truth.published import Download, Entry, Member, Table

MADE_FROM = "fetched_as"
"""The key of a table's metadata that names the entry it was made from."""


class State(StrEnum):
    """The state of a file or an entry."""

    OK = "ok"
    MISSING = "missing"
    DIFFERS = "differs"


class FileState(NamedTuple):
    """The state of a file.

    Attributes:
        path: Where it is, or would be.
        state: Whether it is what was published.
        note: A remark, or "".
        is_other: Whether it is sound, but made from something else.
    """

    path: Path
    state: State
    note: str = ""
    is_other: bool = False


def product_paths(entry: Entry, folder: Path) -> list[Path]:
    """Return where the files are, or would be, that are made of an entry's downloads."""
    product = entry.product
    names = [product.path] if isinstance(product, Table) else [m.name for m in product.members]
    return [folder / name for name in names]


def check_product(entry: Entry, folder: Path, with_hashes: bool = True) -> list[FileState]:
    """Report the state of the files that are made from an entry's downloads.

    Args:
        entry: What was or would be fetched.
        folder: The data folder, which need not exist.
        with_hashes: Compute the checksums; otherwise only sizes are compared.

    Returns:
        One state a file.
    """
    product = entry.product
    if isinstance(product, Table):
        return [_check_table(entry, product, folder / product.path)]
    return [check_file(folder / member.name, member, with_hashes) for member in product.members]


def check_entry(entry: Entry, folder: Path) -> list[FileState]:
    """Report the state of all files of an entry, computing their checksums.

    Args:
        entry: What was or would be fetched.
        folder: The data folder, which need not exist.

    Returns:
        What is made of the downloads; then those downloads that are there.
    """
    downloads = [
        check_file(path, download)
        for download in entry.downloads
        if (path := folder / download.path).exists()
    ]
    return [*check_product(entry, folder), *downloads]


def summarise(states: Sequence[FileState]) -> State:
    """Return the worst of several states: one that differs, then one that is missing."""
    found = {each.state for each in states}
    return next(state for state in (State.DIFFERS, State.MISSING, State.OK) if state in found)


def look_at(entry: Entry, folder: Path) -> str:
    """Summarise in a few words, without computing checksums, what is there of an entry."""
    states = check_product(entry, folder, with_hashes=False)
    found = [each.state for each in states]
    word = {State.OK: "yes", State.DIFFERS: "differs", State.MISSING: "no"}[summarise(states)]
    if State.DIFFERS not in found and len(set(found)) > 1:
        word = f"{found.count(State.OK)} of {len(found)} files"
    parts = [part_path(folder / download.path) for download in entry.downloads]
    n_begun = sum(part.stat().st_size for part in parts if part.is_file())
    return f"{word}; {n_begun:,} of {entry.size:,} bytes have arrived" if n_begun else word


def check_file(path: Path, what: Download | Member, with_hash: bool = True) -> FileState:
    """Say whether a file is the published one.

    Args:
        path: Where it is.
        what: What it should be.
        with_hash: Compute the checksum too.

    Returns:
        Its state, and how it differs if it does.
    """
    import pooch

    if not path.is_file():
        return FileState(path, State.MISSING)
    try:
        found = path.stat().st_size
        if found != what.size:
            return FileState(path, State.DIFFERS, f"{found:,} bytes instead of {what.size:,}")
        kind, _, expected = what.checksum.partition(":")
        if with_hash and pooch.file_hash(str(path), alg=kind) != expected:
            return FileState(path, State.DIFFERS, f"its {kind} is not that of the published file")
    except OSError as error:
        return FileState(path, State.DIFFERS, f"cannot be read: {error.strerror}")
    return FileState(path, State.OK)


def _check_table(entry: Entry, product: Table, path: Path) -> FileState:
    if not path.exists():
        return FileState(path, State.MISSING)
    from harness.truth import load_table

    try:
        table = load_table(path)  # which compares the rows with the hash in the file
    except DataError as error:
        return FileState(path, State.DIFFERS, str(error))
    made_from = table.metadata.get(MADE_FROM, "something else")
    is_it = made_from == entry.name if product.sha256 is None else table.sha256 == product.sha256
    if is_it:
        return FileState(path, State.OK)
    is_other = made_from != entry.name
    note = "its rows are not those of the published files"
    if is_other:
        note = f"a sound table, but made from {made_from[:60]}"
    return FileState(path, State.DIFFERS, note, is_other)
