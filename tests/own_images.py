"""Images of one's own, as tests make them: little spectrograms, one channel, not square."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CLASSES, EACH = 5, 12
SHAPE = (1, 6, 9)

Arrays = dict[str, npt.NDArray[Any]]


def make_arrays(seed: int = 0) -> Arrays:
    """Make 12 images of each of 5 classes, which differ in the row that is bright."""
    rng = np.random.RandomState(seed)
    labels = rng.permutation(np.arange(CLASSES * EACH) % CLASSES)
    images = rng.randint(0, 100, (len(labels), *SHAPE))
    images[np.arange(len(labels)), :, labels] += 100
    return {"images": images.astype(np.uint8), "labels": labels}


def write_npz(path: Path, **changes: Any) -> Path:
    """Write them, with other arrays, or without those that are None."""
    arrays = make_arrays() | changes
    np.savez_compressed(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def write_folder(folder: Path, parts: tuple[str, ...] = ("",)) -> Path:
    """Write them as PNG files in a folder a class, in each of some parts."""
    from PIL import Image

    for number, part in enumerate(parts):
        arrays = make_arrays(number)
        for place, (image, label) in enumerate(zip(*arrays.values(), strict=True)):
            path = folder / part / f"class-{label}" / f"{place:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[0]).save(path)
    return folder
