"""The ImageNet16-120 reader: what it takes of a file, and what it refuses.

What it shares with other data sets is tested in `test_images_split.py`.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from harness.errors import DataError
from harness.images import imagenet16, load_images

PER_FILE = 24
"""Images of our classes in each file: two of each class in the ten files together."""

Arrays = dict[str, npt.NDArray[Any]]


def make_arrays(number: int) -> Arrays:
    """Make the arrays of file 0 to 9: 24 images of our classes, then three of others."""
    rng = np.random.RandomState(number)
    ours = (np.arange(PER_FILE) + number * PER_FILE) % 120 + 1
    labels = np.concatenate([ours, [121, 999, 1000]])
    pixels = rng.randint(0, 256, size=(len(labels), 768)).astype(np.uint8)
    return {"data": pixels, "labels": labels, "mean": pixels.mean(axis=0)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, with small files."""
    monkeypatch.setattr(imagenet16, "N_IMAGES", 10 * PER_FILE)
    folder = tmp_path / imagenet16.FOLDER
    folder.mkdir()
    for number, name in enumerate(imagenet16.FILES):
        np.savez(folder / name, **make_arrays(number))
    return folder


def rewrite(path: Path, **changes: npt.NDArray[Any] | None) -> None:
    """Write a file again with other arrays, or without some."""
    with np.load(path) as file:
        arrays = dict(file) | changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


def change_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


def change_arrays(**changes: Any) -> Callable[[Path], None]:
    return lambda path: rewrite(path, **changes)


def test_labels_1_to_120_become_0_to_119_and_others_are_left_out(folder: Path) -> None:
    data = load_images("imagenet16-120", folder.parent)
    for images in (data.train, data.validation):
        assert sorted(images.labels.tolist()) == list(range(120))
    with np.load(folder / imagenet16.FILES[3]) as file:
        pixels, label = file["data"][5], int(file["labels"][5])
    (place,) = [
        (images, position)
        for images in (data.train, data.validation)
        for position in range(len(images))
        if images.pixels[position].flatten().tolist() == pixels.tolist()
    ]
    assert int(place[0].labels[place[1]]) == label - 1


def test_the_hash_is_that_of_the_pixels_and_labels_whatever_the_files_are_like(
    folder: Path,
) -> None:
    kept = [make_arrays(number) for number in range(10)]
    digest = hashlib.sha256(b"".join(arrays["data"][:PER_FILE].tobytes() for arrays in kept))
    for arrays in kept:
        digest.update((arrays["labels"][:PER_FILE] - 1).astype("<i8").tobytes())
    assert load_images("imagenet16-120", folder.parent).sha256 == digest.hexdigest()
    for number, name in enumerate(imagenet16.FILES):
        arrays = kept[number]
        as_lists = {"labels": arrays["labels"][:PER_FILE].astype(np.uint8)}
        np.savez_compressed(folder / name, data=arrays["data"][:PER_FILE], **as_lists)
    assert load_images("imagenet16-120", folder.parent).sha256 == digest.hexdigest()


def test_arrays_in_column_order_are_the_same_images(folder: Path) -> None:
    before = load_images("imagenet16-120", folder.parent)
    for name in imagenet16.FILES:
        with np.load(folder / name) as file:
            turned = np.asfortranarray(file["data"])
        rewrite(folder / name, data=turned)
    after = load_images("imagenet16-120", folder.parent)
    assert after.sha256 == before.sha256
    assert torch.equal(after.train.pixels, before.train.pixels)


def test_what_to_get_is_said_and_that_pickles_are_not_read(folder: Path) -> None:
    for name in imagenet16.FILES:  # as NAS-Bench-201 distributes them
        (folder / name).rename(folder / name.removesuffix(".npz"))
    with pytest.raises(
        DataError,
        match=r"ImageNet at 16x16 is not complete: .* Put its npz version "
        r"\(Imagenet16_train_npz\.zip; files without \.npz are pickles, which are not read\) there "
        r"\(train_data_batch_1\.npz to train_data_batch_10\.npz, in a folder Imagenet16_train_npz",
    ):
        load_images("imagenet16-120", folder.parent)


@pytest.mark.parametrize(("number", "n_images"), [(0, 239), (9, 241)])
def test_another_number_of_images_than_there_are_is_refused(
    folder: Path, number: int, n_images: int
) -> None:
    path = folder / imagenet16.FILES[number]
    labels = make_arrays(number)["labels"]
    labels[0 if n_images < 240 else -1] = 500 if n_images < 240 else 1
    rewrite(path, labels=labels)
    with pytest.raises(
        DataError,
        match=rf"Imagenet16_train_npz' holds {n_images} images of the classes 1 to 120 instead of "
        r"240: its files do not belong together\. Fetch them again\.",
    ):
        load_images("imagenet16-120", folder.parent)


def test_the_real_number_of_images_is_the_published_one() -> None:
    # NAS-Bench-201, section 2.2: 151.7 thousand training images; its code asserts 151,700.
    assert imagenet16.N_IMAGES == 151_700


