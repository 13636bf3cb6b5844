"""Counting what a network has by looking at it, to which formulas of costs are held."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.supernet.layers import ConvBN


def count_network(network: nn.Module, images: Tensor) -> tuple[int, int]:
    """Count parameters, and multiply-adds by the outputs that each layer gives."""
    flops = 0

    def add(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal flops
        assert isinstance(layer, ConvBN)
        flops += layer.weight[0].numel() * output[0].numel()

    hooks = [m.register_forward_hook(add) for m in network.modules() if isinstance(m, ConvBN)]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    head = next(m for name, m in network.named_modules() if name.endswith("classifier"))
    assert isinstance(head, nn.Module)
    weight = head.weight
    assert isinstance(weight, Tensor)
    return sum(p.numel() for p in network.parameters()), flops + weight.numel()
