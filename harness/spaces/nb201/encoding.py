"""NAS-Bench-201's cell: encoding, the published order, equivalence classes, sampling.

A cell is a directed acyclic graph on four nodes. Node 0 is its input, node 3 its output; each
of the six edges carries one of five operations.

Reference: Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326, section 2.1.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from dataclasses import dataclass
from functools import cache, cached_property

from harness.errors import ArchError

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The operations, in the benchmark's order and spelling."""

NONE, SKIP, CONV_1X1, CONV_3X3, AVG_POOL = range(5)
CONV_OPS = (CONV_1X1, CONV_3X3)

EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""The edges as (target node, source node), in the order of the string form."""

N_NODES = 4
N_ARCHS: int = len(OPS) ** len(EDGES)

OP_BY_NAME = {name: op for op, full in enumerate(OPS) for name in (full, full.removeprefix("nor_"))}
"""Positions in `OPS` by name; many codes write convolutions without `nor_`."""

_PUBLISHED_SHUFFLE_SEED = 88
_PERMUTATION_SALT = "nb201 canonical permutation v1"
_TOKEN = re.compile(r"^(?P<op>[A-Za-z0-9_]+)~(?P<source>\d{1,9})$")


@dataclass(frozen=True, order=True)
class Arch:
    """One architecture: the index into `OPS` of the operation on each edge of `EDGES`."""

    ops: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that there is one known operation an edge."""
        if len(self.ops) != len(EDGES) or any(op not in range(len(OPS)) for op in self.ops):
            raise ArchError(
                f"An architecture has {len(EDGES)} operations, each 0 to {len(OPS) - 1}; "
                f"{self.ops!r} was given. Use parse_arch() for the string form."
            )

    def __str__(self) -> str:
        """Return the benchmark's string form."""
        nodes: dict[int, list[str]] = {}
        for (target, source), op in zip(EDGES, self.ops, strict=True):
            nodes.setdefault(target, []).append(f"{OPS[op]}~{source}")
        return "+".join(f"|{'|'.join(tokens)}|" for tokens in nodes.values())

    @cached_property
    def nb201_index(self) -> int:
        """The position of this architecture in the published table, 0 to 15,624."""
        return _index_of()[self.ops]

    @cached_property
    def live_edges(self) -> tuple[int, ...]:
        """The edges (positions in `EDGES`) that carry a signal from input to output."""
        reached = {0}
        for (target, source), op in zip(EDGES, self.ops, strict=True):
            if op != NONE and source in reached:
                reached.add(target)
        return tuple(edge for edge in self.edges_to_output if EDGES[edge][1] in reached)

    @cached_property
    def edges_to_output(self) -> tuple[int, ...]:
        """The edges, other than `none`, from whose target the output can be reached."""
        reaching = {N_NODES - 1}
        for (target, source), op in zip(reversed(EDGES), reversed(self.ops), strict=True):
            if op != NONE and target in reaching:
                reaching.add(source)
        return tuple(
            edge
            for edge, ((target, _), op) in enumerate(zip(EDGES, self.ops, strict=True))
            if op != NONE and target in reaching
        )

    @cached_property
    def live_conv_edges(self) -> frozenset[tuple[int, int]]:
        """The live edges that hold weights, as (edge, op): what two paths can share."""
        return frozenset((e, self.ops[e]) for e in self.live_edges if self.ops[e] in CONV_OPS)

    @cached_property
    def representative(self) -> Arch:
        """The member of this architecture's equivalence class whose dead edges are `none`.

        Architectures with the same representative compute the same function in a supernet whose
        cells have batch norm without affine parameters (9,445 classes). With affine batch norm,
        as in stand-alone training, a convolution that is fed zeros still emits a constant.
        """
        live = set(self.live_edges)
        return Arch(tuple(op if edge in live else NONE for edge, op in enumerate(self.ops)))

    @property
    def is_live(self) -> bool:
        """Whether any signal reaches the output (true of all but 341 architectures)."""
        return bool(self.live_edges)

    def count_op(self, op: int) -> int:
        """Count the edges, dead ones included, that carry operation `op` (index into `OPS`)."""
        return self.ops.count(op)


@cache
def enumerate_archs() -> tuple[Arch, ...]:
    """Enumerate all 15,625 architectures in the published order.

    The benchmark's authors shuffled the lexicographic product with Python's generator and a
    fixed seed, so the order can be made again instead of being stored; the real table's strings
    hold this to account in the tests.

    Returns:
        The architectures; position i is the one whose `nb201_index` is i.
    """
    product = list(itertools.product(range(len(OPS)), repeat=len(EDGES)))
    random.Random(_PUBLISHED_SHUFFLE_SEED).shuffle(product)
    return tuple(Arch(ops) for ops in product)


