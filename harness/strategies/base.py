"""What a training strategy is. The loop owns zero_grad, backward and step; a strategy never does.

A strategy says which weighted paths a step trains, what is added to the gradients, how the final
update is transformed before it is applied, and what is remembered after the step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.errors import UsageError
from harness.settings.base import Settings as OwnSettings
from harness.spaces.base import Space
from harness.spaces.kinds import Grid
from harness.spaces.values import Architecture
from harness.supernet.patches import LayerInput


class WeightedPath(NamedTuple):
    """A path to train in a step, and the weight of its loss."""

    arch: Architecture
    weight: float


@dataclass(frozen=True)
class Context:
    """What a strategy is told about the run that it trains.

    Attributes:
        space: The space that paths come from.
        seed: The run's seed; strategies derive named streams from it.
        steps: Steps of the whole training.
        batches_per_epoch: Steps from one pass over the training images to the next.
        settings: The strategy's own settings, of its class `Settings`; None where it has none.
        searchable: Names of the weights that not all paths share.
        groups: Groups of channels of convolutions that have several, by the name of their weight.
    """

    space: Space
    seed: int
    steps: int
    batches_per_epoch: int
    settings: Any = None
    searchable: frozenset[str] = frozenset()
    groups: Mapping[str, int] = field(default_factory=dict)


class Strategy(ABC):
    """A way to train the supernet.

    Laws, which the contract tests hold every strategy to: the same seed gives the same bits;
    training resumes exactly after `load_state_dict(state_dict())`; only weights on the step's
    paths move.

    Attributes:
        wants_inputs: Whether `remember` is given the layers' inputs (they cost memory).
        needs_grid: Whether the space has to be a `Grid`, as `self.grid` then is.
        Settings: The class of its own settings, if it has any: a subclass of
            `harness.settings.base.Settings`, which names its table. `context.settings` is one.
    """

    wants_inputs: ClassVar[bool] = False
    needs_grid: ClassVar[bool] = False
    Settings: ClassVar[type[OwnSettings] | None] = None

    def __init__(self, context: Context, weights: Mapping[str, Tensor]) -> None:
        """Prepare for one run.

        Args:
            context: What the strategy is told about the run.
            weights: All parameters of the supernet by name; not to be changed.

        Raises:
            UsageError: If the strategy cannot train this space.
        """
        self.check_space(context.space)
        self.context = context
        self.weights = weights

    @classmethod
    def check_space(cls, space: Space) -> None:
        """Check that the strategy can train a space.

        Raises:
            UsageError: If the space has no supernet, or the strategy needs a grid and the space
                is not one.
        """
        if not space.has_supernet:
            raise UsageError(
                f"Space '{space.name}' has no supernet that a strategy could train. Name other "
                "estimators with --estimators, such as free,jacov."
            )
        if cls.needs_grid and not isinstance(space, Grid):
            raise UsageError(
                f"Strategy '{cls.__name__}' needs a grid, a space whose architectures are one "
                f"choice for each slot; space '{space.name}' is not one. Choose another strategy, "
                "such as spos."
            )

    @property
    def grid(self) -> Grid:
        """The space, where it is a grid."""
        assert isinstance(self.context.space, Grid), "set needs_grid = True"
        return self.context.space

    @abstractmethod
    def sample_paths(self, step: int, rng: np.random.RandomState) -> Sequence[WeightedPath]:
        """Choose what step `step` trains, with randomness from `rng` alone."""

    def adjust_gradients(self, gradients: dict[str, Tensor]) -> None:  # noqa: B027 - most add none
        """Add a constraint's term to the gradients of the weights on the path, in place."""

    def transform_update(self, name: str, update: Tensor) -> Tensor:
        """Return what is to be applied instead of the final update of a weight.

        The update is final: momentum and weight decay are in it, the learning rate is not. What
        is returned is multiplied by the learning rate and subtracted.
        """
        return update

    def remember(  # noqa: B027 - most remember nothing
        self, step: int, inputs: Mapping[str, Sequence[LayerInput]], generator: torch.Generator
    ) -> None:
        """Learn from the step after it was applied.

        Args:
            step: The step.
            inputs: By weight name, the layer's inputs, one for each path that used it; empty
                unless `wants_inputs`.
            generator: Where randomness comes from.
        """

    def diagnostics(self) -> dict[str, float]:
        """Return figures about the strategy's state, logged with the evaluations."""
        return {}

    def layer_diagnostics(self) -> dict[str, dict[str, float]]:
        """Return figures about single layers by weight name, the same ones of each."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return everything needed to resume exactly: tensors and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most have none
        """Resume from a saved state."""
