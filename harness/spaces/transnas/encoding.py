"""TransNAS-Bench-101's architectures, and the strings that the benchmark has for them.

A network is five modules (micro) or four to six (macro) of two blocks each. In the micro space the
modules are fixed, and a block is a cell that is searched; in the macro space blocks are those of a
residual network, and the modules are searched.

Reference: Duan et al., TransNAS-Bench-101, CVPR 2021, arXiv 2105.11871, section 3.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache, cached_property

from harness.errors import ArchError

OPS = ("none", "skip_connect", "conv_1x1", "conv_3x3")
"""What an edge of a cell can carry, by its digit."""
NONE, SKIP, CONV_1X1, CONV_3X3 = range(len(OPS))

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""The edges of a cell as (source node, target node), in the order of the digits."""
N_NODES = 4

MODULES = ("normal", "channels", "resolution", "both")
"""What a module's first block does, by its digit less one: it widens, halves, both, or neither."""
MICRO_MODULES = (3, 0, 3, 0, 3)
"""The modules of every micro network, positions in `MODULES`: 41414 in the benchmark's digits."""
LENGTHS = (4, 5, 6)
"""Numbers of modules of a macro network."""
DOUBLINGS, HALVINGS = (1, 3), (1, 4)
"""Fewest and most modules of a macro network that widen, and that halve the resolution."""

N_CELLS: int = len(OPS) ** len(EDGES)
N_MODULES = 3_256
BASE = 64
"""Channels of the stem, which begin every string."""

TASKS = {
    "class_scene": 47,
    "class_object": 75,
    "jigsaw": 1_000,
    "segmentsemantic": 17,
    "normal": 3,
    "autoencoder": 3,
    "room_layout": 9,
}
"""The benchmark's tasks, with the outputs of each."""

_CELL = re.compile(r"(?:64-41414-)?([0-3])_([0-3]{2})_([0-3]{3})")
_MODULES = re.compile(r"(?:64-)?([1-4]{4,6})(?:-basic)?")


def widens(module: int) -> bool:
    """Return whether a module doubles the channels."""
    return MODULES[module] in ("channels", "both")


def halves(module: int) -> bool:
    """Return whether a module halves the resolution."""
    return MODULES[module] in ("resolution", "both")


@dataclass(frozen=True, order=True)
class Cell:
    """An architecture of the micro space: the index into `OPS` of each edge's operation."""

    ops: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that there is one known operation an edge."""
        if len(self.ops) != len(EDGES) or any(op not in range(len(OPS)) for op in self.ops):
            raise ArchError(
                f"A cell has {len(EDGES)} operations, each 0 to {len(OPS) - 1}; {self.ops!r:.80} "
                "was given. Use parse_cell() for the string form."
            )

    def __str__(self) -> str:
        """Return the benchmark's string form."""
        digits = "".join(map(str, self.ops))
        return f"{BASE}-{_write_modules(MICRO_MODULES)}-{digits[0]}_{digits[1:3]}_{digits[3:]}"

    @property
    def modules(self) -> tuple[int, ...]:
        """The modules, the same for all."""
        return MICRO_MODULES

    @cached_property
    def live_edges(self) -> tuple[int, ...]:
        """The edges (positions in `EDGES`) that carry a signal from input to output."""
        fed, used = {0}, {N_NODES - 1}
        for (source, target), op in zip(EDGES, self.ops, strict=True):
            if op != NONE and source in fed:
                fed.add(target)
        for (source, target), op in zip(reversed(EDGES), reversed(self.ops), strict=True):
            if op != NONE and target in used:
                used.add(source)
        return tuple(
            edge
            for edge, ((source, target), op) in enumerate(zip(EDGES, self.ops, strict=True))
            if op != NONE and source in fed and target in used
        )

    @cached_property
    def representative(self) -> Cell:
        """The cell of this architecture's class (of 2,128) whose dead edges are `none`."""
        live = set(self.live_edges)
        return Cell(tuple(op if edge in live else NONE for edge, op in enumerate(self.ops)))


@dataclass(frozen=True, order=True)
class Modules:
    """An architecture of the macro space: the index into `MODULES` of each module."""

    modules: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that the benchmark has it."""
        if len(self.modules) not in LENGTHS or any(m not in range(4) for m in self.modules):
            raise ArchError(
                f"A macro network has {LENGTHS[0]} to {LENGTHS[-1]} modules, each 0 to 3; "
                f"{self.modules!r:.80} was given. Use parse_modules() for the string form."
            )
        for what, least_most, n in (
            ("widen", DOUBLINGS, sum(map(widens, self.modules))),
            ("halve the resolution", HALVINGS, sum(map(halves, self.modules))),
        ):
            if not least_most[0] <= n <= least_most[1]:
                raise ArchError(
                    f"'{self}' has {n} modules that {what}; the benchmark's networks have "
                    f"{least_most[0]} to {least_most[1]}."
                )

    def __str__(self) -> str:
        """Return the benchmark's string form."""
        return f"{BASE}-{_write_modules(self.modules)}-basic"


def _write_modules(modules: tuple[int, ...]) -> str:
    return "".join(str(module + 1) for module in modules)


@cache
def enumerate_modules() -> tuple[Modules, ...]:
    """Enumerate the 3,256 macro networks, shorter ones first."""
    found = []
    for length in LENGTHS:
        for modules in itertools.product(range(len(MODULES)), repeat=length):
            n_wide, n_half = sum(map(widens, modules)), sum(map(halves, modules))
            if DOUBLINGS[0] <= n_wide <= DOUBLINGS[1] and HALVINGS[0] <= n_half <= HALVINGS[1]:
                found.append(Modules(modules))
    return tuple(found)


def parse_cell(text: str) -> Cell:
    """Parse the string of a micro network.

    Args:
        text: Such as `64-41414-1_02_333`, or its cell alone, `1_02_333`.

    Raises:
        ArchError: If it is anything else.
    """
    found = _CELL.fullmatch(text.strip())
    if found is None:
        raise _refuse(
            text,
            "micro",
            "64-41414-1_02_333: a digit from 0 to 3 for each of the six edges "
            "0->1, 0->2, 1->2, 0->3, 1->3, 2->3 (0 none, 1 skip, 2 conv 1x1, 3 conv 3x3)",
        )
    return Cell(tuple(map(int, "".join(found.groups()))))


def parse_modules(text: str) -> Modules:
    """Parse the string of a macro network.

    Args:
        text: Such as `64-1234-basic`, or its modules alone, `1234`.

    Raises:
        ArchError: If it is anything else, or a network that the benchmark does not have.
    """
    found = _MODULES.fullmatch(text.strip())
    if found is None:
        raise _refuse(
            text,
            "macro",
            "64-1234-basic: a digit from 1 to 4 for each of four to six modules "
            "(1 normal, 2 twice the channels, 3 half the resolution, 4 both)",
        )
    return Modules(tuple(int(digit) - 1 for digit in found[1]))


def _refuse(text: str, space: str, form: str) -> ArchError:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return ArchError(
        f"'{shown}' is not a {space} architecture of TransNAS-Bench-101. The form is {form}."
    )
