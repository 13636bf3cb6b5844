"""Layers that networks are made of: convolution and batch norm, classifier, pooling.

Activations are [batch, channel, height, width]. A `Tap` sees the input of every weighted layer
under the name of its weight, which is how a projector learns the features of a path.

Several independent networks of one shape can be computed at once: their channels lie side by
side, and a convolution works on each network's group of channels alone. Such a convolution takes
less time than one for each network, as there are few channels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.supernet.depthwise import depthwise_conv2d
from harness.supernet.norm import Norm

Tap = Callable[[str, Tensor], None]


class ConvBN(nn.Module):
    """A convolution and its batch norm; the ReLU before it is the caller's, who can share it."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        affine: bool,
        networks: int = 1,
        groups: int = 1,
    ) -> None:
        """Make the weights, uninitialised (see `weights.initialise`).

        Args:
            in_channels: Input channels of one network.
            out_channels: Output channels of one network.
            kernel: Width of the square kernel, odd.
            stride: Stride.
            affine: Whether batch norm has a learned scale and shift.
            networks: Independent networks side by side; their weights are stacked.
            groups: Groups of channels of one network that a convolution works on alone: as many as
                there are channels in a depthwise one.
        """
        super().__init__()
        outputs = networks * out_channels
        self.weight = nn.Parameter(torch.empty(outputs, in_channels // groups, kernel, kernel))
        self.bn_weight = nn.Parameter(torch.empty(outputs)) if affine else None
        self.bn_bias = nn.Parameter(torch.empty(outputs)) if affine else None
        self.stride = stride
        self.padding = kernel // 2
        self.groups = networks * groups
        self.is_depthwise = groups == in_channels == out_channels > 1
        self.name = ""  # of the weight, which a tap is told; see `name_layers`

    def forward(self, x: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        """Convolve and normalise.

        Args:
            x: [batch, network * in_channels, height, width], already through its ReLU.
            norm: Where the statistics come from.
            tap: Told the input, if given.

        Returns:
            [batch, network * out_channels, height / stride, width / stride].
        """
        if tap is not None:
            tap(self.name, x)
        if self.is_depthwise:
            y = depthwise_conv2d(x, self.weight, self.stride)
        else:
            y = F.conv2d(x, self.weight, None, self.stride, self.padding, groups=self.groups)
        return norm(y, self.bn_weight, self.bn_bias)


def name_layers(network: nn.Module) -> None:
    """Tell every `ConvBN` the name that its weight has within a network."""
    for name, module in network.named_modules():
        if isinstance(module, ConvBN):
            module.name = f"{name}.weight"


class Classifier(nn.Module):
    """The linear layer from features to logits, of one network or of several side by side."""

    def __init__(self, features: int, classes: int, networks: int = 1) -> None:
        """Make the weights, uninitialised; features and classes are those of one network."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(networks * classes, features))
        self.bias = nn.Parameter(torch.empty(networks * classes))
        self.networks = networks

    def forward(self, features: Tensor) -> Tensor:
        """Compute logits, [batch, network * class], of [batch, network * feature]."""
        if self.networks == 1:
            return F.linear(features, self.weight, self.bias)
        inputs = features.unflatten(1, (self.networks, -1)).transpose(0, 1)
        weight = self.weight.unflatten(0, (self.networks, -1)).transpose(1, 2)
        logits = torch.bmm(inputs, weight).transpose(0, 1)
        return logits.flatten(1) + self.bias


def avg_pool(x: Tensor) -> Tensor:
    """Average over 3x3 windows, stride 1; at the borders, over the pixels inside the image.

    Computed as a depthwise convolution with ones, times one over the number of pixels in each
    window: on CPUs torch's own average pooling takes two to three times as long, forward and
    backward, for the few channels of these networks.

    Args:
        x: [batch, channel, height, width].

    Returns:
        The same shape.
    """
    channels, height, width = x.shape[1:]
    ones, inverse_counts = _pooling_constants(channels, height, width, x.dtype, x.device)
    return F.conv2d(x, ones, None, 1, 1, groups=channels) * inverse_counts


@cache
@torch.inference_mode(False)  # a tensor made in inference mode could not be used in training
def _pooling_constants(
    channels: int, height: int, width: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    ones = torch.ones(channels, 1, 3, 3, dtype=dtype, device=device)
    rows = torch.full((height,), 3.0, dtype=torch.float64)
    columns = torch.full((width,), 3.0, dtype=torch.float64)
    for border in (rows, columns):
        border[0] -= 1
        border[-1] -= 1
    counts = rows.view(-1, 1) * columns.view(1, -1)
    inverse_counts = (1 / counts).to(device, dtype, non_blocking=True)
    # one copy for every channel: a product broadcast over the innermost axis of channels-last is
    # not vectorised in bf16 (seven times as slow)
    inverse_counts = inverse_counts.expand(1, channels, height, width)
    return (
        ones.contiguous(memory_format=torch.channels_last),
        inverse_counts.contiguous(memory_format=torch.channels_last),
    )
