"""NSAS: every step also trains a few earlier architectures, chosen to be unlike each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.settings.run import RunConfig
from harness.settings.strategies import NsasSettings
from harness.spaces.nb201.encoding import Arch
from harness.strategies.archive import measure_distances, measure_novelty
from harness.strategies.base import Strategy, WeightedPath, sample_uniform_path
from harness.supernet.patches import LayerInput


class NoveltySearchConstraints(Strategy):
    """Add to the loss of a uniform path the mean loss of a constraint set of earlier paths.

    The loss of a step is (1 - e) L(a) + e / M * sum of L(a_i) over the M members of the set, with
    e = `weight`, all on the same batch; with an empty set it is L(a). After the step the set
    learns: while it is not full, the trained path joins, unless it is there. Then,
    the member most like the trained path makes room for the most novel of the recently trained
    paths, if that is more unlike the other members than the member itself; novelty is the mean
    distance to those, distance the share of edges with another operation. A step costs 1 + M
    times one of `spos`.

    Reference: Zhang et al., Overcoming Multi-Model Forgetting in One-Shot NAS with Diversity
    Maximization, CVPR 2020 (NSAS), of which the abstract and the authors' released code could be
    read. The loss, with M = 4 and e = 0.2, is that of their code for this very space; the
    replacement and the 50 recent paths are those of their code for the DARTS space (M = 8,
    e = 0.5). Where we deviate: the former draws constraints anew in every step, random ones that
    share no operation; the latter begins with diverse random ones, and adds their losses as plain
    numbers, which constrain nothing. Here only trained architectures are constraints, as in the
    abstract, and they are trained. A set that is not full divides by its own size.
    """

    def __init__(
        self, config: RunConfig, weights: Mapping[str, Tensor], batches_per_epoch: int
    ) -> None:
        """Start with an empty constraint set."""
        super().__init__(config, weights, batches_per_epoch)
        self.settings = config.nsas or NsasSettings()
        self._constraints: list[Arch] = []
        self._recent: list[Arch] = []
        self._sampled: list[Arch] = []

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Draw one path; the constraints come after it."""
        arch = sample_uniform_path(rng)
        self._sampled = [arch]
        if not self._constraints:
            return [WeightedPath(arch, 1.0)]
        weight = self.settings.weight
        share = weight / len(self._constraints)
        constraints = [WeightedPath(other, share) for other in self._constraints]
        return [WeightedPath(arch, 1 - weight), *constraints]

    def remember(
        self, step: int, inputs: Mapping[str, Sequence[LayerInput]], generator: torch.Generator
    ) -> None:
        """Bring the constraint set up to date with the path that was trained."""
        for arch in self._sampled:
            self._recent = [*self._recent, arch][-self.settings.recent :]
            if len(self._constraints) == self.settings.constraints:
                self._replace_nearest(arch)
            elif arch not in self._constraints:
                self._constraints.append(arch)

    def _replace_nearest(self, arch: Arch) -> None:
        """Put the most novel recent path in the place of the member most like `arch`."""
        nearest = int(np.argmin(measure_distances([arch], self._constraints)[0]))
        others = [*self._constraints[:nearest], *self._constraints[nearest + 1 :]]
        candidates = [self._constraints[nearest], *self._recent]
        novelty = measure_novelty(candidates, others, len(others))
        self._constraints[nearest] = candidates[int(np.argmax(novelty))]

    def state_dict(self) -> dict[str, Any]:
        """Return the constraint set, and the recent paths, oldest first."""
        return {
            "constraints": [arch.ops for arch in self._constraints],
            "recent": [arch.ops for arch in self._recent],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set both."""
        self._constraints = [Arch(tuple(ops)) for ops in state["constraints"]]
        self._recent = [Arch(tuple(ops)) for ops in state["recent"]]
