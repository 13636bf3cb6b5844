"""How much the loss changes where single weights are taken out."""

from __future__ import annotations

from typing import ClassVar

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy


class Snip(Proxy):
    """Sum of |w dL/dw| over all weights w.

    Reference: Lee et al., SNIP, 2019, arXiv 1810.02340, equation 4; summed over the network by
    Abdelfattah et al., 2021, arXiv 2101.08134, section 3.3. Neither is normalised here, and weights
    keep their initial values (SNIP draws them anew, scaled by fan-in and fan-out).
    """

    name: ClassVar = "snip"
    uses: ClassVar = frozenset({Use.GRADIENTS})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the sum."""
        pairs = zip(passes.weights.values(), passes.gradients, strict=True)
        return sum(float((w.detach() * g).double().abs().sum()) for w, g in pairs)
