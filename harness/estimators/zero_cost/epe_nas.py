"""How differently the network reacts to different images of one class, to first order."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy

_K = 1e-5
_MANY_CLASSES = 100


class EpeNas(Proxy):
    """Sum over classes of |e_c|, e_c = sum_ij ln(|r_ij| + k) over the class's correlation matrix r.

    Correlated are the gradients of the sum of all logits by each image of the class; k = 1e-5. With
    more than 100 classes e_c is divided by the number of images, and the score is the sum of
    |e_c - e_d| over pairs of classes divided by the number of classes. Classes without an image in
    the batch are left out; one with a single image has e_c = ln(1 + k).

    Reference: Lopes et al., EPE-NAS, 2021, arXiv 2102.08099, equations 3 to 5.
    """

    name: ClassVar = "epe_nas"
    uses: ClassVar = frozenset({Use.GRADIENTS})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the score; NaN where an image has no gradient."""
        if passes.input_correlations is None:
            return float("nan")
        logs = np.log(np.abs(passes.input_correlations) + _K)
        labels = passes.batch.labels.numpy(force=True)
        is_many = passes.logits.shape[1] > _MANY_CLASSES
        of_classes = []
        for label in np.unique(labels):
            own = labels == label
            of_classes.append(logs[np.ix_(own, own)].sum() / (own.sum() if is_many else 1))
        e = np.array(of_classes)
        if is_many:
            return float(np.abs(e[:, None] - e).sum() / len(e))
        return float(np.abs(e).sum())
