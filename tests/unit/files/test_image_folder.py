"""A folder of images: classes and parts by its folders, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.errors import DataError
from harness.files import image_folder
from harness.files.images import read_images
from tests.own_images import CLASSES, EACH, SHAPE, make_arrays, write_folder

RED = np.zeros((6, 9, 3), np.uint8) + np.array([200, 10, 0], np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "photos")


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)


def test_each_file_is_an_image_of_its_folders_class(folder: Path) -> None:
    own, arrays = read_images(folder), make_arrays()
    assert own.pixels.shape == (CLASSES * EACH, *SHAPE)
    assert own.classes == tuple(f"class-{label}" for label in range(CLASSES))
    order = np.argsort(arrays["labels"], kind="stable")
    assert np.array_equal(own.labels, arrays["labels"][order])
    assert np.array_equal(own.pixels, arrays["images"][order])
    assert own.name == f"photos-{own.sha256[:8]}"
    assert own.augment == ()


def test_folders_called_as_parts_are_parts(tmp_path: Path) -> None:
    own = read_images(write_folder(tmp_path / "x", ("train", "val", "test")))
    assert np.bincount(own.parts).tolist() == [60, 60, 60]
    assert own.sizes(0.5) == (60, 60, 60)
    (tmp_path / "x" / "other").mkdir()
    with pytest.raises(DataError, match=r"class-0' is not an image that is read"):
        read_images(tmp_path / "x")


def test_colours_are_channels_first(tmp_path: Path) -> None:
    for suffix, mode in (("png", None), ("bmp", None), ("png", "P")):
        folder = tmp_path / f"{suffix}{mode}"
        for label in "ab":
            save(folder / label / f"1.{suffix}", RED, mode)
        pixels = read_images(folder).pixels
        assert pixels.shape == (2, 3, 6, 9)
        if mode is None:  # a palette has the nearest colours
            assert pixels[0, :, 0, 0].tolist() == [200, 10, 0]


def test_black_and_white_is_0_and_255(tmp_path: Path) -> None:
    for label in "ab":
        save(tmp_path / "x" / label / "1.png", RED[:, :, 0] * (np.arange(9) > 3), "1")
    assert np.unique(read_images(tmp_path / "x").pixels).tolist() == [0, 255]


def test_what_file_managers_leave_is_passed_over(folder: Path) -> None:
    before = read_images(folder).sha256
    for name in (".DS_Store", "class-0/Thumbs.db", ".git/config", "class-1/.hidden.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert read_images(folder).sha256 == before


FIRST = "class-0/000.png"


def at(name: str, pixels: np.ndarray, mode: str | None = None) -> Callable[[Path], None]:
    return lambda folder: save(folder / name, pixels, mode)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no files": (
        lambda folder: [shutil.rmtree(path) for path in folder.iterdir()],
        "has no images. Give a folder with a folder of images for each class",
    ),
    "a file beside the folders": (at("1.png", RED), r"1\.png' is a file where a folder was"),
    "text": (lambda f: (f / "class-0/x.txt").write_text("x"), r"x\.txt' is not an image that is"),
    "a folder in a class": (
        lambda f: (f / "class-0/x").mkdir(),
        r"x' is not an image that is read",
    ),
    "another size": (
        at("class-1/z.png", RED[:, :7, 0]),
        "z.png' is 6 x 7 pixels of 1 channel, and",
    ),
    "in colour": (
        at("class-1/z.png", RED),
        "is 6 x 9 pixels of 3 channels, and .* of 1 channel. R",
    ),
    "transparent": (
        at("class-1/z.png", RED, "RGBA"),
        "is of mode 'RGBA'; allowed are grey and col",
    ),
    "16 bits": (
        at("class-1/z.png", np.zeros((6, 9), np.uint16)),
        "is of mode 'I(;16)?'; allowed are",
    ),
    "cut short": (
        lambda f: (f / "class-1/z.png").write_bytes(next(f.glob("*/*.png")).read_bytes()[:60]),
        r"z\.png' cannot be read as an image \(.*\)\. It is damaged",
    ),
    "another format": (
        lambda f: (
            save(f / "class-1/z.bmp", RED) or (f / "class-1/z.bmp").rename(f / "class-1/z.png")
        ),
        r"z\.png' cannot be read as an image",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_like_the_others_is_refused(folder: Path, name: str) -> None:
    damage, message = REFUSED[name]
    damage(folder)
    with pytest.raises(DataError, match=message):
        read_images(folder)


def test_a_palette_with_transparency_is_refused(folder: Path) -> None:
    Image.fromarray(RED).convert("P").save(folder / "class-1/z.png", transparency=0)
    with pytest.raises(DataError, match="is transparent in parts; allowed are"):
        read_images(folder)


def test_an_image_of_many_pixels_is_refused_before_it_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folder, "MOST_PIXELS", 53)
    with pytest.raises(DataError, match=r"has 9 x 6 pixels; more than 53 are not read\. Resize"):
        read_images(folder)


def test_what_does_not_fit_the_memory_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(DataError, match=r"60 images such as .* do not fit the memory\. Resize"):
        read_images(folder)
