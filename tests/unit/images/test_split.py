"""What holds for every data set that splits its training images, on small files of its layout."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.errors import DataError
from harness.images import DATASETS, cifar, imagenet16, load_images
from harness.images.dataset import ImageSet
from harness.images.split import Split

CIFAR_RECORDS = 20
PER_CLASS = 3
"""Odd, so that the halves are not equally large: the odd image is one to rank on."""


@dataclass(frozen=True)
class Layout:
    """One data set, in files small enough for a test.

    Attributes:
        folder: The name of its folder.
        files: The names of its files.
        record_bytes: Length of a record; 0 where there are none.
        write: Writes the files, and makes the loader expect so few images.
        read: Reads them again, naively: the label and the pixels of each image, in order.
        classes: Number of classes.
        size: Height and width.
        padding: Padding of random crops.
        half: Images of each class in the training half and in the validation half.
    """

    folder: str
    files: tuple[str, ...]
    record_bytes: int
    write: Callable[[Path, pytest.MonkeyPatch], None]
    read: Callable[[Path], Iterator[tuple[int, bytes]]]
    classes: int
    size: int
    padding: int
    half: tuple[int, int]


def _own(name: str) -> tuple[str, tuple[str, ...], int]:
    layout = cifar.LAYOUTS[name]
    return layout.folder, layout.files, layout.record_bytes


def write_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = replace(cifar.LAYOUTS["cifar10"], records=CIFAR_RECORDS)
    monkeypatch.setitem(cifar.LAYOUTS, "cifar10", layout)
    rng = np.random.RandomState(0)
    for name in layout.files:
        records = rng.randint(0, 256, size=(CIFAR_RECORDS, 3073)).astype(np.uint8)
        records[:, 0] = np.arange(CIFAR_RECORDS) % 10
        records.tofile(folder / name)


def read_cifar10(folder: Path) -> Iterator[tuple[int, bytes]]:
    for number in range(1, 6):
        content = (folder / f"data_batch_{number}.bin").read_bytes()
        for start in range(0, len(content), 3073):
            yield content[start], content[start + 1 : start + 3073]


def write_cifar100(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_images = 100 * PER_CLASS
    layout = replace(cifar.LAYOUTS["cifar100"], records=n_images)
    monkeypatch.setitem(cifar.LAYOUTS, "cifar100", layout)
    rng = np.random.RandomState(0)
    records = rng.randint(0, 256, size=(n_images, 3074)).astype(np.uint8)
    records[:, 0] = rng.randint(0, 20, size=n_images)
    records[:, 1] = rng.permutation(np.arange(n_images) % 100)
    records.tofile(folder / "train.bin")


def read_cifar100(folder: Path) -> Iterator[tuple[int, bytes]]:
    content = (folder / "train.bin").read_bytes()
    for start in range(0, len(content), 3074):
        yield content[start + 1], content[start + 2 : start + 3074]


def write_imagenet16(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write images of the classes 1 to 150, of which 30 are none of ours, over ten files."""
    monkeypatch.setattr(imagenet16, "N_IMAGES", 120 * PER_CLASS)
    rng = np.random.RandomState(0)
    labels = rng.permutation(np.arange(150 * PER_CLASS) % 150) + 1
    for number, part in enumerate(np.array_split(labels, 10), start=1):
        pixels = rng.randint(0, 256, size=(len(part), 768)).astype(np.uint8)
        save = np.savez if number % 2 else np.savez_compressed
        name = f"train_data_batch_{number}.npz"
        save(folder / name, data=pixels, labels=part, mean=pixels.mean(axis=0))


def read_imagenet16(folder: Path) -> Iterator[tuple[int, bytes]]:
    for number in range(1, 11):
        with zipfile.ZipFile(folder / f"train_data_batch_{number}.npz") as archive:
            labels = np.load(io.BytesIO(archive.read("labels.npy")))
            content = archive.read("data.npy")[-768 * len(labels) :]
        for position, label in enumerate(labels.tolist()):
            if label <= 120:
                yield label - 1, content[768 * position : 768 * (position + 1)]


