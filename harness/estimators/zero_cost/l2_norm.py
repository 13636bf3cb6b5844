"""The norm of the weights."""

from __future__ import annotations

from typing import ClassVar

from harness.estimators.zero_cost.passes import Passes
from harness.estimators.zero_cost.proxy import Proxy


class L2Norm(Proxy):
    """Sum over layers of the Euclidean norm of the layer's initial weights.

    Initial weights have a variance of 1 / (3 fan-in), so that it counts layers and the square roots
    of their outputs, 1x1 and 3x3 alike; architectures with as many convolutions are told apart by
    the draw alone. Of the live part, as for every proxy; dead convolutions would add to it.

    Reference: a baseline of Krishnakumar et al., NAS-Bench-Suite-Zero, 2022, arXiv 2210.03230,
    section 2.
    """

    name: ClassVar = "l2_norm"

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the sum of norms."""
        return sum(float(w.detach().double().norm()) for w in passes.weights.values())
