"""Arrays of an npz file from anybody: never a pickle, and never more than fits the memory."""

from __future__ import annotations

import os
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import DataError

_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, MemoryError),
    *(NotImplementedError, RuntimeError),  # compressed in an unknown way, or encrypted
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError),  # an array's header
    OverflowError,  # its shape
)
"""What the readers of zip files and of arrays raise on damaged ones; found by changing bytes."""


def memory_bytes() -> int:
    """Return the machine's memory, bytes; 64 GiB where that is unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**36


class Npz:
    """An open npz file.

    Attributes:
        path: The file.
        names: Its arrays.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile, remedy: str) -> None:
        """Take an open archive; `open_npz` makes it."""
        self.path = path
        self.names = {
            name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")
        }
        self._archive = archive
        self._remedy = remedy

    def read(self, name: str, most_bytes: int) -> npt.NDArray[np.generic]:
        """Read an array.

        Args:
            name: Its name.
            most_bytes: What is larger is refused unread.

        Raises:
            DataError: If it is not there or too large; of damage see `open_npz`.
        """
        if name not in self.names:
            given = ", ".join(sorted(self._archive.namelist())[:5]) or "nothing"
            raise DataError(
                f"'{self.path}' has no array '{name}'; it holds {given:.200}. {self._remedy}"
            )
        n_bytes = self._archive.getinfo(self.names[name]).file_size
        if n_bytes > most_bytes:
            raise DataError(
                f"'{self.path}': its array '{name}' has {n_bytes:,} bytes; arrays of over "
                f"{most_bytes:,} are not read. {self._remedy}"
            )
        with self._archive.open(self.names[name]) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that Python 2 wrote the header, which is no fault
            array: npt.NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
        return array


@contextmanager
def open_npz(path: Path, remedy: str, again: str) -> Iterator[Npz]:
    """Open an npz file; arrays of Python objects are refused, as reading them may run code.

    Args:
        path: The file.
        remedy: What to do about a file of other arrays, a sentence.
        again: What to do about a damaged one, likewise.

    Raises:
        DataError: If it is no such file, or damaged; also of what is read within.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield Npz(path, archive, remedy)
    except _DAMAGE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"'{path}' cannot be read as an npz file of plain arrays ({reason:.200}). It was cut "
            f"short, is damaged, or is a pickle, which is never read. {again}"
        ) from error
