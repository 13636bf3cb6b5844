"""Single path one-shot: one uniformly drawn path a step, plain SGD."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.strategies.base import Strategy, WeightedPath


class SinglePathOneShot(Strategy):
    """Train one uniformly drawn path a step.

    Reference: Guo et al., Single Path One-Shot Neural Architecture Search with Uniform Sampling,
    2019, arXiv 1904.00420, section 3.2.
    """

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Draw one path."""
        return [WeightedPath(self.context.space.draw(rng), 1.0)]
