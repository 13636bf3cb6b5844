"""The base of orthogonal gradient descent and its controls: a projector for each layer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.errors import MismatchError
from harness.seeding import derive_seed
from harness.strategies.base import Context, WeightedPath
from harness.strategies.grouped import make_grouped
from harness.strategies.ogd_settings import OgdSettings
from harness.strategies.projection import Projector, make_projector
from harness.strategies.spos import SinglePathOneShot
from harness.supernet.patches import Draws, LayerInput

STEPS_OF_DRAWS = 10
"""Consecutive steps that sample the same places. Each step has other images, and a covariance
averages some hundred updates of its layer, which are further apart than steps."""

_FORMAT = 3
"""Version of the state: 1 ordered patches differently; 2 (not stored) learned at each use."""


class ProjectingStrategy(SinglePathOneShot):
    """Keep a projector of every layer, learned from the inputs of earlier paths.

    Paths are drawn as in `spos`. The projector of a step is that of the earlier architectures;
    this step's inputs are added after it. All convolutions and the classifier's weight have one,
    unless `ogd.layers` says otherwise; batch norm's affine parameters and the classifier's bias
    have none. What is done with a projector is up to the subclass.
    """

    wants_inputs = True
    Settings = OgdSettings

    def __init__(self, context: Context, weights: Mapping[str, Tensor]) -> None:
        """Start without projectors; each is made when its layer first occurs."""
        super().__init__(context, weights)
        self.settings: OgdSettings = context.settings
        self._projectors: dict[str, Projector] = {}
        self._projects = False
        self._draws: tuple[int, Draws] | None = None

    @abstractmethod
    def constrain_update(self, name: str, update: Tensor, projector: Projector) -> Tensor:
        """Return what is to be applied instead of a layer's final update.

        Args:
            name: Name of the layer's weight.
            update: Its final update, in the weight's shape.
            projector: The layer's, as earlier architectures left it; not to be changed.
        """

    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Draw one path, and note whether the step belongs to the warm-up."""
        self._projects = step >= self.settings.warmup_frac * self.context.steps
        return super().sample_paths(step, rng)

    def transform_update(self, name: str, update: Tensor) -> Tensor:
        """Constrain the update of a layer whose projector has stored anything."""
        projector = self._projectors.get(name)
        if projector is None or not self._projects:
            return update
        return self.constrain_update(name, update, projector)

    def remember(
        self, step: int, inputs: Mapping[str, Sequence[LayerInput]], generator: torch.Generator
    ) -> None:
        """Add this step's inputs; begin a new epoch where the next step does."""
        draws = self._draws_of(step)
        for name, layers in inputs.items():
            if self._is_projected(name):
                projector = self._projector(name)
                self._set_strength(projector, step + 1)
                for layer in layers:
                    projector.observe(layer, draws)
        if (step + 1) % self.context.batches_per_epoch == 0:
            for projector in self._projectors.values():
                projector.new_epoch()

    def _draws_of(self, step: int) -> Draws:
        """Return the places to sample in a step; a resumed run gets the same."""
        number = step // STEPS_OF_DRAWS
        if self._draws is None or self._draws[0] != number:
            self._draws = number, Draws(derive_seed(self.context.seed, "patches", number))
        return self._draws[1]

    def _is_projected(self, name: str) -> bool:
        kind = "searchable" if name in self.context.searchable else "shared"
        return self.settings.layers in ("both", kind)

    def _set_strength(self, projector: Projector, step: int) -> None:
        """Set the strength of step `step`: from the projector's own to `strength_end`."""
        settings = self.settings
        if settings.strength_end is None:
            return
        first = settings.strength
        # strengths are scales: it takes as long from 10 to 1 as from 1 to 0.1
        projector.strength = first * (settings.strength_end / first) ** (step / self.context.steps)

    def _projector(self, name: str) -> Projector:
        if name not in self._projectors:
            weight, groups = self.weights[name], self.context.groups.get(name, 1)
            size = weight[0].numel(), weight.device, self.settings
            self._projectors[name] = (
                make_projector(*size) if groups == 1 else make_grouped(groups, *size)
            )
        return self._projectors[name]

    def diagnostics(self) -> dict[str, float]:
        """Return the mean plasticity (tr P / d) over the layers trained so far."""
        values = [projector.plasticity for projector in self._projectors.values()]
        return {"plasticity": sum(values) / len(values)} if values else {}

    def layer_diagnostics(self) -> dict[str, dict[str, float]]:
        """Return the plasticity of each layer trained so far."""
        return {name: {"plasticity": p.plasticity} for name, p in self._projectors.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return every projector's state by weight name."""
        states = {name: projector.state_dict() for name, projector in self._projectors.items()}
        return {"format": _FORMAT, "projectors": states}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every projector.

        Raises:
            MismatchError: If the state is of a version whose projectors learned differently.
        """
        if state.get("format") != _FORMAT:
            raise MismatchError(
                "The checkpoint was made by an earlier version, whose projectors this one cannot "
                "load. Remove it to train from the start, or resume with that version."
            )
        self._projectors = {}
        for name, saved in state["projectors"].items():
            self._projector(name).load_state_dict(saved)
