"""`imagenet16-120`: ImageNet at 16x16 pixels, its first 120 classes, halved like CIFAR-10.

Read from the npz version of the downsampled ImageNet, ten files of about 128,000 images each:
`data`, uint8 [image, byte], bytes in the order [channel, row, column], and `labels`, 1 to 1,000
in the order of the authors' own class list; whatever else a file has is not read, and pickled
arrays are refused. NAS-Bench-201 keeps labels 1 to 120 of the same ten files, and distributes
them as pickles, which are never read here. It takes its validation and test images from
ImageNet's validation images; these are never read either: both parts are training images.

Reference: Chrabaszcz, Loshchilov & Hutter, A Downsampled Variant of ImageNet as an Alternative to
the CIFAR datasets, 2017, arXiv 1707.08819; Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326,
section 2.2 (the 120 classes), and its code (crops padded by 2 pixels).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import DataError
from harness.files.npz import open_npz
from harness.images.dataset import ImageData
from harness.images.split import Bytes, Split, find_files, split_images

FOLDER = "Imagenet16_train_npz"
FILES = tuple(f"train_data_batch_{number}.npz" for number in range(1, 11))
IMAGE_SIZE = 16
PIXEL_BYTES = 3 * IMAGE_SIZE**2
CLASSES = 120
ALL_CLASSES = 1_000
N_IMAGES = 151_700
CROP_PADDING = 2
LARGEST_ARRAY = 2**30
"""Bytes; ten times the largest array of a real file, so that no file can fill the memory."""

_TITLE = "ImageNet at 16x16"
_VERSION = (
    "its npz version (Imagenet16_train_npz.zip; files without .npz are pickles, which are not read)"
)
_REMEDY = "It is not of the downsampled ImageNet: fetch its 16x16 npz version."


def load_imagenet16(data_dir: Path | None, split: Split) -> ImageData:
    """Load the training images and split them into two parts, each with its share of every class.

    Takes twice the images' 117 MB while it splits them, and 117 MB from then on.

    Args:
        data_dir: The folder that holds `Imagenet16_train_npz`; None to look in `$HARNESS_DATA`
            and then in the user cache folder.
        split: How to split them.

    Returns:
        All 151,700 images, to train on and for validation, and no test images. The hash is that
        of the 151,700 images' bytes and then of their labels, both in the order of the files.

    Raises:
        DataError: If a file is missing or damaged, is not in this layout, or the files do not
            hold 151,700 images of the 120 classes together.
    """
    paths = find_files(data_dir, FOLDER, FILES, _TITLE, _VERSION)
    parts = [_read_first_classes(path) for path in paths]
    pixels = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([part[1] for part in parts])
    del parts
    if len(labels) != N_IMAGES:
        raise DataError(
            f"'{paths[0].parent}' holds {len(labels):,} images of the classes 1 to {CLASSES} "
            f"instead of {N_IMAGES:,}: its files do not belong together. Fetch them again."
        )
    digest = hashlib.sha256(pixels.data)
    digest.update(labels.astype("<i8").data)
    return split_images(
        "imagenet16-120",
        pixels=pixels,
        labels=labels,
        split=split,
        classes=CLASSES,
        image_size=IMAGE_SIZE,
        crop_padding=CROP_PADDING,
        sha256=digest.hexdigest(),
    )


def _read_first_classes(path: Path) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Read the images of the first 120 classes, and their labels from 0."""
    with open_npz(path, _REMEDY, "Fetch the npz version again.") as file:
        labels = _check_labels(path, file.read("labels", LARGEST_ARRAY))
        pixels = file.read("data", LARGEST_ARRAY)
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), PIXEL_BYTES):
        raise DataError(
            f"'{path}': its array 'data' is {pixels.dtype} {list(pixels.shape)}; {len(labels):,} "
            f"labels go with uint8 [{len(labels)}, {PIXEL_BYTES}]. The file is of another size of "
            "image, or damaged: fetch the 16x16 npz version."
        )
    chosen = labels <= CLASSES
    return pixels[chosen].astype(np.uint8, copy=False), labels[chosen] - 1


def _check_labels(path: Path, labels: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"'{path}': its array 'labels' is {labels.dtype} {list(labels.shape)}; it should be "
            "integers, [image]. The file is damaged or of another data set: fetch it again."
        )
    whole = labels.astype(np.int64)
    wrong = np.flatnonzero((whole < 1) | (whole > ALL_CLASSES))
    if len(wrong):
        raise DataError(
            f"'{path}', image {wrong[0]}: its label is {whole[wrong[0]]}; the downsampled "
            f"ImageNet has 1 to {ALL_CLASSES:,}. The file is damaged or of another data set: "
            "fetch it again."
        )
    return whole
