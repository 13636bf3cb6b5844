"""NAS-Bench-Macro's architectures: eight blocks in three stages, written as eight digits.

Reference: Su et al., Prioritized Architecture Sampling with Monto-Carlo Tree Search, CVPR 2021,
arXiv 2103.11922, which published the benchmark.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from harness.errors import ArchError

BLOCKS = ("identity", "mbconv3_e3", "mbconv5_e6")
"""What a block can be: nothing, or an inverted residual by kernel width and expansion."""

IDENTITY, MBCONV3, MBCONV5 = range(len(BLOCKS))
STAGES = (2, 3, 3)
"""Blocks of each stage; the first one halves the resolution and widens the network."""

N_BLOCKS = sum(STAGES)
FIRST = tuple(itertools.accumulate(STAGES[:-1], initial=0))
"""The first block of each stage."""

N_ARCHS: int = len(BLOCKS) ** N_BLOCKS
N_NETWORKS: int = math.prod(
    len(BLOCKS) * sum((len(BLOCKS) - 1) ** n for n in range(blocks)) for blocks in STAGES
)
"""Distinct networks: in a stage, the blocks after the first that are no identity decide."""


@dataclass(frozen=True, order=True)
class Arch:
    """One architecture: the index into `BLOCKS` of each block."""

    blocks: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that there are as many known blocks as there should be."""
        if len(self.blocks) != N_BLOCKS or any(b not in range(len(BLOCKS)) for b in self.blocks):
            raise ArchError(
                f"An architecture has {N_BLOCKS} blocks, each 0 to {len(BLOCKS) - 1}; "
                f"{self.blocks!r:.80} was given. Use parse_arch() for the string form."
            )

    def __str__(self) -> str:
        """Return the benchmark's string form."""
        return "".join(map(str, self.blocks))

    @cached_property
    def trained_as(self) -> Arch:
        """The architecture that stands for this network.

        After the first block of a stage, an identity does nothing: it moves to the stage's end.
        """
        blocks: list[int] = []
        for stage in self._stages():
            kept = [stage[0], *(block for block in stage[1:] if block != IDENTITY)]
            blocks += kept + [IDENTITY] * (len(stage) - len(kept))
        return Arch(tuple(blocks))

    @property
    def n_strings(self) -> int:
        """How many of the 6,561 strings name this network."""
        later = [stage[1:] for stage in self._stages()]
        return math.prod(math.comb(len(part), part.count(IDENTITY)) for part in later)

    @property
    def depth(self) -> int:
        """The number of blocks that are no identity, 0 to 8."""
        return N_BLOCKS - self.blocks.count(IDENTITY)

    @property
    def weighted(self) -> tuple[tuple[int, int], ...]:
        """The (block, choice) pairs with weights: all but identities after the first of a stage."""
        return tuple(filter(_has_weights, enumerate(self.blocks)))

    def _stages(self) -> Iterator[tuple[int, ...]]:
        for first, n in zip(FIRST, STAGES, strict=True):
            yield self.blocks[first : first + n]


def _has_weights(pair: tuple[int, int]) -> bool:
    place, choice = pair
    return choice != IDENTITY or place in FIRST


def weighted_choices() -> tuple[tuple[int, int], ...]:
    """Return all (block, choice) pairs with weights, of which each architecture uses some."""
    pairs = itertools.product(range(N_BLOCKS), range(len(BLOCKS)))
    return tuple(filter(_has_weights, pairs))


def parse_arch(text: str) -> Arch:
    """Parse the benchmark's string form.

    Args:
        text: Eight digits from 0 to 2, such as `02012100`.

    Returns:
        The architecture.

    Raises:
        ArchError: If it is anything else.
    """
    bare = text.strip()
    if len(bare) != N_BLOCKS or any(digit not in "012" for digit in bare):
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise ArchError(
            f"'{shown}' is not a NAS-Bench-Macro architecture. The form is {N_BLOCKS} digits from "
            f"0 to {len(BLOCKS) - 1}, one a block, such as 02012100 (0 identity, 1 MBConv 3x3 with "
            "expansion 3, 2 MBConv 5x5 with expansion 6)."
        )
    return Arch(tuple(map(int, bare)))
