"""The official file of NAS-Bench-101: a TFRecord of JSON, with the metrics in a protocol buffer.

A record is a list of the cell's hash, the epochs, its matrix as zeros and ones row by row, its
operations separated by commas, and the metrics in base64: for each training its evaluations, each
of an epoch, with training time and the accuracies on training, validation and test images.
`nasbench_only108.tfrecord` has three trainings of 108 epochs of each cell.

The checksums of records are not compared (in pure Python that would take hours); what the records
say is: a cell that does not have its hash is refused.

Reference: Ying et al., NAS-Bench-101, 2019, arXiv 1902.09635.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import struct
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from harness.errors import ArchError, TruthError
from harness.spaces import load_space
from harness.spaces.nb101.encoding import MOST_VERTICES, find_first, prune
from harness.truth.importers.base import Imported, ImportOptions, LeftOut
from harness.truth.importers.nb101.rows import N_IMAGES, make_rows

if TYPE_CHECKING:
    import pandas as pd

_LENGTH = struct.Struct("<QI")
_CHECKSUM_BYTES = 4
_MOST_BYTES = 2**20
"""Of one record; under a kilobyte is usual."""
_OPS = {"conv3x3-bn-relu": 0, "conv1x1-bn-relu": 1, "maxpool3x3": 2}
_OFF_GRID = 0.01
_MOST_EPOCHS = 10_000
_TOLD_EACH = 1_000
_EVALUATION, _EPOCH, _VALID, _TEST = 1, 1, 4, 5
"""Numbers of the fields: of a training's metrics, and of an evaluation."""
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
"""Kinds of fields."""


class _Training(NamedTuple):
    """One training: shares of images classified correctly after its last epoch."""

    key: int
    epochs: int
    valid: float
    test: float


def is_official(path: Path, start: bytes) -> bool:
    """Say whether a file begins as the published one does."""
    return path.is_file() and start[_LENGTH.size : _LENGTH.size + 2] == b'["'


def read_official(path: Path, options: ImportOptions) -> Imported:
    """Read the official file.

    Args:
        path: The file.
        options: What the caller asks for.

    Returns:
        The accuracies on validation and test images of every training, in the file's order.

    Raises:
        TruthError: If it cannot be read, is cut off, holds anything else, or lacks cells.
    """
    name, digest = str(path), hashlib.sha256()
    columns: list[Any] = [
        array(kind) for kind in "qqdd"
    ]  # of _Training: objects would take a gigabyte
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            while head := file.read(_LENGTH.size):
                record, n = _read_record(file.read, head, name), len(columns[0])
                digest.update(record)
                for column, value in zip(
                    columns, _parse(record, f"{name}, record {n}"), strict=True
                ):
                    column.append(value)
                if n % _TOLD_EACH == 0:
                    options.watch(file.tell(), size)
    except OSError as error:
        raise TruthError(f"{name} cannot be read: {error.strerror or error}.") from error
    space = load_space("nb101")
    n_missing = (space.size or 0) - len(set(columns[0]))
    if n_missing and not options.allow_missing:
        raise TruthError(
            f"{name} lacks {n_missing:,} of the {space.size:,} cells. Get the whole file, or "
            "import what is there with --allow-missing."
        )
    missing = LeftOut("n_missing_archs", n_missing, f"{n_missing:,} cells of {name} are missing.")
    return Imported(_to_rows(columns), digest.hexdigest(), [missing], space=space)


def _to_rows(columns: Sequence[Any]) -> pd.DataFrame:
    """Return a row for each training and split; trainings of a cell are numbered as they come."""
    import pandas as pd

    found = pd.DataFrame(dict(zip(_Training._fields, map(np.asarray, columns), strict=True)))
    trials = found.groupby(["key", "epochs"]).cumcount()
    parts = []
    for split in ("valid", "test"):
        accuracy = np.round(found[split].to_numpy() * N_IMAGES) * 100 / N_IMAGES
        rows = make_rows(found["key"].to_numpy(), accuracy)
        parts.append(rows.assign(split=split, epochs=found["epochs"], trial=trials))
    return pd.concat(parts, ignore_index=True)


