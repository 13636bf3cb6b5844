"""Drawing a generator's networks: the random graphs of all three levels, made acyclic.

Edges go from the lower node to the higher one. A node without lower neighbours is an input, one
without higher ones an output. Every graph of a network is a draw of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from harness.errors import ArchError
from harness.seeding import derive_seed
from harness.spaces.nago.encoding import ErdosRenyi, Generator, WattsStrogatz

STAGES = 3
TRIES = 1_000
"""Draws of a graph until it is connected. After 30, 7% of er(4,0.20) would not be: of 1,800
networks of the first 300 generators, 5 would lack a graph."""


class Dag(NamedTuple):
    """A connected directed acyclic graph.

    Attributes:
        sources: The nodes from which each one has an edge, ascending, [node].
    """

    sources: tuple[tuple[int, ...], ...]

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The edges as (source, target), by target."""
        return tuple((s, node) for node, sources in enumerate(self.sources) for s in sources)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The nodes from which no edge goes."""
        used = {source for sources in self.sources for source in sources}
        return tuple(node for node in range(len(self.sources)) if node not in used)


@dataclass(frozen=True)
class Drawn:
    """The graphs of one network.

    Attributes:
        generator: What it was drawn from.
        top: Its graph.
        middle: The graph of each of its nodes, [top node].
        bottom: The graphs of theirs, [top node][middle node].
    """

    generator: Generator
    top: Dag
    middle: tuple[Dag, ...]
    bottom: tuple[tuple[Dag, ...], ...]

    @property
    def stages(self) -> tuple[int, ...]:
        """The stage of each top node: thirds of them, in order, [top node]."""
        n = len(self.top.sources)
        return tuple(STAGES * node // n for node in range(n))

    @property
    def graphs(self) -> Iterator[tuple[tuple[int, ...], Dag]]:
        """Every graph, with its place: the nodes that it is within."""
        yield (), self.top
        for t, middle in enumerate(self.middle):
            yield (t,), middle
            yield from (((t, m), bottom) for m, bottom in enumerate(self.bottom[t]))


@lru_cache(maxsize=4_096)
def draw_network(arch: Generator, draw: int) -> Drawn:
    """Draw the graphs of a network.

    Generators of the same networks draw the same; draws of others are independent.

    Args:
        arch: The generator.
        draw: The number of the draw.

    Raises:
        ArchError: If a graph is never connected.
    """
    generator = arch.canonical
    tops, middles = range(generator.top.nodes), range(generator.middle.nodes)

    def draw_one(of: WattsStrogatz | ErdosRenyi, *place: int) -> Dag:
        # Python's own: networkx calls it directly, and adapts numpy's in its own way
        return draw_graph(of, random.Random(derive_seed(draw, "nago", str(generator), *place)))

    return Drawn(
        generator,
        draw_one(generator.top),
        tuple(draw_one(generator.middle, t) for t in tops),
        tuple(tuple(draw_one(generator.bottom, t, m) for m in middles) for t in tops),
    )


def draw_graph(of: WattsStrogatz | ErdosRenyi, rng: random.Random) -> Dag:
    """Draw random graphs until one is connected, and direct its edges.

    Args:
        of: The hyper-parameters; K is at most nodes - 1.
        rng: Draws the graphs.

    Raises:
        ArchError: If none of `TRIES` graphs is connected.
    """
    import networkx as nx  # here: few commands draw a network

    for _ in range(TRIES):
        if isinstance(of, ErdosRenyi):
            graph = nx.erdos_renyi_graph(of.nodes, of.percent / 100, seed=rng)
        else:
            joined = min(of.neighbours, of.nodes - 1)
            graph = nx.watts_strogatz_graph(of.nodes, joined, of.percent / 100, seed=rng)
        if nx.is_connected(graph):
            return Dag(tuple(tuple(sorted(m for m in graph[n] if m < n)) for n in range(of.nodes)))
    raise ArchError(
        f"No graph of {TRIES:,} drawn from {of} was connected. Give a larger P, or another seed."
    )