@cache
def _index_of() -> dict[tuple[int, ...], int]:
    return {arch.ops: index for index, arch in enumerate(enumerate_archs())}


@cache
def canonical_permutation() -> tuple[int, ...]:
    """Return the one permutation of all `nb201_index` whose prefixes are the samples.

    Architectures are ordered by the SHA-256 digest of their string with a fixed salt, so the
    order depends on no library's random stream, and "the first n" nest and overlap everywhere.

    Returns:
        All 15,625 indices, permuted.
    """

    def digest(index: int) -> bytes:
        text = f"{_PERMUTATION_SALT}:{enumerate_archs()[index]}"
        return hashlib.sha256(text.encode()).digest()

    return tuple(sorted(range(N_ARCHS), key=digest))


def sample_indices(n_archs: int, offset: int = 0) -> tuple[int, ...]:
    """Return the first `n_archs` indices of the canonical permutation, or those after `offset`.

    Args:
        n_archs: How many, 1 to 15,625.
        offset: How many to skip first, 0 and up.

    Returns:
        Indices in the order of the permutation.

    Raises:
        ArchError: If there are not that many.
    """
    if offset and not 1 <= n_archs <= N_ARCHS - offset:
        raise ArchError(
            f"{n_archs} architectures after the first {offset:,} of the permutation were asked "
            f"for; this space has {N_ARCHS:,}. Ask for fewer, or lower rank_offset."
        )
    if not 1 <= n_archs <= N_ARCHS:
        raise ArchError(
            f"{n_archs} architectures were asked for; this space has 1 to {N_ARCHS:,}. "
            "Give a number in that range, or 'all'."
        )
    return canonical_permutation()[offset : offset + n_archs]


def arch_at(nb201_index: int) -> Arch:
    """Return the architecture at a position of the published table.

    Args:
        nb201_index: 0 to 15,624.

    Returns:
        The architecture.

    Raises:
        ArchError: If the index is out of range.
    """
    if not 0 <= nb201_index < N_ARCHS:
        raise ArchError(
            f"Architecture index {nb201_index} was given; the published table has 0 to "
            f"{N_ARCHS - 1}."
        )
    return enumerate_archs()[nb201_index]


def parse_arch(text: str) -> Arch:
    """Parse the benchmark's string form.

    Args:
        text: For example `|avg_pool_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|none~2|`;
            convolutions may lack their `nor_`.

    Returns:
        The architecture.

    Raises:
        ArchError: If a node, an edge or an operation is missing, in excess, or unknown.
    """
    nodes = text.strip().split("+")
    if len(nodes) != N_NODES - 1:
        raise _arch_error(text, f"it has {len(nodes)} nodes instead of {N_NODES - 1}")
    ops: list[int] = []
    for target, node in enumerate(nodes, start=1):
        ops += _parse_node(text, node, target)
    return Arch(tuple(ops))


def _parse_node(text: str, node: str, target: int) -> list[int]:
    if len(node) < 2 or node[0] != "|" or node[-1] != "|":
        raise _arch_error(text, f"node {target}, '{node}', does not begin and end with '|'")
    tokens = node[1:-1].split("|")
    if len(tokens) != target:
        raise _arch_error(text, f"node {target} has {len(tokens)} edges instead of {target}")
    ops = []
    for source, token in enumerate(tokens):
        match = _TOKEN.match(token)
        if match is None:
            raise _arch_error(text, f"edge '{token:.60}' of node {target} is not 'op~source'")
        if int(match["source"]) != source:
            raise _arch_error(
                text, f"edge '{token}' of node {target} comes from {match['source']}, not {source}"
            )
        if match["op"] not in OP_BY_NAME:
            raise _arch_error(
                text, f"operation '{match['op']}' is unknown (available: {', '.join(OPS)})"
            )
        ops.append(OP_BY_NAME[match["op"]])
    return ops


def _arch_error(text: str, reason: str) -> ArchError:
    shown = text if len(text) <= 120 else text[:117] + "..."
    return ArchError(
        f"'{shown}' is not a NAS-Bench-201 architecture: {reason}. The form is "
        "'|op~0|+|op~0|op~1|+|op~0|op~1|op~2|'."
    )
