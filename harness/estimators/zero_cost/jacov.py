"""How differently the network reacts to different images, to first order."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy

_K = 1e-5


class Jacov(Proxy):
    """-sum of ln(v + k) + 1/(v + k) over the eigenvalues v of the images' correlation matrix.

    Correlated are the gradients of the sum of all logits by each image of the batch; k = 1e-5.
    Images meet in batch norm, so that an image's gradient is of all logits of the batch.

    Reference: Mellor et al., Neural Architecture Search without Training, first version, 2020,
    arXiv 2006.04647v1, equation 3.
    """

    name: ClassVar = "jacov"
    uses: ClassVar = frozenset({Use.GRADIENTS})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the score; NaN where an image has no gradient."""
        if passes.input_correlations is None:
            return float("nan")
        values = np.linalg.eigvalsh(passes.input_correlations) + _K
        return -float(np.sum(np.log(values) + 1 / values))
