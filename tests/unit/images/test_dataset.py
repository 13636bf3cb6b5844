"""Batches and augmentation: stateless, complete, and equal to naive loops."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import UsageError
from harness.images import load_images
from harness.images.dataset import BatchSampler, ImageData, ImageSet, fixed_subset, iterate_batches


def make_data(n: int = 23, crop_padding: int = 2, flip: bool = True) -> ImageData:
    """Make images that differ in every pixel, with their position as label."""
    pixels = torch.randint(
        0, 256, (n, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    images = ImageSet(pixels, torch.arange(n))
    return ImageData(
        name="made up",
        train=images,
        validation=images,
        test=None,
        classes=n,
        mean=(100.0, 110.0, 120.0),
        std=(50.0, 60.0, 70.0),
        crop_padding=crop_padding,
        flip=flip,
        sha256="",
    )


def test_an_unknown_data_set_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"Unknown dataset 'tile'\. Did you mean 'tiles'\?"):
        load_images("tile")


def test_normalising_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    data = make_data()
    images = data.normalise(data.train.pixels)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    for channel in range(3):
        expected = (data.train.pixels[:, channel].float() - data.mean[channel]) / data.std[channel]
        assert torch.equal(images[:, channel], expected)


def augment_naively(data: ImageData, pixels: Tensor, seed: int) -> Tensor:
    """Flip and crop image by image, drawing the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    n, _, height, width = pixels.shape
    pad = data.crop_padding
    flips = torch.rand(n, generator=generator) < 0.5 if data.flip else torch.zeros(n)
    offsets = torch.randint(0, 2 * pad + 1, (2, n), generator=generator) if pad else None
    augmented = []
    for i, image in enumerate(pixels):
        if flips[i]:
            image = torch.flip(image, dims=(2,))
        if offsets is not None:
            top, left = offsets[:, i].tolist()
            image = F.pad(image, (pad,) * 4)[:, top : top + height, left : left + width]
        augmented.append(image)
    return torch.stack(augmented)


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("crop_padding", [0, 1, 2])
def test_augmenting_a_batch_equals_a_loop_over_its_images(crop_padding: int, flip: bool) -> None:
    data = make_data(crop_padding=crop_padding, flip=flip)
    ours = data.augment(data.train.pixels, torch.Generator().manual_seed(5))
    assert ours.dtype == torch.uint8
    assert torch.equal(ours, augment_naively(data, data.train.pixels, 5))


def test_both_directions_and_all_offsets_are_drawn() -> None:
    data = make_data(n=1, crop_padding=1)
    pixels = data.train.pixels.expand(2_000, -1, -1, -1)
    augmented = data.augment(pixels, torch.Generator().manual_seed(0))
    distinct, counts = augmented.flatten(1).unique(dim=0, return_counts=True)
    assert len(distinct) == 2 * 3 * 3
    # 2,000 draws from 18: 111 each, sd 10; five sd
    assert counts.float().sub(2_000 / 18).abs().max() < 5 * 10.3


@pytest.mark.parametrize("augment", [True, False])
def test_a_batch_hangs_on_its_step_and_not_on_what_was_drawn_before(augment: bool) -> None:
    data = make_data()
    straight = BatchSampler(data, 5, run_seed=1, augment=augment)
    expected = {step: straight.batch(step) for step in range(12)}
    jumping = BatchSampler(data, 5, run_seed=1, augment=augment)
    for step in (11, 0, 7, 7, 3, 10, 1):
        images, labels = jumping.batch(step)
        assert torch.equal(images, expected[step][0])
        assert torch.equal(labels, expected[step][1])


def test_each_step_of_an_epoch_draws_its_own_augmentation() -> None:
    data = make_data(n=20)
    one = ImageSet(data.train.pixels[:1].expand(20, -1, -1, -1), data.train.labels)
    sampler = BatchSampler(replace(data, train=one), 1, run_seed=0, augment=True)
    batches = torch.cat([sampler.batch(step)[0] for step in range(20)])
    # 20 draws from 2 * 5 * 5 ways to flip and crop give 16.6 distinct ones, sd 1.4; less 4.5 sd
    assert len(batches.flatten(1).unique(dim=0)) >= 10


def test_an_epoch_visits_distinct_images_and_epochs_differ() -> None:
    sampler = BatchSampler(make_data(n=23), 5, run_seed=1, augment=False)
    assert sampler.batches_per_epoch == 4  # three images wait for another epoch
    epochs = [
        torch.cat([sampler.batch(4 * epoch + step)[1] for step in range(4)]).tolist()
        for epoch in range(3)
    ]
    for visited in epochs:
        assert len(set(visited)) == 20
    assert len({tuple(visited) for visited in epochs}) == 3


def test_other_seeds_give_other_batches() -> None:
    data = make_data()
    first, other = (BatchSampler(data, 8, run_seed=s, augment=False).batch(0)[1] for s in (0, 1))
    assert not torch.equal(first, other)


def test_without_augmentation_a_batch_holds_the_images_of_its_labels() -> None:
    data = make_data()
    images, labels = BatchSampler(data, 5, run_seed=1, augment=False).batch(2)
    assert torch.equal(images, data.normalise(data.train.pixels[labels]))


def test_a_batch_larger_than_the_data_set_holds_all_of_it() -> None:
    sampler = BatchSampler(make_data(n=7), 64, run_seed=0, augment=False)
    assert sampler.batches_per_epoch == 1
    assert sorted(sampler.batch(3)[1].tolist()) == list(range(7))


def test_a_fixed_subset_hangs_on_seed_and_name_and_holds_distinct_images() -> None:
    images = make_data().train
    probe, again = (fixed_subset(images, 10, 0, "probe") for _ in range(2))
    assert torch.equal(probe.labels, again.labels)
    assert torch.equal(probe.pixels, images.pixels[probe.labels])
    assert len(set(probe.labels.tolist())) == 10
    for seed, name in ((1, "probe"), (0, "loss")):
        assert not torch.equal(fixed_subset(images, 10, seed, name).labels, probe.labels)


def test_fixed_subsets_of_one_purpose_are_nested() -> None:
    images = make_data().train
    large = fixed_subset(images, 15, 0, "probe").labels
    assert torch.equal(fixed_subset(images, 4, 0, "probe").labels, large[:4])


def test_a_subset_of_more_images_than_there_are_is_all_of_them() -> None:
    images = make_data(n=7).train
    assert sorted(fixed_subset(images, 100, 0, "probe").labels.tolist()) == list(range(7))


@pytest.mark.parametrize("batch_size", [1, 5, 23, 100])
def test_iterating_covers_every_image_once_in_order_in_even_batches(batch_size: int) -> None:
    data = make_data(n=23)
    batches = list(iterate_batches(data, data.train, batch_size))
    assert torch.equal(torch.cat([labels for _, labels in batches]), data.train.labels)
    images = torch.cat([images for images, _ in batches])
    assert torch.equal(images, data.normalise(data.train.pixels))
    sizes = [len(labels) for _, labels in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


def test_moving_to_a_device_keeps_everything() -> None:
    data = make_data()
    moved = data.to(torch.device("cpu"))
    assert torch.equal(moved.train.pixels, data.train.pixels)
    assert moved.test is None
    assert moved.mean == data.mean


def test_the_networks_shape_follows_the_images() -> None:
    shape = make_data(n=23).network_shape(8, 2)
    assert (shape.channels, shape.cells) == (8, 2)
    assert (shape.image_size, shape.image_channels, shape.classes) == (6, 3, 23)
