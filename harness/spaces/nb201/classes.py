"""Architectures that are the same, in two senses that must not be confused.

The *dead-edge class* (9,445 of them): the same function in a supernet whose cells have batch norm
without affine parameters. The *isomorphism string* (6,466 of them): the benchmark's own label,
which simplifies zeros and skips. Neither is finer than the other, and equal strings do not promise
equal outputs.

Reference: Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from operator import attrgetter

from harness.spaces.nb201.encoding import EDGES, N_NODES, NONE, OPS, SKIP, Arch, enumerate_archs

_INPUT, _ZERO = "0", "#"
_REPRESENTATIVE = attrgetter("representative")


def dead_edge_class(arch: Arch) -> tuple[int, ...]:
    """Return the members of an architecture's dead-edge class.

    Args:
        arch: The architecture.

    Returns:
        Their `nb201_index`, ascending, its own among them.
    """
    return _members_by(_REPRESENTATIVE)[arch.representative]


def isomorphism_string(arch: Arch) -> str:
    """Write an architecture as the benchmark does to tell isomorphic ones.

    A node is the sorted sum of what its edges bring: nothing is `#`, a skip brings its source as
    it is, any other operation brings `(source)@operation`. A node is known to be nothing only
    where it has one edge, so sums of zeros stay sums: that is the benchmark's way.

    Args:
        arch: The architecture.

    Returns:
        The string of the output node; 6,466 distinct ones occur.
    """
    nodes = [_INPUT]
    for node in range(1, N_NODES):
        terms = [
            _term(op, nodes[source])
            for (target, source), op in zip(EDGES, arch.ops, strict=True)
            if target == node
        ]
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def _term(op: int, source: str) -> str:
    if op == NONE or source == _ZERO:
        return _ZERO
    return source if op == SKIP else f"({source})@{OPS[op]}"


def isomorphism_class(arch: Arch) -> tuple[int, ...]:
    """Return the architectures with the same isomorphism string.

    Args:
        arch: The architecture.

    Returns:
        Their `nb201_index`, ascending, its own among them.
    """
    return _members_by(isomorphism_string)[isomorphism_string(arch)]


@cache
def _members_by(label: Callable[[Arch], Hashable]) -> dict[Hashable, tuple[int, ...]]:
    members: dict[Hashable, list[int]] = {}
    for index, arch in enumerate(enumerate_archs()):
        members.setdefault(label(arch), []).append(index)
    return {name: tuple(indices) for name, indices in members.items()}
