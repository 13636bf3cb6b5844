"""The space of network generators: all that the rest of the harness may rely on.

Reference: Ru et al., Neural Architecture Generator Optimization, NeurIPS 2020, arXiv 2004.01395.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import astuple
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import ArchError
from harness.spaces.kinds import Unbounded
from harness.spaces.nago.cost import count
from harness.spaces.nago.drawing import Dag, draw_network
from harness.spaces.nago.encoding import (
    ER_NODES,
    ER_PERCENT,
    EXAMPLE,
    WS_NEIGHBOURS,
    WS_NODES,
    WS_PERCENT,
    ErdosRenyi,
    Generator,
    WattsStrogatz,
    parse_generator,
)
from harness.spaces.values import Axis, Baseline, Cost, Fact, Features, Graph, NetworkShape, Trait

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.supernet.base import Networks

COST_DRAWS = range(-4, 0)
"""The draws that an architecture's cost is a mean of: no training has one of them."""

_OF_WS = (WS_NODES, WS_NEIGHBOURS, WS_PERCENT)
_RANGES = tuple(range(least, most + 1) for least, most in (*_OF_WS, ER_NODES, ER_PERCENT, *_OF_WS))
"""Of the eight hyper-parameters, P in hundredths."""

_SHAPES = {
    "tiles": NetworkShape(4, 1, 16, 1, 37),
    "cifar10": NetworkShape(16, 1, 32, 3, 10),
    "cifar100": NetworkShape(16, 1, 32, 3, 100),
}


