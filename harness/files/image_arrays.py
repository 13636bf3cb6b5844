"""What the arrays of one's own images have to be, and what to save where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import DataError

PARTS = ("train", "valid", "test")
OTHER_NAMES = {"val": "valid", "validation": "valid"}
"""What else parts are called."""

AUGMENTATIONS = ("crop", "flip")

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]


def check_pixels(path: Path, images: AnyArray) -> Bytes:
    """Return the images, once they are what they should be.

    Raises:
        DataError: If they are not; it says what to save.
    """
    given = f"'{path}': its array 'images' is {images.dtype} {list(images.shape)}"
    wanted = "it should be uint8 [image, channel, height, width]"
    if images.ndim == 3:
        raise DataError(
            f"{given}; {wanted}. Grey images have one channel: save images[:, np.newaxis]."
        )
    if images.ndim != 4 or 0 in images.shape:
        raise DataError(f"{given}; {wanted}.")
    if images.shape[3] in (1, 3, 4) and images.shape[1] > 4:
        raise DataError(
            f"{given}; {wanted}, and its channels seem to be last. Save "
            "images.transpose(0, 3, 1, 2), or exchange height and width if they are not."
        )
    if images.dtype != np.uint8:
        raise DataError(f"{given}; {wanted}. {_advise_scaling(images)}")
    return np.ascontiguousarray(images, dtype=np.uint8)


def _advise_scaling(images: AnyArray) -> str:
    """Say how to make uint8 of other values, once it is known what they are."""
    if images.dtype == np.bool_:
        return "Save images.astype(np.uint8) * 255."
    if images.dtype.kind not in "iuf":
        return "Save numbers from 0 to 255."
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        return "It holds values that are not finite: replace them, then scale to 0 to 255."
    if low >= 0 and high <= 1:
        return "Its values are 0 to 1: save (images * 255).round().astype(np.uint8)."
    if low >= 0 and high <= 255:
        return "Save images.round().astype(np.uint8)."
    return (
        f"Its values are {low:.6g} to {high:.6g}: save "
        "((images - low) / (high - low) * 255).round().astype(np.uint8) of the range that matters."
    )


def check_labels(path: Path, labels: AnyArray, n: int) -> tuple[tuple[str, ...], IntArray]:
    """Return the names of the classes, and the class of each of `n` images.

    Integers are ordered as such, texts by their letters.

    Raises:
        DataError: If there is not one for each, or one class only.
    """
    if labels.shape != (n,) or labels.dtype.kind not in "biuU":
        fix = ""
        if labels.shape == (n, 1):
            fix = " Save labels[:, 0]."
        elif labels.ndim == 2 and len(labels) == n:
            fix = " Save labels.argmax(axis=1) if each row has a one at its class."
        elif labels.shape == (n,) and labels.dtype.kind in "fS":
            fix = f" Save labels.astype({'int' if labels.dtype.kind == 'f' else 'str'})."
        raise DataError(
            f"'{path}': its array 'labels' is {labels.dtype} {list(labels.shape)}; {n:,} images go "
            f"with integers or texts, [{n}].{fix}"
        )
    values, positions = np.unique(labels, return_inverse=True)
    if len(values) < 2:
        raise DataError(
            f"'{path}': all {n:,} images are of the class {values[0]!s:.60}; at least two classes "
            "are needed."
        )
    return tuple(map(str, values.tolist())), positions.reshape(-1).astype(np.int64)


def check_split(path: Path, split: AnyArray, n: int) -> IntArray:
    """Return the part of each of `n` images, a position in `PARTS`.

    Raises:
        DataError: If there is not one for each, or it is another word.
    """
    given = f"'{path}': its array 'split' is {split.dtype} {list(split.shape)}"
    wanted = f"it should say of each of {n:,} images {', '.join(PARTS)}, or 0, 1, 2"
    if split.shape != (n,) or split.dtype.kind not in "biuU":
        raise DataError(f"{given}; {wanted}.")
    values, positions = np.unique(split, return_inverse=True)
    parts = []
    for value in values.tolist():
        text = OTHER_NAMES.get(value, value) if isinstance(value, str) else value
        if text in PARTS:
            parts.append(PARTS.index(text))
        elif not isinstance(value, str) and 0 <= value < len(PARTS):
            parts.append(int(value))
        else:
            raise DataError(f"{given} and holds {value!r:.60}; {wanted}.")
    return np.array(parts, dtype=np.int64)[positions.reshape(-1)]


def check_augment(path: Path, augment: AnyArray) -> tuple[str, ...]:
    """Return the `AUGMENTATIONS` that a file names.

    Raises:
        DataError: If it names another.
    """
    given = np.unique(augment).tolist() if augment.dtype.kind == "U" else [augment.dtype]
    for value in given:
        if value not in AUGMENTATIONS:
            raise DataError(
                f"'{path}': its array 'augment' holds {value!s:.60}; it names what keeps the label "
                f"of an image: {', '.join(AUGMENTATIONS)}, or nothing."
            )
    return tuple(given)
