"""The networks: the weight-sharing supernet, and one architecture on its own.

Both are the same skeleton (stem, three stages of cells, reduction blocks, classifier) around
cells that hold either every (edge, op) or those of one architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.spaces.nb201.cell import Cell
from harness.spaces.nb201.cost import N_STAGES
from harness.spaces.nb201.encoding import CONV_OPS, EDGES, Arch
from harness.spaces.nb201.shared import FirstCell, order_by_first_nodes
from harness.spaces.values import NetworkShape
from harness.supernet.base import Standalone, SuperNet
from harness.supernet.layers import Classifier, ConvBN, Tap, name_layers
from harness.supernet.norm import Norm, RunningNorm, batch_norm
from harness.supernet.weights import initialise

_ALL_CONVS = tuple((edge, op) for edge in range(len(EDGES)) for op in CONV_OPS)


class ReductionBlock(nn.Module):
    """The residual block with stride 2 between two stages (He et al., 2016)."""

    def __init__(self, in_channels: int, out_channels: int, networks: int = 1) -> None:
        """Make the weights, uninitialised; channels are those of one network."""
        super().__init__()
        self.conv_a = ConvBN(in_channels, out_channels, 3, 2, affine=True, networks=networks)
        self.conv_b = ConvBN(out_channels, out_channels, 3, 1, affine=True, networks=networks)
        self.shortcut = nn.Parameter(torch.empty(networks * out_channels, in_channels, 1, 1))
        self.networks = networks
        self.shortcut_name = ""

    def forward(self, x: Tensor, norm: Norm, tap: Tap | None) -> Tensor:
        """Halve the resolution and double the channels.

        Args:
            x: [batch, network * in_channels, height, width].
            norm: Where the statistics come from.
            tap: Told the inputs of the three convolutions, if given.

        Returns:
            [batch, network * out_channels, height / 2, width / 2], both rounded up.
        """
        pooled = F.avg_pool2d(x, 2, ceil_mode=True)  # odd sizes, as the strided convolution has it
        if tap is not None:
            tap(self.shortcut_name, pooled)
        y: Tensor = self.conv_a(F.relu(x), norm, tap)
        y = self.conv_b(F.relu(y), norm, tap)
        return F.conv2d(pooled, self.shortcut, groups=self.networks) + y


class _Network(nn.Module):
    """Stem, cells, reduction blocks and classifier, whichever edges are computed."""

    def __init__(
        self,
        shape: NetworkShape,
        weighted: Sequence[tuple[int, int]],
        affine: bool,
        run_seeds: Sequence[int],
    ) -> None:
        super().__init__()
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
        self.classifier: nn.Module = Classifier(last, shape.classes, networks)
        name_layers(self)
        for name, module in self.named_modules():
            if isinstance(module, ReductionBlock):
                module.shortcut_name = f"{name}.shortcut"
        initialise(self, run_seeds)

    def _features(
        self,
        x: Tensor,
        arch: Arch,
        edges: tuple[int, ...],
        norm: Norm,
        tap: Tap | None,
        first_cell: int = 0,
    ) -> Tensor:
        """Compute features, [batch, network * feature], from the input of a cell."""
        for position in range(first_cell, len(self.cells)):
            stage, first = divmod(position, self.shape.cells)
            if stage and not first:
                x = self.reductions[stage - 1](x, norm, tap)
            x = self.cells[position](x, arch.ops, edges, norm, tap)
        x = x.to(
            self.last_bn_weight.dtype
        )  # the head is computed in float32, whatever the cells use
        return F.relu(norm(x, self.last_bn_weight, self.last_bn_bias)).mean(dim=(2, 3))


class NB201SuperNet(_Network, SuperNet):
    """The supernet: one weight for every (cell, edge, op), shared by all architectures.

    Batch norm in the cells has no affine parameters; no batch norm keeps running statistics.
    Only live edges are computed, so architectures of one equivalence class give bitwise equal
    outputs.

    Reference: Guo et al., Single Path One-Shot NAS, 2019, arXiv 1904.00420, on the space of
    Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326.
    """

    float32_parts = ("classifier", "last_bn_weight", "last_bn_bias")

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
        x = self.stem(images, norm, tap)
        return self.classify(self._features(x, arch, arch.live_edges, norm, tap), tap)

    def share(self, images: Tensor) -> Callable[[Arch], Tensor]:
        """Compute the stem once, and of the first cell what architectures have in common."""
        cell = self.cells[0]
        assert isinstance(cell, Cell)
        first = FirstCell(cell, self.stem(images, batch_norm, None))

        def compute(arch: Arch) -> Tensor:
            x = first.output(arch)
            return self.classify(
                self._features(x, arch, arch.live_edges, batch_norm, None, 1), None
            )

        return compute

    def order(self, archs: Iterable[Arch]) -> list[Arch]:
        """Order architectures so that those with equal first nodes follow each other."""
        return order_by_first_nodes(archs)


class StandaloneNetwork(_Network, Standalone):
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
        x = self.stem(images, norm, None)
        features = self._features(x, self.arch, self.arch.edges_to_output, norm, None)
        logits: Tensor = self.classifier(features)
        return logits.view(len(images), self.networks, -1)


@dataclass(frozen=True)
class NB201Networks:
    """Makes the networks of one size."""

    shape: NetworkShape

    def supernet(self, run_seed: int) -> NB201SuperNet:
        """Make a supernet; equal seeds give equal initial weights."""
        return NB201SuperNet(self.shape, run_seed)

    def standalone(self, arch: Arch, run_seeds: Sequence[int]) -> StandaloneNetwork:
        """Make networks of one architecture, one for each seed."""
        return StandaloneNetwork(arch, self.shape, run_seeds)
