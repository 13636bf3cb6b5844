"""WPL: weights that earlier paths rely on are pulled back to where those paths left them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from harness.settings.base import Settings
from harness.strategies.base import Context
from harness.strategies.spos import SinglePathOneShot
from harness.supernet.patches import LayerInput


class WplSettings(Settings):
    """Settings of `wpl`.

    Attributes:
        alpha: Strength of the penalty.
        decay: Share of the past that a weight's importance and anchor keep in each step that
            trains it, 0-1.
    """

    table: ClassVar[str] = "wpl"

    alpha: float = Field(0.01, ge=0)
    decay: float = Field(0.99, ge=0, lt=1)


class WeightPlasticity(SinglePathOneShot):
    """Penalise the drift of weights from where earlier paths left them, by their importance.

    Step t that trained weight w (with entries theta) left it at theta_t with importance
    g_t^2, its squared gradient. The penalty of a later step is

        alpha / 2 * sum over entries and t of q_t g_t^2 (theta - theta_t)^2 / m,

    where q_t = (1 - decay) decay^(trained steps of w since t), and m is the mean of
    F = sum of q_t g_t^2 over the entries of w. Up to a constant that is
    alpha / 2 * sum of F (theta - anchor)^2 / m with anchor = sum of q_t g_t^2 theta_t / F: two
    numbers an entry are all that is kept. The penalty's gradient alpha / m * (F theta -
    F anchor) is added to those of the weights on the path. `clip_norm` limits the sum.

    Reference: Benyahia et al., Overcoming Multi-model Forgetting, ICML 2019, arXiv 1902.08232:
    the weight plasticity loss alpha / 2 * sum of F (theta - theta_previous)^2 over shared
    weights, F the diagonal of the Fisher information. Our reading: (1) the paper trains a model
    for a while before the next; here every step has another path, and the previous path's
    weights alone are where the step begins, with no drift to penalise, so all earlier paths
    count, with decaying weight. (2) F is the squared gradient of the batch's mean loss, without
    the penalty and before clipping. (3) It is relative to its mean over the layer, so that
    `alpha` means the same in all layers and early as late. (4) A weight counts as shared once
    any earlier step has trained it, the layers outside the cells included.
    """

    Settings = WplSettings

    def __init__(self, context: Context, weights: Mapping[str, Tensor]) -> None:
        """Start with no weight trained."""
        super().__init__(context, weights)
        self.settings: WplSettings = context.settings
        self._importance: dict[str, Tensor] = {}
        self._pull: dict[str, Tensor] = {}  # importance times anchor
        self._squares: dict[str, Tensor] = {}  # of the gradients of the step under way

    def adjust_gradients(self, gradients: dict[str, Tensor]) -> None:
        """Add the penalty's gradient, having kept the squares of the gradients without it."""
        self._squares = {name: gradient.square() for name, gradient in gradients.items()}
        for name, gradient in gradients.items():
            if name not in self._importance:
                continue
            importance = self._importance[name]
            mean = importance.mean()
            drift = importance * self.weights[name] - self._pull[name]
            # where nothing is important the drift is zero, and must not become 0 / 0
            scaled = drift / torch.where(mean > 0, mean, 1.0)
            gradient.add_(scaled, alpha=self.settings.alpha)

    def remember(
        self, step: int, inputs: Mapping[str, Sequence[LayerInput]], generator: torch.Generator
    ) -> None:
        """Take this step's importance and weights into the averages of the weights it trained."""
        share = 1 - self.settings.decay
        for name, squares in self._squares.items():
            if name not in self._importance:
                self._importance[name] = torch.zeros_like(self.weights[name])
                self._pull[name] = torch.zeros_like(self.weights[name])
            self._importance[name].lerp_(squares, share)
            self._pull[name].lerp_(squares * self.weights[name], share)
        self._squares = {}

    def state_dict(self) -> dict[str, Any]:
        """Return both averages by weight name."""
        return {"importance": self._importance, "pull": self._pull}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set both averages."""
        for kept, saved in ((self._importance, "importance"), (self._pull, "pull")):
            kept.clear()
            for name, values in state[saved].items():
                kept[name] = torch.empty_like(self.weights[name]).copy_(values)
