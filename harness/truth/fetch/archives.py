"""Unpacking an archive without letting it decide where anything goes, or how much.

Nothing of the archive's own names, modes, owners or links reaches the disk: the members that are
expected are copied, by name, into files that this module names. An archive that holds anything
odd beside them is refused as a whole. (`tarfile`'s own "data" filter is not needed then, and the
first releases of Python 3.11 do not have it.)
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from harness.errors import DataError, StoreError
from harness.truth.published import Member

_CHUNK = 1 << 20
_SLACK = 1 << 20
"""Bytes that headers, padding and small files beside the members may take."""
_MAX_NAMES = 1_000


def unpack(archive: Path, members: Sequence[Member], into: Path) -> None:
    """Unpack the members of a `.tar.gz` file that are not there yet, all or none of them.

    Args:
        archive: The file.
        members: What it must hold; anything else that is harmless is passed over.
        into: The folder to which the members' names are relative. Files that are there under
            these names are replaced.

    Raises:
        DataError: If the archive is damaged, lacks a member, holds another one than was
            published, is far larger than its members, or holds a link, a device, an absolute
            name or one that leads out of the folder. Nothing is left of it then.
        StoreError: If the disk is full or cannot be written. Nothing is left of it then.
    """
    wanted = {member.name: member for member in members}
    try:
        with _temporary_folder(into) as folder:
            places = _copy_members(archive, wanted, folder)
            for name, place in places.items():
                target = into / name
                target.parent.mkdir(parents=True, exist_ok=True)
                place.replace(target)
    except OSError as error:
        need = sum(member.size for member in members)
        raise StoreError(
            f"'{archive.name}' could not be unpacked into '{into}': {error.strerror or error}. It "
            f"needs {need:,} bytes there and a folder that may be written to. Nothing was "
            "left; run the same command to resume."
        ) from error


@contextmanager
def _temporary_folder(into: Path) -> Iterator[Path]:
    """Make a folder in the same file system, and remove it and those of killed processes."""
    for left in into.glob(".unpack-*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".unpack-", suffix=".tmp", dir=into))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_members(archive: Path, wanted: Mapping[str, Member], folder: Path) -> dict[str, Path]:
    """Copy the wanted members into a folder, and return where each one is."""
    limit = 2 * sum(member.size for member in wanted.values()) + _SLACK
    places: dict[str, Path] = {}
    with archive.open("rb") as packed:
        content = _Bounded(gzip.GzipFile(fileobj=packed), limit, archive)
        try:
            # As a stream: what is skipped is read, and so counted.
            with tarfile.open(fileobj=content, mode="r|", bufsize=_CHUNK) as tar:
                for number, info in enumerate(tar):
                    name = _check_member(archive, info, number)
                    if info.isfile() and name in wanted:
                        if name in places:
                            raise _refusal(archive, f"'{name}' occurs twice in it")
                        places[name] = folder / str(number)
                        _copy(archive, tar.extractfile(info), wanted[name], places[name])
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"'{archive}' is not a whole .tar.gz file ({error}). It was cut short or damaged; "
                "get it again."
            ) from error
    missing = [name for name in wanted if name not in places]
    if missing:
        raise DataError(
            f"'{archive}' lacks {', '.join(missing)}. It is another archive than was published, or "
            "was cut short; get it again."
        )
    return places


def _check_member(archive: Path, info: tarfile.TarInfo, number: int) -> str:
    """Return a member's name without a leading "./", if there is nothing odd about it."""
    path = PurePosixPath(info.name)
    odd = {
        "is not a relative name": path.is_absolute() or "\\" in info.name or ":" in info.name,
        "leads out of the folder": ".." in path.parts,
        f"is a link to '{info.linkname}'": info.issym() or info.islnk(),
        "is neither a plain file nor a folder": not (info.isfile() or info.isdir())
        or info.issparse(),
        f"is one of more than {_MAX_NAMES:,} names": number >= _MAX_NAMES,
    }
    for problem, is_so in odd.items():
        if is_so:
            raise _refusal(archive, f"'{info.name}' {problem}")
    return str(path)


def _copy(archive: Path, source: IO[bytes] | None, member: Member, place: Path) -> None:
    kind, _, expected = member.checksum.partition(":")
    digest = hashlib.new(kind, usedforsecurity=False)
    size = 0
    with place.open("xb") as file:
        while source is not None and (chunk := source.read(_CHUNK)):
            size += len(chunk)
            if size > member.size:
                break
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if size != member.size or digest.hexdigest() != expected:
        raise DataError(
            f"'{archive}': its '{member.name}' is not the one that was published (its size or "
            "checksum differs). Nothing was kept; get the archive again."
        )


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than so many bytes: an archive can claim any size."""

    def __init__(self, source: gzip.GzipFile, limit: int, archive: Path) -> None:
        super().__init__()
        self._source, self._left, self._archive = source, limit, archive

    def read(self, size: int = -1, /) -> bytes:
        """Read at most as many bytes as are left.

        Raises:
            DataError: If there are more.
        """
        content = self._source.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise _refusal(self._archive, "it is far larger, unpacked, than what it should hold")
        return content


def _refusal(archive: Path, problem: str) -> DataError:
    return DataError(
        f"'{archive}' was not unpacked: {problem}. The published archive is not like that; get it "
        "from where it is published."
    )
