"""How much the loss changes where channels are taken out."""

from __future__ import annotations

from typing import ClassVar

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy


class Fisher(Proxy):
    """Sum over channels of the outputs of all weighted layers of 1/2 mean_n (sum_ij a g)^2.

    a is the channel's activation for image n at place ij, before batch norm, and g the gradient of
    the batch's mean loss by it.

    Reference: Theis et al., Faster gaze prediction with dense networks and Fisher pruning, 2018,
    arXiv 1801.05787, equation 8; Turner et al., BlockSwap, 2020, arXiv 1906.04113, equation 1;
    summed over the network by Abdelfattah et al., 2021, arXiv 2101.08134, section 3.3. Their code,
    and the public table of NAS-Bench-Suite-Zero, count a channel once for each of its weights.
    """

    name: ClassVar = "fisher"
    uses: ClassVar = frozenset({Use.GRADIENTS, Use.SALIENCY})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the sum."""
        return passes.saliency
