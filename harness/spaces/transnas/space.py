"""TransNAS-Bench-101's two spaces: all that the rest of the harness may rely on.

Reference: Duan et al., TransNAS-Bench-101, CVPR 2021, arXiv 2105.11871.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import ArchError
from harness.spaces.base import Space
from harness.spaces.kinds import Grid, Listed
from harness.spaces.transnas.cost import BENCHMARK_SHAPE, count
from harness.spaces.transnas.encoding import (
    CONV_3X3,
    EDGES,
    LENGTHS,
    MODULES,
    N_CELLS,
    N_MODULES,
    N_NODES,
    NONE,
    OPS,
    SKIP,
    TASKS,
    Cell,
    Modules,
    enumerate_modules,
    parse_cell,
    parse_modules,
)
from harness.spaces.values import Cost, Fact, Features, Form, Graph, NetworkShape, Trait, chain

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.supernet.base import Networks

_LIST = re.compile(r"[(\[]\s*\d(\s*,\s*\d)+\s*,?\s*[)\]]")


class _TransNAS(Space):
    """What both spaces have in common."""

    has_cells = False
    # with a linear layer to the outputs of each task
    shapes: ClassVar[Mapping[str, NetworkShape]] = {
        task: replace(BENCHMARK_SHAPE, classes=n) for task, n in TASKS.items()
    }
    baseline_shape = BENCHMARK_SHAPE
    floor = "live_flops"
    # on CIFAR-10 the stem leaves 8x8 pixels of 32x32, and the last module of a cell's network 1x1
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 8},
        # the lower of two training losses after 1,500 steps (0.1: 2.70, 0.03: 2.12), unranked
        # 8 features a channel, and a readout needs 8 images for each: results/benchmarks/readout.md
        "quick": {"channels": 16, "lr": 0.03, "rank_batch": 1_000},
        "standard": {"channels": 32, "rank_images": 2_000, "rank_batch": 2_000},
        "paper": {"channels": 64, "rank_batch": 5_000},
    }

    def identity(self, arch: Any) -> Any:
        """Return what `canonical` does."""
        return self.canonical(arch)


class Micro(Grid, _TransNAS):
    """The cells of TransNAS-Bench-101: six edges, four operations, 4,096 architectures.

    The benchmark has 2,994 distinct results of them; what it takes for the same network is not
    published. Here two cells are one if they differ in dead edges alone: 2,128 classes, of which 76
    have several results in the benchmark, since batch norm turns zeros into a learned constant.
    """

    name = "transnas-micro"
    size = N_CELLS
    slots = (OPS,) * len(EDGES)
    largest = Cell((CONV_3X3,) * len(EDGES))
    smallest = Cell(tuple(SKIP if edge == (0, N_NODES - 1) else NONE for edge in EDGES))

    def parse(self, text: str) -> Cell:
        """Parse the benchmark's string form, or the cell alone."""
        return parse_cell(text)

    def choices(self, arch: Cell) -> tuple[int, ...]:
        """Return the operation of each edge."""
        return arch.ops

    def from_choices(self, choices: Sequence[int]) -> Cell:
        """Return the architecture with an operation for each edge."""
        return Cell(tuple(choices))

    def canonical(self, arch: Cell) -> Cell:
        """Return the cell of the class whose dead edges are `none`."""
        return arch.representative

    def is_live(self, arch: Cell) -> bool:
        """Say whether there is a path from input to output."""
        return bool(arch.live_edges)

    def weights(self, arch: Cell) -> frozenset[Hashable]:
        """Return the live operations with weights, as (edge, operation).

        A skip has some where it leaves the input of a cell: there it changes the shape in the
        cells that halve the resolution.
        """
        pairs = ((edge, arch.ops[edge]) for edge in arch.live_edges)
        return frozenset((e, op) for e, op in pairs if op != SKIP or EDGES[e][0] == 0)

    def cost(self, arch: Cell, shape: NetworkShape) -> Cost:
        """Count parameters and multiply-adds, of the whole and without dead edges."""
        return Cost(*count(arch, shape), *count(arch.representative, shape))

    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the supernet and the stand-alone networks of one size."""
        from harness.spaces.transnas.network import MicroNetworks  # torch: only where it is used

        return MicroNetworks(shape)

    def facts(self, arch: Cell) -> tuple[Fact, ...]:
        """Return the class of an architecture."""
        same, n = str(arch.representative), len(arch.live_edges)
        return (
            Fact(
                {"representative": same, "live_edges": n},
                f"Dead-edge class (of 2,128): representative {same}; {n} of {len(EDGES)} edges "
                "are live.",
            ),
        )

    def graphs(self, arch: Cell, seed: int = 0) -> tuple[Graph, ...]:
        """Return the cell, without edges that are `none`."""
        edges = zip(EDGES, arch.ops, strict=True)
        drawn = tuple((source, target, OPS[op]) for (source, target), op in edges if op != NONE)
        return (Graph("cell", ("input", "1", "2", "output"), drawn),)

    @cached_property
    def traits(self) -> Mapping[str, Trait]:
        """Populations with a live path, and one of each class."""
        return {
            "live": Trait("architectures with a path from input to output", self.is_live, 3_927),
            "one_per_class": Trait(
                "one architecture of each class under dead-edge removal, the one whose dead edges "
                "are none",
                lambda arch: self.key(arch.representative),
                2_128,
                is_partition=True,
            ),
        }

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The benchmark's string, and NASLib's list of digits in the same order."""
        return {**super().forms, "digits": Form("(1, 0, 2, 3, 3, 3)", _parse_cell_digits)}


