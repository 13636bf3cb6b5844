"""Files of records of one length: label bytes, then the 3,072 pixel bytes of a 32x32 image.

The binary layout of the two CIFAR data sets; pixels are in the order [channel, row, column].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import DataError
from harness.images.split import Bytes, find_files

IMAGE_SIZE = 32
PIXEL_BYTES = 3 * IMAGE_SIZE**2


@dataclass(frozen=True)
class RecordFiles:
    """The files of one data set.

    Attributes:
        title: What people call the data set.
        folder: Their folder.
        names: Their names.
        records: Records in each of them.
        label_values: For each label byte, in order: what to call it, and its number of values.
    """

    title: str
    folder: str
    names: tuple[str, ...]
    records: int
    label_values: Mapping[str, int]

    @property
    def record_bytes(self) -> int:
        """The length of a record, bytes."""
        return len(self.label_values) + PIXEL_BYTES


def read_records(files: RecordFiles, data_dir: Path | None) -> Bytes:
    """Read all files into one array.

    Args:
        files: What to read.
        data_dir: As `find_files` takes it.

    Returns:
        All records, in the order of the files, [record, byte].

    Raises:
        DataError: If a file is missing, has the wrong length, or holds a label out of range.
    """
    version = f"the 'binary version' of {files.title}"
    paths = find_files(data_dir, files.folder, files.names, files.title, version)
    records = np.empty((len(paths) * files.records, files.record_bytes), dtype=np.uint8)
    for position, path in enumerate(paths):
        _check_length(files, path)
        part = records[position * files.records : (position + 1) * files.records]
        with path.open("rb") as file:
            file.readinto(part.data)
        _check_labels(files, path, part)
    return records


def _check_length(files: RecordFiles, path: Path) -> None:
    given, expected = path.stat().st_size, files.records * files.record_bytes
    if given != expected:
        reason = "was cut short" if given < expected else f"is not {files.title}'s, or damaged"
        raise DataError(
            f"'{path}' has {given:,} bytes instead of {expected:,} ({files.records:,} records "
            f"of {files.record_bytes:,}): it {reason}. Fetch it again."
        )


def _check_labels(files: RecordFiles, path: Path, records: Bytes) -> None:
    for position, (label, n_values) in enumerate(files.label_values.items()):
        wrong = np.flatnonzero(records[:, position] >= n_values)
        if len(wrong):
            raise DataError(
                f"'{path}', record {wrong[0]}: its {label} is {records[wrong[0], position]}; "
                f"{files.title} has 0 to {n_values - 1}. The file is damaged or of another data "
                "set: fetch it again."
            )
