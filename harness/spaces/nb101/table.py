"""The cells in the order of the published table: made once, and kept in the user's cache folder.

A cell is kept as one number: its vertices, graph and operations, the operations read as digits.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from harness.errors import ArchError, HarnessError
from harness.files.atomic import make_folder, write_atomically
from harness.files.datadir import user_cache_dir
from harness.spaces.nb101.encoding import MOST_VERTICES, N_CELLS, OPS, Cell, enumerate_cells

FILE = "nb101-cells.u32"
SHA256 = "d8d39dedd1c64dd05c5eca7ae052071d95b26f78196dd443821859cada89994d"
"""Of the file: four bytes a cell, the lowest first."""
_GRAPH_BITS = MOST_VERTICES * (MOST_VERTICES - 1) // 2
_OPS_BITS = 8
_TOLD_EACH = 50_000

PackedArray = npt.NDArray[np.uint32]


def pack(cell: Cell) -> int:
    """Return a cell as one number."""
    digits = 0
    for op in cell.ops:
        digits = digits * len(OPS) + op
    return (cell.n << _GRAPH_BITS | cell.graph) << _OPS_BITS | digits


def unpack(number: int) -> Cell:
    """Return the cell of a number."""
    rest, digits = divmod(number, 1 << _OPS_BITS)
    n, graph = divmod(rest, 1 << _GRAPH_BITS)
    ops = []
    for _ in range(n - 2):
        digits, op = divmod(digits, len(OPS))
        ops.append(op)
    return Cell(n, graph, tuple(reversed(ops)))


class Cells(Sequence[Cell]):
    """All cells, those of ascending published hash."""

    @overload
    def __getitem__(self, place: int) -> Cell: ...

    @overload
    def __getitem__(self, place: slice) -> list[Cell]: ...

    def __getitem__(self, place: int | slice) -> Cell | list[Cell]:
        """Return the cell of a row of the table."""
        found = self.numbers[place]
        return [unpack(int(n)) for n in found] if isinstance(place, slice) else unpack(int(found))

    def __len__(self) -> int:
        """Return how many there are."""
        return N_CELLS

    def find(self, cell: Cell) -> int:
        """Return the row of a cell that stands for its class.

        Raises:
            ArchError: If it does not, or is no cell of the benchmark.
        """
        row = self._rows.get(pack(cell))
        if row is None:
            raise ArchError(f"'{cell}' is not among the {N_CELLS:,} cells of NAS-Bench-101.")
        return row

    @cached_property
    def numbers(self) -> PackedArray:
        """Every cell as a number, [row]."""
        return read_cells()

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {number: row for row, number in enumerate(self.numbers.tolist())}


def read_cells() -> PackedArray:
    """Return every cell as a number, by ascending hash: from the cache folder, or made and kept."""
    path = user_cache_dir() / FILE
    with contextlib.suppress(OSError):  # made anew if it is not there, or damaged
        content = path.read_bytes()
        if _checksum(content) == SHA256:
            return np.frombuffer(content, dtype="<u4").astype(np.uint32)
    numbers = _sort_by_hash()
    content = numbers.astype("<u4").tobytes()
    assert _checksum(content) == SHA256, "the enumeration of NAS-Bench-101's cells has changed"
    with contextlib.suppress(HarnessError):  # it is made anew the next time
        make_folder(path.parent, "the cache folder")
        write_atomically(path, content)
    return numbers


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sort_by_hash() -> PackedArray:
    """Enumerate the cells, and say so: hashing them takes about a minute."""
    sys.stderr.write(f"Enumerating {N_CELLS:,} cells of NAS-Bench-101, once: about a minute.\n")
    found = []
    for n, cell in enumerate(enumerate_cells(), start=1):
        found.append((cell.digest, pack(cell)))
        if n % _TOLD_EACH == 0:
            sys.stderr.write(f"  {n:,} of {N_CELLS:,} cells\n")
    return np.array([number for _, number in sorted(found)], dtype=np.uint32)
