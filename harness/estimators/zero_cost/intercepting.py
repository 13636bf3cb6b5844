"""Seeing and changing what a network computes: its calls of torch are intercepted.

A proxy looks at activations, or takes batch norm out, in networks that no proxy has to know.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from harness.supernet.norm import batch_norm


def _conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
) -> None: ...


def _linear(input: Any, weight: Any, bias: Any = None) -> None: ...


_LAYERS = {F.conv2d: inspect.signature(_conv2d), F.linear: inspect.signature(_linear)}
"""The signatures of weighted layers, which are built in and have none."""

_RELUS = (F.relu, torch.relu, Tensor.relu)
_RELUS_IN_PLACE = (torch.relu_, Tensor.relu_)  # the first is `F.relu_` too


class Interceptor(TorchFunctionMode):
    """Calls a method of its own for each ReLU, batch norm and weighted layer; changes nothing.

    Running statistics are neither read nor written.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Dispatch a call."""
        kwargs = kwargs or {}
        if func is F.batch_norm:
            return self.normalise(args[0], kwargs["weight"], kwargs["bias"], kwargs["eps"])
        if func in _RELUS or func in _RELUS_IN_PLACE:
            in_place = func in _RELUS_IN_PLACE or kwargs.get("inplace", False)
            return self.rectify(args[0] if args else kwargs["input"], in_place)
        if func not in _LAYERS:
            return func(*args, **kwargs)
        given = _LAYERS[func].bind(*args, **kwargs)
        given.apply_defaults()
        x, weight = given.args[:2]
        result = self.convolve(*given.args) if func is F.conv2d else func(*given.args)
        self.weigh(x, weight, result)
        return result

    def normalise(
        self, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> Tensor:
        """Normalise [image, channel, height, width] with its own statistics."""
        return batch_norm(x, weight, bias, eps)

    def rectify(self, x: Tensor, in_place: bool) -> Tensor:
        """Compute a ReLU."""
        return F.relu(x, inplace=in_place)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None, *form: Any) -> Tensor:
        """Compute a convolution; `form` is stride, padding, dilation and groups."""
        return F.conv2d(x, weight, bias, *form)

    def weigh(self, x: Tensor, weight: Tensor, y: Tensor) -> None:
        """See the input, the weight and the output of a convolution or of a linear layer."""


class Unnormalised(Interceptor):
    """Leaves batch norm out."""

    def normalise(
        self, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> Tensor:
        """Return what came in; a copy, since the network may overwrite it."""
        return x.clone()
