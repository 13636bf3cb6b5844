"""Search spaces: what can be ranked. One folder for each space, and its row in `REGISTRY`.

Names resolve lazily, so that asking which spaces there are imports none.
"""

from __future__ import annotations

from functools import cache

from harness.registry import find_class, load_class, with_plugins
from harness.spaces.base import Space
from harness.spaces.kinds import Grid
from harness.spaces.values import Architecture, NetworkShape

REGISTRY = with_plugins(
    "space",
    {
        "nb201": "harness.spaces.nb201.space:NB201",
        "macro": "harness.spaces.macro.space:Macro",
        "nb101": "harness.spaces.nb101.space:NB101",
        "nb101-ss1": "harness.spaces.nb1shot1.space:SS1",
        "nb101-ss2": "harness.spaces.nb1shot1.space:SS2",
        "nb101-ss3": "harness.spaces.nb1shot1.space:SS3",
        "transnas-micro": "harness.spaces.transnas.space:Micro",
        "transnas-macro": "harness.spaces.transnas.space:Macro",
        "nago": "harness.spaces.nago.space:Nago",
    },
)
"""`module:Class` of each space, by name, installed packages' too."""

DEFAULT = "nb201"
"""The space of runs and files that name none."""

__all__ = ["DEFAULT", "REGISTRY", "Architecture", "Grid", "NetworkShape", "Space", "load_space"]


def load_space(name: str = DEFAULT) -> Space:
    """Return a space.

    Args:
        name: A key of `REGISTRY`, or `package.module:Class` of one's own.

    Returns:
        The space: the same object at every call.

    Raises:
        UsageError: If it does not exist or is not a space.
    """
    return _load(find_class("space", name, REGISTRY))


@cache
def _load(name: str) -> Space:
    """Make the space of a `package.module:Class`, once whatever name it is asked for by."""
    space: Space = load_class("space", name, REGISTRY, "harness.spaces.base:Space")()
    return space
