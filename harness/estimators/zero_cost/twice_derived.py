"""Batch norm and convolution with second derivatives that take half the time of torch's own.

Batch norm: y = w z + b, z = (x - mean) r and r = 1 / sqrt(variance + eps). With
P v = v - mean(v) - z mean(z v) dL/dx = w r P g for g = dL/dy. P is symmetric. Pulled back along v,
the derivative of dL/dx by g is w r P v; that by x is -w r^2 [mean(v P g) z + a P g + c P v],
a = mean(z v), c = mean(z g).

Convolution: y is linear in x and in the weight w, so that its second derivatives are convolutions
and their adjoints. torch writes the adjoints as convolutions with kernels as large as the images.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_CHANNELWISE = (0, 2, 3)


class Form(NamedTuple):
    """Stride, padding, dilation and groups of a convolution, as torch takes them."""

    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1


class BatchNorm(torch.autograd.Function):
    """Batch norm with the batch's own statistics; scale and shift get no gradient."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> Tensor:
        """Normalise [image, channel, height, width]."""
        y, mean, scale = torch.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps)
        ctx.save_for_backward(x, weight, mean, scale)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """Return dL/dx, which has a derivative of its own."""
        found = _Backward.apply(gradients[0], *ctx.saved_tensors, ctx.eps)  # type: ignore[no-untyped-call]
        return found, None, None, None


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        g: Tensor,
        x: Tensor,
        weight: Tensor | None,
        mean: Tensor,
        scale: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(g, x, weight, mean, scale)
        ctx.eps = eps
        return _project(g, x, weight, mean, scale, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g, x, weight, mean, scale = ctx.saved_tensors
        v = gradients[0]
        z = torch.addcmul(_wide(-mean * scale), x, _wide(scale))
        of_v, of_g, of_vg = v.mean(_CHANNELWISE), g.mean(_CHANNELWISE), (v * g).mean(_CHANNELWISE)
        a, c = (z * v).mean(_CHANNELWISE), (z * g).mean(_CHANNELWISE)
        outer = -scale.square() * (1.0 if weight is None else weight)
        # mean(v P g) = of_vg - of_v of_g - a c; P g and P v hold two more -a c z
        along_z = of_vg - of_v * of_g - 3 * a * c
        by_x = torch.addcmul(_wide(-outer * (a * of_g + c * of_v)), z, _wide(outer * along_z))
        by_x.addcmul_(g, _wide(outer * a)).addcmul_(v, _wide(outer * c))
        return _project(v, x, weight, mean, scale, ctx.eps), by_x, None, None, None, None


class Convolution(torch.autograd.Function):
    """A convolution without a shift."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, form: Form) -> Tensor:
        """Convolve [image, channel, height, width]."""
        ctx.save_for_backward(x, weight)
        ctx.form = form
        return F.conv2d(x, weight, None, *form)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Return dL/dx and dL/dw, which have derivatives of their own."""
        needed = ctx.needs_input_grad[:2]
        found = _ConvolutionBackward.apply(gradients[0], *ctx.saved_tensors, ctx.form, needed)  # type: ignore[no-untyped-call]
        return *found, None


class _ConvolutionBackward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, g: Tensor, x: Tensor, weight: Tensor, form: Form, needed: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        ctx.save_for_backward(g, x, weight)
        ctx.form, ctx.needed = form, needed
        return _pull_back(g, x, weight, form, *needed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        g, x, weight = ctx.saved_tensors
        form, (of_x, of_weight) = ctx.form, ctx.needed
        v, u = gradients  # along dL/dx and along dL/dw
        by_g, by_x, by_weight = None, None, None
        if v is not None and of_x:
            by_g = F.conv2d(v, weight, None, *form)
            if of_weight:
                by_weight = _pull_back(g, v, weight, form, False, True)[1]
        if u is not None and of_weight:
            moved = F.conv2d(x, u, None, *form)
            by_g = moved if by_g is None else by_g + moved
            if of_x:
                by_x = _pull_back(g, x, u, form, True, False)[0]
        return by_g, by_x, by_weight, None, None


def _pull_back(
    g: Tensor, x: Tensor, weight: Tensor, form: Form, of_x: bool, of_weight: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients by input and weight, where they are asked for."""
    *numbers, groups = form
    pairs = [[number] * 2 if isinstance(number, int) else number for number in numbers]
    mask = [of_x, of_weight, False]
    found = torch.ops.aten.convolution_backward(
        g, x, weight, None, *pairs, False, [0, 0], groups, mask
    )
    return found[0], found[1]


def _project(
    v: Tensor, x: Tensor, weight: Tensor | None, mean: Tensor, scale: Tensor, eps: float
) -> Tensor:
    """Return w r P v."""
    mask = [True, False, False]
    found: Tensor = torch.ops.aten.native_batch_norm_backward(
        v, x, weight, None, None, mean, scale, True, eps, mask
    )[0]
    return found


def _wide(of_channels: Tensor) -> Tensor:
    return of_channels.view(1, -1, 1, 1)
