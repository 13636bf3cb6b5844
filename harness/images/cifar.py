"""`cifar10`: the 50,000 training images of CIFAR-10, half to train on and half to rank on.

Read from the data set's own binary layout, which holds no pickles: five files, each of records
of one label byte and 3,072 pixel bytes, [channel, row, column]. The test images are never read.

Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, and the
"binary version" of https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from harness.datadir import resolve_data_dir, user_cache_dir
from harness.errors import DataError
from harness.images.dataset import ImageData, ImageSet
from harness.seeding import make_rng

FOLDER = "cifar-10-batches-bin"
FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
RECORDS_PER_FILE = 10_000
IMAGE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32
CLASSES = 10
CROP_PADDING = 4


def load_cifar10(data_dir: Path | None, split_seed: int) -> ImageData:
    """Load the training images and split them into two halves with equally many of each class.

    Args:
        data_dir: The folder that holds `cifar-10-batches-bin`; None to look in `$HARNESS_DATA`
            and then in the user cache folder.
        split_seed: Seed of the split.

    Returns:
        25,000 training and 25,000 validation images, and no test images. The hash is that of
        the five files one after the other, so it does not depend on the split.

    Raises:
        DataError: If a file is missing, has the wrong length, or holds a label over 9.
    """
    records = _read_records(_find_folder(data_dir))
    labels = records[:, 0]
    train, validation = _split_by_class(labels, split_seed)
    train_set = _image_set(records, train)
    mean, std = _channel_moments(train_set.pixels.numpy())
    return ImageData(
        name="cifar10",
        train=train_set,
        validation=_image_set(records, validation),
        test=None,
        classes=CLASSES,
        mean=mean,
        std=std,
        crop_padding=CROP_PADDING,
        flip=True,
        sha256=hashlib.sha256(records.data).hexdigest(),
    )


def _find_folder(data_dir: Path | None) -> Path:
    folder = (resolve_data_dir(data_dir) or user_cache_dir()) / FOLDER
    missing = [str(folder / name) for name in FILES if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"CIFAR-10 is not complete: looked for {', '.join(missing)}. Put the 'binary version' "
            f"of CIFAR-10 there ({FILES[0]} to {FILES[-1]}, in a folder {FOLDER}), or name the "
            f"folder that holds {FOLDER} with --data-dir or $HARNESS_DATA."
        )
    return folder


def _read_records(folder: Path) -> npt.NDArray[np.uint8]:
    """Read all files into one array, [record, byte], in the order of the files."""
    records = np.empty((len(FILES) * RECORDS_PER_FILE, RECORD_BYTES), dtype=np.uint8)
    for position, name in enumerate(FILES):
        path = folder / name
        _check_length(path)
        part = records[position * RECORDS_PER_FILE : (position + 1) * RECORDS_PER_FILE]
        with path.open("rb") as file:
            file.readinto(part.data)
        wrong = np.flatnonzero(part[:, 0] >= CLASSES)
        if len(wrong):
            raise DataError(
                f"'{path}', record {wrong[0]}: its label is {part[wrong[0], 0]}; CIFAR-10 has 0 "
                f"to {CLASSES - 1}. The file is damaged or of another data set: fetch it again."
            )
    return records


def _check_length(path: Path) -> None:
    given, expected = path.stat().st_size, RECORDS_PER_FILE * RECORD_BYTES
    if given != expected:
        reason = "was cut short" if given < expected else "is not CIFAR-10's, or damaged"
        raise DataError(
            f"'{path}' has {given:,} bytes instead of {expected:,} ({RECORDS_PER_FILE:,} records "
            f"of {RECORD_BYTES:,}): it {reason}. Fetch it again."
        )


def _split_by_class(
    labels: npt.NDArray[np.uint8], split_seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the records of the two halves, ascending; an odd one of a class goes to the second."""
    rng = make_rng(split_seed, "cifar10", "split")
    is_train = np.zeros(len(labels), dtype=bool)
    for label in range(CLASSES):
        members = rng.permutation(np.flatnonzero(labels == label))
        is_train[members[: len(members) // 2]] = True
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


def _image_set(records: npt.NDArray[np.uint8], chosen: npt.NDArray[np.int64]) -> ImageSet:
    pixels = np.ascontiguousarray(records[chosen, 1:]).reshape(-1, *IMAGE_SHAPE)
    return ImageSet(torch.from_numpy(pixels), torch.from_numpy(records[chosen, 0].astype(np.int64)))


def _channel_moments(
    pixels: npt.NDArray[np.uint8],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, from integer histograms.

    Counting the 256 values is exact, and needs no float copy of the images (0.6 GB); it goes
    part by part because `bincount` makes an int64 copy of what it counts.
    """
    values = np.arange(256)
    parts = np.array_split(pixels, 50)
    means, stds = [], []
    for channel in range(pixels.shape[1]):
        counts = sum(np.bincount(part[:, channel].ravel(), minlength=256) for part in parts)
        mean = float(np.average(values, weights=counts))
        means.append(mean)
        stds.append(float(np.sqrt(np.average((values - mean) ** 2, weights=counts))))
    return tuple(means), tuple(stds)