LAYOUTS = {
    "cifar10": Layout(*_own("cifar10"), write_cifar10, read_cifar10, 10, 32, 4, (5, 5)),
    "cifar100": Layout(*_own("cifar100"), write_cifar100, read_cifar100, 100, 32, 4, (1, 2)),
    "imagenet16-120": Layout(
        imagenet16.FOLDER,
        imagenet16.FILES,
        0,
        write_imagenet16,
        read_imagenet16,
        120,
        16,
        2,
        (1, 2),
    ),
}


@pytest.fixture(params=LAYOUTS)
def name(request: pytest.FixtureRequest) -> str:
    """The data set's name."""
    return str(request.param)


@pytest.fixture
def layout(name: str) -> Layout:
    """What is true of it."""
    return LAYOUTS[name]


@pytest.fixture
def folder(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder, with small files."""
    folder = tmp_path / layout.folder
    folder.mkdir()
    layout.write(folder, monkeypatch)
    return folder


def images_in(images: ImageSet) -> dict[bytes, int]:
    return {
        pixels.numpy().tobytes(): int(label)
        for pixels, label in zip(images.pixels, images.labels, strict=True)
    }


def test_every_data_set_with_files_is_tested_here() -> None:
    assert set(LAYOUTS) == set(DATASETS) - {"tiles"}


def test_every_image_keeps_its_label_and_is_in_one_half(
    name: str, layout: Layout, folder: Path
) -> None:
    data = load_images(name, folder.parent)
    train, validation = images_in(data.train), images_in(data.validation)
    assert {**train, **validation} == {pixels: label for label, pixels in layout.read(folder)}
    assert not train.keys() & validation.keys()
    assert data.test is None


def test_pixels_are_stored_by_channel_row_and_column(
    name: str, layout: Layout, folder: Path
) -> None:
    _, first = next(layout.read(folder))
    data, size = load_images(name, folder.parent), layout.size
    for images in (data.train, data.validation):
        for pixels in images.pixels:
            if pixels.numpy().tobytes() == first:
                assert pixels.shape == (3, size, size)
                assert pixels[2, 5, 7] == first[2 * size**2 + 5 * size + 7]
                return
    pytest.fail("the first image is in neither half")


def test_both_halves_hold_as_many_of_each_class_but_for_an_odd_one(
    name: str, layout: Layout, folder: Path
) -> None:
    data = load_images(name, folder.parent)
    for images, n_images in zip((data.train, data.validation), layout.half, strict=True):
        assert images.labels.bincount().tolist() == [n_images] * layout.classes
        assert images.pixels.dtype == torch.uint8
        assert images.labels.dtype == torch.int64


def test_a_larger_share_is_trained_on_where_asked(name: str, folder: Path) -> None:
    data = load_images(name, folder.parent, Split(train_share=0.7))
    parts = [images.labels.bincount() for images in (data.train, data.validation)]
    per_class = int((parts[0] + parts[1])[0])
    assert parts[0].tolist() == [int(0.7 * per_class)] * data.classes
    assert parts[1].tolist() == [per_class - int(0.7 * per_class)] * data.classes
    half = load_images(name, folder.parent)
    assert images_in(half.train).keys() <= images_in(data.train).keys()
    assert half.sha256 == data.sha256


def test_images_of_a_half_are_in_the_order_of_the_files(
    name: str, layout: Layout, folder: Path
) -> None:
    places = {pixels: place for place, (_, pixels) in enumerate(layout.read(folder))}
    data = load_images(name, folder.parent)
    for images in (data.train, data.validation):
        order = [places[pixels.numpy().tobytes()] for pixels in images.pixels]
        assert order == sorted(order)


def test_the_split_hangs_on_its_seed_alone_and_the_hash_does_not(name: str, folder: Path) -> None:
    first, again, other = (load_images(name, folder.parent, Split(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.train.pixels, again.train.pixels)
    assert not torch.equal(first.train.pixels, other.train.pixels)
    assert first.sha256 == other.sha256


@pytest.mark.parametrize("what", ["pixel", "label"])
def test_the_hash_changes_with_one_pixel_and_with_one_label(
    name: str, layout: Layout, folder: Path, what: str
) -> None:
    before = load_images(name, folder.parent).sha256
    _change(layout, folder, what)
    assert load_images(name, folder.parent).sha256 != before


def _change(layout: Layout, folder: Path, what: str) -> None:
    """Change one pixel of the first image, or exchange the labels of the first two."""
    path = folder / layout.files[0]
    if path.suffix == ".npz":
        with np.load(path) as file:
            arrays = {key: file[key] for key in ("data", "labels")}
        ours = np.flatnonzero(arrays["labels"] <= 120)[:2]
        if what == "label":
            arrays["labels"][ours] = arrays["labels"][ours[::-1]]
        else:
            arrays["data"][ours[0], 0] ^= 1
        np.savez(path, **arrays)
        return
    content = np.fromfile(path, dtype=np.uint8).reshape(-1, layout.record_bytes)
    if what == "label":
        content[:2, : -3 * 32 * 32] = content[1::-1, : -3 * 32 * 32]
    else:
        content[0, -1] ^= 1
    content.tofile(path)


def test_mean_and_deviation_are_those_of_the_training_half(name: str, folder: Path) -> None:
    data = load_images(name, folder.parent)
    pixels = data.train.pixels.double()
    assert data.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())
    assert data.std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist())


def test_images_may_be_cropped_and_flipped(name: str, layout: Layout, folder: Path) -> None:
    data = load_images(name, folder.parent)
    assert data.name == name
    assert (data.crop_padding, data.flip, data.classes) == (layout.padding, True, layout.classes)
    shape = data.network_shape(4, 1)
    assert (shape.image_size, shape.image_channels, shape.classes) == (
        *(layout.size, 3, layout.classes),
    )


def test_without_an_argument_the_data_variable_is_looked_at(
    name: str, layout: Layout, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(folder.parent))
    assert len(load_images(name).train) == layout.half[0] * layout.classes


def test_a_missing_folder_is_reported_with_what_to_put_where(
    name: str, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        DataError, match=r" is not complete: looked for .* Put .* or name"
    ) as caught:
        load_images(name)
    for file in layout.files:
        assert str(tmp_path / "harness" / layout.folder / file) in str(caught.value)
    assert "--data-dir or $HARNESS_DATA" in str(caught.value)


def test_only_the_missing_file_is_reported(name: str, layout: Layout, folder: Path) -> None:
    names = layout.files
    (folder / names[-1]).unlink()
    with pytest.raises(DataError, match="not complete") as caught:
        load_images(name, folder.parent)
    looked_for = str(caught.value).partition(" Put ")[0]
    assert str(folder / names[-1]) in looked_for
    assert not any(str(folder / other) in looked_for for other in names[:-1])


def test_a_folder_in_the_place_of_a_file_is_a_missing_file(
    name: str, layout: Layout, folder: Path
) -> None:
    path = folder / layout.files[-1]
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="is not complete: looked for"):
        load_images(name, folder.parent)


def test_nothing_beside_the_training_files_is_read(name: str, folder: Path) -> None:
    before = load_images(name, folder.parent)
    for other in ("test.bin", "test_batch.bin", "val_data.npz", "train_data_batch_1"):
        (folder / other).write_bytes(b"\x80\x04not to be read")
    after = load_images(name, folder.parent)
    assert after.sha256 == before.sha256
    assert torch.equal(after.train.pixels, before.train.pixels)


@pytest.mark.parametrize("percent", [29, 57, 58])
def test_a_share_that_float_error_puts_under_a_whole_number_loses_no_image(
    percent: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    share = percent / 100
    assert int(share * 100) == percent - 1  # which is what the split must not do
    layout = replace(cifar.LAYOUTS["cifar10"], records=200)
    monkeypatch.setitem(cifar.LAYOUTS, "cifar10", layout)
    folder = tmp_path / layout.folder
    folder.mkdir()
    for name in layout.files:
        records = np.zeros((200, 3073), np.uint8)
        records[:, 0] = np.arange(200) % 10
        records.tofile(folder / name)
    data = load_images("cifar10", tmp_path, Split(train_share=share))
    assert data.train.labels.bincount().tolist() == [percent] * 10
