"""Laws of the networks that a generator draws, whatever its hyper-parameters and the seed."""

from __future__ import annotations

import networkx as nx
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.spaces.nago.cost import choose_width, count, count_params, max_params
from harness.spaces.nago.drawing import draw_network
from harness.spaces.nago.encoding import ErdosRenyi, Generator, WattsStrogatz
from harness.spaces.nago.space import Nago
from harness.spaces.values import NetworkShape

MOST = 120
"""Nodes of a network: enough for every graph, and quick."""

watts_strogatz = st.builds(
    WattsStrogatz, st.integers(3, 10), st.integers(2, 5), st.integers(10, 100)
)
erdos_renyi = st.builds(ErdosRenyi, st.integers(1, 10), st.integers(20, 100))
generators = st.builds(Generator, watts_strogatz, erdos_renyi, watts_strogatz)
draws = st.integers(0, 2**40)


@given(generators, draws)
def test_graphs_are_acyclic_connected_and_reached_from_end_to_end(
    arch: Generator, draw: int
) -> None:
    assume(arch.nodes <= MOST)
    for place, graph in draw_network(arch, draw).graphs:
        n = (arch.top, arch.middle, arch.bottom)[len(place)].nodes
        made = nx.DiGraph(graph.edges)
        made.add_nodes_from(range(n))
        assert len(graph.sources) == len(made) == n
        assert nx.is_directed_acyclic_graph(made)
        assert nx.is_weakly_connected(made)
        inputs = {node for node in made if made.in_degree(node) == 0}
        outputs = {node for node in made if made.out_degree(node) == 0}
        assert set(graph.outputs) == outputs
        for node in made:
            assert node in inputs or inputs & nx.ancestors(made, node)
            assert node in outputs or outputs & nx.descendants(made, node)


@given(generators, draws, st.integers(2, 20), st.integers(2, 100))
def test_the_width_is_the_largest_within_the_limit(
    arch: Generator, draw: int, channels: int, classes: int
) -> None:
    assume(arch.nodes <= MOST)
    shape = NetworkShape(channels, 1, 16, 3, classes)
    drawn = draw_network(arch, draw)
    width = choose_width(drawn, shape)
    assert width >= 1
    assert count(drawn, shape)[0] <= max_params(shape) < count_params(drawn, shape, width + 1)


@given(generators, draws)
def test_the_same_seed_draws_the_same_network_of_every_name(arch: Generator, draw: int) -> None:
    assume(arch.nodes <= MOST)
    drawn = draw_network(arch, draw)
    draw_network.cache_clear()
    assert draw_network(arch.canonical, draw) == drawn


@given(generators)
def test_a_string_leads_back_to_its_generator(arch: Generator) -> None:
    space = Nago()
    assert space.parse(str(arch)) == arch
    assert space.at(space.key(arch)) == arch
    assert space.canonical(space.canonical(arch)) == space.canonical(arch)