class Nago(Unbounded):
    """Generators of networks. What is true of one is a mean over the networks that it draws.

    A network is a draw, numbered by the seed of its training (`draw_of`). Its parameters are as
    many as a limit allows, 15,625 channels^2 (see `cost.py`). Samples are of generators of at most
    60 nodes, which 2 cores can train; larger ones can be named.
    """

    name = "nago"
    has_cells = False
    has_supernet = False
    trainings_each = 2
    # 250,000 parameters; two draws of 300 generators, each trained twice
    built: ClassVar[Mapping[str, Any]] = {
        "channels": _SHAPES["tiles"].channels,
        "epochs": 5,
        "n_archs": "300",
        "seeds": "0,1,2,3",
    }
    shapes = _SHAPES
    baseline_shape = _SHAPES["cifar10"]
    floor = "live_flops"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 2},
        "quick": {"channels": 4},
        "standard": {"channels": 8},
        "paper": {"channels": 16, "n_archs": 300},
    }
    most_nodes: ClassVar[int] = 60

    def parse(self, text: str) -> Generator:
        """Parse the string, or the paper's way to write it."""
        return parse_generator(text)

    def draw(self, rng: np.random.RandomState) -> Generator:
        """Draw hyper-parameters uniformly among those of at most `most_nodes` nodes.

        Returned is the generator that stands for all of the same networks.
        """

        def pick(least_most: tuple[int, int]) -> int:
            return int(rng.randint(least_most[0], least_most[1] + 1))

        for _ in itertools.count():
            arch = Generator(
                WattsStrogatz(pick(WS_NODES), pick(WS_NEIGHBOURS), pick(WS_PERCENT)),
                ErdosRenyi(pick(ER_NODES), pick(ER_PERCENT)),
                WattsStrogatz(pick(WS_NODES), pick(WS_NEIGHBOURS), pick(WS_PERCENT)),
            )
            if arch.nodes <= self.most_nodes:
                break
        return arch.canonical

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The eight hyper-parameters, P in hundredths."""
        return tuple(map(Axis, parse_generator(EXAMPLE).numbers, _RANGES))

    def position(self, arch: Generator) -> tuple[int, ...]:
        """Return the places of the hyper-parameters in their ranges."""
        values = (astuple(arch.top), astuple(arch.middle), astuple(arch.bottom))
        numbers = itertools.chain(*values)
        return tuple(of.index(number) for number, of in zip(numbers, _RANGES, strict=True))

    def at_position(self, position: Sequence[int]) -> Generator:
        """Return the generator that stands for those of these hyper-parameters.

        Raises:
            ArchError: If it has more than `most_nodes` nodes, or one is out of its range.
        """
        numbers = [of[place] for of, place in zip(_RANGES, position, strict=True)]
        arch = Generator(
            WattsStrogatz(*numbers[:3]), ErdosRenyi(*numbers[3:5]), WattsStrogatz(*numbers[5:])
        )
        if arch.nodes > self.most_nodes:
            raise ArchError(
                f"{arch} has {arch.nodes} nodes; samples and searches are of generators of at most "
                f"{self.most_nodes}. Ask for fewer nodes."
            )
        return arch.canonical

    def canonical(self, arch: Generator) -> Generator:
        """Return the generator that stands for all of the same networks."""
        return arch.canonical

    def identity(self, arch: Generator) -> Generator:
        """Return what `canonical` does."""
        return arch.canonical

    def is_live(self, arch: Generator) -> bool:
        """Say yes: every node is on a path from input to output."""
        return True

    def weights(self, arch: Generator) -> frozenset[Hashable]:
        """Return the generator: its networks share nothing with those of another."""
        return frozenset([arch.canonical])

    def cost(self, arch: Generator, shape: NetworkShape) -> Cost:
        """Return the mean cost of a few draws, rounded; all of a network is live."""
        counts = [count(draw_network(arch, draw), shape) for draw in COST_DRAWS]
        params, flops = (round(sum(of) / len(counts)) for of in zip(*counts, strict=True))
        return Cost(params, flops, params, flops)

    def network_cost(self, arch: Generator, shape: NetworkShape, seed: int) -> Cost:
        """Count what the network of one seed costs."""
        return Cost(*count(draw_network(arch, self.draw_of(seed)), shape) * 2)

    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the stand-alone networks of one size."""
        from harness.spaces.nago.network import NagoNetworks  # torch: only where it is used

        return NagoNetworks(shape, self.draw_of)

    def facts(self, arch: Generator) -> tuple[Fact, ...]:
        """Return the generator that stands for all of the same networks."""
        same = str(arch.canonical)
        sentence = f"Draws networks of {arch.nodes} nodes, the same as {same}."
        return (Fact({"representative": same, "nodes": arch.nodes}, sentence),)

    def graphs(self, arch: Generator, seed: int = 0) -> tuple[Graph, ...]:
        """Return the graphs of the network of one seed: its own, and the first of each level."""
        draw = self.draw_of(seed)
        drawn = draw_network(arch, draw)
        tops = tuple(f"{node}: stage {stage + 1}" for node, stage in enumerate(drawn.stages))
        middle, bottom = drawn.middle[0], drawn.bottom[0][0]
        return (
            _graph(f"top, draw {draw}", drawn.top, tops),
            _graph("middle, of top node 0", middle),
            _graph("bottom, of its node 0", bottom),
        )

    def counts(self, arch: Generator) -> Mapping[str, int]:
        """Count the nodes of each level's graphs."""
        return {
            "top nodes": arch.top.nodes,
            "middle nodes": arch.middle.nodes,
            "bottom nodes": arch.bottom.nodes,
        }

    @cached_property
    def traits(self) -> Mapping[str, Trait]:
        """Generators with one level less, and one of each class."""
        return {
            "flat": Trait(
                "generators whose middle graphs are single nodes",
                lambda arch: arch.middle.nodes == 1,
            ),
            "one_per_class": Trait(
                "one of the generators that draw the same networks",
                lambda arch: self.key(arch.canonical),
                is_partition=True,
            ),
        }

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        """The usual free scores, the number of nodes, and the hyper-parameters themselves."""
        nodes = Baseline("number of convolutions of the graphs", lambda arch: float(arch.nodes))
        numbers = {name: self._read(name) for name in parse_generator(EXAMPLE).numbers}
        return {**super().baselines, "nodes": nodes, **numbers}

    def _read(self, name: str) -> Baseline:
        level, what = name.split("_")
        words = {"nodes": "nodes", "k": "K", "p": "P"}[what]
        return Baseline(
            f"{words} of the {level} graph", lambda arch: float(arch.canonical.numbers[name])
        )

    @property
    def features(self) -> Mapping[str, Features]:
        """The hyper-parameters."""
        return {"hyper": Features("the eight hyper-parameters and the number of nodes", _describe)}


def _graph(title: str, graph: Dag, labels: tuple[str, ...] = ()) -> Graph:
    nodes = labels or tuple(map(str, range(len(graph.sources))))
    return Graph(title, nodes, tuple((source, target, "") for source, target in graph.edges))


def _describe(archs: Sequence[Generator]) -> Mapping[str, npt.NDArray[np.float64]]:
    import numpy as np  # only where it is used

    rows = [{**arch.canonical.numbers, "nodes": float(arch.nodes)} for arch in archs]
    names = (*parse_generator(EXAMPLE).numbers, "nodes")
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}
