"""Where somebody's table comes from: a file of any name, packed or not, or a stream.

What a file is, the end of its name says, or else its content. A source is read once and whole: a
stream cannot be read again, and a file could be another one by then.
"""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from harness.errors import DataError
from harness.scores.text import show

STANDARD_INPUT = Path("-")

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".json": "json",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".npy": "npy",
    ".npz": "npz",
}
"""Kinds of tables by the end of a file's name; `.gz` may follow."""

PICKLES = (".p", ".pkl", ".pickle", ".pt", ".pth")
"""Ends of the names of pickles and torch files, from which a truth is imported and no scores."""

_BEGIN_BYTES = 1_024
_PIECE_BYTES = 2**20
_MOST_BYTES = 2**31
"""Of a table, unpacked."""

_PICKLE = (
    "it is a pickle (or a torch file), and scores are not read from one, since reading one can run "
    "code. Write them as JSON, such as json.dump({str(arch): score, ...}, file), or as CSV."
)
_WORKBOOK = "it is a workbook, which is not read. Save its sheet as CSV."
_REFUSED_STARTS = {
    b"\x80": _PICKLE,
    b"\xd0\xcf\x11\xe0": _WORKBOOK,
    b"\x89HDF": "it is an HDF5 file, which is not read. Write its table as CSV or Parquet.",
    b"BZh": "it is packed by bzip2, which is not read. Unpack it, or pack it by gzip.",
    b"\xfd7zXZ": "it is packed by xz, which is not read. Unpack it, or pack it by gzip.",
}
_REFUSED = {
    **dict.fromkeys(PICKLES, _PICKLE),
    **dict.fromkeys((".xls", ".xlsx", ".xlsm", ".ods"), _WORKBOOK),
}
"""By how the content begins, and by the end of a file's name."""


class Source(NamedTuple):
    """A table that was fetched, and not yet read.

    Attributes:
        name: What to call it in an error.
        content: All of its bytes, unpacked.
        kind: A value of `KINDS`.
    """

    name: str
    content: bytes
    kind: str


def damaged(name: str, kind: str, reason: object) -> DataError:
    """Make the error for a file that is not whole.

    Args:
        name: What to call the file.
        kind: What it should be.
        reason: What went wrong, usually another error; its first line is shown.
    """
    first = (str(reason).splitlines() or [type(reason).__name__])[0]
    return DataError(
        f"{name}: this is not a whole {kind} file ({show(first, 160)}). It may have been cut "
        "short, or be of another kind than its name says; get or make it again."
    )


def read_source(path: Path) -> Source:
    """Fetch a table.

    Args:
        path: A file, a named pipe such as `/dev/fd/63` of a process substitution, or `-` for
            standard input.

    Returns:
        Its bytes, and what they are.

    Raises:
        DataError: If it is not there, a folder, empty, too large, damaged, or of a kind that is
            not read.
    """
    if path == STANDARD_INPUT:
        name, content = "standard input", _read_all(sys.stdin.buffer)
    else:
        name, content = str(path), _read_file(path)
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes[-1:] == [".gz"] or content.startswith(b"\x1f\x8b"):
        suffixes = suffixes[:-1] if suffixes[-1:] == [".gz"] else suffixes
        content = _unpack(content, name)
    if len(content) > _MOST_BYTES:
        raise DataError(
            f"{name}: tables of more than {_MOST_BYTES:,} bytes are not read. Split it."
        )
    if not content:
        raise DataError(f"{name}: the file is empty. Get or make it again.")
    suffix = "".join(suffixes[-1:])
    if suffix in _REFUSED:
        raise DataError(f"{name}: {_REFUSED[suffix]}")
    return Source(name, content, KINDS.get(suffix) or _recognise(content, name))


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DataError(
                f"'{path}' is a folder, and a scores file was expected. Give a file "
                f"({', '.join(KINDS)}), or the folder of a run, which holds record.json."
            )
        if not path.exists():
            raise DataError(f"There is no scores file at '{path}'. Check the path.")
        with path.open("rb") as file:
            return _read_all(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: it cannot be read ({show(reason)}).") from error


def _read_all(stream: BinaryIO | gzip.GzipFile) -> bytes:
    """Read a stream, or so much of it that it is too large; never ask for memory beforehand."""
    pieces, n_bytes = [], 0
    while n_bytes <= _MOST_BYTES and (piece := stream.read(_PIECE_BYTES)):
        pieces.append(piece)
        n_bytes += len(piece)
    return b"".join(pieces)


def _unpack(content: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            return _read_all(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(name, "gzip", error) from error


def _recognise(content: bytes, name: str) -> str:
    """Find out what a table is by its content."""
    if content.startswith(b"PAR1"):
        return "parquet"
    if content.startswith(b"\x93NUMPY"):
        return "npy"
    if content.startswith(b"PK\x03\x04"):
        return _recognise_zip(content, name)
    for start, problem in _REFUSED_STARTS.items():
        if content.startswith(start):
            raise DataError(f"{name}: {problem}")
    if b"\0" in content[:_BEGIN_BYTES]:
        raise DataError(
            f"{name}: by its name and its content it is of no known kind. Give one of "
            f"{', '.join(KINDS)}, or name it after what it is."
        )
    begin = content[:_BEGIN_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    return "json" if begin.startswith((b"{", b"[")) else "csv"


def _recognise_zip(content: bytes, name: str) -> str:
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise damaged(name, "zip", error) from error
    if names and all(each.endswith(".npy") for each in names):
        return "npz"
    if any(each.endswith("data.pkl") for each in names):
        raise DataError(f"{name}: {_PICKLE}")
    if "[Content_Types].xml" in names:
        raise DataError(f"{name}: {_WORKBOOK}")
    raise DataError(f"{name}: it is an archive. Unpack it, and name a file of it.")
