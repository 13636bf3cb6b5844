"""Parameters and multiply-adds: held to published values and to networks that are counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ArchError
from harness.spaces import load_space
from harness.spaces.macro.cost import BENCHMARK_SHAPE, count
from harness.spaces.macro.encoding import parse_arch
from harness.spaces.values import NetworkShape

SPACE = load_space("macro")


@pytest.mark.parametrize(
    ("text", "params", "flops"),
    [
        # From the benchmark's file: the smallest network, a mixed one, one of convolutions.
        ("00000000", 387_882, 7_713_280),
        ("02012100", 890_666, 47_327_744),
        ("11111221", 2_181_386, 65_012_224),
    ],
)
def test_a_network_has_its_published_cost(text: str, params: int, flops: int) -> None:
    assert count(parse_arch(text), BENCHMARK_SHAPE) == (params, flops)


@pytest.mark.realdata
def test_every_published_cost_is_met(data_dir: Path) -> None:
    path = data_dir / "nas_bench_macro" / "nas-bench-macro_cifar10.json"
    published = json.loads(path.read_text())
    assert len(published) == 6_561
    for text, record in published.items():
        assert count(parse_arch(text), BENCHMARK_SHAPE) == (record["params"], record["flops"])


@pytest.mark.parametrize("key", SPACE.prefix(6))
@pytest.mark.parametrize("shape", [BENCHMARK_SHAPE, NetworkShape(16, 1, 15, 1, 7)], ids=str)
def test_the_stand_alone_network_has_the_parameters_that_are_counted(
    key: int, shape: NetworkShape
) -> None:
    network = SPACE.networks(shape).standalone(SPACE.at(key), [0])
    assert count(SPACE.at(key), shape)[0] == sum(p.numel() for p in network.parameters())


def test_the_networks_of_another_data_set_are_unknown() -> None:
    with pytest.raises(ArchError, match="behind data set 'cifar100' are unknown"):
        SPACE.shape("cifar100")
