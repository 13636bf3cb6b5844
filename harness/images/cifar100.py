"""`cifar100`: the 50,000 training images of CIFAR-100, half to train on and half to rank on.

Read from the data set's own binary layout, which holds no pickles: one file of records of a
coarse label byte (0 to 19, not used), a fine label byte (0 to 99, the class) and 3,072 pixel
bytes, [channel, row, column]. The test images are never read.

Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, and the
"binary version" of https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.images.dataset import ImageData
from harness.images.records import IMAGE_SIZE, PIXEL_BYTES, RecordFiles, read_records
from harness.images.split import Split, split_images

FOLDER = "cifar-100-binary"
FILES = ("train.bin",)
RECORDS_PER_FILE = 50_000
RECORD_BYTES = 2 + PIXEL_BYTES
COARSE_CLASSES = 20
CLASSES = 100
CROP_PADDING = 4


def load_cifar100(data_dir: Path | None, split: Split) -> ImageData:
    """Load the training images and split them into two parts, each with its share of every class.

    Args:
        data_dir: The folder that holds `cifar-100-binary`; None to look in `$HARNESS_DATA` and
            then in the user cache folder.
        split: How to split them.

    Returns:
        All 50,000 images, to train on and for validation, and no test images. The hash is that of
        the file, so it does not depend on the split.

    Raises:
        DataError: If the file is missing, has the wrong length, or holds a coarse label over 19
            or a fine label over 99.
    """
    label_values = {"coarse label": COARSE_CLASSES, "fine label": CLASSES}
    files = RecordFiles("CIFAR-100", FOLDER, FILES, RECORDS_PER_FILE, label_values)
    records = read_records(files, data_dir)
    return split_images(
        "cifar100",
        pixels=records[:, 2:],
        labels=records[:, 1],
        split=split,
        classes=CLASSES,
        image_size=IMAGE_SIZE,
        crop_padding=CROP_PADDING,
        sha256=hashlib.sha256(records.data).hexdigest(),
    )
