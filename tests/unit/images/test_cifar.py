"""The readers of the two CIFAR layouts: damaged files, and the real ones.

What they share with other data sets is tested in `test_images_split.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from harness.errors import DataError
from harness.images import cifar, load_images
from harness.images.split import Split

RECORDS = 200


class Published(NamedTuple):
    """What is published of one of the two."""

    title: str
    labels: tuple[int, ...]
    bytes_of_a_file: int


PUBLISHED = {
    # https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"
    "cifar10": Published("CIFAR-10", (10,), 30_730_000),
    "cifar100": Published("CIFAR-100", (20, 100), 153_700_000),
}


@pytest.fixture(params=PUBLISHED)
def name(request: pytest.FixtureRequest) -> str:
    """The data set's name."""
    return str(request.param)


@pytest.fixture
def published(name: str) -> Published:
    """What is published of it."""
    return PUBLISHED[name]


@pytest.fixture
def layout(name: str) -> cifar.Layout:
    """What its loader expects."""
    return cifar.LAYOUTS[name]


def set_records(monkeypatch: pytest.MonkeyPatch, name: str, records: int) -> cifar.Layout:
    """Let the loader expect files of so many records."""
    layout = replace(cifar.LAYOUTS[name], records=records)
    monkeypatch.setitem(cifar.LAYOUTS, name, layout)
    return layout


@pytest.fixture
def folder(
    name: str, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Its folder, with files of 200 random records."""
    layout = set_records(monkeypatch, name, RECORDS)
    rng = np.random.RandomState(0)
    folder = tmp_path / layout.folder
    folder.mkdir()
    for file in layout.files:
        shape = (RECORDS, layout.record_bytes)
        records = rng.randint(0, 256, size=shape).astype(np.uint8)
        for position, n_values in enumerate(published.labels):
            records[:, position] = np.arange(RECORDS) % n_values
        records.tofile(folder / file)
    return folder


def test_the_hash_is_that_of_the_files_one_after_the_other(
    name: str, layout: cifar.Layout, folder: Path
) -> None:
    content = b"".join((folder / file).read_bytes() for file in layout.files)
    assert load_images(name, folder.parent).sha256 == hashlib.sha256(content).hexdigest()


def test_a_real_file_has_its_published_length(layout: cifar.Layout, published: Published) -> None:
    assert len(published.labels) + 3 * 32 * 32 == layout.record_bytes
    assert published.bytes_of_a_file == layout.records * layout.record_bytes
    assert layout.records * len(layout.files) == 50_000


def test_what_to_get_is_said(name: str, published: Published, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"Put the 'binary version' of {published.title} there "):
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
    name: str, layout: cifar.Layout, folder: Path, change: Any, reason: str
) -> None:
    path = folder / layout.files[-1]
    whole = path.read_bytes()
    path.write_bytes(change(whole))
    given = f"{len(change(whole)):,} bytes instead of {len(whole):,}"
    with pytest.raises(DataError, match=rf"{path.name}' has {given} \(200 records .* it {reason}"):
        load_images(name, folder.parent)


@pytest.mark.parametrize(
    ("name", "position"), [("cifar10", 0), ("cifar100", 0), ("cifar100", 1)], indirect=["name"]
)
def test_a_label_out_of_range_is_reported_with_file_and_record(
    name: str, layout: cifar.Layout, folder: Path, published: Published, position: int
) -> None:
    path = folder / layout.files[-1]
    content, n_values = bytearray(path.read_bytes()), published.labels[position]
    for record in (7, 9):
        content[record * layout.record_bytes + position] = n_values
    path.write_bytes(content)
    message = (
        rf"{path.name}', record 7: its .*label is {n_values}; {published.title} has 0 to "
        rf"{n_values - 1}\. The file is damaged"
    )
    with pytest.raises(DataError, match=message):
        load_images(name, folder.parent)


def test_the_fine_label_of_cifar100_is_the_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = set_records(monkeypatch, "cifar100", 2)
    (tmp_path / layout.folder).mkdir()
    pixels = bytes(3072)
    content = bytes([3, 77]) + pixels + bytes([4, 77]) + pixels
    (tmp_path / layout.folder / "train.bin").write_bytes(content)
    data = load_images("cifar100", tmp_path)
    assert (data.train.labels.tolist(), data.validation.labels.tolist()) == ([77], [77])


def test_files_of_the_other_cifar_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = set_records(monkeypatch, "cifar100", 3073)
    (tmp_path / layout.folder).mkdir()
    # as many bytes as are expected, but records of one label byte: 3,074 instead of 3,073
    records = np.random.RandomState(0).randint(0, 256, size=(3074, 3073)).astype(np.uint8)
    records[:, 0] %= 10
    records.tofile(tmp_path / layout.folder / "train.bin")
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
