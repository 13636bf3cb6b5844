"""Parameters and FLOPs of an architecture, by formula.

The network is NAS-Bench-201's: a 3x3 stem to C channels; three stages of N cells at C, 2C and
4C channels with a stride-2 residual block between stages; batch norm, ReLU, global average
pooling and a linear classifier. Convolutions of dead edges count, as they do in the benchmark.

Reference: Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326, section 2.1 and its published
table, to all of whose 15,625 x 3 values the tests hold these formulas.
"""

from __future__ import annotations

import math
from functools import lru_cache

from harness.spaces.nb201.encoding import CONV_1X1, CONV_3X3, Arch
from harness.spaces.values import NetworkShape

N_STAGES = 3

BENCHMARK_SHAPES = {
    "cifar10": NetworkShape(16, 5, 32, 3, 10),
    "cifar10-valid": NetworkShape(16, 5, 32, 3, 10),
    "cifar100": NetworkShape(16, 5, 32, 3, 100),
    "ImageNet16-120": NetworkShape(16, 5, 16, 3, 120),
}
"""The published benchmark's networks, by data set."""

SHAPES = {**BENCHMARK_SHAPES, "tiles": NetworkShape(8, 1, 16, 1, 37)}
"""The same, and the networks of the bundled table of `tiles`."""


def count_params(arch: Arch, shape: NetworkShape) -> int:
    """Count the parameters of the stand-alone network, with affine batch norm everywhere.

    Args:
        arch: The architecture.
        shape: The size of its network.

    Returns:
        The number of parameters.
    """
    convs = sum(weights + 2 * normalised for weights, normalised, _ in _convs_of(arch, shape))
    last = shape.stage_channels(N_STAGES - 1)
    return convs + 2 * last + last * shape.classes + shape.classes


def count_flops(arch: Arch, shape: NetworkShape) -> int:
    """Count the multiply-adds of convolutions and classifier for one image.

    Args:
        arch: The architecture.
        shape: The size of its network.

    Returns:
        The number of multiply-adds, as the benchmark counts them (no batch norm, no pooling).
    """
    convs = sum(weights * pixels for weights, _, pixels in _convs_of(arch, shape))
    return convs + shape.stage_channels(N_STAGES - 1) * shape.classes


def _convs_of(arch: Arch, shape: NetworkShape) -> tuple[tuple[int, int, int], ...]:
    return _convs(arch.count_op(CONV_1X1), arch.count_op(CONV_3X3), shape)


@lru_cache(maxsize=256)  # 28 pairs of counts serve all 15,625 architectures
def _convs(n_1x1: int, n_3x3: int, shape: NetworkShape) -> tuple[tuple[int, int, int], ...]:
    """Return weights, batch-normalised channels and output pixels of convolutions, by group."""
    areas = [math.prod(shape.image_pixels(stage)) for stage in range(N_STAGES)]
    groups = [(9 * shape.image_channels * shape.channels, shape.channels, areas[0])]
    for stage, area in enumerate(areas):
        width = shape.stage_channels(stage)
        for count, taps in ((n_1x1, 1), (n_3x3, 9)):
            n = shape.cells * count
            groups.append((n * taps * width**2, n * width, area))
        if stage > 0:  # the reduction block; its shortcut has no batch norm
            half = width // 2
            weights = 9 * half * width + 9 * width**2 + half * width
            groups.append((weights, 2 * width, area))
    return tuple(groups)
