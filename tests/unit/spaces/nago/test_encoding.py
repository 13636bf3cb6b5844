"""Generators of NAGO: their ranges, their strings, and which of them are one generator."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from harness.errors import ArchError
from harness.spaces import load_space
from harness.spaces.nago.encoding import (
    EXAMPLE,
    ErdosRenyi,
    Generator,
    WattsStrogatz,
    parse_generator,
)

SPACE = load_space("nago")


def test_the_best_generator_of_the_paper_is_read_as_it_writes_it() -> None:
    arch = parse_generator("WS(8, 5, 0.6) ER(1, 0.7) WS(5, 4, 0.2)")
    assert arch == Generator(WattsStrogatz(8, 5, 60), ErdosRenyi(1, 70), WattsStrogatz(5, 4, 20))
    assert str(arch) == EXAMPLE
    assert arch.nodes == 40


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("ws(2,2,0.50)-er(1,0.70)-ws(5,4,0.20)", "nodes is 3 to 10"),
        ("ws(11,2,0.50)-er(1,0.70)-ws(5,4,0.20)", "nodes is 3 to 10"),
        ("ws(8,1,0.50)-er(1,0.70)-ws(5,4,0.20)", "K is 2 to 5"),
        ("ws(8,6,0.50)-er(1,0.70)-ws(5,4,0.20)", "K is 2 to 5"),
        ("ws(8,5,0.09)-er(1,0.70)-ws(5,4,0.20)", "P in hundredths is 10 to 100"),
        ("ws(8,5,1.01)-er(1,0.70)-ws(5,4,0.20)", "P in hundredths is 10 to 100"),
        ("ws(8,5,0.60)-er(0,0.70)-ws(5,4,0.20)", "nodes is 1 to 10"),
        ("ws(8,5,0.60)-er(11,0.70)-ws(5,4,0.20)", "nodes is 1 to 10"),
        ("ws(8,5,0.60)-er(1,0.19)-ws(5,4,0.20)", "P in hundredths is 20 to 100"),
        ("ws(8,5,0.605)-er(1,0.70)-ws(5,4,0.20)", "steps of 0.01"),
        ("ws(8.0,5,0.60)-er(1,0.70)-ws(5,4,0.20)", "whole numbers"),
        ("er(8,5,0.60)-er(1,0.70)-ws(5,4,0.20)", "not a generator of NAGO"),
        ("ws(8,5,0.60)-er(1,0.70)", "not a generator of NAGO"),
        ("ws(8,5,-0.60)-er(1,0.70)-ws(5,4,0.20)", "not a generator of NAGO"),
        ("", "not a generator of NAGO"),
    ],
)
def test_what_is_out_of_range_is_refused(text: str, match: str) -> None:
    with pytest.raises(ArchError, match=match):
        parse_generator(text)


def test_what_is_no_whole_number_is_refused_in_python() -> None:
    with pytest.raises(ArchError, match="a whole number"):
        WattsStrogatz(3.5, 2, 50)  # type: ignore[arg-type]
    with pytest.raises(ArchError, match="a whole number"):
        ErdosRenyi(3, 50.5)  # type: ignore[arg-type]


def test_trailing_zeros_of_p_do_not_matter() -> None:
    texts = [f"ws(8,5,{p})-er(1,0.70)-ws(5,4,0.20)" for p in ("0.6", "0.60", "0.600")]
    assert len({parse_generator(text) for text in texts}) == 1
    assert str(parse_generator("ws(8,5,1)-er(1,1.0)-ws(5,4,1)")) == (
        "ws(8,5,1.00)-er(1,1.00)-ws(5,4,1.00)"
    )


@pytest.mark.parametrize("nodes", range(3, 11))
@pytest.mark.parametrize("neighbours", range(2, 6))
def test_networkx_draws_the_same_graphs_for_one_canonical_k_and_p(
    nodes: int, neighbours: int
) -> None:
    for percent in (10, 50, 100):
        given = WattsStrogatz(nodes, neighbours, percent)
        merged = given.canonical
        for seed in range(20):
            drawn, stands_for = (
                nx.watts_strogatz_graph(
                    nodes, min(of.neighbours, nodes - 1), of.percent / 100, seed=seed
                )
                for of in (given, merged)
            )
            assert nx.utils.graphs_equal(drawn, stands_for)


def test_generators_that_canonical_keeps_apart_draw_different_graphs() -> None:
    drawn = {
        frozenset(nx.watts_strogatz_graph(of.nodes, of.neighbours, of.percent / 100, seed=1).edges)
        for of in (WattsStrogatz(8, 2, 50), WattsStrogatz(8, 4, 50), WattsStrogatz(8, 4, 60))
    }
    assert len(drawn) == 3


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (EXAMPLE, "ws(8,4,0.60)-er(1,1.00)-ws(5,4,0.10)"),
        ("ws(3,5,0.90)-er(2,0.30)-ws(4,5,0.20)", "ws(3,2,0.10)-er(2,1.00)-ws(4,2,0.20)"),
        ("ws(6,3,0.90)-er(3,0.30)-ws(10,5,0.20)", "ws(6,2,0.90)-er(3,0.30)-ws(10,4,0.20)"),
    ],
)
def test_one_generator_stands_for_all_of_the_same_networks(text: str, canonical: str) -> None:
    assert str(SPACE.canonical(parse_generator(text))) == canonical


def test_a_connected_graph_of_two_nodes_is_their_edge_whatever_p() -> None:
    for percent in (20, 60, 100):
        graphs = (nx.erdos_renyi_graph(2, percent / 100, seed=seed) for seed in range(20))
        assert {tuple(graph.edges) for graph in graphs if nx.is_connected(graph)} == {((0, 1),)}


def test_samples_can_be_trained_and_name_no_generator_twice() -> None:
    archs = [SPACE.at(key) for key in SPACE.prefix(300)]
    assert max(arch.nodes for arch in archs) == 60
    assert len({arch.canonical for arch in archs}) == 300


def test_draws_are_uniform_over_the_hyper_parameters_of_few_nodes() -> None:
    rng = np.random.RandomState(0)
    archs = [SPACE.draw(rng) for _ in range(4_000)]
    sizes = [
        (top, middle, bottom)
        for top in range(3, 11)
        for middle in range(1, 11)
        for bottom in range(3, 11)
        if top * middle * bottom <= 60
    ]
    counts = dict.fromkeys(sizes, 0)
    for arch in archs:
        counts[arch.top.nodes, arch.middle.nodes, arch.bottom.nodes] += 1
    # chi squared with 94 degrees of freedom: 150 has a probability of 0.0002
    expected = len(archs) / len(sizes)
    assert sum((n - expected) ** 2 / expected for n in counts.values()) < 150
