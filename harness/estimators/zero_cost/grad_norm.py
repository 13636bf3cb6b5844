"""The norm of the gradient."""

from __future__ import annotations

from typing import ClassVar

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy


class GradNorm(Proxy):
    """Sum over layers of the Euclidean norm of the gradient of the loss by the layer's weights.

    Reference: Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, 2021, arXiv 2101.08134,
    section 3.2. Norms are taken layer by layer and added, as in the authors' code.
    """

    name: ClassVar = "grad_norm"
    uses: ClassVar = frozenset({Use.GRADIENTS})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the sum of norms."""
        return sum(float(g.double().norm()) for g in passes.gradients)
