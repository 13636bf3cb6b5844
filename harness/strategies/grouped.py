"""Projectors of convolutions that work on groups of channels alone, such as depthwise ones.

A group g is a layer of its own, y_g = W_g x_g with W_g of [out / groups, d] and d = k * k *
in / groups, and has the projector P_g that `harness.strategies.projection` makes of such a layer.
The groups of a layer are kept together: P is [group, d, d], and patches are [group, m, d]. Of a
depthwise convolution a group is a channel, so that d is 9 or 25.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.strategies.ogd_settings import OgdSettings
from harness.strategies.projection import (
    LEAST_SQUARE,
    AveragingProjector,
    CovarianceProjector,
    NullspaceProjector,
    Projector,
    RlsProjector,
)


class GroupedRls(RlsProjector):
    """Recursive least squares in each group."""

    def store(self, patches: Tensor) -> None:
        """Remove the directions of `patches`, [group, m, d], one after the other."""
        if self._p is None:
            eye = torch.eye(self.d, dtype=self._dtype, device=self.device)
            self._p = eye.repeat(len(patches), 1, 1)
        for x in patches.to(self._dtype).unbind(1):
            square = x.square().sum(dim=1)
            scale = torch.where(square > self.d * LEAST_SQUARE, self.d / square, 0)
            px = (self._p @ x.unsqueeze(2)).squeeze(2)
            scale /= self.strength + scale * (px * x).sum(dim=1)
            self._p -= px.unsqueeze(2) * px.unsqueeze(1) * scale.view(-1, 1, 1)


class _GroupedAveraging(AveragingProjector):
    """The running covariance of patches in each group, the whole of it: it is small."""

    def __init__(self, d: int, device: torch.device, settings: OgdSettings, groups: int) -> None:
        """Start with R = 0 and P = I."""
        super().__init__(d, device, settings)
        self._top = torch.zeros(groups, d, d, device=device)
        self._corner = torch.zeros(groups, 0, 0, device=device)

    def _average(self, patches: Tensor, beta: float, alpha: float) -> None:
        self._top.baddbmm_(patches.mT, patches, beta=beta, alpha=alpha)

    def _refresh(self) -> Tensor:
        return torch.stack([self._make(r) for r in self._top])


class GroupedCovariance(_GroupedAveraging, CovarianceProjector):
    """`covariance` in each group."""


class GroupedNullspace(_GroupedAveraging, NullspaceProjector):
    """`nullspace` in each group."""


def make_grouped(groups: int, d: int, device: torch.device, settings: OgdSettings) -> Projector:
    """Make the projector that the settings name, for a layer of several groups.

    Args:
        groups: Groups of channels, at least two.
        d: Size of a group's input patch.
        device: Where the matrices live.
        settings: The settings.
    """
    if settings.projector == "rls":
        return GroupedRls(d, device, settings)
    kind = GroupedCovariance if settings.projector == "covariance" else GroupedNullspace
    return kind(d, device, settings, groups)
