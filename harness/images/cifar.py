"""`cifar10` and `cifar100`: their 50,000 training images, to train on and to rank on.

Read from the data sets' own binary layout, which holds no pickles: files of records of label
bytes and 3,072 pixel bytes, [channel, row, column]. The class is the last label byte; that of
CIFAR-100's 20 coarse labels is only checked. The test images are never read.

Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, and the
"binary version" of https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import DataError
from harness.images.dataset import ImageData
from harness.images.split import Bytes, Split, find_files, split_images

IMAGE_SIZE = 32
PIXEL_BYTES = 3 * IMAGE_SIZE**2
CROP_PADDING = 4


@dataclass(frozen=True)
class Layout:
    """The files of one data set.

    Attributes:
        title: What people call the data set.
        folder: The folder of the files.
        files: Their names.
        records: Records in each file.
        label_values: For each label byte, in order: its name, and its number of values.
    """

    title: str
    folder: str
    files: tuple[str, ...]
    records: int
    label_values: Mapping[str, int]

    @property
    def record_bytes(self) -> int:
        """The length of a record, bytes."""
        return len(self.label_values) + PIXEL_BYTES


_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
LAYOUTS = {
    "cifar10": Layout("CIFAR-10", "cifar-10-batches-bin", _BATCHES, 10_000, {"label": 10}),
    "cifar100": Layout(
        *("CIFAR-100", "cifar-100-binary", ("train.bin",), 50_000),
        {"coarse label": 20, "fine label": 100},
    ),
}


def load_cifar(name: str, data_dir: Path | None, split: Split) -> ImageData:
    """Load the training images and split them into two parts, each with its share of every class.

    Args:
        name: A key of `LAYOUTS`.
        data_dir: The folder that holds the data set's folder; None to look in `$HARNESS_DATA` and
            then in the user cache folder.
        split: How to split them.

    Returns:
        All 50,000 images, to train on and for validation, and no test images. The hash is that of
        the files one after the other, so it does not depend on the split.

    Raises:
        DataError: If a file is missing, has the wrong length, or holds a label out of range.
    """
    layout = LAYOUTS[name]
    records = _read_records(layout, data_dir)
    n_labels = len(layout.label_values)
    return split_images(
        name,
        pixels=records[:, n_labels:],
        labels=records[:, n_labels - 1],
        split=split,
        classes=list(layout.label_values.values())[-1],
        image_size=IMAGE_SIZE,
        crop_padding=CROP_PADDING,
        sha256=hashlib.sha256(records.data).hexdigest(),
    )


def _read_records(layout: Layout, data_dir: Path | None) -> Bytes:
    """Read all files into one array, [record, byte]."""
    version = f"the 'binary version' of {layout.title}"
    paths = find_files(data_dir, layout.folder, layout.files, layout.title, version)
    records = np.empty((len(paths) * layout.records, layout.record_bytes), dtype=np.uint8)
    for path, part in zip(paths, np.split(records, len(paths)), strict=True):
        _check_length(layout, path)
        with path.open("rb") as file:
            file.readinto(part.data)
        _check_labels(layout, path, part)
    return records


def _check_length(layout: Layout, path: Path) -> None:
    given, expected = path.stat().st_size, layout.records * layout.record_bytes
    if given != expected:
        reason = "was cut short" if given < expected else f"is not {layout.title}'s, or damaged"
        raise DataError(
            f"'{path}' has {given:,} bytes instead of {expected:,} ({layout.records:,} records "
            f"of {layout.record_bytes:,}): it {reason}. Fetch it again."
        )


def _check_labels(layout: Layout, path: Path, records: Bytes) -> None:
    for position, (label, n_values) in enumerate(layout.label_values.items()):
        wrong = np.flatnonzero(records[:, position] >= n_values)
        if len(wrong):
            raise DataError(
                f"'{path}', record {wrong[0]}: its {label} is {records[wrong[0], position]}; "
                f"{layout.title} has 0 to {n_values - 1}. The file is damaged or of another data "
                "set: fetch it again."
            )
