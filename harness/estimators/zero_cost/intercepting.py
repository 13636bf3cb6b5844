"""Seeing and changing what a network computes: its calls of torch are intercepted.

A proxy looks at activations, or takes batch norm out, in networks that no proxy has to know.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Interceptor(TorchFunctionMode):
    """Calls a method of its own for each ReLU, batch norm and weighted layer; nothing is changed.

    Running statistics are neither read nor written.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Dispatch a call."""
        kwargs = kwargs or {}
        if func is F.batch_norm:
            return self.normalise(args[0], kwargs["weight"], kwargs["bias"])
        if func in (F.relu, torch.relu):
            return self.rectify(args[0])
        result = func(*args, **kwargs)
        if func in (F.conv2d, F.linear) and args[1].requires_grad:  # no pooling written as one
            self.weigh(args[0], result)
        return result

    def normalise(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        """Normalise [image, channel, height, width] with its own statistics."""
        return F.batch_norm(x, None, None, weight, bias, training=True)

    def rectify(self, x: Tensor) -> Tensor:
        """Compute a ReLU."""
        return F.relu(x)

    def weigh(self, x: Tensor, y: Tensor) -> None:
        """See the input and the output of a convolution or linear layer that has weights."""


class Unnormalised(Interceptor):
    """Leaves batch norm out."""

    def normalise(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        """Return what came in."""
        return x
