"""The sub-spaces of NAS-Bench-1Shot1: all that the rest of the harness may rely on.

Reference: Zela et al., NAS-Bench-1Shot1, ICLR 2020, arXiv 2001.10422, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from harness.errors import ArchError
from harness.seeding import make_rng
from harness.spaces.kinds import Grid
from harness.spaces.nb1shot1.encoding import Arch, IntArray, Layout
from harness.spaces.nb101.encoding import MAX_POOL, OPS, Cell, find_first, parse_cell
from harness.spaces.nb101.space import NB101
from harness.spaces.nb101.table import pack
from harness.spaces.values import (
    Architecture,
    Baseline,
    Cost,
    Fact,
    Features,
    Form,
    Graph,
    NetworkShape,
)

if TYPE_CHECKING:
    from harness.spaces.values import Trait
    from harness.supernet.base import Networks

WHOLE = NB101()
"""The space whose networks these are."""


class _Networks(NamedTuple):
    """The networks that paths are names of.

    Attributes:
        cells: Their cells, as `pack` gives them, ascending, [network].
        first: The key of the first path of each, [network].
        of_path: Which network each path is, by key, [path].
        n_paths: How many paths each has, [network].
    """

    cells: IntArray
    first: IntArray
    of_path: IntArray
    n_paths: IntArray


class NB1Shot1(Grid):
    """Cells of NAS-Bench-101 whose vertices have a fixed number of parents.

    A slot is the parents of a vertex, or its operation; a vertex that can have one set of parents
    only has no slot for it. What does not reach the output is left out, so that many paths are one
    network of NAS-Bench-101: figures are of the networks, each by the path of the smallest key, and
    its truths are that benchmark's. A uniform draw of paths favours networks of many paths; under
    shared weights the other paths of a network have scores of their own, which no figure is of.

    Attributes:
        layout: The parents of each vertex.
    """

    part_of = WHOLE.name
    floor = "params"  # tau 0.567, 0.558 and 0.508 in SS1, SS2 and SS3; conv3x3 0.559, 0.567, 0.425
    shapes = WHOLE.shapes
    baseline_shape = WHOLE.baseline_shape
    layout: ClassVar[Layout]
    # `quick` was chosen to be short, and is not tuned: no truth was looked at
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 6},
        "quick": {
            "channels": 24,
            "steps": 5_000,
            "schedule": "cosine",
            "precision": "float32",
            "rank_precision": "float32",
            "rank_images": 1_000,
            "rank_batch": 1_000,  # 96 features: results/benchmarks/readout.md
            "rank_snapshots": 1,
        },
    }
    _MOST_PERMUTED = 2_000_000  # a permutation of numbers

    def __init_subclass__(cls) -> None:
        """Derive size and slots from the layout."""
        choices = cls.layout.choices
        names = tuple(tuple("+".join(map(str, p)) for p in own) for own in choices if len(own) > 1)
        cls.slots = (*names, *[OPS] * cls.layout.n_ops)
        cls.size = cls.layout.size

    def parse(self, text: str) -> Arch:
        """Parse a path."""
        return self.layout.parse(text)

    def choices(self, arch: Arch) -> tuple[int, ...]:
        """Return the choice of each slot."""
        pairs = zip(arch.parents, self.layout.choices, strict=True)
        return (*(known.index(own) for own, known in pairs if len(known) > 1), *arch.ops)

    def from_choices(self, choices: Sequence[int]) -> Arch:
        """Return the path with a choice for each slot."""
        if len(choices) != len(self.slots) or any(
            choice not in range(len(names))
            for choice, names in zip(choices, self.slots, strict=True)
        ):
            raise ArchError(
                f"{tuple(choices)!r:.80} are no choices of space '{self.name}', which has "
                f"{len(self.slots)} slots of {', '.join(str(len(names)) for names in self.slots)}."
            )
        left = iter(choices)
        parents = tuple(
            known[next(left)] if len(known) > 1 else known[0] for known in self.layout.choices
        )
        return Arch(parents, tuple(left))

    @cached_property
    def _permutation(self) -> tuple[int, ...]:
        """One path of each network first, in an order of a fixed seed; then the others."""
        rng = make_rng(0, "canonical permutation", self.name)
        first = self._networks.first
        others = np.setdiff1d(np.arange(self.layout.size), first)
        return tuple(np.concatenate([rng.permutation(first), rng.permutation(others)]).tolist())

    @cached_property
    def _networks(self) -> _Networks:
        return _Networks(
            *np.unique(
                self.layout.find_cells(),
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
        )

    def canonical(self, arch: Arch) -> Arch:
        """Return the path with the first choice for what does not reach the output."""
        return arch.canonical

    def identity(self, arch: Arch) -> Arch:
        """Return the path of the smallest key with the same cell of NAS-Bench-101."""
        networks = self._networks
        same: Arch = self.at(int(networks.first[networks.of_path[self.key(arch)]]))
        return same

    def keys_in_whole(self) -> tuple[IntArray, IntArray]:
        """Return the key of every network, here and in NAS-Bench-101, [network] each."""
        numbers = WHOLE.archs.numbers
        order = np.argsort(numbers)
        places = np.searchsorted(numbers, self._networks.cells, sorter=order)
        return self._networks.first, order[places]

    def is_live(self, arch: Arch) -> bool:
        """Say yes: every vertex is fed, and the output has a parent."""
        return True

    def weights(self, arch: Arch) -> frozenset[Hashable]:
        """Return the live convolutions as (vertex, operation), and (vertex, "input") projections.

        They are those of the supernet.
        """
        convs = ((v, arch.ops[v - 1]) for v in arch.live)
        projected = (v for v in (*arch.live, len(arch.parents)) if 0 in arch.parents[v - 1])
        return frozenset(
            [*(pair for pair in convs if pair[1] != MAX_POOL), *((v, "input") for v in projected)]
        )

    def cost(self, arch: Arch, shape: NetworkShape) -> Cost:
        """Count parameters and multiply-adds of the benchmark's network; all of them are live."""
        return WHOLE.cost(arch.cell, shape)

    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the supernet and the stand-alone networks of one size."""
        from harness.spaces.nb1shot1.network import PathNetworks  # torch: only where it is used

        return PathNetworks(shape, self.layout)

    def facts(self, arch: Arch) -> tuple[Fact, ...]:
        """Return the network that a path is."""
        networks, same = self._networks, self.identity(arch)
        n = int(networks.n_paths[networks.of_path[self.key(arch)]])
        names = "the only path of it" if n == 1 else f"one of {n} paths of it"
        return (
            Fact(
                {"representative": str(same), "cell": str(arch.cell), "n_paths": n},
                f"Network (of {self.n_networks:,}): cell {arch.cell} of NAS-Bench-101, listed as "
                f"{same}; {names}.",
            ),
            *WHOLE.facts(arch.cell),
        )

    def counts(self, arch: Arch) -> Mapping[str, int]:
        """Count the vertices and edges of the cell."""
        return WHOLE.counts(arch.cell)

    def graphs(self, arch: Arch, seed: int = 0) -> tuple[Graph, ...]:
        """Return the cell."""
        return WHOLE.graphs(arch.cell, seed)

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The path; and a cell of NAS-Bench-101, for the path that its network is listed by."""
        example = str(self.smallest.cell)
        return {**super().forms, "cell": Form(example, self._parse_cell)}

    def _parse_cell(self, text: str) -> Arch:
        cell = find_first(parse_cell(text))
        networks = self._networks
        place = int(np.searchsorted(networks.cells, pack(cell)))
        if place == len(networks.cells) or networks.cells[place] != pack(cell):
            raise ArchError(f"Cell '{cell}' is not in space '{self.name}'.")
        found: Arch = self.at(int(networks.first[place]))
        return found

    @property
    def traits(self) -> Mapping[str, Trait]:
        """Nothing: figures are of one path of each network as it is."""
        return {}

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        """Those of NAS-Bench-101, of the cell."""
        free = {
            name: Baseline(each.description, _of_cell(each.score))
            for name, each in WHOLE.baselines.items()
        }
        return {**free, "random": super().baselines["random"]}

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """Those of NAS-Bench-101, of the cell; and the choices of the path that it is listed by."""

        def choose(archs: Sequence[Architecture]) -> Mapping[str, Any]:
            return self._one_hot([self.identity(arch) for arch in archs])

        of_cell = {
            name: Features(each.description, _of_cells(each.of))
            for name, each in WHOLE.features.items()
        }
        text = "the choice of each slot of the path that a network is listed by, one-hot"
        return {"one-hot": Features(text, choose), **of_cell}


