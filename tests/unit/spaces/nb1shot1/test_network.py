"""The supernet: held to a plain formulation, and to the benchmark's networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.spaces import load_space
from harness.spaces.nb1shot1.encoding import Arch
from harness.spaces.nb1shot1.network import SharedStacked
from harness.spaces.nb101.network import Stacked
from harness.spaces.values import NetworkShape

SHAPE = NetworkShape(channels=6, cells=2, image_size=11, image_channels=3, classes=5)
SPACES = [load_space(f"nb101-ss{n}") for n in (1, 2, 3)]

each_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


def make_images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 11, 11, dtype=torch.float64, generator=generator)
    return images.contiguous(memory_format=torch.channels_last)


def compute_plainly(weights: dict[str, Tensor], arch: Arch, images: Tensor, cells: int) -> Tensor:
    """Compute every vertex, dead ones too, as the docstrings say it."""

    def layer(name: str, x: Tensor) -> Tensor:
        weight = weights[f"{name}.weight"]
        y = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return F.relu(F.batch_norm(y, None, None, training=True))

    x = layer("stem", images)
    for number in range(3 * cells):
        if number in (cells, 2 * cells):
            x = F.max_pool2d(x, 2, ceil_mode=True)
        values = {0: x}
        read = {}
        for v, parents in enumerate(arch.parents, start=1):
            projected = f"cells.{number}.projections.{v}"
            read[v] = [layer(projected, x) if p == 0 else values[p] for p in parents]
            if v == len(arch.parents):
                break
            total = torch.stack(read[v]).sum(dim=0)
            op = ("conv3x3", "conv1x1", None)[arch.ops[v - 1]]
            pooled = F.max_pool2d(F.pad(total, [1] * 4, value=-torch.inf), 3, 1)
            values[v] = layer(f"cells.{number}.convs.{v}_{op}", total) if op else pooled
        x = torch.cat(read[len(arch.parents)], dim=1)
    features = F.relu(F.batch_norm(x, None, None, training=True)).mean(dim=(2, 3))
    return F.linear(features, weights["classifier.weight"], weights["classifier.bias"])


@each_space
def test_a_path_computes_what_the_plain_formulation_does(space: Any) -> None:
    supernet = space.networks(SHAPE).supernet(1).double()
    weights = dict(supernet.named_parameters())
    with torch.no_grad():
        for key in space.prefix(8):
            arch = space.at(key)
            expected = compute_plainly(weights, arch, make_images(), SHAPE.cells)
            torch.testing.assert_close(supernet(make_images(), arch), expected)


@each_space
def test_a_path_is_the_network_of_the_benchmark_unless_the_input_is_joined_to_the_output(
    space: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the normalisation of its features."""
    monkeypatch.setattr(SharedStacked, "pool", Stacked.pool)
    supernet = space.networks(SHAPE).supernet(1).double()
    archs = [arch for arch in map(space.at, space.prefix(60)) if is_its_own_cell(arch)]
    assert len(archs) > 1
    for arch in archs:
        alone = space.networks(SHAPE).standalone(arch, [0]).parts[0].double()
        own = dict(alone.named_parameters())
        place = {v: n for n, v in enumerate((*arch.live, len(arch.parents)), start=1)}
        with torch.no_grad():
            used = 0
            for name, weight in supernet.named_parameters():
                theirs = rename(name, arch, place)
                if theirs in own:
                    own[theirs].copy_(weight)
                    used += 1
            n_affine = sum("cells" in name and "bn_" in name for name in own)
            assert used == len(own) - n_affine
            torch.testing.assert_close(
                alone(make_images(), arch.cell), supernet(make_images(), arch)
            )


def is_its_own_cell(arch: Arch) -> bool:
    """Say whether the vertices of a path are in the order of the cell that stands for it."""
    if 0 in arch.parents[-1] or arch.cell.ops != tuple(arch.ops[v - 1] for v in arch.live):
        return False
    order = (0, *arch.live, len(arch.parents))
    edges = {(order.index(p), n) for n, v in enumerate(order) if v for p in arch.parents[v - 1]}
    return edges == set(arch.cell.edges)


def rename(name: str, arch: Arch, place: dict[int, int]) -> str:
    """Return the parameter of the network alone that one of the supernet stands for."""
    if not name.startswith("cells"):
        return name
    cells, number, part, key, kind = name.split(".")
    vertex, _, op = key.partition("_")
    v = int(vertex)
    if op and op != ("conv3x3", "conv1x1", "maxpool3x3")[(*arch.ops, 2)[v - 1]]:
        return ""
    return f"{cells}.{number}.{part}.{place.get(v)}.{kind}"


@pytest.mark.parametrize(
    ("n", "channels", "expected"), [(1, 5, 6), (2, 4, 6), (2, 6, 6), (3, 4, 4)]
)
def test_channels_are_rounded_up_to_what_the_parents_of_the_output_divide(
    n: int, channels: int, expected: int
) -> None:
    shape = NetworkShape(channels, 1, 16, 1, 10)
    supernet = load_space(f"nb101-ss{n}").networks(shape).supernet(0)
    assert supernet.stem.weight.shape[0] == expected
    assert supernet.classifier.weight.shape[1] == 4 * expected
