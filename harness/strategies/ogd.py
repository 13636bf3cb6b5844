"""Orthogonal gradient descent: updates that spare what earlier architectures have learned."""

from __future__ import annotations

from torch import Tensor

from harness.strategies.projecting import ProjectingStrategy
from harness.strategies.projection import Projector


class OrthogonalGradientDescent(ProjectingStrategy):
    """Project every weight's final update with a projector learned from earlier paths' inputs.

    The update is projected after momentum and weight decay, or the momentum of older gradients
    would undo the projection. The searchable convolutions, the stem, the reduction blocks and the
    classifier's weight are projected, or those of them that `ogd.layers` names.

    Reference: Niu et al., Disturbance-immune Weight Sharing for NAS, 2020, arXiv 2003.13089;
    Zeng et al., OWM, 2019, arXiv 1810.01256. The place of the projection within SGD with
    momentum, the layers covered, the warm-up and the moving strength are our reading.
    """

    def constrain_update(self, name: str, update: Tensor, projector: Projector) -> Tensor:
        """Return the projected update, U P."""
        return projector.project(update)
