"""NSAS: every step also trains a few earlier architectures, chosen to be unlike each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.settings.base import Settings
from harness.spaces.values import Architecture
from harness.strategies.archive import measure_distances, measure_novelty
from harness.strategies.base import Context, Strategy, WeightedPath
from harness.supernet.patches import LayerInput


class NsasSettings(Settings):
    """Settings of `nsas`.

    Attributes:
        constraints: Most architectures in the constraint set; each is trained in every step.
        weight: Weight of the constraints' mean loss, 0-1; that of the new path is one minus it.
        recent: Latest trained paths that may enter the constraint set.
    """

    table: ClassVar[str] = "nsas"

    constraints: int = Field(4, ge=1)
    weight: float = Field(0.2, ge=0, lt=1)
    recent: int = Field(50, ge=1)


class NoveltySearchConstraints(Strategy):
    """Add to the loss of a uniform path the mean loss of a constraint set of earlier paths.

    The loss of a step is (1 - e) L(a) + e / M * sum of L(a_i) over the M members of the set, with
    e = `weight`, all on the same batch; with an empty set it is L(a). After the step the set
    learns: while it is not full, the trained path joins, unless it is there. Then,
    the member most like the trained path makes room for the most novel of the recently trained
    paths, if that is more unlike the other members than the member itself; novelty is the mean
    distance to those, distance the share of slots with another choice. A step costs 1 + M
    times one of `spos`.

    Reference: Zhang et al., Overcoming Multi-Model Forgetting in One-Shot NAS with Diversity
    Maximization, CVPR 2020 (NSAS), of which the abstract and the authors' released code could be
    read. The loss, with M = 4 and e = 0.2, is that of their code for this very space; the
    replacement and the 50 recent paths are those of their code for the DARTS space (M = 8,
    e = 0.5). Where we deviate: the former draws new constraints in every step, random ones that
    share no operation; the latter begins with diverse random ones, and adds their losses as plain
    numbers, which constrain nothing. Here only trained architectures are constraints, as in the
    abstract, and they are trained. A set that is not full divides by its own size.
    """

    needs_grid = True
    Settings = NsasSettings

    def __init__(self, context: Context, weights: Mapping[str, Tensor]) -> None:
        """Start with an empty constraint set."""
        super().__init__(context, weights)
        self.settings: NsasSettings = context.settings
        self._constraints: list[Architecture] = []
        self._recent: list[Architecture] = []
        self._sampled: list[Architecture] = []

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Draw one path; the constraints come after it."""
        arch = self.grid.draw(rng)
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

    def _replace_nearest(self, arch: Architecture) -> None:
        """Put the most novel recent path in the place of the member most like `arch`."""
        nearest = int(np.argmin(measure_distances(self.grid, [arch], self._constraints)[0]))
        others = [*self._constraints[:nearest], *self._constraints[nearest + 1 :]]
        candidates = [self._constraints[nearest], *self._recent]
        novelty = measure_novelty(self.grid, candidates, others, len(others))
        self._constraints[nearest] = candidates[int(np.argmax(novelty))]

    def state_dict(self) -> dict[str, Any]:
        """Return the constraint set, and the recent paths, oldest first."""
        return {
            "constraints": [self.grid.choices(arch) for arch in self._constraints],
            "recent": [self.grid.choices(arch) for arch in self._recent],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set both."""
        self._constraints = [self.grid.from_choices(choices) for choices in state["constraints"]]
        self._recent = [self.grid.from_choices(choices) for choices in state["recent"]]
