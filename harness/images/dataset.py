"""What an image data set is once loaded: uint8 pixels in memory, turned to floats batch by batch.

Tensor layouts: pixels and images are [image, channel, height, width]; labels are [image].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import UsageError
from harness.seeding import derive_seed
from harness.spaces.values import NetworkShape


@dataclass(frozen=True)
class ImageSet:
    """Images of one split.

    Attributes:
        pixels: uint8, [image, channel, height, width].
        labels: int64, [image].
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> ImageSet:
        """Return the images at `indices`, int64 [image]."""
        return ImageSet(self.pixels[indices], self.labels[indices])

    def to(self, device: torch.device) -> ImageSet:
        """Return the same images on another device."""
        return ImageSet(self.pixels.to(device), self.labels.to(device))


@dataclass(frozen=True)
class ImageData:
    """An image data set, split.

    Attributes:
        name: The data set's name, as the user gives it.
        train: What the supernet trains on.
        validation: What architectures are ranked on.
        test: Held out from all of that; None where the data set ships none.
        classes: Number of classes.
        mean: Mean of each channel over the training images, in 0-255.
        std: Standard deviation of each channel, in 0-255.
        crop_padding: Pixels of zero padding for random crops; 0 for no crop.
        flip: Whether a left-right flip keeps the label.
        sha256: Hash of all pixels and labels, recorded with every result.
    """

    name: str
    train: ImageSet
    validation: ImageSet
    test: ImageSet | None
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_padding: int
    flip: bool
    sha256: str

    def to(self, device: torch.device) -> ImageData:
        """Return the same data on another device."""
        return replace(
            self,
            train=self.train.to(device),
            validation=self.validation.to(device),
            test=None if self.test is None else self.test.to(device),
        )

    def network_shape(self, channels: int, cells: int) -> NetworkShape:
        """Return the shape of a network of C=`channels`, N=`cells` for these images."""
        _, image_channels, height, width = self.train.pixels.shape
        size = height if height == width else (height, width)
        return NetworkShape(channels, cells, size, image_channels, self.classes)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Turn uint8 pixels into float32 images of zero mean and unit variance a channel.

        Args:
            pixels: uint8, [image, channel, height, width].

        Returns:
            float32, the same shape, in channels-last memory format.
        """
        dtype = torch.get_default_dtype()
        mean, std = (_by_channel(v, dtype, pixels.device) for v in (self.mean, self.std))
        return ((pixels.float() - mean) / std).contiguous(memory_format=torch.channels_last)

    def augment(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Crop and flip a batch at random, each image on its own, without a loop over images.

        Args:
            pixels: uint8, [image, channel, height, width].
            generator: Where the randomness comes from (on the CPU).

        Returns:
            uint8, the same shape. The padding is black, as in the usual recipe for CIFAR.
        """
        n, _, height, width = pixels.shape
        if self.flip:
            flipped = torch.rand(n, generator=generator).to(pixels.device, non_blocking=True) < 0.5
            pixels = torch.where(flipped.view(-1, 1, 1, 1), pixels.flip(-1), pixels)
        if self.crop_padding:
            pad = self.crop_padding
            padded = F.pad(pixels, (pad, pad, pad, pad))
            offsets = torch.randint(0, 2 * pad + 1, (2, n), generator=generator)
            top, left = offsets.to(pixels.device, non_blocking=True)
            rows = (top.view(-1, 1) + torch.arange(height, device=pixels.device)).view(n, 1, -1, 1)
            cols = (left.view(-1, 1) + torch.arange(width, device=pixels.device)).view(n, 1, 1, -1)
            image = torch.arange(n, device=pixels.device).view(n, 1, 1, 1)
            channel = torch.arange(pixels.shape[1], device=pixels.device).view(1, -1, 1, 1)
            pixels = padded[image, channel, rows, cols]
        return pixels


class BatchSampler:
    """Training batches addressed by step, so that a resumed run needs no state.

    Each epoch is a permutation of its own; the last, incomplete batch of an epoch is dropped.
    """

    def __init__(self, data: ImageData, batch_size: int, run_seed: int, augment: bool) -> None:
        """Keep what is needed to draw any batch.

        Args:
            data: The data set; batches come from its training images.
            batch_size: Images a batch.
            run_seed: The run's seed; equal seeds give equal batches whatever the strategy.
            augment: Whether to crop and flip, where the data set allows it.
        """
        self.data = data
        self.batch_size = batch_size
        self.run_seed = run_seed
        self.augment = augment
        self.batches_per_epoch = max(1, len(data.train) // batch_size)
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the batch of one step.

        Args:
            step: 0 and up.

        Returns:
            Images, float32 [image, channel, height, width] in channels-last format, and labels.
        """
        chosen = self.chosen(step)
        pixels, labels = self.data.train.pixels[chosen], self.data.train.labels[chosen]
        if self.augment:
            generator = torch.Generator().manual_seed(derive_seed(self.run_seed, "augment", step))
            pixels = self.data.augment(pixels, generator)
        return self.data.normalise(pixels), labels

    def chosen(self, step: int) -> Tensor:
        """Return the positions of a step's images among the training images, int64 [image]."""
        epoch, position = divmod(step, self.batches_per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed(self.run_seed, "batches", epoch))
            order = torch.randperm(len(self.data.train), generator=generator)
            self._order = order.to(self.data.train.labels.device, non_blocking=True)
            self._epoch = epoch
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]


@cache
@torch.inference_mode(False)  # a tensor made in inference mode could not be used in training
def _by_channel(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a value for each channel, [1, channel, 1, 1]."""
    return torch.tensor(values, dtype=dtype).view(1, -1, 1, 1).to(device, non_blocking=True)


def check_count(setting: str, wanted: int, images: ImageSet, dataset: str) -> None:
    """Refuse a setting that asks for more images than a data set has.

    Raises:
        UsageError: If it does.
    """
    if wanted > len(images):
        raise UsageError(
            f"{setting} = {wanted:,} was given; '{dataset}' has only {len(images):,} such images. "
            f"Give {len(images):,} or less."
        )


def fixed_subset(images: ImageSet, n_images: int, run_seed: int, name: str) -> ImageSet:
    """Draw a subset that depends on the seed and a name alone.

    Args:
        images: What to draw from.
        n_images: How many; all of them if there are fewer.
        run_seed: The seed.
        name: The purpose, such as "probe", so that purposes get different images.

    Returns:
        The subset, in the order drawn.
    """
    generator = torch.Generator().manual_seed(derive_seed(run_seed, "images", name))
    order = torch.randperm(len(images), generator=generator)[:n_images]
    return images.take(order.to(images.labels.device))


def iterate_batches(
    data: ImageData, images: ImageSet, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Iterate over images in order, in batches of nearly equal size.

    Args:
        data: The data set that the images are of (for the normalisation).
        images: The images.
        batch_size: Most images a batch.

    Yields:
        Images, float32 in channels-last format, and labels.
    """
    n_batches = max(1, -(-len(images) // batch_size))
    for pixels, labels in zip(
        images.pixels.tensor_split(n_batches), images.labels.tensor_split(n_batches), strict=True
    ):
        yield data.normalise(pixels), labels
