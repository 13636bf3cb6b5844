"""The embedded data set: what its images show, and that its splits share no handwriting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from harness.errors import DataError
from harness.images import load_images, tiles
from harness.images.dataset import ImageData, ImageSet
from harness.images.split import Split


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load_images("tiles")


def cut_digits(images: ImageSet) -> np.ndarray:
    """Cut tiles into their four digits, [image, 4, 64], grey levels 0 to 16."""
    quarters = [
        images.pixels[:, 0, row : row + 8, column : column + 8]
        for row in (0, 8)
        for column in (0, 8)
    ]
    return (torch.stack(quarters, dim=1).flatten(2) // 15).numpy()


def test_shapes_types_and_sizes_are_as_documented(data: ImageData) -> None:
    for images, n in ((data.train, 4_000), (data.validation, 2_000), (data.test, 2_000)):
        assert images is not None
        assert images.pixels.shape == (n, 1, 16, 16)
        assert images.pixels.dtype == torch.uint8
        assert images.labels.shape == (n,)
        assert images.labels.dtype == torch.int64
        assert len(images) == n
    assert data.classes == 37
    assert data.network_shape(8, 2).image_size == 16


def test_a_label_is_the_sum_of_the_four_digits_shown(data: ImageData) -> None:
    digits = load_digits()
    pairs = zip(digits.data.astype(np.uint8), digits.target, strict=True)
    value = {image.tobytes(): n for image, n in pairs}
    for images in (data.train, data.validation, data.test):
        sums = [sum(value[digit.tobytes()] for digit in tile) for tile in cut_digits(images)]
        assert images.labels.tolist() == sums


def test_no_digit_is_shown_in_two_splits(data: ImageData) -> None:
    train, validation, test = (
        {digit.tobytes() for tile in cut_digits(images) for digit in tile}
        for images in (data.train, data.validation, data.test)
    )
    assert not train & validation
    assert not train & test
    assert not validation & test
    # Nearly every digit is used: 16,000 draws from 898 and 8,000 draws from 449 miss few.
    assert len(train) + len(validation) + len(test) > 1_790


def test_making_the_tiles_again_gives_the_pinned_hash(data: ImageData) -> None:
    again = tiles.load_tiles.__wrapped__()
    assert again.sha256 == data.sha256 == tiles.SHA256
    assert torch.equal(again.train.pixels, data.train.pixels)


def test_a_split_changes_nothing(data: ImageData) -> None:
    assert load_images("tiles", split=Split(7, 0.9)).sha256 == data.sha256


def test_other_digits_than_those_of_the_bundled_truth_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiles, "SHA256", "0" * 64)
    with pytest.raises(DataError, match="its digits changed, so the bundled truth"):
        tiles.load_tiles.__wrapped__()


def test_mean_and_deviation_are_those_of_the_training_images(data: ImageData) -> None:
    pixels = data.train.pixels.double()
    assert data.mean[0] == pytest.approx(pixels.mean().item())
    assert data.std[0] == pytest.approx(pixels.std().item())
    normalised = data.normalise(data.train.pixels)
    # float32 sums over a million pixels
    assert normalised.mean().item() == pytest.approx(0, abs=1e-4)
    assert normalised.std().item() == pytest.approx(1, abs=1e-4)
