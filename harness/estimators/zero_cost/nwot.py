"""In how many units images are told apart by the network's ReLUs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy


class Nwot(Proxy):
    """ln |K|: K_ij is the number of ReLU units in which images i and j are both on or both off.

    Every weighted layer counts as having a ReLU of its own, as in the benchmark's networks, also
    where layers share one. Of the live part, as for every proxy: a ReLU that is fed zeros would
    add a constant to K.

    Reference: Mellor et al., Neural Architecture Search without Training, 2021, arXiv 2006.04647v3,
    equations 2 and 3.
    """

    name: ClassVar = "nwot"
    uses: ClassVar = frozenset({Use.CODES})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the logarithm; -inf where two images are not told apart."""
        return float(np.linalg.slogdet(passes.codes.numpy(force=True)).logabsdet)
