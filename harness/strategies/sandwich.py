"""The sandwich rule: the largest path, the smallest, and random ones between, in every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.strategies.base import Strategy, WeightedPath

N_RANDOM = 2
"""Random paths a step, as in the paper's experiments (n = 4 in all)."""


class Sandwich(Strategy):
    """Train the largest path, the smallest and two uniform ones a step.

    The rule comes from networks whose sub-networks are nested by width, so that all lie between
    the largest and the smallest. Where nothing is nested, as in NAS-Bench-201, what is left of the
    rule is that the two ends of the space by parameters and FLOPs are trained in every step. There
    the largest trains every 3x3 convolution; the smallest is one skip connection from input to
    output, has no weights in the cells, and trains only the layers that all paths share.

    The four gradients on one batch are added up, each with weight one, and applied in one update,
    at the learning rate of `spos`; the logged loss is the sum too. The paper's inplace
    distillation, the largest network's predictions as labels of the others, is left out: the loss
    here is that of the labels for every path. A step costs about four times one of `spos`.

    Reference: Yu & Huang, Universally Slimmable Networks and Improved Training Techniques, 2019,
    arXiv 1903.05134, section 3.2; what largest and smallest mean here is our reading.
    """

    needs_grid = True

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Put random paths between the two fixed ones, the random ones first.

        The first path of a step names it in the log, so that it is one that varies.
        """
        grid = self.grid
        random = [grid.draw(rng) for _ in range(N_RANDOM)]
        return [WeightedPath(arch, 1.0) for arch in (*random, grid.largest, grid.smallest)]
