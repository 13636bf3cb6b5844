"""Equivalence classes of the architectures to rank: what is computed once."""

from __future__ import annotations

from collections.abc import Iterable

from harness.spaces.base import Space
from harness.spaces.values import Architecture


def class_key(space: Space, key: int) -> int:
    """Return the key of the representative of an architecture's class under shared weights."""
    return space.key(space.canonical(space.at(key)))


def distinct_classes(space: Space, keys: Iterable[int]) -> list[Architecture]:
    """Return the representatives of the classes of some architectures, each once."""
    return list(dict.fromkeys(space.canonical(space.at(key)) for key in keys))


def live_classes(space: Space, keys: Iterable[int]) -> list[int]:
    """Return the keys of the representatives, each once; those without a live path are left out."""
    return [space.key(arch) for arch in distinct_classes(space, keys) if space.is_live(arch)]


def count_classes(space: Space, keys: Iterable[int]) -> int:
    """Count the classes among architectures."""
    return len(distinct_classes(space, keys))
