"""Training images in two parts: one to train on, one to rank on.

What the data sets share whose validation images are cut from their training images. Axes: image;
byte, an image's pixels in the order [channel, row, column].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from harness.errors import DataError
from harness.files.datadir import resolve_data_dir, user_cache_dir
from harness.files.images import count_share
from harness.images.dataset import ImageData, ImageSet
from harness.seeding import make_rng

CHANNELS = 3

Bytes = npt.NDArray[np.uint8]
AnyIntArray = npt.NDArray[np.integer]


class Split(NamedTuple):
    """How training images are split, where a data set has no split of its own.

    Attributes:
        seed: Seed of the split.
        train_share: Share of each class's images that is trained on, above 0 and below 1; the
            rest are validation images. Half is NAS-Bench-201's split for searching.
    """

    seed: int = 0
    train_share: float = 0.5


HALVES = Split()


def split_images(
    name: str,
    pixels: Bytes,
    labels: AnyIntArray,
    split: Split,
    *,
    classes: int,
    image_size: int,
    crop_padding: int,
    sha256: str,
) -> ImageData:
    """Split training images into two parts, each with the same share of every class.

    Args:
        name: The data set's name; each has a split of its own.
        pixels: [image, byte].
        labels: From 0, [image].
        split: How to.
        classes: Number of classes.
        image_size: Height and width, pixels.
        crop_padding: Pixels of padding for random crops.
        sha256: Hash of all images and labels, which does not depend on the split.

    Returns:
        Training and validation images, and no test images. The number of training images of
        each class is rounded down. The parts are copies of `pixels`.
    """
    train, validation = split_by_class(name, labels, classes, split)
    train_set = _image_set(pixels, labels, train, image_size)
    mean, std = channel_moments(train_set.pixels.numpy())
    return ImageData(
        name=name,
        train=train_set,
        validation=_image_set(pixels, labels, validation, image_size),
        test=None,
        classes=classes,
        mean=mean,
        std=std,
        crop_padding=crop_padding,
        flip=True,
        sha256=sha256,
    )


def find_files(
    data_dir: Path | None, folder: str, names: Sequence[str], title: str, version: str
) -> list[Path]:
    """Find the files of a data set.

    Args:
        data_dir: The folder that holds `folder`; None to look in `$HARNESS_DATA` and then in the
            user cache folder.
        folder: The data set's folder.
        names: Its files.
        title: What people call the data set.
        version: What to get, such as "the 'binary version' of CIFAR-10".

    Returns:
        The files, in the order of `names`.

    Raises:
        DataError: If one is missing.
    """
    paths = [(resolve_data_dir(data_dir) or user_cache_dir()) / folder / name for name in names]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        files = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        raise DataError(
            f"{title} is not complete: looked for {', '.join(missing)}. Put {version} there "
            f"({files}, in a folder {folder}), or name the folder that holds {folder} with "
            "--data-dir or $HARNESS_DATA."
        )
    return paths


def split_by_class(
    name: str, labels: AnyIntArray, classes: int, split: Split
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the images of the two parts, ascending: those trained on, and the others.

    Args:
        name: The data set's name, which is part of the seed.
        labels: From 0, [image].
        classes: Number of classes.
        split: How to.
    """
    rng = make_rng(split.seed, name, "split")
    is_train = np.zeros(len(labels), dtype=bool)
    for label in range(classes):
        members = rng.permutation(np.flatnonzero(labels == label))
        is_train[members[: count_share(split.train_share, len(members))]] = True
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


def _image_set(
    pixels: Bytes, labels: AnyIntArray, chosen: npt.NDArray[np.int64], image_size: int
) -> ImageSet:
    part = np.ascontiguousarray(pixels[chosen]).reshape(-1, CHANNELS, image_size, image_size)
    return ImageSet(torch.from_numpy(part), torch.from_numpy(labels[chosen].astype(np.int64)))


def channel_moments(pixels: Bytes) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, from integer histograms.

    Counting the 256 values is exact, and needs no float copy of the images (0.6 GB for CIFAR);
    it goes part by part because `bincount` makes an int64 copy of what it counts.
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
