"""Images of one's own with labels: an npz file, or a folder with a folder of files a class.

Axes: image, channel, height, width, class, part. Parts are `PARTS` in this order.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.errors import DataError
from harness.files.image_arrays import (
    PARTS,
    AnyArray,
    Bytes,
    IntArray,
    check_augment,
    check_labels,
    check_pixels,
    check_split,
)
from harness.files.image_folder import list_folder, read_files
from harness.files.npz import Npz, memory_bytes, open_npz

ARRAYS = ("images", "labels", "split", "augment")
"""What is read of an npz file."""

TEST_SHARE, TEST_SHARE_OF_VALID = 0.2, 0.5

_REMEDY = (
    "Save one's own images by np.savez(FILE, images=..., labels=...), where images is uint8 "
    "[image, channel, height, width] and labels has one class for each image."
)
_OWN_NAME = re.compile(r".+-[0-9a-f]{8}")


def count_share(share: float, n: int) -> int:
    """Return a share of `n`, rounded down."""
    return int(share * n + 1e-9)  # 0.9 * 10 is a little less than 9


def is_own_name(dataset: str) -> bool:
    """Say whether a data set's name may be one that `LabelledImages.name` gave."""
    return _OWN_NAME.fullmatch(dataset) is not None


class Cut(NamedTuple):
    """A part that the file does not name, which is taken from another one.

    Attributes:
        part: The part.
        source: Where its images come from.
        kept: The share of each class that stays there, rounded down.
    """

    part: str
    source: str
    kept: float


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of one's own.

    Attributes:
        path: Where they were read from.
        pixels: uint8, [image, channel, height, width].
        labels: Positions in `classes`, [image].
        classes: The names of the classes.
        parts: Positions in `PARTS`, [image]; all "train" where the file does not say.
        augment: The `AUGMENTATIONS` that keep the label.
    """

    path: Path
    pixels: Bytes
    labels: IntArray
    classes: tuple[str, ...]
    parts: IntArray
    augment: tuple[str, ...]

    @cached_property
    def sha256(self) -> str:
        """Hash of all that is here but the path, in hexadecimal."""
        what = {"classes": self.classes, "shape": self.pixels.shape, "augment": self.augment}
        digest = hashlib.sha256(json.dumps(what).encode())
        digest.update(self.pixels.data)
        for numbers in (self.labels, self.parts):
            digest.update(numbers.astype("<i8").data)
        return digest.hexdigest()

    @property
    def name(self) -> str:
        """What runs and truths call the data set: the file's name and the content's hash."""
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", self.path.name.removesuffix(".npz")).strip("-")
        return f"{stem[:40] or 'images'}-{self.sha256[:8]}"

    def cuts(self, train_share: float) -> list[Cut]:
        """Return how the parts that the file does not name are made, in this order.

        Test images are a fifth of all images, or half of the validation images where there are
        such; validation images are what `train_share` of the others leaves.
        """
        named = set(np.unique(self.parts).tolist())
        cuts = []
        if PARTS.index("test") not in named:
            of_valid = PARTS.index("valid") in named
            share = TEST_SHARE_OF_VALID if of_valid else TEST_SHARE
            cuts.append(Cut("test", "valid" if of_valid else "train", 1 - share))
        if PARTS.index("valid") not in named:
            cuts.append(Cut("valid", "train", train_share))
        return cuts

    def sizes(self, train_share: float) -> tuple[int, ...]:
        """Return the number of images of each part, [part].

        Raises:
            DataError: If a class has no training image, or there are too few others.
        """
        counts = np.zeros((len(self.classes), len(PARTS)), dtype=np.int64)
        np.add.at(counts, (self.labels, self.parts), 1)
        for part, source, kept in self.cuts(train_share):
            for own in counts:
                n = own[PARTS.index(source)]
                own[PARTS.index(source)] = count_share(kept, n)
                own[PARTS.index(part)] = n - count_share(kept, n)
        self._check_counts(counts)
        return tuple(counts.sum(axis=0).tolist())

    def _check_counts(self, counts: IntArray) -> None:
        lacking = np.flatnonzero(counts[:, 0] == 0)
        if len(lacking):
            raise DataError(
                f"'{self.path}': class {self.classes[lacking[0]]!r:.60} has no training image. "
                "Give more images of it, or leave it out."
            )
        for part, at_least in (("valid", 2), ("test", 1)):
            if counts[:, PARTS.index(part)].sum() < at_least:
                raise DataError(
                    f"'{self.path}' has {len(self.labels):,} images of {len(self.classes)} "
                    f"classes, which leaves too few {part} images. Give more images of each class."
                )


def read_images(path: Path, name: str | None = None) -> LabelledImages:
    """Read images of one's own.

    Args:
        path: An npz file with `images` (uint8, [image, channel, height, width]), `labels`
            (integers or texts, [image]) and perhaps `split` (of `PARTS`, or 0, 1, 2, [image]) and
            `augment` (of `AUGMENTATIONS`); or a folder with a folder for each class, perhaps
            within folders called as `PARTS`. Pickles are never read.
        name: The name that the images have to have; None: whichever their content gives them.

    Returns:
        The images.

    Raises:
        DataError: If it is missing, damaged, not as above, or of another name.
    """
    images = _read(path.expanduser())
    if name is not None and images.name != name:
        raise DataError(
            f"'{path}' is now '{images.name}', and was '{name}': its content has changed. Restore "
            "it, or give it to --dataset as another data set."
        )
    return images


def _read(path: Path) -> LabelledImages:
    if path.is_dir():
        files = list_folder(path)
        parts = None if files[0].part is None else [str(file.part) for file in files]
        return _check(path, read_files(files), [file.label for file in files], parts, None)
    if not path.is_file():
        raise DataError(
            f"There is no '{path}'. Give an npz file with the arrays images and labels, or a "
            "folder with a folder of images for each class."
        )
    with open_npz(path, _REMEDY, "Save it again.") as file:
        for other in sorted(set(file.names) - set(ARRAYS)):
            if meant := get_close_matches(other, ARRAYS, n=1, cutoff=0.8):
                raise DataError(
                    f"'{path}' has an array '{other}', which is not read. Call it '{meant[0]}' if "
                    "it is that, or by a name that is less like it."
                )
        pixels = check_pixels(path, file.read("images", memory_bytes()))
        labels, split, augment = (
            _read_column(file, name) for name in ("labels", "split", "augment")
        )
        assert labels is not None
        return _check(path, pixels, labels, split, augment)


def _read_column(file: Npz, name: str) -> AnyArray | None:
    if name != "labels" and name not in file.names:
        return None
    return file.read(name, memory_bytes())


def _check(
    path: Path,
    pixels: Bytes,
    labels: Sequence[str] | AnyArray,
    split: Sequence[str] | AnyArray | None,
    augment: AnyArray | None,
) -> LabelledImages:
    classes, positions = check_labels(path, np.asarray(labels), len(pixels))
    if split is None:
        parts = np.zeros(len(pixels), dtype=np.int64)
    else:
        parts = check_split(path, np.asarray(split), len(pixels))
    chosen = () if augment is None else check_augment(path, augment)
    return LabelledImages(path.resolve(), pixels, positions, classes, parts, chosen)


class Identity(NamedTuple):
    """What settings have to know about images of one's own.

    Attributes:
        name: The data set's name.
        path: Where the images are.
        sizes: Number of images of each part, [part].
    """

    name: str
    path: Path
    sizes: tuple[int, ...]


def identify(path: Path, train_share: float = 0.5, name: str | None = None) -> Identity:
    """Find out the name of images of one's own, which their content decides.

    Args:
        path: As `read_images` takes it.
        train_share: Share of each class to train on, where the file does not say.
        name: As `read_images` takes it.

    Raises:
        DataError: As `read_images`; or if they are too few.
    """
    path = path.expanduser().resolve()
    return _identify(path, train_share, name, _stamp(path))


@lru_cache(maxsize=32)  # a study of many runs reads each file once
def _identify(path: Path, train_share: float, name: str | None, stamp: tuple[str, ...]) -> Identity:
    images = read_images(path, name)
    return Identity(images.name, path, images.sizes(train_share))


def _stamp(path: Path) -> tuple[str, ...]:
    """Return what changes with the files: names, lengths and times."""
    files = [file.path for file in list_folder(path)] if path.is_dir() else [path]
    about = [(file, file.stat()) for file in files if file.is_file()]
    return tuple(f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in about)
