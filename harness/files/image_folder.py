"""A folder of images: a folder for each class, perhaps within folders for parts.

photos/cat/1.png                photos/train/cat/1.png
photos/dog/2.png                photos/test/dog/2.png
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.errors import DataError
from harness.files.image_arrays import OTHER_NAMES, PARTS, Bytes

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
"""Formats by suffix; others are refused."""

MOST_PIXELS = 2**22
"""Of one image; networks of these spaces are made for a hundredth."""

_LEFT_OUT = ("Thumbs.db", "desktop.ini")
_MODES = {"L": "L", "1": "L", "RGB": "RGB", "P": "RGB"}
"""What images of a mode are read as, [height, width] or [height, width, channel]."""

_DAMAGE = (
    *(OSError, EOFError, SyntaxError, struct.error, Warning, MemoryError, OverflowError),
    *(ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, NotImplementedError),
)
"""What pillow raises on damaged files; its warnings are made errors."""


class ImageFile(NamedTuple):
    """One image.

    Attributes:
        path: Its file.
        label: The name of its class.
        part: Its part; None where there are no folders for parts.
    """

    path: Path
    label: str
    part: str | None


def list_folder(folder: Path) -> list[ImageFile]:
    """List the images of a folder in the order of their names, without opening them.

    Args:
        folder: The folder. It has parts if it holds only folders that are called as these.

    Returns:
        At least one image.

    Raises:
        DataError: If there is none, or a file is no image.
    """
    parts = {**{part: part for part in PARTS}, **OTHER_NAMES}
    within = list(_list(folder))
    has_parts = bool(within) and {path.name for path in within} <= parts.keys()
    files = [
        ImageFile(path, label.name, parts[whole.name] if has_parts else None)
        for whole in (within if has_parts else [folder])
        for label in _list(whole)
        for path in _list(label)
        if _is_image(path)
    ]
    if not files:
        raise DataError(
            f"'{folder}' has no images. Give a folder with a folder of images for each class."
        )
    return files


def read_files(files: Sequence[ImageFile]) -> Bytes:
    """Read images, uint8, [image, channel, height, width].

    Args:
        files: At least one.

    Raises:
        DataError: If one is damaged, too large, or not of the size and kind of the first.
    """
    first = _read(files[0].path)
    try:
        pixels = np.empty((len(files), *first.shape), dtype=np.uint8)
    except (MemoryError, ValueError) as error:
        raise DataError(
            f"{len(files):,} images such as '{files[0].path}' of {_describe(first)} do not fit the "
            "memory. Resize them, or give fewer."
        ) from error
    pixels[0] = first
    for place, file in enumerate(files[1:], start=1):
        image = _read(file.path)
        if image.shape != first.shape:
            raise DataError(
                f"'{file.path}' is {_describe(image)}, and '{files[0].path}' is "
                f"{_describe(first)}. Resize or convert them, so that all are alike."
            )
        pixels[place] = image
    return pixels


def _list(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder, ascending, without what file managers leave there.

    Raises:
        DataError: If it is a file, which belongs into the folder of a class.
    """
    if not folder.is_dir():
        raise DataError(
            f"'{folder}' is a file where a folder was expected. Put the images of each class into "
            "a folder of its own."
        )
    try:
        within = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise DataError(f"'{folder}' cannot be read: {error.strerror}.") from error
    for path in within:
        if not path.name.startswith(".") and path.name not in _LEFT_OUT:
            yield path


def _is_image(path: Path) -> bool:
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        raise DataError(
            f"'{path}' is not an image that is read. Allowed are files of {', '.join(SUFFIXES)}; "
            "images of other formats can be saved as an npz file."
        )
    return True


def _read(path: Path) -> Bytes:
    """Read one image, [channel, height, width].

    Raises:
        DataError: If it is damaged or of a kind that 8 bits a channel cannot hold.
    """
    from PIL import Image  # only folders need it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(path, formats=[SUFFIXES[path.suffix.lower()]]) as image:
                _check(path, image.mode, image.size, "transparency" in image.info)
                pixels = np.asarray(image.convert(_MODES[image.mode]), dtype=np.uint8)
    except (*_DAMAGE, Image.DecompressionBombError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"'{path}' cannot be read as an image ({reason:.200}). It is damaged, or its suffix is "
            "wrong: save it again, or leave it out."
        ) from error
    return pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _check(path: Path, mode: str, size: tuple[int, int], is_transparent: bool) -> None:
    if mode not in _MODES or is_transparent:
        what = "is transparent in parts" if is_transparent else f"is of mode '{mode}'"
        raise DataError(
            f"'{path}' {what}; allowed are grey and colour images of 8 bits a channel, without "
            "transparency. Convert it, or save the images as an npz file."
        )
    if size[0] * size[1] > MOST_PIXELS:
        raise DataError(
            f"'{path}' has {size[0]} x {size[1]} pixels; more than {MOST_PIXELS:,} are not read. "
            "Resize the images: networks of these spaces are made for small ones."
        )


def _describe(image: Bytes) -> str:
    channels, height, width = image.shape
    return f"{height} x {width} pixels of {channels} channel{'s' if channels > 1 else ''}"