def _of_cell(score: Callable[[Cell], float]) -> Callable[[Arch], float]:
    return lambda arch: score(arch.cell)


def _of_cells(of: Callable[[Sequence[Cell]], Any]) -> Callable[[Sequence[Arch]], Any]:
    return lambda archs: of([arch.cell for arch in archs])


class SS1(NB1Shot1):
    """Four choice vertices; the last three and the output have two parents."""

    name = "nb101-ss1"
    layout = Layout((1, 2, 2, 2, 2))
    n_networks = 2_685
    largest = layout.parse("0-01-02-03-04:0000")
    smallest = layout.parse("0-01-12-23-34:2222")


class SS2(NB1Shot1):
    """Four choice vertices of one, one, two and two parents; the output has three."""

    name = "nb101-ss2"
    floor = "conv3x3"
    layout = Layout((1, 1, 2, 2, 3))
    n_networks = 7_773
    largest = layout.parse("0-0-01-02-034:0000")
    smallest = layout.parse("0-1-12-23-234:2222")


class SS3(NB1Shot1):
    """Five choice vertices of one, one, one, two and two parents; the output has two."""

    name = "nb101-ss3"
    layout = Layout((1, 1, 1, 2, 2, 2))
    n_networks = 55_854
    largest = layout.parse("0-0-0-12-34-05:00000")
    smallest = layout.parse("0-1-2-23-34-45:22222")
