"""How large gradients are beside their change from batch to batch."""

from __future__ import annotations

import math
from typing import ClassVar

import torch

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy


class Zico(Proxy):
    """Sum over layers of ln of the sum over weights of mean|g| / sd|g|, over two batches.

    Weights whose |g| is the same in both batches are left out, and layers without others. With two
    batches of |g| = a and b the ratio is (a + b) / |a - b|.

    Reference: Li et al., ZiCo, 2023, arXiv 2301.11300, equation 15. The authors' code divides by
    the standard deviation of g instead of |g|.
    """

    name: ClassVar = "zico"
    uses: ClassVar = frozenset({Use.GRADIENTS})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the sum; NaN where gradients do not change from batch to batch."""
        layers = []
        for first, second in zip(passes.gradients, passes.second_gradients, strict=True):
            a, b = first.abs(), second.abs()
            differs = a != b
            ratios = ((a + b) / (a - b).abs())[differs]
            if len(ratios):
                layers.append(math.log(float(ratios.sum(dtype=torch.float64))))
        return sum(layers) if layers else math.nan
