"""The optimiser of the training loop: SGD whose final update a strategy may transform."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from harness.settings.run import RunConfig
from harness.strategies.base import Strategy


class Sgd:
    """SGD with momentum, weight decay and clipping, on the weights that have a gradient.

    Weights off the path have none, so that neither momentum nor weight decay moves them.

    Attributes:
        momentum: By weight name, of the weights that ever had a gradient.
    """

    def __init__(self, config: RunConfig, weights: Mapping[str, Tensor]) -> None:
        """Start without momentum.

        Args:
            config: The run's configuration.
            weights: All weights of the supernet by name.
        """
        self._config = config
        self._weights = weights
        self.momentum: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, strategy: Strategy, lr: float) -> None:
        """Apply the gradients to the weights, and drop the gradients."""
        config = self._config
        gradients = {n: p.grad for n, p in self._weights.items() if p.grad is not None}
        strategy.adjust_gradients(gradients)
        names, values = list(gradients), list(gradients.values())
        weights: list[Tensor] = [self._weights[name] for name in names]
        if config.clip_norm:
            torch.nn.utils.clip_grads_with_norm_(
                weights, config.clip_norm, torch.nn.utils.get_total_norm(values, foreach=True)
            )
        if config.weight_decay:
            torch._foreach_add_(values, weights, alpha=config.weight_decay)
        for name, value in zip(names, values, strict=True):
            if name not in self.momentum:
                self.momentum[name] = torch.zeros_like(value)
        updates = [self.momentum[name] for name in names]
        torch._foreach_mul_(updates, config.momentum)
        torch._foreach_add_(updates, values)
        updates = [
            strategy.transform_update(name, update)
            for name, update in zip(names, updates, strict=True)
        ]
        torch._foreach_add_(weights, updates, alpha=-lr)
        for weight in weights:
            weight.grad = None

    def load_momentum(self, saved: Mapping[str, Tensor]) -> None:
        """Set the momentum, in the device and memory format of training."""
        self.momentum = {}
        for name, buffer in saved.items():
            layout = torch.channels_last if buffer.dim() == 4 else torch.contiguous_format
            on_device = buffer.to(self._weights[name].device)
            self.momentum[name] = on_device.contiguous(memory_format=layout)


def learning_rate(config: RunConfig, step: int) -> float:
    """Return the learning rate of a step: cosine to zero over all steps, or constant."""
    if config.schedule == "constant":
        return config.lr
    return config.lr * 0.5 * (1 + math.cos(math.pi * step / config.steps))
