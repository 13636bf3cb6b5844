"""Parameters and multiply-adds of NAGO's networks, by formula, and the width that a limit allows.

Stem: two 3x3 convolutions with batch norm, the second with stride 2. A top node of stage s = 0, 1,
2 works at width * 2^s channels, and at half the resolution of the stage before. Each of its
convolutions is 3x3, with batch norm; where it takes the output of an earlier stage, a 1x1
convolution with batch norm and a stride brings that to its shape, as it does outputs of earlier
stages before they are averaged. A sum of several inputs has a gate for each. Head: a 1x1
convolution with batch norm, global average pooling, a linear layer.

The size of a network is a limit on its parameters, 15,625 channels^2: 4 million at 16 channels, as
in the paper. So is the width of the head, 80 channels: the paper's 1,280 at 16. The width is the
largest within the limit. The paper takes int(sqrt(limit / parameters of width 1)), which is the
same where all parameters grow with the square of the width; here head and batch norm would leave
half of a small limit unused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from harness.errors import ArchError
from harness.spaces.nago.drawing import STAGES, Drawn
from harness.spaces.values import NetworkShape

PARAMS_EACH, HEAD_EACH = 15_625, 80
"""Parameters for channels^2, and channels of the head for each channel."""
STEM_HALVINGS = 1
INPUT, OUTPUT = -1, -2
"""What stands for the stem and the head among the nodes of the top graph."""


class Conv(NamedTuple):
    """A convolution with batch norm.

    Attributes:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Width of the kernel.
        halvings: Strides of 2 before its output.
    """

    inputs: int
    outputs: int
    kernel: int
    halvings: int

    @property
    def weights(self) -> int:
        """Its weights."""
        return self.kernel**2 * self.inputs * self.outputs


def max_params(shape: NetworkShape) -> int:
    """Return the most parameters that a network of a size may have."""
    return PARAMS_EACH * shape.channels**2


def head_channels(shape: NetworkShape) -> int:
    """Return the channels of the head."""
    return HEAD_EACH * shape.channels


def changes(drawn: Drawn) -> Iterator[tuple[int, int, int, int]]:
    """Yield the edges between stages: source, target and the stage of each.

    The stem's output has stage 0, and what the head reads the last one.
    """
    stages = {**dict(enumerate(drawn.stages)), INPUT: 0, OUTPUT: STAGES - 1}
    edges = list(drawn.top.edges)
    edges += [(INPUT, node) for node, sources in enumerate(drawn.top.sources) if not sources]
    edges += [(node, OUTPUT) for node in drawn.top.outputs]
    for source, target in edges:
        if stages[source] != stages[target]:
            yield source, target, stages[source], stages[target]


@lru_cache(maxsize=4_096)
def choose_width(drawn: Drawn, shape: NetworkShape) -> int:
    """Return the largest width of the first stage within the limit on parameters, channels.

    Raises:
        ArchError: If a width of 1 is beyond it.
    """
    limit = max_params(shape)
    # parameters are a quadratic function of the width
    p0, p1, p2 = (count_params(drawn, shape, width) for width in (0, 1, 2))
    if p1 > limit:
        raise ArchError(
            f"The narrowest network of {drawn.generator} has {p1:,} parameters; channels = "
            f"{shape.channels} allows {limit:,} ({PARAMS_EACH:,} times its square). Give more "
            "channels."
        )
    a, b = (p2 - 2 * p1 + p0) // 2, (4 * p1 - p2 - 3 * p0) // 2
    return (math.isqrt(b**2 + 4 * a * (limit - p0)) - b) // (2 * a)


@lru_cache(maxsize=16_384)
def count(drawn: Drawn, shape: NetworkShape) -> tuple[int, int]:
    """Count the parameters and the multiply-adds of convolutions and linear layer.

    Args:
        drawn: The graphs.
        shape: The size of the network; batch norm has affine parameters.

    Raises:
        ArchError: As `choose_width`.
    """
    width = choose_width(drawn, shape)
    convs = list(_convs(drawn, shape, width))
    flops = sum(conv.weights * math.prod(shape.image_pixels(conv.halvings)) for conv in convs)
    return count_params(drawn, shape, width), flops + head_channels(shape) * shape.classes


def count_params(drawn: Drawn, shape: NetworkShape, width: int) -> int:
    """Count the parameters of a network of some width."""
    convs = sum(conv.weights + 2 * conv.outputs for conv in _convs(drawn, shape, width))
    sums = (len(sources) for _, graph in drawn.graphs for sources in graph.sources)
    gates = sum(n for n in sums if n > 1)
    return convs + gates + (head_channels(shape) + 1) * shape.classes


def _convs(drawn: Drawn, shape: NetworkShape, width: int) -> Iterator[Conv]:
    yield Conv(shape.image_channels, width, 3, 0)
    yield Conv(width, width, 3, STEM_HALVINGS)
    for stage, bottoms in zip(drawn.stages, drawn.bottom, strict=True):
        node = Conv(width << stage, width << stage, 3, STEM_HALVINGS + stage)
        yield from [node] * sum(len(bottom.sources) for bottom in bottoms)
    for _, _, before, after in changes(drawn):
        yield Conv(width << before, width << after, 1, STEM_HALVINGS + after)
    last = STAGES - 1
    yield Conv(width << last, head_channels(shape), 1, STEM_HALVINGS + last)
