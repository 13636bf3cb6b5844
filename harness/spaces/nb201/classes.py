"""Architectures that are the same, in two senses that must not be confused.

The *dead-edge class* (9,445 of them): the same function in a supernet whose cells have batch norm
without affine parameters. The *isomorphism string* (6,466 of them): the benchmark's own label,
which simplifies zeros and skips. Neither is finer than the other, and equal strings do not promise
equal outputs.

Reference: Dong & Yang, NAS-Bench-201, 2020, arXiv 2001.00326, section 2.1.
"""

from __future__ import annotations

from functools import cache

from harness.spaces.nb201.encoding import EDGES, N_NODES, NONE, OPS, SKIP, Arch, enumerate_archs

_INPUT, _ZERO = "0", "#"


def dead_edge_class(arch: Arch) -> tuple[int, ...]:
    """Return the members of an architecture's dead-edge class.

    Args:
        arch: The architecture.

    Returns:
        Their `nb201_index`, ascending, its own among them.
    """
    return _dead_edge_classes()[arch.representative]


@cache
def _dead_edge_classes() -> dict[Arch, tuple[int, ...]]:
    members: dict[Arch, list[int]] = {}
    for index, arch in enumerate(enumerate_archs()):
        members.setdefault(arch.representative, []).append(index)
    return {arch: tuple(indices) for arch, indices in members.items()}


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
    return _isomorphism_classes()[isomorphism_string(arch)]


@cache
def _isomorphism_classes() -> dict[str, tuple[int, ...]]:
    members: dict[str, list[int]] = {}
    for index, arch in enumerate(enumerate_archs()):
        members.setdefault(isomorphism_string(arch), []).append(index)
    return {label: tuple(indices) for label, indices in members.items()}
