"""Images of one's own: an npz file, or a folder, as `harness.files.images` reads them.

Parts that the file does not name are cut from those that it does, each class by itself: first the
test images, always the same ones; then validation images, by the run's split, as CIFAR-10's are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from harness.errors import DataError
from harness.files.image_arrays import PARTS, IntArray
from harness.files.images import LabelledImages, read_images
from harness.images.dataset import ImageData, ImageSet
from harness.images.split import Split, channel_moments, split_by_class

SHARE_OF_CROP = 8
"""A crop is padded by this part of the shorter side, as 32 pixels are by 4."""


def load_own(path: Path, split: Split, name: str | None = None) -> ImageData:
    """Load images of one's own.

    Args:
        path: The file or folder.
        split: How to cut validation images, where the file names none.
        name: What the data set has to be called; None: whatever its content says.

    Returns:
        Training, validation and test images. They are cropped and flipped only where the file
        says that this keeps the label.

    Raises:
        DataError: If they are missing, damaged, too few, or not those of that name; or a channel
            is the same in all training images.
    """
    own = read_images(path, name)
    own.sizes(split.train_share)
    parts = _cut(own, split)
    sets = [_take(own, parts == part) for part in range(len(PARTS))]
    mean, std = channel_moments(sets[0].pixels.numpy())
    if 0.0 in std:
        raise DataError(
            f"'{path}': channel {std.index(0.0)} has the same value in every pixel of all training "
            "images. Leave it out."
        )
    height, width = own.pixels.shape[2:]
    return ImageData(
        name=own.name,
        train=sets[0],
        validation=sets[1],
        test=sets[2],
        classes=len(own.classes),
        mean=mean,
        std=std,
        crop_padding=max(1, min(height, width) // SHARE_OF_CROP) if "crop" in own.augment else 0,
        flip="flip" in own.augment,
        sha256=own.sha256,
    )


def _cut(own: LabelledImages, split: Split) -> IntArray:
    """Return the part of each image, once all are made."""
    parts = own.parts.copy()
    for part, source, kept in own.cuts(split.train_share):
        seed = split.seed if part == "valid" else 0
        places = np.flatnonzero(parts == PARTS.index(source))
        labels = own.labels[places]
        # test images have a stream of their own, so that a split of the others is another draw
        stream = own.name if part == "valid" else f"{own.name} {part}"
        _, taken = split_by_class(stream, labels, len(own.classes), Split(seed, kept))
        parts[places[taken]] = PARTS.index(part)
    return parts


def _take(own: LabelledImages, chosen: npt.NDArray[np.bool_]) -> ImageSet:
    return ImageSet(torch.from_numpy(own.pixels[chosen]), torch.from_numpy(own.labels[chosen]))
