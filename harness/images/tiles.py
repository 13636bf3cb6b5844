"""`tiles`: the embedded data set, made of real handwritten digits, that needs no download.

Each 16x16 one-channel image is a 2x2 tile of digits of 8x8 pixels; its label is their sum, 0 to
36. Training, validation and test tiles are drawn from disjoint digits, so that a network is
scored on handwriting that it has not seen.

Reference: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (CC BY 4.0),
the 1,797 images that ship with scikit-learn. The tiling is this project's own.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from harness.errors import DataError
from harness.images.dataset import ImageData, ImageSet
from harness.seeding import make_rng

N_TRAIN, N_VALIDATION, N_TEST = 4_000, 2_000, 2_000
CLASSES = 37
_SEED = 0
_DIGIT_SHARES = (0.5, 0.75)
_GREY_STEP = 15
"""The digits have 17 grey levels, 0 to 16; times 15 they fill 0 to 240."""

SHA256 = "d4bfbebd3b063352b86dc685d2c2029ced4958ef6226496020496c383cdd4d0a"


@cache
def load_tiles() -> ImageData:
    """Make the data set, always the same 8,000 images.

    Returns:
        4,000 training, 2,000 validation and 2,000 test images.

    Raises:
        DataError: If the digits that scikit-learn ships are not those that the bundled truth
            table was measured on.
    """
    from sklearn.datasets import load_digits  # slow to import, and only this function needs it

    digits = load_digits()
    pixels = (digits.images * _GREY_STEP).astype(np.uint8)
    labels = digits.target.astype(np.int64)
    order = make_rng(_SEED, "tiles", "digits").permutation(len(labels))
    cuts = [int(share * len(labels)) for share in _DIGIT_SHARES]
    splits = [
        _make_split(name, pixels[part], labels[part], n)
        for name, part, n in zip(
            ("train", "validation", "test"),
            np.split(order, cuts),
            (N_TRAIN, N_VALIDATION, N_TEST),
            strict=True,
        )
    ]
    sha256 = _hash(splits)
    if sha256 != SHA256:
        raise DataError(
            f"The tiles made from scikit-learn's digits have hash {sha256[:12]}, not "
            f"{SHA256[:12]}: its digits changed, so the bundled truth does not apply. "
            "Install the scikit-learn version of constraints.txt."
        )
    train, validation, test = splits
    floats = train.pixels.double()
    return ImageData(
        name="tiles",
        train=train,
        validation=validation,
        test=test,
        classes=CLASSES,
        mean=(floats.mean().item(),),
        std=(floats.std().item(),),
        crop_padding=0,
        flip=False,
        sha256=sha256,
    )


def _make_split(
    name: str, digits: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], n: int
) -> ImageSet:
    chosen = make_rng(_SEED, "tiles", name).randint(0, len(labels), size=(n, 2, 2))
    size = digits.shape[-1]
    # [image, row, column, y, x] -> [image, row, y, column, x] -> one picture
    tiles = digits[chosen].transpose(0, 1, 3, 2, 4).reshape(n, 1, 2 * size, 2 * size)
    return ImageSet(
        torch.from_numpy(np.ascontiguousarray(tiles)),
        torch.from_numpy(labels[chosen].sum(axis=(1, 2))),
    )


def _hash(splits: list[ImageSet]) -> str:
    digest = hashlib.sha256()
    for split in splits:
        digest.update(split.pixels.numpy().tobytes())
        digest.update(split.labels.numpy().astype("<i8").tobytes())
    return digest.hexdigest()
