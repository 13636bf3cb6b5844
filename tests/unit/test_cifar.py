"""The CIFAR-10 reader: on small files of the same layout, and on the real ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.errors import DataError
from harness.images import cifar, load_images
from harness.images.dataset import ImageSet

RECORDS = 20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write five files of 20 random records, two of each class."""
    monkeypatch.setattr(cifar, "RECORDS_PER_FILE", RECORDS)
    rng = np.random.RandomState(0)
    folder = tmp_path / cifar.FOLDER
    folder.mkdir()
    for name in cifar.FILES:
        records = rng.randint(0, 256, size=(RECORDS, cifar.RECORD_BYTES)).astype(np.uint8)
        records[:, 0] = np.arange(RECORDS) % 10
        records.tofile(folder / name)
    return folder


def read_naively(folder: Path) -> dict[bytes, int]:
    """Return the label of each image, by its bytes."""
    labels = {}
    for name in cifar.FILES:
        content = (folder / name).read_bytes()
        for start in range(0, len(content), 3073):
            labels[content[start + 1 : start + 3073]] = content[start]
    return labels


def images_in(images: ImageSet) -> dict[bytes, int]:
    return {
        pixels.numpy().tobytes(): int(label)
        for pixels, label in zip(images.pixels, images.labels, strict=True)
    }


def test_every_image_keeps_its_label_and_is_in_one_half(folder: Path) -> None:
    data = load_images("cifar10", folder.parent)
    train, validation = images_in(data.train), images_in(data.validation)
    assert {**train, **validation} == read_naively(folder)
    assert not train.keys() & validation.keys()
    assert data.test is None


def test_pixels_are_stored_by_channel_row_and_column(folder: Path) -> None:
    first = (folder / cifar.FILES[0]).read_bytes()[1:3073]
    data = load_images("cifar10", folder.parent)
    for images in (data.train, data.validation):
        for pixels in images.pixels:
            if pixels.numpy().tobytes() == first:
                assert pixels.shape == (3, 32, 32)
                assert pixels[2, 5, 7] == first[2 * 1024 + 5 * 32 + 7]
                return
    pytest.fail("the first record is in neither half")


def test_both_halves_hold_equally_many_of_each_class(folder: Path) -> None:
    data = load_images("cifar10", folder.parent)
    for images in (data.train, data.validation):
        assert images.labels.bincount().tolist() == [5] * 10
        assert images.pixels.dtype == torch.uint8
        assert images.labels.dtype == torch.int64


def test_the_split_hangs_on_its_seed_alone_and_the_hash_does_not(folder: Path) -> None:
    first, again, other = (load_images("cifar10", folder.parent, seed) for seed in (0, 0, 1))
    assert torch.equal(first.train.pixels, again.train.pixels)
    assert not torch.equal(first.train.pixels, other.train.pixels)
    files = b"".join((folder / name).read_bytes() for name in cifar.FILES)
    assert first.sha256 == other.sha256 == hashlib.sha256(files).hexdigest()


def test_mean_and_deviation_are_those_of_the_training_half(folder: Path) -> None:
    data = load_images("cifar10", folder.parent)
    pixels = data.train.pixels.double()
    assert data.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())
    assert data.std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist())


def test_images_may_be_cropped_and_flipped(folder: Path) -> None:
    data = load_images("cifar10", folder.parent)
    assert (data.crop_padding, data.flip, data.classes) == (4, True, 10)


def test_without_an_argument_the_data_variable_is_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(folder.parent))
    assert len(load_images("cifar10").train) == 50


def test_a_missing_folder_is_reported_with_what_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"data_batch_1\.bin.* Put the 'binary version'") as caught:
        load_images("cifar10")
    assert str(tmp_path / "harness" / cifar.FOLDER / "data_batch_5.bin") in str(caught.value)
    assert "--data-dir or $HARNESS_DATA" in str(caught.value)


def test_only_the_missing_file_is_reported(folder: Path) -> None:
    (folder / "data_batch_4.bin").unlink()
    with pytest.raises(DataError, match=r"data_batch_4\.bin\. Put") as caught:
        load_images("cifar10", folder.parent)
    assert "data_batch_3.bin" not in str(caught.value)


@pytest.mark.parametrize(
    ("n_bytes", "reason"),
    [
        (0, "has 0 bytes instead of 61,460 .*was cut short"),
        (61_459, "has 61,459 bytes instead of 61,460 .*was cut short"),
        (61_461, "has 61,461 bytes instead of 61,460 .*is not CIFAR-10's"),
    ],
)
def test_a_file_of_the_wrong_length_is_reported(folder: Path, n_bytes: int, reason: str) -> None:
    path = folder / "data_batch_2.bin"
    path.write_bytes((path.read_bytes() + b"x")[:n_bytes])
    with pytest.raises(DataError, match=r"data_batch_2\.bin' " + reason):
        load_images("cifar10", folder.parent)


def test_a_real_file_has_30730000_bytes() -> None:
    assert cifar.RECORDS_PER_FILE * cifar.RECORD_BYTES == 30_730_000


def test_a_label_over_nine_is_reported_with_file_and_record(folder: Path) -> None:
    path = folder / "data_batch_3.bin"
    content = bytearray(path.read_bytes())
    content[7 * cifar.RECORD_BYTES] = 10
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_3\.bin', record 7: its label is 10"):
        load_images("cifar10", folder.parent)


@pytest.mark.realdata
def test_the_real_images_split_into_halves_of_2500_a_class_without_overlap(
    data_dir: Path,
) -> None:
    data = load_images("cifar10", data_dir)
    halves = (data.train, data.validation)
    assert [len(images) for images in halves] == [25_000, 25_000]
    for images in halves:
        assert images.labels.bincount().tolist() == [2_500] * 10
    train, validation = (
        {hashlib.sha1(pixels).digest() for pixels in images.pixels.numpy()} for images in halves
    )
    assert not train & validation
    # The usual figures of the 50,000: mean 125.3, 123.0, 113.9; deviation 63.0, 62.1, 66.7.
    # A half has 25.6 million pixels a channel; images differ in brightness, by about 0.2.
    assert data.mean == pytest.approx((125.3, 123.0, 113.9), abs=1)
    assert data.std == pytest.approx((63.0, 62.1, 66.7), abs=1)
