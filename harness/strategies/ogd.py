"""Orthogonal gradient descent: updates that keep off what earlier architectures have learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.config import OgdSettings, RunConfig
from harness.errors import MismatchError
from harness.patches import PATCH_ORDER, Draws, LayerInput
from harness.projection import Projector, make_projector
from harness.strategies.spos import SinglePathOneShot


class OrthogonalGradientDescent(SinglePathOneShot):
    """Project every weight's final update with a projector learned from earlier paths' inputs.

    Paths are drawn as in `spos`. The projector of a step is that of the earlier architectures;
    this step's inputs are added after it. The update is projected after momentum and weight
    decay, or the momentum of older gradients would undo the projection. All convolutions
    (searchable, stem, reduction blocks) and the classifier's weight are projected; batch norm's
    affine parameters and the classifier's bias are not.

    Reference: Niu et al., Disturbance-immune Weight Sharing for NAS, 2020, arXiv 2003.13089;
    Zeng et al., OWM, 2019, arXiv 1810.01256. The place of the projection within SGD with
    momentum and the layers covered are our reading.
    """

    wants_inputs = True

    def __init__(
        self, config: RunConfig, weights: Mapping[str, Tensor], batches_per_epoch: int
    ) -> None:
        """Make the projectors as layers are met."""
        super().__init__(config, weights, batches_per_epoch)
        self.settings = config.ogd or OgdSettings()
        self._projectors: dict[str, Projector] = {}

    def transform_update(self, name: str, update: Tensor) -> Tensor:
        """Project the update of a layer's weight, if its projector has stored anything."""
        projector = self._projectors.get(name)
        return update if projector is None else projector.project(update)

    def remember(
        self, step: int, inputs: Mapping[str, Sequence[LayerInput]], generator: torch.Generator
    ) -> None:
        """Add this step's inputs; begin a new epoch where the next step does."""
        draws = Draws(generator)
        for name, layers in inputs.items():
            projector = self._projector(name)
            for layer in layers:
                projector.store(projector.sample(layer, draws))
        if (step + 1) % self.batches_per_epoch == 0:
            for projector in self._projectors.values():
                projector.new_epoch()

    def _projector(self, name: str) -> Projector:
        if name not in self._projectors:
            weight = self.weights[name]
            self._projectors[name] = make_projector(weight[0].numel(), weight.device, self.settings)
        return self._projectors[name]

    def diagnostics(self) -> dict[str, float]:
        """Return the mean plasticity (tr P / d) over the layers met so far."""
        values = [projector.plasticity for projector in self._projectors.values()]
        return {"plasticity": sum(values) / len(values)} if values else {}

    def state_dict(self) -> dict[str, Any]:
        """Return every projector's state by weight name."""
        states = {name: projector.state_dict() for name, projector in self._projectors.items()}
        return {"patch_order": PATCH_ORDER, "projectors": states}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every projector.

        Raises:
            MismatchError: If the state is of a version that ordered patches in another way.
        """
        if state.get("patch_order") != PATCH_ORDER:
            raise MismatchError(
                "The checkpoint is of an earlier version, whose projectors cannot be taken over. "
                "Remove it to train from the start, or go on with that version."
            )
        self._projectors = {}
        for name, saved in state["projectors"].items():
            self._projector(name).load_state_dict(saved)
