"""A naive NAS-Bench-201 network, written apart from the harness, that the fast one must match.

One `nn.Module` for every operation of every edge, torch's own batch norm and average pooling,
the default (NCHW) memory format, and no shortcuts: every edge but `none` is computed, dead or
not. It takes nothing from the harness but the encoding of architectures and the network's size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.spaces.nb201.encoding import EDGES, OPS, Arch
from harness.spaces.values import NetworkShape

CONV_KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


class NaiveConvBN(nn.Module):
    """An optional ReLU, a convolution, a batch norm."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int, affine: bool, running: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out, affine=affine, track_running_stats=running)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


def make_op(op: str, channels: int, affine: bool, running: bool) -> nn.Module:
    """Make the module of one operation; `none` is an `nn.Identity` that is never called."""
    if op in CONV_KERNELS:
        kernel = CONV_KERNELS[op]
        conv_bn = NaiveConvBN(channels, channels, kernel, 1, affine, running)
        return nn.Sequential(nn.ReLU(), conv_bn)
    if op == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Identity()


class NaiveCell(nn.Module):
    """A cell: for each edge, the modules of the operations that it may carry."""

    def __init__(
        self, channels: int, ops: Sequence[Sequence[int]], affine: bool, running: bool
    ) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            nn.ModuleDict({OPS[op]: make_op(OPS[op], channels, affine, running) for op in choices})
            for choices in ops
        )

    def forward(self, x: Tensor, arch: Arch) -> Tensor:
        nodes = [x]
        for node in (1, 2, 3):
            incoming = [
                self.edges[edge][OPS[arch.ops[edge]]](nodes[source])
                for edge, (target, source) in enumerate(EDGES)
                if target == node and OPS[arch.ops[edge]] != "none"
            ]
            nodes.append(sum(incoming[1:], incoming[0]) if incoming else torch.zeros_like(x))
        return nodes[3]


class NaiveReduction(nn.Module):
    """The residual block of stride 2."""

    def __init__(self, c_in: int, c_out: int, running: bool) -> None:
        super().__init__()
        self.conv_a = nn.Sequential(nn.ReLU(), NaiveConvBN(c_in, c_out, 3, 2, True, running))
        self.conv_b = nn.Sequential(nn.ReLU(), NaiveConvBN(c_out, c_out, 3, 1, True, running))
        self.pool = nn.AvgPool2d(2, ceil_mode=True)
        self.shortcut = nn.Conv2d(c_in, c_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_b(self.conv_a(x)) + self.shortcut(self.pool(x))


class NaiveNetwork(nn.Module):
    """The whole network: every operation on every edge, or those of one architecture alone."""

    def __init__(
        self, shape: NetworkShape, affine: bool, running: bool, only: Arch | None = None
    ) -> None:
        super().__init__()
        choices = [range(len(OPS)) if only is None else (only.ops[e],) for e in range(len(EDGES))]
        c = shape.channels
        self.stem = NaiveConvBN(shape.image_channels, c, 3, 1, True, running)
        self.stages = nn.ModuleList(
            nn.ModuleList(NaiveCell(width, choices, affine, running) for _ in range(shape.cells))
            for width in (c, 2 * c, 4 * c)
        )
        self.reductions = nn.ModuleList(
            [NaiveReduction(c, 2 * c, running), NaiveReduction(2 * c, 4 * c, running)]
        )
        self.last_bn = nn.BatchNorm2d(4 * c, track_running_stats=running)
        self.classifier = nn.Linear(4 * c, shape.classes)

    def forward(self, images: Tensor, arch: Arch) -> Tensor:
        x = self.stem(images)
        for stage, cells in enumerate(self.stages):
            if stage > 0:
                x = self.reductions[stage - 1](x)
            for cell in cells:
                x = cell(x, arch)
        return self.classifier(torch.relu(self.last_bn(x)).mean(dim=(2, 3)))


def copy_weights(network: nn.Module, naive: NaiveNetwork) -> None:
    """Copy every parameter of one of the harness's networks into the naive one, by name.

    Raises:
        AssertionError: If the harness's network has a parameter that the naive one has not.
    """
    targets = dict(naive.named_parameters())
    with torch.no_grad():
        for name, value in network.named_parameters():
            targets[naive_name(name, len(naive.stages[0]))].copy_(value)


def naive_name(name: str, cells_per_stage: int) -> str:
    """Translate a parameter's name in the harness's networks into that of the naive one."""
    parts = name.split(".")
    leaf = {"weight": "conv.weight", "bn_weight": "bn.weight", "bn_bias": "bn.bias"}
    if parts[0] == "cells":
        stage, cell = divmod(int(parts[1]), cells_per_stage)
        ends, op = parts[3].split("_", 1)
        target, source = (int(node) for node in ends.split("from"))
        edge = EDGES.index((target, source))
        return f"stages.{stage}.{cell}.edges.{edge}.{op}.1.{leaf[parts[4]]}"
    if parts[0] == "reductions" and parts[2] != "shortcut":
        return f"reductions.{parts[1]}.{parts[2]}.1.{leaf[parts[3]]}"
    if parts[0] == "reductions":
        return f"reductions.{parts[1]}.shortcut.weight"
    if parts[0] == "stem":
        return f"stem.{leaf[parts[1]]}"
    return name.replace("last_bn_", "last_bn.")
