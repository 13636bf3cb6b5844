"""How far the network is from linear over the spread of the data: the nonlinearity coefficient."""

from __future__ import annotations

from typing import ClassVar

import torch

from harness.estimators.zero_cost.passes import Passes, Use
from harness.estimators.zero_cost.proxy import Proxy
from harness.seeding import derive_seed


class Nlc(Proxy):
    """-NLC, NLC = sqrt(E_x Tr(J_x Cov_x J_x') / Tr(Cov_f)).

    J_x is the Jacobian of the logits f by the image x; Cov_x and Cov_f are the covariances of
    images and logits, both over the batch. The trace is estimated by Hutchinson's method, with one
    vector of random signs for each image. Batch norm is part of f: gradients pass its statistics.
    A linear network has 1, and more nonlinear ones more; those generalise worse, hence the sign.

    Reference: Philipp & Carbonell, The Nonlinearity Coefficient, 2018, arXiv 1806.00179, section 3;
    Philipp, 2021, arXiv 2105.12210.
    """

    name: ClassVar = "nlc"
    uses: ClassVar = frozenset({Use.GRADIENTS})

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return minus the coefficient; NaN where the logits do not vary."""
        logits = passes.logits.double()
        generator = torch.Generator().manual_seed(derive_seed(passes.seed, "nlc"))
        bits = torch.randint(0, 2, logits.shape, generator=generator)
        signs = (2 * bits - 1).to(passes.logits)
        images = passes.batch.images.flatten(1).double()
        around = images - images.mean(dim=0)
        spread = (passes.pull_back(signs) @ around.T).square().mean(dim=1)  # g' Cov_x g
        variance = logits.var(dim=0, correction=0).sum()
        return -float((spread.mean() / variance).sqrt())
