"""What a training strategy is. The loop owns zero_grad, backward and step; a strategy never does.

A strategy says which weighted paths a step trains, what is added to the gradients, how the final
update is transformed before it is applied, and what is remembered after the step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.settings.run import RunConfig
from harness.spaces.nb201.encoding import Arch, enumerate_archs
from harness.supernet.patches import LayerInput


class WeightedPath(NamedTuple):
    """A path to train in a step, and the weight of its loss."""

    arch: Arch
    weight: float


class Strategy(ABC):
    """A way to train the supernet.

    Laws, which the contract tests hold every strategy to: the same seed gives the same bits;
    `load_state_dict(state_dict())` goes on exactly; only weights on the step's paths move.

    Attributes:
        wants_inputs: Whether `remember` is given the layers' inputs (they cost memory).
    """

    wants_inputs = False

    def __init__(
        self, config: RunConfig, weights: Mapping[str, Tensor], batches_per_epoch: int
    ) -> None:
        """Prepare for one run.

        Args:
            config: The run's configuration.
            weights: All parameters of the supernet by name; not to be changed.
            batches_per_epoch: Steps between two passes over the training images.
        """
        self.config = config
        self.weights = weights
        self.batches_per_epoch = batches_per_epoch

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
        """Return everything needed to go on exactly: tensors and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most have none
        """Go on from a saved state."""


def sample_uniform_path(rng: np.random.RandomState) -> Arch:
    """Draw one of the 15,625 architectures, each as likely as the others."""
    archs = enumerate_archs()
    return archs[int(rng.randint(len(archs)))]
