"""FairNAS: every step trains each choice of every slot exactly once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.errors import UsageError
from harness.spaces.base import Space
from harness.spaces.kinds import Grid
from harness.strategies.base import Strategy, WeightedPath


class StrictFairness(Strategy):
    """Train as many paths a step as a slot has choices, which share no choice of any slot.

    For each slot (in NAS-Bench-201: an edge) the choices (its five operations) are dealt out to
    the paths in random order, without replacement. The paths' gradients on one batch are added
    up, each with weight one, and applied in one update, as in the paper's algorithm 1.

    So the weight of an (edge, op) gets the gradient of the one path that uses it, as under
    `spos`, and the learning rate is left as it is. The layers that all paths share (stem,
    reduction blocks, classifier) get the sum of five gradients, as in the paper, and
    `clip_norm` limits the norm of the whole sum. The logged loss of a step is the sum too.
    Fairness is of the operations dealt out: one on an edge that is dead in its path has no
    gradient in that step, which cannot happen in the paper's space, a chain. A step costs five
    times one of `spos`.

    On NAS-Bench-Macro strict fairness is not reached: strings are dealt, and computed with the
    identities at the end of their stage. In a step each kernel of the second block of a stage of
    three is then trained 4/3 times on average, of the third one 2/3 times, and only those of other
    blocks once. A deal that is fair after that shift would train no network with only one of
    these two blocks: one path would skip both, and the other two would have both.

    Reference: Chu et al., FairNAS: Rethinking Evaluation Fairness of Weight Sharing NAS, 2019,
    arXiv 1907.01845, algorithm 1. What is done about the shared layers is our reading.
    """

    needs_grid = True

    @classmethod
    def check_space(cls, space: Space) -> None:
        """Check that the space is a grid with equally many choices in each slot."""
        super().check_space(space)
        slots = space.slots if isinstance(space, Grid) else ()
        counts = sorted({len(choices) for choices in slots})
        if len(counts) > 1:
            raise UsageError(
                f"Strategy fairnas needs as many choices in each slot; those of space "
                f"'{space.name}' have {', '.join(map(str, counts))}. Choose another strategy, such "
                "as spos."
            )

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Deal out the choices of every slot to the paths."""
        dealt = [rng.permutation(len(choices)).tolist() for choices in self.grid.slots]
        return [
            WeightedPath(self.grid.from_choices(choices), 1.0)
            for choices in zip(*dealt, strict=True)
        ]
