"""`cifar10`: the 50,000 training images of CIFAR-10, to train on and to rank on.

Read from the data set's own binary layout, which holds no pickles: five files, each of records
of one label byte and 3,072 pixel bytes, [channel, row, column]. The test images are never read.

Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, and the
"binary version" of https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.images.dataset import ImageData
from harness.images.records import IMAGE_SIZE, PIXEL_BYTES, RecordFiles, read_records
from harness.images.split import Split, split_images

FOLDER = "cifar-10-batches-bin"
FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
RECORDS_PER_FILE = 10_000
RECORD_BYTES = 1 + PIXEL_BYTES
CLASSES = 10
CROP_PADDING = 4


def load_cifar10(data_dir: Path | None, split: Split) -> ImageData:
    """Load the training images and split them into two parts, each with its share of every class.

    Args:
        data_dir: The folder that holds `cifar-10-batches-bin`; None to look in `$HARNESS_DATA`
            and then in the user cache folder.
        split: How to split them.

    Returns:
        All 50,000 images, to train on and for validation, and no test images. The hash is that of
        the five files one after the other, so it does not depend on the split.

    Raises:
        DataError: If a file is missing, has the wrong length, or holds a label over 9.
    """
    files = RecordFiles("CIFAR-10", FOLDER, FILES, RECORDS_PER_FILE, {"label": CLASSES})
    records = read_records(files, data_dir)
    return split_images(
        "cifar10",
        pixels=records[:, 1:],
        labels=records[:, 0],
        split=split,
        classes=CLASSES,
        image_size=IMAGE_SIZE,
        crop_padding=CROP_PADDING,
        sha256=hashlib.sha256(records.data).hexdigest(),
    )
