"""The layers of a network of NAS-Bench-Macro, and what they cost.

A 3x3 stem to C/2 channels; stages at C, 2C and 4C channels, the first block of each with stride 2;
a 1x1 convolution to 20C, global average pooling, a linear classifier. Each convolution has a batch
norm. C is 64 in the benchmark, and smaller where a supernet has to be narrower.

Reference: Su et al., 2021, arXiv 2103.11922, and its published table, to all of whose 6,561 x 2
values the tests hold these formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from harness.spaces.macro.encoding import FIRST, IDENTITY, MBCONV3, MBCONV5, STAGES, Arch
from harness.spaces.values import NetworkShape

BENCHMARK_SHAPE = NetworkShape(channels=64, cells=1, image_size=32, image_channels=3, classes=10)
"""The published benchmark's network."""

KERNELS = {MBCONV3: 3, MBCONV5: 5}
EXPANSIONS = {MBCONV3: 3, MBCONV5: 6}
STEM_KERNEL = 3


class Place(NamedTuple):
    """Where a block stands.

    Attributes:
        inputs: Input channels.
        outputs: Output channels.
        stride: 2 in the first block of a stage, else 1.
    """

    inputs: int
    outputs: int
    stride: int

    def layers(self, choice: int) -> tuple[Layer, ...]:
        """Return the convolutions of a block: none of an identity that changes no shape."""
        if choice == IDENTITY:
            is_nothing = self.stride == 1 and self.inputs == self.outputs
            return () if is_nothing else (Layer(self.inputs, self.outputs, 1, self.stride),)
        hidden = self.inputs * EXPANSIONS[choice]
        return (
            Layer(self.inputs, hidden, 1, 1),
            Layer(hidden, hidden, KERNELS[choice], self.stride, hidden),
            Layer(hidden, self.outputs, 1, 1),
        )


class Layer(NamedTuple):
    """A convolution with its batch norm.

    Attributes:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Width of the square kernel.
        stride: Stride.
        groups: Groups of channels: as many as there are channels in a depthwise convolution.
    """

    inputs: int
    outputs: int
    kernel: int
    stride: int
    groups: int = 1

    @property
    def weights(self) -> int:
        """The number of weights of the convolution."""
        return self.outputs * (self.inputs // self.groups) * self.kernel**2


def stem_channels(shape: NetworkShape) -> int:
    """Return the output channels of the stem, half those of the first stage."""
    return max(1, shape.channels // 2)


def head_channels(shape: NetworkShape) -> int:
    """Return the channels that the classifier reads: 1,280 in the benchmark."""
    return 20 * shape.channels


def places(shape: NetworkShape) -> tuple[Place, ...]:
    """Return where each of the eight blocks stands."""
    found: list[Place] = []
    inputs = stem_channels(shape)
    for stage, n in enumerate(STAGES):
        outputs = shape.stage_channels(stage)
        found.append(Place(inputs, outputs, 2))
        found += [Place(outputs, outputs, 1)] * (n - 1)
        inputs = outputs
    return tuple(found)


def count(arch: Arch, shape: NetworkShape) -> tuple[int, int]:
    """Count the parameters, and the multiply-adds of convolutions and classifier for one image.

    Args:
        arch: The architecture.
        shape: The size of its network.

    Returns:
        Parameters (with affine batch norm) and multiply-adds, as the benchmark counts them.
    """
    params = flops = halvings = 0
    for layer in _layers(arch, shape):
        halvings += layer.stride == 2
        params += layer.weights + 2 * layer.outputs
        flops += layer.weights * math.prod(shape.image_pixels(halvings))
    features = head_channels(shape)
    return params + (features + 1) * shape.classes, flops + features * shape.classes


def _layers(arch: Arch, shape: NetworkShape) -> Iterator[Layer]:
    yield Layer(shape.image_channels, stem_channels(shape), STEM_KERNEL, 1)
    for of_choice, choice in zip(_block_layers(shape), arch.blocks, strict=True):
        yield from of_choice[choice]
    yield Layer(shape.stage_channels(len(FIRST) - 1), head_channels(shape), 1, 1)


@lru_cache(maxsize=16)
def _block_layers(shape: NetworkShape) -> tuple[tuple[tuple[Layer, ...], ...], ...]:
    """Return the layers of each block, by its choice."""
    choices = (IDENTITY, MBCONV3, MBCONV5)
    return tuple(tuple(place.layers(choice) for choice in choices) for place in places(shape))
