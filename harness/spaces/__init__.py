"""Search spaces: what can be ranked. One folder a space, and its row in `REGISTRY`.

Names resolve lazily, so that asking which spaces there are imports none.
"""

from __future__ import annotations

import importlib
import inspect
from functools import cache

from harness.errors import UsageError, unknown_name
from harness.spaces.base import Architecture, Grid, NetworkShape, Space

REGISTRY = {"nb201": "harness.spaces.nb201.space:NB201"}
"""`module:Class` of each space, by name."""

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
    return _load(REGISTRY.get(name, name))


@cache
def _load(name: str) -> Space:
    """Make the space of a `module:Class`, once however it is asked for."""
    module_name, colon, class_name = name.partition(":")
    if not colon:
        known = unknown_name("space", name, REGISTRY)
        raise UsageError(
            f"{known} A space of your own is named by its class: package.module:Class."
        )
    if not all(part.isidentifier() for part in (*module_name.split("."), class_name)):
        raise UsageError(
            f"Space '{name}' is not of the form package.module:Class. Example: {REGISTRY[DEFAULT]}."
        )
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        raise UsageError(
            f"Space '{name}': module '{module_name}' cannot be imported ({error}). "
            "Is it installed, or its folder on PYTHONPATH?"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Space)):
        raise UsageError(
            f"Space '{name}': '{class_name}' in '{module_name}' is not a subclass of "
            "harness.spaces.base.Space."
        )
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise UsageError(f"Space '{name}': '{class_name}' does not define {missing}.")
    return found()