def in_zip(**members: bytes) -> Callable[[Path], None]:
    """Replace a file by a zip file of these members."""

    def damage(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(f"{name}.npy", content)

    return damage


def as_npy(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


LABELS = make_arrays(0)["labels"]
PIXELS = make_arrays(0)["data"]
HUGE = as_npy(PIXELS).replace(b"(27, 768), ", b"(9999999999, 768), ")[: 128 + 768]
UNREADABLE = r"cannot be read as an npz file of plain arrays \("

DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (change_bytes(lambda content: b""), UNREADABLE),
    "cut short": (change_bytes(lambda content: content[:-30]), UNREADABLE),
    "cut in half": (change_bytes(lambda content: content[: len(content) // 2]), UNREADABLE),
    "a pixel changed": (
        change_bytes(lambda content: content[:3000] + b"\0\1\2" + content[3003:]),
        UNREADABLE + "Bad CRC-32",
    ),
    "a pickle": (change_bytes(lambda content: pickle.dumps({"data": PIXELS})), UNREADABLE),
    "a single array": (change_bytes(lambda content: as_npy(PIXELS)), UNREADABLE),
    "text": (change_bytes(lambda content: b"<!DOCTYPE html>"), UNREADABLE),
    "a pickled array in it": (
        in_zip(labels=as_npy(np.array([{}, {}], dtype=object)), data=as_npy(PIXELS)),
        UNREADABLE + "Object arrays cannot be loaded",
    ),
    "a member that is no array": (in_zip(labels=b"1 2 3", data=as_npy(PIXELS)), UNREADABLE),
    "a member cut short": (
        in_zip(labels=as_npy(LABELS), data=as_npy(PIXELS)[:-1]),
        UNREADABLE + "EOF",
    ),
    "a header of terabytes": (in_zip(labels=as_npy(LABELS), data=HUGE), UNREADABLE),
    "no member": (in_zip(), r"has no array 'labels'; it holds nothing\. It is not of"),
    "no labels": (change_arrays(labels=None), r"no array 'labels'; it holds data\.npy, mean\.npy"),
    "no data": (change_arrays(data=None), r"no array 'data'; it holds labels\.npy, mean\.npy"),
    "32x32 images": (
        change_arrays(data=np.zeros((27, 3072), dtype=np.uint8)),
        r"'data' is uint8 \[27, 3072\]; 27 labels go with uint8 \[27, 768\]",
    ),
    "images as floats": (
        change_arrays(data=PIXELS / 255),
        r"'data' is float64 \[27, 768\]; 27 labels go with uint8",
    ),
    "images in four axes": (
        change_arrays(data=PIXELS.reshape(-1, 16, 16, 3)),
        r"'data' is uint8 \[27, 16, 16, 3\]",
    ),
    "a label too few": (
        change_arrays(labels=LABELS[1:]),
        r"'data' is uint8 \[27, 768\]; 26 labels go with uint8 \[26, 768\]",
    ),
    "label 0": (
        change_arrays(labels=np.where(LABELS == 2, 0, LABELS)),
        r"image 1: its label is 0; the downsampled ImageNet has 1 to 1,000",
    ),
    "label 1,001": (
        change_arrays(labels=np.where(LABELS == 1000, 1001, LABELS)),
        "image 26: its label is 1001; the downsampled ImageNet has 1 to 1,000",
    ),
    "labels as floats": (change_arrays(labels=LABELS * 1.0), r"'labels' is float64 \[27\]; it"),
    "labels in two axes": (change_arrays(labels=LABELS[None]), r"'labels' is int64 \[1, 27\]"),
    "labels as text": (change_arrays(labels=LABELS.astype(str)), r"'labels' is <U21 \[27\]"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_refused_by_name(folder: Path, name: str) -> None:
    damage, message = DAMAGES[name]
    path = folder / imagenet16.FILES[0]
    damage(path)
    with pytest.raises(DataError, match=rf"train_data_batch_1\.npz'.*{message}"):
        load_images("imagenet16-120", folder.parent)


def test_a_file_that_would_fill_the_memory_is_refused_unread(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert imagenet16.LARGEST_ARRAY > 5 * 128_123 * 768  # the largest array of a real file
    monkeypatch.setattr(imagenet16, "LARGEST_ARRAY", 27 * 768)  # the header is more
    monkeypatch.setattr(np.lib.format, "read_array", None)  # a call would give another message
    path = folder / imagenet16.FILES[0]
    in_zip(labels=bytes(27 * 768 + 1))(path)
    with pytest.raises(DataError, match=r"'labels' has 20,737 bytes; .* over 20,736 are not read"):
        load_images("imagenet16-120", folder.parent)


def test_no_change_of_bytes_gives_anything_but_images_or_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    np.savez_compressed(path, data=PIXELS[:3], labels=LABELS[:3])
    whole, rng = path.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            # the ends hold the headers, where a change is more than a wrong checksum
            place = rng.choice([rng.randrange(len(whole)), rng.randrange(150)])
            content[rng.choice([place, len(whole) - 1 - place])] = rng.randrange(256)
        path.write_bytes(content)
        try:
            pixels, _ = imagenet16._read_first_classes(path)
        except DataError:
            refused += 1
        else:
            assert np.array_equal(pixels, PIXELS[:3])
    assert refused > 200


def test_no_change_of_an_arrays_header_gives_anything_but_an_array_or_a_data_error(
    tmp_path: Path,
) -> None:
    path, rng, refused = tmp_path / "file.npz", random.Random(0), 0
    for _ in range(300):
        content = bytearray(as_npy(PIXELS[:3]))
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(128)] = rng.choice(b"'()[]{},:\\\n#\"0123456789\0\xff")
        in_zip(labels=as_npy(LABELS[:3]), data=bytes(content))(path)
        try:
            pixels, _ = imagenet16._read_first_classes(path)
        except DataError:
            refused += 1
        else:
            assert pixels.shape == (3, 768)
    assert refused > 200
