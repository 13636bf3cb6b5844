"""The graphs of a network: how they are drawn, and what is made of them."""

from __future__ import annotations

import random

import pytest

from harness.errors import ArchError
from harness.spaces.nago import drawing
from harness.spaces.nago.drawing import Dag, Drawn, draw_graph, draw_network
from harness.spaces.nago.encoding import ErdosRenyi, WattsStrogatz, parse_generator

EXAMPLE = parse_generator("ws(8,4,0.60)-er(3,0.70)-ws(5,2,0.20)")
TRIANGLE = Dag(((), (0,), (0, 1)))


def test_a_known_draw_does_not_depend_on_the_version_of_networkx() -> None:
    # a truth's networks are drawn anew, so these must never change; networkx 3.2 and 3.6.1 agree
    drawn = draw_network(EXAMPLE, 0)
    assert drawn.top.sources == (
        *((), (0,), (1,), (0, 2), (0, 2, 3)),
        *((1, 4), (1, 2, 3), (0, 2, 5, 6)),
    )
    assert drawn.middle[3] == TRIANGLE
    assert drawn.bottom[7][2].sources == ((), (0,), (1,), (2,), (0, 3))


def test_a_complete_graph_has_one_input_and_one_output() -> None:
    assert draw_graph(WattsStrogatz(3, 2, 50), random.Random(0)) == TRIANGLE
    assert (TRIANGLE.edges, TRIANGLE.outputs) == (((0, 1), (0, 2), (1, 2)), (2,))


def test_a_single_node_is_both_input_and_output() -> None:
    graph = draw_graph(ErdosRenyi(1, 20), random.Random(0))
    assert (graph.sources, graph.outputs) == (((),), (0,))


def test_every_graph_of_a_network_is_a_draw_of_its_own() -> None:
    drawn = draw_network(EXAMPLE, 0)
    assert (len(drawn.middle), {len(bottoms) for bottoms in drawn.bottom}) == (8, {3})
    assert len({bottom for bottoms in drawn.bottom for bottom in bottoms}) > 8
    assert len({draw_network(EXAMPLE, draw) for draw in range(8)}) == 8


def test_generators_of_the_same_networks_draw_the_same() -> None:
    other = parse_generator("ws(8,5,0.60)-er(3,0.70)-ws(5,3,0.20)")
    assert draw_network(other, 5) == draw_network(EXAMPLE, 5)
    apart = parse_generator("ws(8,5,0.60)-er(3,0.71)-ws(5,3,0.20)")
    assert draw_network(apart, 5).top != draw_network(EXAMPLE, 5).top


@pytest.mark.parametrize(
    ("nodes", "stages"),
    [
        (3, (0, 1, 2)),
        (4, (0, 0, 1, 2)),
        (5, (0, 0, 1, 1, 2)),
        (6, (0, 0, 1, 1, 2, 2)),
        (10, (0, 0, 0, 0, 1, 1, 1, 2, 2, 2)),
    ],
)
def test_the_top_nodes_are_split_evenly_into_three_stages(
    nodes: int, stages: tuple[int, ...]
) -> None:
    chain = Dag(tuple((n - 1,) if n else () for n in range(nodes)))
    assert Drawn(EXAMPLE, chain, (), ()).stages == stages


def test_a_graph_that_is_not_connected_is_drawn_again_and_in_the_end_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sparse = ErdosRenyi(4, 20)
    monkeypatch.setattr(drawing, "TRIES", 1)
    failed = 0
    for seed in range(20):
        try:
            draw_graph(sparse, random.Random(seed))
        except ArchError as error:
            failed += 1
            assert "No graph of 1 drawn from er(4,0.20) was connected" in str(error)  # noqa: PT017
    assert 10 < failed < 20
    monkeypatch.undo()
    assert all(draw_graph(sparse, random.Random(seed)).edges for seed in range(20))
