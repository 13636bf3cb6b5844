"""Control of orthogonal gradient descent: as much projected, from directions drawn at random."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from harness.seeding import derive_seed
from harness.strategies.base import Context
from harness.strategies.norm_matched import length_ratio
from harness.strategies.projecting import ProjectingStrategy
from harness.strategies.projection import Projector, multiply


class RandomProjector(ProjectingStrategy):
    """Project with Q P Q^T, Q a random rotation of the layer's input space, then rescale.

    A projector is kept as in `ogd`, with the same settings. Q is drawn once for each layer from
    the run's seed, uniformly over all orthogonal matrices, so Q P Q^T has exactly the
    eigenvalues of P, and P's eigenvectors rotated at random: they change when P's do, but carry no
    information about the features.

    "Likewise rescaled" in the project's definition is taken to mean what it means in
    `spos-norm-matched`: the update is brought to the Frobenius norm of U P, the one that the
    feature-based projector would have left of it, layer by layer and step by step. Where U P
    vanishes, or nothing is left of U after the random projection, the layer does not move.

    Reference: this project's own; Q by QR of a Gaussian matrix, Mezzadri, How to generate random
    matrices from the classical compact groups, 2007, arXiv math-ph/0609050, section 5.
    """

    def __init__(self, context: Context, weights: Mapping[str, Tensor]) -> None:
        """Start without rotations; each is drawn when its layer first occurs."""
        super().__init__(context, weights)
        self._rotations: dict[str, Tensor] = {}

    def constrain_update(self, name: str, update: Tensor, projector: Projector) -> Tensor:
        """Return U Q P Q^T at the length of U P."""
        if projector.matrix() is None:
            return update
        rotation = self._rotation(name, projector.d)
        turned = multiply(projector.project(multiply(update, rotation)), rotation.T)
        return turned * length_ratio(projector.project(update), turned)

    def _rotation(self, name: str, d: int) -> Tensor:
        """Return Q, [d, d]: not part of the state, since the seed determines it."""
        if name not in self._rotations:
            seed = derive_seed(self.context.seed, "rotation", name)
            self._rotations[name] = draw_rotation(d, seed).to(self.weights[name], non_blocking=True)
        return self._rotations[name]


def draw_rotation(d: int, seed: int) -> Tensor:
    """Draw an orthogonal matrix, [d, d] in float64, uniformly."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(d, d, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(normal)
    rotation: Tensor = q * r.diagonal().sign()  # without the signs it is not uniform
    return rotation
