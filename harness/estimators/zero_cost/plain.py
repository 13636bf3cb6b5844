"""The summed product of weights and gradients, with its sign."""

from __future__ import annotations

from typing import ClassVar

from harness.estimators.zero_cost.passes import Passes, Use, sum_products
from harness.estimators.zero_cost.proxy import Proxy


class Plain(Proxy):
    """Sum of w dL/dw over all weights w.

    Where batch norm follows a convolution, the loss does not depend on the weights' scale, so that
    their terms add up to zero: what is left comes from the classifier and from shortcuts.

    Reference: a baseline of Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, 2021,
    arXiv 2101.08134 (their code's `plain`).
    """

    name: ClassVar = "plain"
    uses: ClassVar = frozenset({Use.GRADIENTS})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the sum."""
        return sum_products(passes.weights.values(), passes.gradients)
