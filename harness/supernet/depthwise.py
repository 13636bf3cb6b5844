"""Depthwise convolution, with gradients that are fast on CPUs.

On CPUs, torch's own gradients of depthwise convolutions leave its fast kernels in two cases: that
of a weight wider than 3 pixels, and in bf16 that of the input where the stride is 2. Both are
computed here from convolutions that stay in the fast kernels; the results are the same but for
rounding. Times of single layers and of whole steps: benchmarks/README.md.

Inputs are [batch, channel, height, width], best in channels-last format; kernels are square and
odd, and the padding is half a kernel.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_input, conv2d_weight
from torch.overrides import has_torch_function

FAST_WIDTH = 3
"""Widest kernel whose weight gradient has a fast implementation."""


def depthwise_conv2d(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Convolve each channel with its own kernel, as `F.conv2d` does with a group for each.

    Args:
        x: [batch, channel, height, width].
        weight: [channel, 1, k, k], k odd.
        stride: Stride.

    Returns:
        [batch, channel, height / stride, width / stride], rounded up; in the precision of autocast
        where that is on.
    """
    on_cpu = x.device.type == "cpu"
    if on_cpu and torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        x, weight = x.to(dtype), weight.to(dtype)
    kernel = weight.shape[-1]
    is_slow = kernel > FAST_WIDTH or (stride > 1 and x.dtype == torch.bfloat16)
    # whoever intercepts calls of torch expects a convolution
    if not on_cpu or not is_slow or has_torch_function((x, weight)):
        return F.conv2d(x, weight, None, stride, kernel // 2, groups=len(weight))
    y: Tensor = _Depthwise.apply(x, weight, stride)  # type: ignore[no-untyped-call]
    return y


class _Depthwise(torch.autograd.Function):
    """The convolution; its gradients are made of torch's operations, and can be derived again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (g,) = gradients
        x, weight = ctx.saved_tensors
        by_x = by_weight = None
        if ctx.needs_input_grad[0]:
            derive = stuffed_gradient if g.dtype == torch.bfloat16 else _plain_gradient
            by_x = derive(x, weight, g, ctx.stride)
        if ctx.needs_input_grad[1]:
            by_weight = weight_gradient(x, weight.shape[-1], g, ctx.stride)
        return by_x, by_weight, None


def _plain_gradient(x: Tensor, weight: Tensor, g: Tensor, stride: int) -> Tensor:
    padding = weight.shape[-1] // 2
    by_x: Tensor = conv2d_input(x.shape, weight, g, stride, padding, groups=len(weight))
    return by_x


def stuffed_gradient(x: Tensor, weight: Tensor, g: Tensor, stride: int) -> Tensor:
    """Return the input's gradient: the output's, with zeros between, and the kernel turned round.

    Args:
        x: The input, for its shape and memory format.
        weight: [channel, 1, k, k].
        g: The output's gradient.
        stride: Stride.
    """
    if stride > 1:
        stuffed = torch.zeros_like(x)
        stuffed[:, :, ::stride, ::stride] = g
        g = stuffed
    turned = weight.flip(2, 3)
    return F.conv2d(g, turned, None, 1, weight.shape[-1] // 2, groups=len(weight))


def weight_gradient(x: Tensor, kernel: int, g: Tensor, stride: int) -> Tensor:
    """Return the weight's gradient, a few columns of the kernel at a time.

    Args:
        x: The input.
        kernel: Width k of the kernel.
        g: The output's gradient.
        stride: Stride.

    Returns:
        [channel, 1, k, k].
    """
    channels, height = x.shape[1:3]
    padding = kernel // 2
    rows = padding if height <= kernel else 0  # no fast implementation pads so few rows itself
    padded = F.pad(x, (padding, padding, rows, rows))
    columns = []
    for first in range(0, kernel, FAST_WIDTH):
        width = min(FAST_WIDTH, kernel - first)
        met = padded[..., first : first + (g.shape[3] - 1) * stride + width]
        shape = (channels, 1, kernel, width)
        columns.append(conv2d_weight(met, shape, g, stride, (padding - rows, 0), groups=channels))
    return torch.cat(columns, dim=3)
