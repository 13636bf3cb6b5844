"""FairNAS: every step trains each operation of every edge exactly once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.spaces.nb201.encoding import EDGES, OPS, Arch
from harness.strategies.base import Strategy, WeightedPath


class StrictFairness(Strategy):
    """Train as many paths a step as there are operations, which share no operation of any edge.

    For each edge the operations are dealt out to the five paths in random order, without
    replacement. The paths' gradients on one batch are added up, each with weight one, and applied
    in one update, as in the paper's algorithm 1.

    So the weight of an (edge, op) gets the gradient of the one path that uses it, as under
    `spos`, and the learning rate is left as it is. The layers that all paths share (stem,
    reduction blocks, classifier) get the sum of five gradients, as in the paper, and
    `clip_norm` limits the norm of the whole sum. The logged loss of a step is the sum too.
    Fairness is of the operations dealt out: one on an edge that is dead in its path has no
    gradient in that step, which cannot happen in the paper's space, a chain. A step costs five
    times one of `spos`.

    Reference: Chu et al., FairNAS: Rethinking Evaluation Fairness of Weight Sharing NAS, 2019,
    arXiv 1907.01845, algorithm 1. What is done about the shared layers is our reading.
    """

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Deal out the operations of every edge to the paths."""
        dealt = [rng.permutation(len(OPS)).tolist() for _ in EDGES]
        return [WeightedPath(Arch(tuple(ops)), 1.0) for ops in zip(*dealt, strict=True)]
