"""Novelty-driven sampling: train paths unlike those trained recently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from harness.settings.base import Settings
from harness.spaces.values import Architecture
from harness.strategies.archive import measure_novelty
from harness.strategies.base import Context, Strategy, WeightedPath
from harness.supernet.patches import LayerInput


class NoveltySettings(Settings):
    """Settings of `novelty`.

    Attributes:
        candidates: Uniform paths a step, of which the most novel one is trained.
        archive: Latest trained paths that novelty is measured against.
        neighbours: Nearest of them that its mean distance is taken to.
    """

    table: ClassVar[str] = "novelty"

    candidates: int = Field(10, ge=1)
    archive: int = Field(100, ge=1)
    neighbours: int = Field(10, ge=1)


class NoveltySampling(Strategy):
    """Train, of a few uniformly drawn paths, the one most unlike the paths trained recently.

    Novelty is the mean distance to the nearest paths in an archive of the latest ones; of equal
    ones the first drawn is taken.

    Reference: Zhang et al., Efficient Novelty-Driven Neural Architecture Search, 2019, arXiv
    1907.09109, which samples the paths that train a supernet by novelty to an archive instead of
    by reward. Only its abstract and the released code of its authors' later `nsas` could be read.
    Our reading: the best of ten random candidates and the mean over ten neighbours are that
    code's; the distance (share of slots with another choice) and an archive that forgets,
    first in first out, are ours.
    """

    needs_grid = True
    Settings = NoveltySettings

    def __init__(self, context: Context, weights: Mapping[str, Tensor]) -> None:
        """Start with an empty archive."""
        super().__init__(context, weights)
        self.settings: NoveltySettings = context.settings
        self._archive: list[Architecture] = []
        self._sampled: list[Architecture] = []

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Draw candidates, and choose the most novel one."""
        settings = self.settings
        candidates = [self.grid.draw(rng) for _ in range(settings.candidates)]
        novelty = measure_novelty(self.grid, candidates, self._archive, settings.neighbours)
        self._sampled = [candidates[int(np.argmax(novelty))]]
        return [WeightedPath(arch, 1.0) for arch in self._sampled]

    def remember(
        self, step: int, inputs: Mapping[str, Sequence[LayerInput]], generator: torch.Generator
    ) -> None:
        """Add the path to the archive; the oldest leaves it."""
        self._archive = [*self._archive, *self._sampled][-self.settings.archive :]

    def state_dict(self) -> dict[str, Any]:
        """Return the archive, oldest first."""
        return {"archive": [self.grid.choices(arch) for arch in self._archive]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the archive."""
        self._archive = [self.grid.from_choices(choices) for choices in state["archive"]]
