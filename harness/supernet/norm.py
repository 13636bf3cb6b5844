"""Batch normalisation, apart from the network: where the statistics come from is a choice.

A network calls its `Norm` once for every normalisation that its path passes through, always in
the same order, so a norm that keeps statistics can tell the sites apart by counting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.distributed.ranks import Ranks

EPS = 1e-5
"""What is added to the variance (torch's default, as in NAS-Bench-201)."""

MOMENTUM = 0.1
"""Weight of the newest batch in running statistics (torch's default, as in NAS-Bench-201)."""


class Norm(Protocol):
    """Normalise one site's activations."""

    def __call__(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        """Normalise `x`, [batch, channel, height, width], with an optional affine map."""
        ...


def batch_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float = EPS) -> Tensor:
    """Normalise with the batch's own statistics; nothing is remembered."""
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)


def _statistics_dtype(x: Tensor) -> torch.dtype:
    """Return float32 for activations of less precision, else their own."""
    return torch.promote_types(x.dtype, torch.float32)


class RunningNorm(nn.Module):
    """Running statistics of one architecture: updated in training, fixed in evaluation.

    They are buffers, so that they are saved and moved with the network.

    Attributes:
        training: Whether a pass normalises with the batch and updates the statistics.
    """

    def __init__(self) -> None:
        """Start without any site; sites appear in the first pass, or with a saved state."""
        super().__init__()
        self._site = 0

    def start_pass(self, training: bool) -> RunningNorm:
        """Begin a forward pass and return the norm itself."""
        self.training = training
        self._site = 0
        return self

    def forward(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        """Normalise the next site in order."""
        names = f"mean{self._site}", f"variance{self._site}"
        if names[0] not in self._buffers:
            dtype = _statistics_dtype(x)
            for name, make in zip(names, (torch.zeros, torch.ones), strict=True):
                self.register_buffer(name, make(x.shape[1], device=x.device, dtype=dtype))
        self._site += 1
        mean, variance = (self._buffers[name] for name in names)
        return F.batch_norm(x, mean, variance, weight, bias, self.training, MOMENTUM)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Make the sites of a state, then load it."""
        for name, value in state_dict.items():
            if name.startswith(prefix) and name.removeprefix(prefix) not in self._buffers:
                self.register_buffer(name.removeprefix(prefix), torch.empty_like(value))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class RecalibratedNorm:
    """Statistics remeasured for one architecture, as plain averages over some batches.

    Passes made while `measuring` normalise with the batch and add to the averages; later passes
    use the averages.
    """

    def __init__(self) -> None:
        """Start without any statistics."""
        self._means: list[Tensor] = []
        self._variances: list[Tensor] = []
        self._measuring = True
        self._batches = 0
        self._site = 0

    def start_pass(self, measuring: bool) -> RecalibratedNorm:
        """Begin a forward pass and return the norm itself."""
        self._measuring = measuring
        self._batches += measuring
        self._site = 0
        return self

    def __call__(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        """Normalise the next site in order."""
        site = self._site
        self._site += 1
        if not self._measuring:
            mean, variance = self._means[site], self._variances[site]
            return F.batch_norm(x, mean, variance, weight, bias, training=False)
        variance, mean = torch.var_mean(x.to(_statistics_dtype(x)), dim=(0, 2, 3))
        if site == len(self._means):
            self._means.append(mean)
            self._variances.append(variance)
        else:
            self._means[site] += (mean - self._means[site]) / self._batches
            self._variances[site] += (variance - self._variances[site]) / self._batches
        return batch_norm(x, weight, bias)


class DistributedNorm:
    """Normalise with the statistics of the whole batch, of which each rank has an equal part.

    Gradients go through the statistics, as they do in `batch_norm`.
    """

    def __init__(self, ranks: Ranks) -> None:
        """Name the ranks; all of them pass the same sites in the same order."""
        self._ranks = ranks

    def __call__(self, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        """Normalise this rank's part of a site's activations."""
        y: Tensor = _Standardise.apply(x, self._ranks)  # type: ignore[no-untyped-call]
        if weight is None or bias is None:
            return y
        return torch.addcmul(bias.view(1, -1, 1, 1), y, weight.view(1, -1, 1, 1)).to(x.dtype)


class _Standardise(torch.autograd.Function):
    """y = (x - mean) / sqrt(variance + EPS), over the whole batch.

    With L the sum of the ranks' losses and g = dL/dy,
    dL/dx = (g - mean(g) - y mean(g y)) / sqrt(variance + EPS), means again over the whole batch.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: Ranks) -> Tensor:
        # what `F.batch_norm` itself begins with: seven times as fast as `torch.var_mean`, which
        # is slow on channels-last input
        own = torch.batch_norm_update_stats(x.to(_statistics_dtype(x)), None, None, 0.0)
        means, variances = ranks.gather(torch.stack(own)).unbind(1)  # each [rank, channel]
        mean = means.mean(dim=0)
        # not from sums of squares: where the mean is large, their difference cancels
        variance = (variances + (means - mean).square()).mean(dim=0)
        y = F.batch_norm(x, mean, variance, None, None, training=False, eps=EPS)
        ctx.save_for_backward(y, (variance + EPS).rsqrt())
        ctx.ranks = ranks
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        y, scale = ctx.saved_tensors
        g = gradients[0].to(scale.dtype)
        sums = torch.stack([g.sum(dim=(0, 2, 3)), (g * y).sum(dim=(0, 2, 3))])
        ctx.ranks.add_up(sums)
        sums *= g.shape[1] / (g.numel() * ctx.ranks.size)
        constant, slope, scale = (v.view(1, -1, 1, 1) for v in (*(-scale * sums), scale))
        return torch.addcmul(constant, y, slope).addcmul_(g, scale).to(y.dtype), None
