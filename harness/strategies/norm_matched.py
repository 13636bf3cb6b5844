"""Control of orthogonal gradient descent: its step sizes without its directions."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.strategies.projecting import ProjectingStrategy
from harness.strategies.projection import Projector


class NormMatched(ProjectingStrategy):
    """Scale every layer's plain update by ||U P||_F / ||U||_F, the ratio of that very step.

    A projector is kept as in `ogd`, with the same settings, and decides how long a step is; its
    direction stays that of plain SGD. So what `ogd` does beyond this control is not a matter of
    the learning rate. U is the final update, as it is what `ogd` projects. With P = I the ratio
    is 1; where U P vanishes, the layer does not move.

    The projectors learn from this run's own inputs, so they are not those of an `ogd` run of the
    same seed, from which the weights depart after the first projected step.

    Reference: this project's own.
    """

    def constrain_update(self, name: str, update: Tensor, projector: Projector) -> Tensor:
        """Return the update at the length of the projected one."""
        if projector.matrix() is None:
            return update
        return update * length_ratio(projector.project(update), update)


def length_ratio(wanted: Tensor, given: Tensor) -> Tensor:
    """Return ||wanted||_F / ||given||_F, a scalar; 0 where `given` is zero or gives no number."""
    ratio = torch.linalg.vector_norm(wanted) / torch.linalg.vector_norm(given)
    return torch.nan_to_num(ratio, nan=0.0, posinf=0.0)
