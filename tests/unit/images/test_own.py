"""Images of one's own as a data set: how they are cut, normalised and augmented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.errors import DataError
from harness.files.images import read_images
from harness.images import load_run_images
from harness.images.dataset import ImageData
from harness.images.own import load_own
from harness.images.split import HALVES, Split
from harness.settings.layers import make_config
from tests.own_images import CLASSES, EACH, SHAPE, make_arrays, write_npz

N = CLASSES * EACH


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_npz(tmp_path / "spectra.npz")


def sets(data: ImageData) -> list[dict[bytes, int]]:
    assert data.test is not None
    return [
        {p.numpy().tobytes(): int(label) for p, label in zip(s.pixels, s.labels, strict=True)}
        for s in (data.train, data.validation, data.test)
    ]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("split", [None, "01", "02", "012"])
def test_each_image_is_in_one_part_which_are_as_large_as_settings_take_them_to_be(
    tmp_path: Path, share: float, split: str | None
) -> None:
    parts = None if split is None else np.repeat([int(part) for part in split], N // len(split))
    images, labels = make_arrays().values()
    labels = labels if split is None else np.arange(N) % CLASSES
    path = write_npz(tmp_path / "x.npz", split=parts, labels=labels)
    if share == 0.1:  # of 9 images a class none would be trained on
        images, labels = np.concatenate([images, images + 1]), np.concatenate([labels, labels])
        parts = None if parts is None else np.concatenate([parts, parts])
        path = write_npz(tmp_path / "x.npz", images=images, labels=labels, split=parts)
    found = sets(load_own(path, Split(0, share)))
    assert tuple(map(len, found)) == read_images(path).sizes(share)
    assert found[0] | found[1] | found[2] == {
        image.tobytes(): label for image, label in zip(images, labels, strict=True)
    }


def test_what_the_file_calls_a_part_is_that_part(tmp_path: Path) -> None:
    split, arrays = np.arange(N) // 20, make_arrays()
    found = sets(load_own(write_npz(tmp_path / "x.npz", split=split), HALVES))
    for part, own in enumerate(found):
        assert own.keys() == {image.tobytes() for image in arrays["images"][split == part]}


def test_test_images_are_the_same_whatever_the_split(path: Path) -> None:
    first, other, larger = (
        sets(load_own(path, split)) for split in (HALVES, Split(1), Split(0, 0.8))
    )
    assert first[2] == other[2] == larger[2]
    assert first[0] != other[0]
    assert first[0].keys() < larger[0].keys()
    assert list(first[2].values()).count(0) == 3  # a fifth of 12, rounded up


def test_channels_are_normalised_by_the_training_images(tmp_path: Path) -> None:
    images = np.concatenate([make_arrays()["images"], make_arrays(1)["images"] // 3], axis=1)
    data = load_own(write_npz(tmp_path / "x.npz", images=images), HALVES)
    pixels = data.normalise(data.train.pixels)
    assert pixels.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert pixels.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_networks_are_made_for_these_images(path: Path) -> None:
    shape = load_own(path, HALVES).network_shape(4, 1)
    assert shape.image_pixels() == SHAPE[1:]
    assert (shape.image_channels, shape.classes) == (1, CLASSES)


@pytest.mark.parametrize(
    ("augment", "expected"),
    [
        (None, (0, False)),
        (["flip"], (0, True)),
        (["crop", "flip"], (1, True)),
        ("crop", (1, False)),
    ],
)
def test_images_are_cropped_and_flipped_only_where_the_file_says_so(
    tmp_path: Path, augment: Any, expected: tuple[int, bool]
) -> None:
    data = load_own(write_npz(tmp_path / "x.npz", augment=augment), HALVES)
    assert (data.crop_padding, data.flip) == expected
    batch = data.augment(data.train.pixels, torch.Generator().manual_seed(0))
    assert torch.equal(batch, data.train.pixels) == (augment is None)


def test_a_crop_is_padded_in_proportion_to_the_shorter_side(tmp_path: Path) -> None:
    images = np.repeat(np.repeat(make_arrays()["images"], 6, axis=2), 6, axis=3)
    data = load_own(write_npz(tmp_path / "x.npz", images=images, augment=["crop"]), HALVES)
    assert data.crop_padding == 4  # of 36 pixels


def test_a_channel_that_says_nothing_is_refused(tmp_path: Path) -> None:
    images = np.concatenate([make_arrays()["images"], np.full((N, 1, 6, 9), 7, np.uint8)], axis=1)
    path = write_npz(tmp_path / "x.npz", images=images)
    with pytest.raises(DataError, match=r"channel 1 has the same value in every pixel .*Leave it"):
        load_own(path, HALVES)


def test_a_run_refuses_images_that_changed_since_its_settings_were_made(path: Path) -> None:
    config = make_config({"dataset": str(path)})
    assert load_run_images(config).name == config.dataset
    write_npz(path, labels=make_arrays()["labels"] + 1)
    with pytest.raises(DataError, match=f"was '{config.dataset}': its content has changed"):
        load_run_images(config)
