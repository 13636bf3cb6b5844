"""The readers of the two CIFAR layouts: damaged files, and the real ones.

What they share with other data sets is tested in `test_images_split.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import DataError
from harness.images import cifar, cifar100, load_images
from harness.images.split import Split

RECORDS = 200


@dataclass(frozen=True)
class Layout:
    """One of the two: its loader's module, and its published layout."""

    module: Any
    title: str
    labels: tuple[int, ...]
    bytes_of_a_file: int


LAYOUTS = {
    # https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"
    "cifar10": Layout(cifar, "CIFAR-10", (10,), 30_730_000),
    "cifar100": Layout(cifar100, "CIFAR-100", (20, 100), 153_700_000),
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
    """Its folder, with files of 200 random records."""
    monkeypatch.setattr(layout.module, "RECORDS_PER_FILE", RECORDS)
    rng = np.random.RandomState(0)
    folder = tmp_path / layout.module.FOLDER
    folder.mkdir()
    for file in layout.module.FILES:
        shape = (RECORDS, layout.module.RECORD_BYTES)
        records = rng.randint(0, 256, size=shape).astype(np.uint8)
        for position, n_values in enumerate(layout.labels):
            records[:, position] = np.arange(RECORDS) % n_values
        records.tofile(folder / file)
    return folder


def test_the_hash_is_that_of_the_files_one_after_the_other(
    name: str, layout: Layout, folder: Path
) -> None:
    content = b"".join((folder / file).read_bytes() for file in layout.module.FILES)
    assert load_images(name, folder.parent).sha256 == hashlib.sha256(content).hexdigest()


def test_a_real_file_has_its_published_length(layout: Layout) -> None:
    module = layout.module
    assert len(layout.labels) + 3 * 32 * 32 == module.RECORD_BYTES
    assert layout.bytes_of_a_file == module.RECORDS_PER_FILE * module.RECORD_BYTES
    assert module.RECORDS_PER_FILE * len(module.FILES) == 50_000


def test_what_to_get_is_said(name: str, layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"Put the 'binary version' of {layout.title} there "):
        load_images(name, tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: b"", "was cut short"),
        (lambda content: content[:-1], "was cut short"),
        (lambda content: content + b"x", "is not CIFAR-10+'s, or damaged"),
        (lambda content: content * 2, "is not CIFAR-10+'s, or damaged"),
    ],
    ids=["empty", "a byte short", "a byte long", "twice"],
)
def test_a_file_of_the_wrong_length_is_reported(
    name: str, layout: Layout, folder: Path, change: Any, reason: str
) -> None:
    path = folder / layout.module.FILES[-1]
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    given = f"{len(change(whole)):,} bytes instead of {len(whole):,}"
    with pytest.raises(DataError, match=rf"{path.name}' has {given} \(200 records .* it {reason}"):
        load_images(name, folder.parent)


@pytest.mark.parametrize(
    ("name", "position"), [("cifar10", 0), ("cifar100", 0), ("cifar100", 1)], indirect=["name"]
)
def test_a_label_out_of_range_is_reported_with_file_and_record(
    name: str, layout: Layout, folder: Path, position: int
) -> None:
    path = folder / layout.module.FILES[-1]
    content, n_values = bytearray(path.read_bytes()), layout.labels[position]
    for record in (7, 9):
        content[record * layout.module.RECORD_BYTES + position] = n_values
    path.write_bytes(content)
    message = (
        rf"{path.name}', record 7: its .*label is {n_values}; {layout.title} has 0 to "
        rf"{n_values - 1}\. The file is damaged"
    )
    with pytest.raises(DataError, match=message):
        load_images(name, folder.parent)


def test_the_fine_label_of_cifar100_is_the_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar100, "RECORDS_PER_FILE", 2)
    (tmp_path / cifar100.FOLDER).mkdir()
    pixels = bytes(3072)
    content = bytes([3, 77]) + pixels + bytes([4, 77]) + pixels
    (tmp_path / cifar100.FOLDER / "train.bin").write_bytes(content)
    data = load_images("cifar100", tmp_path)
    assert (data.train.labels.tolist(), data.validation.labels.tolist()) == ([77], [77])


def test_files_of_the_other_cifar_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar100, "RECORDS_PER_FILE", 3073)
    (tmp_path / cifar100.FOLDER).mkdir()
    # as many bytes as are expected, but records of one label byte: 3,074 instead of 3,073
    records = np.random.RandomState(0).randint(0, 256, size=(3074, 3073)).astype(np.uint8)
    records[:, 0] %= 10
    records.tofile(tmp_path / cifar100.FOLDER / "train.bin")
    with pytest.raises(DataError, match=r"label is .* The file is damaged or of another data set"):
        load_images("cifar100", tmp_path)


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


@pytest.mark.realdata
def test_the_split_of_cifar10_is_the_one_that_stored_runs_were_made_with(data_dir: Path) -> None:
    data = load_images("cifar10", data_dir, Split(seed=0))
    # worked out with the reader of the first release, which read CIFAR-10 alone
    assert hashlib.sha256(data.train.pixels.numpy().tobytes()).hexdigest()[:16] == (
        "c53c2205e0bd57ad"
    )
    assert data.sha256[:16] == "46b7543e102d2e98"  # as in the records under results/
