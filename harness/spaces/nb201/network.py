"""The networks: the weight-sharing supernet, and one architecture on its own.

Both are the same skeleton (stem, three stages of cells, reduction blocks, classifier) around
cells that hold either every (edge, op) or those of one architecture.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.seeding import derive_seed
from harness.spaces.base import NetworkShape
from harness.spaces.nb201.cell import Cell
from harness.spaces.nb201.cost import N_STAGES
from harness.spaces.nb201.encoding import CONV_OPS, EDGES, Arch
from harness.spaces.nb201.ops import Classifier, ConvBN, ReductionBlock, Tap
from harness.supernet.norm import Norm, RunningNorm, batch_norm

CLASSIFIER = "classifier.weight"
_ALL_CONVS = tuple((edge, op) for edge in range(len(EDGES)) for op in CONV_OPS)


class _Network(nn.Module):
    """Stem, cells, reduction blocks and classifier, without saying which edges are computed."""

    def __init__(
        self,
        shape: NetworkShape,
        weighted: Iterable[tuple[int, int]],
        affine: bool,
        run_seeds: Sequence[int],
    ) -> None:
        super().__init__()
        weighted = tuple(weighted)
        networks = len(run_seeds)
        self.shape = shape
        self.stem = ConvBN(shape.image_channels, shape.channels, 3, 1, True, networks)
        self.cells = nn.ModuleList(
            Cell(shape.stage_channels(stage), weighted, affine, networks)
            for stage in range(N_STAGES)
            for _ in range(shape.cells)
        )
        self.reductions = nn.ModuleList(
            ReductionBlock(shape.stage_channels(stage - 1), shape.stage_channels(stage), networks)
            for stage in range(1, N_STAGES)
        )
        last = shape.stage_channels(N_STAGES - 1)
        self.last_bn_weight = nn.Parameter(torch.empty(networks * last))
        self.last_bn_bias = nn.Parameter(torch.empty(networks * last))
        self.classifier = Classifier(last, shape.classes, networks)
        for name, module in self.named_modules():
            if isinstance(module, ConvBN):
                module.name = f"{name}.weight"
            elif isinstance(module, ReductionBlock):
                module.shortcut_name = f"{name}.shortcut"
        initialise(self, run_seeds)

    def _compute(
        self, images: Tensor, arch: Arch, edges: tuple[int, ...], norm: Norm, tap: Tap | None
    ) -> Tensor:
        return self._compute_from(0, self.stem(images, norm, tap), arch, edges, norm, tap)

    def _compute_from(
        self,
        start: int,
        x: Tensor,
        arch: Arch,
        edges: tuple[int, ...],
        norm: Norm,
        tap: Tap | None,
    ) -> Tensor:
        for position in range(start, len(self.cells)):
            stage, first = divmod(position, self.shape.cells)
            if stage and not first:
                x = self.reductions[stage - 1](x, norm, tap)
            x = self.cells[position](x, arch.ops, edges, norm, tap)
        x = x.to(self.last_bn_weight.dtype)  # the end is computed in float32, whatever the cells
        x = F.relu(norm(x, self.last_bn_weight, self.last_bn_bias))
        features = x.mean(dim=(2, 3))
        if tap is not None:
            tap(CLASSIFIER, features)
        logits: Tensor = self.classifier(features)
        return logits


class SuperNet(_Network):
    """The supernet: one weight for every (cell, edge, op), shared by all architectures.

    Batch norm in the cells has no affine parameters; no batch norm keeps running statistics.
    Only live edges are computed, so architectures of one equivalence class give bitwise equal
    outputs.

    Reference: Guo et al., Single Path One-Shot NAS, 2019, arXiv 1904.00420, on the space of
    Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326.
    """

    def __init__(self, shape: NetworkShape, run_seed: int) -> None:
        """Make and initialise the supernet.

        Args:
            shape: Its size.
            run_seed: The seed; equal seeds give equal initial weights.
        """
        super().__init__(shape, _ALL_CONVS, affine=False, run_seeds=(run_seed,))

    def forward(
        self, images: Tensor, arch: Arch, norm: Norm = batch_norm, tap: Tap | None = None
    ) -> Tensor:
        """Compute the logits of one path.

        Args:
            images: [batch, channel, height, width], best in channels-last format.
            arch: The path.
            norm: Where batch norm's statistics come from; the batch itself by default.
            tap: Told (weight name, layer input) for every weighted layer on the path.

        Returns:
            Logits, [batch, class].
        """
        return self._compute(images, arch, arch.live_edges, norm, tap)

    def forward_from(self, start: int, x: Tensor, arch: Arch, norm: Norm = batch_norm) -> Tensor:
        """Compute the logits of one path from the input of one of its cells on.

        Args:
            start: Position of the cell in `cells`, 1 and up.
            x: Output of the cell before it, [batch, channel, height, width].
            arch: The path.
            norm: Where batch norm's statistics come from; the batch itself by default.

        Returns:
            Logits, [batch, class].
        """
        return self._compute_from(start, x, arch, arch.live_edges, norm, None)


class StandaloneNetwork(_Network):
    """One architecture with weights of its own, as the benchmark trains it, once for each seed.

    The networks of several seeds lie side by side and share nothing but the computation: each has
    its own weights, images and batch norm. Batch norm is affine everywhere, with running
    statistics. Edges that cannot reach the output are left out (they change nothing); edges that
    are fed zeros are computed, since affine batch norm turns zeros into a learned constant.
    """

    def __init__(self, arch: Arch, shape: NetworkShape, run_seeds: Sequence[int]) -> None:
        """Make and initialise the networks.

        Args:
            arch: The architecture.
            shape: The size of one network.
            run_seeds: The seed of each network's initial weights, [network].
        """
        weighted = [(e, arch.ops[e]) for e in arch.edges_to_output if arch.ops[e] in CONV_OPS]
        super().__init__(shape, weighted, affine=True, run_seeds=run_seeds)
        self.arch = arch
        self.norm = RunningNorm()
        self.networks = len(run_seeds)

    def forward(self, images: Tensor) -> Tensor:
        """Compute each network's logits of its own images.

        Args:
            images: [batch, network * channel, height, width].

        Returns:
            Logits, [batch, network, class].
        """
        norm = self.norm.start_pass(self.training)
        logits = self._compute(images, self.arch, self.arch.edges_to_output, norm, None)
        return logits.view(len(images), self.networks, -1)


@torch.no_grad()
def initialise(network: nn.Module, run_seeds: Sequence[int]) -> None:
    """Set every parameter from a stream of its own, so that equal names get equal values.

    Weights are uniform within 1/sqrt(fan-in), torch's default, which NAS-Bench-201 trained from;
    scales are one, shifts zero. Convolutions go to channels-last format.

    Args:
        network: The network, changed in place; with several seeds, its parameters are those of
            as many networks, stacked along their first axis.
        run_seeds: The seed of each network.
    """
    for name, parameter in network.named_parameters():
        if parameter.dim() == 1 and "bn_weight" in name:
            parameter.fill_(1.0)
        elif parameter.dim() == 1 and "bn_bias" in name:
            parameter.zero_()
        else:
            fan_in = parameter[0].numel() if parameter.dim() > 1 else _classifier_fan_in(network)
            bound = 1 / math.sqrt(fan_in)
            for part, run_seed in zip(parameter.chunk(len(run_seeds)), run_seeds, strict=True):
                generator = torch.Generator().manual_seed(derive_seed(run_seed, "init", name))
                part.uniform_(-bound, bound, generator=generator)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _classifier_fan_in(network: nn.Module) -> int:
    classifier = network.classifier
    assert isinstance(classifier, Classifier)
    return classifier.weight.shape[1]


def hash_weights(*networks: nn.Module) -> str:
    """Return the SHA-256 of the weights of some networks and their names, in hexadecimal."""
    digest = hashlib.sha256()
    for network in networks:
        for name, weight in network.state_dict().items():
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
