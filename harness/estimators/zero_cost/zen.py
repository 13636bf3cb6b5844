"""How much the last features move with the image, with what batch norm takes out put back."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import functional_call

from harness.estimators.zero_cost.intercepting import Interceptor
from harness.estimators.zero_cost.passes import Passes
from harness.estimators.zero_cost.proxy import Proxy
from harness.seeding import derive_seed

_STEP = 1e-2


class Zen(Proxy):
    """ln mean_n |f(x_n + 0.01 e_n) - f(x_n)| + sum over batch norms of ln sqrt(mean_c var_c).

    f is the last ReLU, before the global pooling; x and e are standard normal, as many images as a
    batch has, and weights of convolutions are drawn anew, standard normal. The variances are those
    of the pass of x.

    Reference: Lin et al., Zen-NAS, 2021, arXiv 2102.01063, algorithm 1. There the skip connections
    of a network are taken out first; here they are operations of the architecture, and stay. One
    draw, where the paper averages 32. Of the live part, as for every proxy: a batch norm that is
    fed zeros has no logarithm. The public table of NAS-Bench-Suite-Zero has sums of |.| instead of
    norms, and running variances that two passes have moved a fifth of the way from 1.
    """

    name: ClassVar = "zen"

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the score; NaN without a ReLU."""
        drawn = {name: _draw(w, passes.seed, name) for name, w in passes.weights.items()}
        image = _draw(passes.batch.images, passes.seed, "image")
        moved = image + _STEP * _draw(image, passes.seed, "step")
        watches = []
        with torch.no_grad():
            for images in (image, moved):
                watch = _Watch()
                with watch:
                    functional_call(passes.network, drawn, (images,))
                watches.append(watch)
        first, second = watches
        if first.last is None or second.last is None:
            return math.nan
        distance = (second.last - first.last).flatten(1).double().norm(dim=1).mean()
        return _log(float(distance)) + first.log_scales


class _Watch(Interceptor):
    """Keeps the last ReLU's output, and adds up the logarithms of batch norm's scales."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Tensor | None = None
        self.log_scales = 0.0

    def rectify(self, x: Tensor, in_place: bool) -> Tensor:
        y = self.last = super().rectify(x, in_place)
        return y

    def normalise(
        self, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> Tensor:
        y, _, scale = torch.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps)
        variance = scale.double().pow(-2) - eps
        self.log_scales += _log(float(variance.mean())) / 2
        return y


def _draw(like: Tensor, seed: int, name: str) -> Tensor:
    generator = torch.Generator().manual_seed(derive_seed(seed, "zen", name))
    drawn = torch.randn(like.shape, generator=generator)
    return drawn.to(like).contiguous(
        memory_format=torch.channels_last if like.dim() == 4 else torch.contiguous_format
    )


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf
