"""Control of orthogonal gradient descent: a smaller learning rate where less is free."""

from __future__ import annotations

from torch import Tensor

from harness.strategies.projecting import ProjectingStrategy
from harness.strategies.projection import Projector


class TraceMatched(ProjectingStrategy):
    """Scale every layer's plain update by its plasticity, tr P / d.

    A projector is kept as in `ogd`, with the same settings. This does not match `ogd`'s step
    sizes: gradients lie in the span of the very features that P suppresses, so `ogd` takes
    shorter steps than its plasticity suggests. `spos-norm-matched` is the match; this shows what
    the share of free directions alone, as a learning rate, would do.

    Reference: this project's own.
    """

    def constrain_update(self, name: str, update: Tensor, projector: Projector) -> Tensor:
        """Return the update times tr P / d."""
        p = projector.matrix()
        return update if p is None else update * projector.free_share(p)
