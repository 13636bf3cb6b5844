"""Weights of networks: their initial values, and their hash."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import torch
from torch import nn

from harness.seeding import derive_seed


@torch.no_grad()
def initialise(network: nn.Module, run_seeds: Sequence[int]) -> None:
    """Set every parameter from a stream of its own, so that equal names get equal values.

    Weights are uniform within 1/sqrt(fan-in), torch's default, which NAS-Bench-201 trained from;
    scales are one, shifts and gates zero. Convolutions go to channels-last format.

    Args:
        network: The network, changed in place; with several seeds, its parameters are those of
            as many networks, stacked along their first axis. Batch norm's have `bn_weight` or
            `bn_bias` in their names, gates are in its `gates`; any other bias has a `weight` in
            the same module.
        run_seeds: The seed of each network.
    """
    for name, parameter in network.named_parameters():
        if parameter.dim() == 1 and "bn_weight" in name:
            parameter.fill_(1.0)
        elif parameter.dim() == 1 and ("bn_bias" in name or "gates." in name):
            parameter.zero_()
        else:
            weight = parameter if parameter.dim() > 1 else network.get_parameter(_weight_of(name))
            bound = 1 / math.sqrt(weight[0].numel())
            for part, run_seed in zip(parameter.chunk(len(run_seeds)), run_seeds, strict=True):
                generator = torch.Generator().manual_seed(derive_seed(run_seed, "init", name))
                part.uniform_(-bound, bound, generator=generator)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _weight_of(bias: str) -> str:
    """Return the name of the weight that a bias belongs to, whose fan-in bounds it."""
    return f"{bias.removesuffix('bias')}weight"


def hash_weights(*networks: nn.Module) -> str:
    """Return the SHA-256 of the weights of some networks and their names, in hexadecimal."""
    digest = hashlib.sha256()
    for network in networks:
        for name, weight in network.state_dict().items():
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
