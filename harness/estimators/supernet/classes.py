"""Equivalence classes of the architectures to rank, and the order to compute them in."""

from __future__ import annotations

from collections.abc import Iterable

from harness.spaces.nb201.encoding import EDGES, Arch, arch_at

_BY_NODE = sorted(range(len(EDGES)), key=lambda edge: (EDGES[edge][0] == 3, edge))


def class_index(nb201_index: int) -> int:
    """Return the index of the representative of an architecture's equivalence class."""
    return arch_at(nb201_index).representative.nb201_index


def count_classes(indices: Iterable[int]) -> int:
    """Count the equivalence classes among architectures."""
    return len({class_index(index) for index in indices})


def order_classes(indices: Iterable[int]) -> list[Arch]:
    """Order the classes so that those with equal first nodes are computed one after the other.

    Args:
        indices: `nb201_index` of architectures.

    Returns:
        The representatives, each once.
    """
    classes = {arch_at(index).representative for index in indices}
    return sorted(classes, key=lambda arch: [arch.ops[edge] for edge in _BY_NODE])
