"""An append-only file of JSON lines that survives a kill: what long work has finished so far.

The first line says what the work is; the others are rows. A kill can leave a last line without
its end, which is dropped when the journal is opened again. Floats survive exactly. Each line ends
in a checksum of the rest of it, since one flipped bit can turn a number into another; lines
without one are those of older versions.
"""

from __future__ import annotations

import errno
import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError, StoreError

JournalRow = dict[str, Any]

_SEALED = re.compile(rb"(.*) #([0-9a-f]{8})", re.DOTALL)


class Journal:
    """The rows of work under way.

    Attributes:
        path: The file.
        rows: All rows, in the order in which they were appended.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Open the journal, or begin it.

        Args:
            path: The file; its folder is made if need be.
            header: What the work is; a journal of other work is refused.

        Raises:
            DataError: If the file belongs to other work, or a line other than the last is
                damaged.
            StoreError: If there is no space left on the device, or the file cannot be read or
                written.
        """
        self.path = path
        self.rows: list[JournalRow] = []
        written = json.loads(json.dumps(dict(header)))  # tuples come back as lists
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = self._whole_lines() if path.exists() else []
        except OSError as error:
            raise self._unusable(error) from error
        if lines:
            self._read(lines, written)
        else:
            self._write([written])

    def append(self, rows: Sequence[JournalRow]) -> None:
        """Add rows and wait until they are on the disk.

        Args:
            rows: Values that JSON can hold.

        Raises:
            StoreError: If there is no space left on the device, or it cannot be written to.
        """
        self._write(rows)
        self.rows += rows

    def _whole_lines(self) -> list[bytes]:
        content = self.path.read_bytes()
        *lines, rest = content.split(b"\n")
        if rest:
            os.truncate(self.path, len(content) - len(rest))
        return lines

    def _read(self, lines: list[bytes], header: JournalRow) -> None:
        try:
            found, *self.rows = [_parse(line) for line in lines]
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{self.path} has a damaged line: {error}. Move the file away and start again."
            ) from error
        if found != header:
            raise DataError(
                f"{self.path} was begun for {found}, not for {header}. Give another file or "
                "folder, or the settings that it was begun with."
            )

    def _write(self, rows: Iterable[JournalRow]) -> None:
        lines = b"".join(map(_seal, rows))
        try:
            with self.path.open("ab") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise self._unusable(error) from error
            raise StoreError(
                f"No space left to add {len(lines):,} bytes to {self.path}. What it held before "
                "is kept; make room and run the same command again."
            ) from error

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.path} cannot be read or written: {error.strerror or error}. What it held is "
            "as it was; give a folder that may be written to, or make this one so."
        )


def _seal(row: JournalRow) -> bytes:
    """Write a row as a line that ends in the CRC-32 of what is before it."""
    text = json.dumps(row).encode()
    return b"%b #%08x\n" % (text, zlib.crc32(text))


def _parse(line: bytes) -> JournalRow:
    """Read a line; one without a checksum is of an older version.

    Raises:
        ValueError: If it is damaged, or holds no JSON object.
    """
    if sealed := _SEALED.fullmatch(line):
        line = sealed[1]
        if zlib.crc32(line) != int(sealed[2], 16):
            raise ValueError(f"checksum mismatch in '{line[:60]!r}'")
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError(f"{str(row)[:60]!r} is not a JSON object")
    return row
