"""How the norm of the gradient changes where weights are taken out."""

from __future__ import annotations

from typing import ClassVar

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy


class Grasp(Proxy):
    """-w'Hg of all weights w, with g the gradient of the loss and H its second derivatives.

    ReLU counts as linear on either side, as automatic differentiation has it.

    Reference: Wang et al., Picking Winning Tickets Before Training by Preserving Gradient Flow,
    2020, arXiv 2002.07376, equation 8 (temperature 1); summed over the network by Abdelfattah et
    al., 2021, arXiv 2101.08134, equation 2, with this sign. Both gradients are of the same batch.
    """

    name: ClassVar = "grasp"
    uses: ClassVar = frozenset({Use.GRADIENTS, Use.CURVATURE})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the sum over all weights."""
        return -passes.curvature
