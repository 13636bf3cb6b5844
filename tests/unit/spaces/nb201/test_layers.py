"""NAS-Bench-201's cell as a graph of layers, against paths that are followed one by one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest

from harness.spaces.nb201.encoding import EDGES, NONE, OPS, SKIP, Arch, enumerate_archs, parse_arch
from harness.spaces.nb201.layers import draw_layer_features, layer_features

ARCHS = enumerate_archs()[::97]
KINDS = {"1x1": "nor_conv_1x1", "3x3": "nor_conv_3x3", "pool": "avg_pool_3x3"}


def read(features: Mapping[str, np.ndarray], row: int) -> set[tuple[str, ...]]:
    """Return the paths from input to output, as the kinds of their layers."""
    kinds = {
        place + 1: kind
        for place, kind in itertools.product(range(6), KINDS)
        if features[f"place {place}: {kind}"][row]
    }

    def follow(node: int) -> set[tuple[str, ...]]:
        if node == 7:
            return {()}
        found = set()
        for target in range(1, 8):
            if features[f"node {target} reads {node}"][row]:
                assert target == 7 or target in kinds, "an empty place is read"
                own = () if target == 7 else (kinds[target],)
                found |= {(*own, *rest) for rest in follow(target)}
        return found

    return follow(0)


def walk(arch: Arch, node: int = 0) -> set[tuple[str, ...]]:
    if node == 3:
        return {()}
    found = set()
    for (target, source), op in zip(EDGES, arch.ops, strict=True):
        if source == node and op != NONE:
            own = [kind for kind, name in KINDS.items() if op != SKIP and OPS[op] == name]
            found |= {(*own, *rest) for rest in walk(arch, target)}
    return found


def test_the_graph_has_the_cell_s_paths() -> None:
    features = layer_features(ARCHS)
    for row, arch in enumerate(ARCHS):
        assert read(features, row) == walk(arch), str(arch)


def test_layers_take_the_first_places_in_the_order_of_the_edges() -> None:
    arch = parse_arch("|none~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|")
    found = {name for name, value in layer_features([arch]).items() if value[0]}
    empty = {f"place {place}: empty" for place in (2, 3, 4, 5)}
    reads = {"node 1 reads 0", "node 2 reads 1", "node 7 reads 2", "node 7 reads 0"}
    assert found == {"place 0: 3x3", "place 1: pool", *empty, *reads}


def test_what_no_signal_passes_has_no_layers() -> None:
    dead = parse_arch("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    found = {name for name, value in layer_features([dead]).items() if value[0]}
    assert found == {f"place {place}: empty" for place in range(6)}


@pytest.mark.parametrize("seed", range(3))
def test_a_drawn_encoding_is_the_same_graph_with_other_places(seed: int) -> None:
    drawn = draw_layer_features(ARCHS, np.random.RandomState(seed))
    own = layer_features(ARCHS)
    n_moved = 0
    for row, arch in enumerate(ARCHS):
        assert read(drawn, row) == walk(arch), str(arch)
        n_moved += any(drawn[name][row] != own[name][row] for name in own)
    assert n_moved > len(ARCHS) / 2