def _read_record(read: Any, head: bytes, name: str) -> bytes:
    if len(head) < _LENGTH.size:
        raise _malformed(name, "it is cut off")
    length, _ = _LENGTH.unpack(head)
    if length > _MOST_BYTES:
        raise _malformed(name, f"a record has {length:,} bytes")
    content: bytes = read(length + _CHECKSUM_BYTES)
    if len(content) < length + _CHECKSUM_BYTES:
        raise _malformed(name, "it is cut off")
    return content[:length]


def _parse(record: bytes, where: str) -> _Training:
    try:
        fields = json.loads(record)
        digest, epochs, matrix, operations, metrics = fields
        content = base64.b64decode(metrics, validate=True)
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise _malformed(
            where, f"it is no list of five texts and numbers ({error!s:.80})"
        ) from error
    if type(epochs) is not int or not 0 < epochs <= _MOST_EPOCHS:
        raise _malformed(where, f"{epochs!r:.40} are no epochs")
    if not all(isinstance(text, str) for text in (digest, matrix, operations)):
        raise _malformed(where, "hash, matrix or operations are no text")
    try:
        key = _find_cell(digest, matrix, operations)
    except ArchError as error:
        raise _malformed(where, str(error)) from error
    return _Training(key, epochs, *_find_last(content, epochs, where))


@lru_cache(maxsize=65_536)
def _find_cell(digest: str, matrix: str, operations: str) -> int:
    """Return the row of a cell.

    Raises:
        ArchError: If it is no cell, or has another hash.
    """
    names = operations.split(",")
    n = len(names)
    inner = [_OPS.get(each, -1) for each in names[1:-1]]
    is_fine = (names[0], names[-1]) == ("input", "output") and -1 not in inner
    is_fine &= n <= MOST_VERTICES and len(matrix) == n * n and not set(matrix) - {"0", "1"}
    if not is_fine or any("1" in matrix[n * x : n * x + x + 1] for x in range(n)):
        raise ArchError(f"{matrix:.60} with {operations:.60} is no cell")
    has = [[matrix[n * x + y] == "1" for y in range(n)] for x in range(n)]
    cell = find_first(prune(has, inner))
    if cell.digest != digest:
        raise ArchError(f"its hash is {digest:.40}, and that of its cell {cell.digest}")
    return load_space("nb101").key(cell)


def _find_last(content: bytes, epochs: int, where: str) -> tuple[float, float]:
    """Return the accuracies of the last evaluation, after all epochs."""
    found = [
        dict(_fields(bytes(each), where))
        for number, each in _fields(content, where)
        if number == _EVALUATION and isinstance(each, bytes)
    ]
    last = next((each for each in reversed(found) if each.get(_EPOCH) == epochs), None)
    if last is None:
        raise _malformed(where, f"there is no evaluation after {epochs} epochs")
    return _check_share(last.get(_VALID), where), _check_share(last.get(_TEST), where)


def _check_share(share: Any, where: str) -> float:
    right = share * N_IMAGES if isinstance(share, float) and 0 <= share <= 1 else -1.0
    if right < 0 or abs(right - round(right)) > _OFF_GRID:
        raise _malformed(where, f"{share!r:.40} is no share of {N_IMAGES:,} images")
    return float(share)


def _fields(content: bytes, where: str) -> Iterator[tuple[int, Any]]:
    """Yield number and value of the fields of a protocol buffer: doubles, and what has a length.

    Fields of other kinds are passed over.
    """
    place = 0
    while place < len(content):
        tag, place = _read_varint(content, place, where)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _, place = _read_varint(content, place, where)
            continue
        size = {_DOUBLE: 8, _FLOAT: 4}.get(kind)
        if kind == _BYTES:
            size, place = _read_varint(content, place, where)
        if size is None or place + size > len(content):
            raise _malformed(where, "its metrics are damaged")
        value = content[place : place + size]
        place += size
        if kind == _DOUBLE:
            yield number, struct.unpack("<d", value)[0]
        elif kind == _BYTES:
            yield number, value


def _read_varint(content: bytes, place: int, where: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(content):
            break
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise _malformed(where, "its metrics are damaged")


def _malformed(where: str, problem: str) -> TruthError:
    return TruthError(
        f"{where}: this is not what NAS-Bench-101's file holds: {problem}. Get it again, and "
        "compare its checksum; other tables are imported with --as rows."
    )
