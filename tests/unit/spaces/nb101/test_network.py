"""Networks of single cells: held to a plain one of torch's own modules, and to the table."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import UsageError
from harness.spaces.nb101.encoding import Cell, parse_cell
from harness.spaces.nb101.network import CellNetworks
from harness.spaces.values import NetworkShape

SHAPE = NetworkShape(channels=8, cells=2, image_size=11, image_channels=3, classes=5)
PUBLISHED = {
    "1:": 882_570,  # a projection alone
    "111:1": 2_793_866,
    "100111100101101:0122": 4_342_154,  # input and three vertices joined to the output
    "100001111101101:0211": 1_572_894,  # 43, 43 and 42 channels
    "100100100011000110101:12021": 3_729_162,
}
"""Parameters in the benchmark's table."""

each_cell = pytest.mark.parametrize("text", PUBLISHED)


def conv_bn(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU())


class NaiveCell(nn.Module):
    """The cell as the benchmark's paper describes it, by the matrix."""

    def __init__(self, cell: Cell, c_in: int, c_out: int) -> None:
        super().__init__()
        self.matrix, self.last = cell.matrix, cell.n - 1
        joined = [v for v in range(1, self.last) if self.matrix[v][self.last]]
        split = {
            v: len(part)
            for v, part in zip(
                joined, torch.arange(c_out).tensor_split(len(joined) or 1), strict=False
            )
        }
        self.widths = {self.last: c_out} | split
        for v in reversed(range(1, self.last)):
            if v not in self.widths:
                self.widths[v] = max(
                    self.widths[w] for w in range(v + 1, self.last) if self.matrix[v][w]
                )
        self.project = nn.ModuleList(
            conv_bn(c_in, self.widths[v], 1) if self.matrix[0][v] else nn.Identity()
            for v in range(1, cell.n)
        )
        kinds = {0: 3, 1: 1}
        self.ops = nn.ModuleList(
            conv_bn(self.widths[v], self.widths[v], kinds[op])
            if op in kinds
            else nn.MaxPool2d(3, 1, 1)
            for v, op in enumerate(cell.ops, start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        values: dict[int, Tensor] = {}
        for v in range(1, self.last):
            total = torch.zeros(())
            if self.matrix[0][v]:
                total = total + self.project[v - 1](x)
            for w in range(1, v):
                if self.matrix[w][v]:
                    total = total + values[w][:, : self.widths[v]]
            values[v] = self.ops[v - 1](total)
        joined = [values[v] for v in values if self.matrix[v][self.last]]
        total = torch.cat(joined, dim=1) if joined else torch.zeros(())
        return total + self.project[-1](x) if self.matrix[0][self.last] else total


def make_naive(cell: Cell, shape: NetworkShape) -> nn.Sequential:
    c = shape.channels
    layers: list[nn.Module] = [conv_bn(shape.image_channels, c, 3)]
    c_in = c
    for stack in range(3):
        if stack:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        for _ in range(shape.cells):
            layers.append(NaiveCell(cell, c_in, c << stack))
            c_in = c << stack
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, shape.classes)
    )


@each_cell
def test_a_network_alone_computes_and_learns_what_the_plain_one_does(text: str) -> None:
    cell = parse_cell(text)
    ours = CellNetworks(SHAPE).standalone(cell, [3]).double()
    naive = make_naive(cell, SHAPE).double()
    own = dict(ours.parts[0].named_parameters())
    with torch.no_grad():
        for name, theirs in naive.named_parameters():
            theirs.copy_(own[rename(name, SHAPE.cells)])
    images = torch.randn(6, 3, 11, 11, dtype=torch.float64, generator=torch.manual_seed(0))
    labels = torch.arange(6) % SHAPE.classes
    for network in (ours, naive):
        F.cross_entropy(network(images).flatten(1), labels).backward()
    for name, theirs in naive.named_parameters():
        gradient = own[rename(name, SHAPE.cells)].grad
        torch.testing.assert_close(gradient, theirs.grad, rtol=1e-9, atol=1e-12)
    for network in (ours, naive):
        network.eval()  # by the running statistics of that one pass
    torch.testing.assert_close(ours(images)[:, 0], naive(images))


def rename(name: str, cells: int) -> str:
    """Return the name of our parameter that a plain one stands for."""
    first, *rest = name.split(".")
    place = int(first)
    last = 3 * cells + 5
    if place == last:
        return f"classifier.{rest[0]}"
    kind = {"0.weight": "weight", "1.weight": "bn_weight", "1.bias": "bn_bias"}[".".join(rest[-2:])]
    if place == 0:
        return f"stem.{kind}"
    number = place - 1 - (place > cells) - (place > 2 * cells + 1)
    part = {"project": "projections", "ops": "convs"}[rest[0]]
    return f"cells.{number}.{part}.{int(rest[1]) + 1}.{kind}"


@each_cell
def test_the_network_has_the_parameters_of_the_table(text: str) -> None:
    shape = NetworkShape(128, 3, 32, 3, 10)
    network = CellNetworks(shape).standalone(parse_cell(text), [0])
    assert sum(p.numel() for p in network.parameters()) == PUBLISHED[text]


def test_cells_of_all_graphs_have_no_supernet() -> None:
    with pytest.raises(UsageError, match="a part of it: nb101-ss1"):
        CellNetworks(SHAPE).supernet(0)


def test_fewer_channels_than_vertices_to_split_them_among_are_refused() -> None:
    shape = NetworkShape(channels=2, cells=1, image_size=11, image_channels=3, classes=5)
    with pytest.raises(UsageError, match="2 channels were asked for"):
        CellNetworks(shape).standalone(parse_cell("100001111101101:0211"), [0])
