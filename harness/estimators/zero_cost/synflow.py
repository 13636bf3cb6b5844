"""The flow of a constant signal through the absolute weights."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch.func import functional_call

from harness.estimators.zero_cost.intercepting import Unnormalised
from harness.estimators.zero_cost.passes import Passes, sum_products
from harness.estimators.zero_cost.proxy import Proxy


class Synflow(Proxy):
    """ln of the sum of |w| dR/d|w| over all weights w.

    R is the sum of the logits of one image of ones, with every parameter replaced by its absolute
    value and without batch norm; in float64, as the flow grows with every layer.

    Reference: Tanaka et al., Pruning neural networks without any data by iteratively conserving
    synaptic flow, 2020, arXiv 2006.05467, equation 1 and algorithm 1; summed over the network by
    Abdelfattah et al., 2021, arXiv 2101.08134, section 3.3.
    """

    name: ClassVar = "synflow"

    @classmethod
    def measure(cls, passes: Passes) -> float:
        """Return the logarithm; infinite where the flow overflows or is nothing."""
        images = passes.batch.images[:1].double()
        absolute = {
            name: parameter.detach().double().abs()
            for name, parameter in passes.network.named_parameters()
        }
        weights = [absolute[name].requires_grad_() for name in passes.weights]
        with Unnormalised():
            flow = functional_call(passes.network, absolute, (torch.ones_like(images),)).sum()
        gradients = torch.autograd.grad(flow, weights, materialize_grads=True)
        total = sum_products(weights, gradients)
        return -math.inf if total == 0 else math.log(total)