class Macro(Listed, _TransNAS):
    """The sequences of modules of TransNAS-Bench-101: 3,256 architectures, without a supernet."""

    name = "transnas-macro"
    size = N_MODULES
    has_supernet = False

    @property
    def archs(self) -> Sequence[Modules]:
        """All, shorter ones first."""
        return enumerate_modules()

    def parse(self, text: str) -> Modules:
        """Parse the benchmark's string form, or the modules alone."""
        return parse_modules(text)

    def canonical(self, arch: Modules) -> Modules:
        """Return the same: no two networks are alike."""
        return arch

    def is_live(self, arch: Modules) -> bool:
        """Say yes: every block passes its input on."""
        return True

    def weights(self, arch: Modules) -> frozenset[Hashable]:
        """Return the modules, each with what comes before it: nothing else has its shape."""
        return frozenset(arch.modules[: n + 1] for n in range(len(arch.modules)))

    def cost(self, arch: Modules, shape: NetworkShape) -> Cost:
        """Count parameters and multiply-adds; all of them are live."""
        return Cost(*count(arch, shape) * 2)

    def networks(self, shape: NetworkShape) -> Networks:
        """Return the factory of the stand-alone networks of one size."""
        from harness.spaces.transnas.network import ModulesNetworks  # torch: only where it is used

        return ModulesNetworks(shape)

    def graphs(self, arch: Modules, seed: int = 0) -> tuple[Graph, ...]:
        """Return the chain of modules."""
        return (chain("modules", [MODULES[module] for module in arch.modules]),)

    def counts(self, arch: Modules) -> Mapping[str, int]:
        """Count the modules of each kind."""
        return {name: arch.modules.count(kind) for kind, name in enumerate(MODULES)}

    @cached_property
    def traits(self) -> Mapping[str, Trait]:
        """One population for each number of modules."""
        return {
            f"modules_{n}": Trait(f"networks of {n} modules", partial(_has_length, n), sizes[n])
            for sizes in [Counter(len(arch.modules) for arch in self.archs)]
            for n in LENGTHS
        }

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """What each module does, and the shape after it; zeros past the last."""
        return {"one-hot": Features("what each module does, one-hot, and their number", _describe)}

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The benchmark's string, and NASLib's list of digits."""
        return {**super().forms, "digits": Form("(1, 2, 3, 4)", _parse_module_digits)}


def _has_length(n: int, arch: Modules) -> bool:
    return len(arch.modules) == n


def _describe(archs: Sequence[Modules]) -> Mapping[str, npt.NDArray[np.float64]]:
    import numpy as np  # only where it is used

    columns = {"modules": np.array([len(arch.modules) for arch in archs], dtype=np.float64)}
    for place in range(LENGTHS[-1]):
        for kind, name in enumerate(MODULES):
            has = [arch.modules[place : place + 1] == (kind,) for arch in archs]
            columns[f"{place} {name}"] = np.array(has, dtype=np.float64)
    return columns


def _parse_cell_digits(text: str) -> Cell:
    digits = _read_digits(text)
    if len(digits) != len(EDGES):
        raise ArchError(f"'{text:.80}' is not a list of {len(EDGES)} digits from 0 to 3.")
    return Cell(tuple(map(int, digits)))


def _parse_module_digits(text: str) -> Modules:
    return parse_modules(_read_digits(text))


def _read_digits(text: str) -> str:
    if not _LIST.fullmatch(text.strip()):
        raise ArchError(f"'{text:.80}' is not a list of digits such as (1, 2, 3, 4).")
    return "".join(re.findall(r"\d", text))
