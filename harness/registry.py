"""Classes by name: one of the harness's own, or a user's as `package.module:Class`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from harness.errors import UsageError, unknown_name


def find_class(kind: str, name: str, registry: Mapping[str, str]) -> str:
    """Return `package.module:Class` of a class, without importing it.

    Args:
        kind: What the class is, such as "strategy".
        name: A key of the registry, or `package.module:Class`.
        registry: `package.module:Class` of each class that has a name.

    Raises:
        UsageError: If the name is neither registered nor of that form.
    """
    if name in registry:
        return registry[name]
    module_name, colon, class_name = name.partition(":")
    if not colon:
        known = unknown_name(kind, name, registry)
        raise UsageError(f"{known} Name one of your own as package.module:Class.")
    if not all(part.isidentifier() for part in (*module_name.split("."), class_name)):
        raise UsageError(
            f"{kind.capitalize()} '{name}' is not of the form package.module:Class. Example: "
            f"{next(iter(registry.values()))}."
        )
    return name


def load_class(kind: str, name: str, registry: Mapping[str, str], base: str) -> type[Any]:
    """Import a class.

    Args:
        kind: What the class is, such as "strategy".
        name: A key of the registry, or `package.module:Class`.
        registry: `package.module:Class` of each class that has a name.
        base: `package.module:Class` of the class that it must derive from.

    Raises:
        UsageError: If the class does not exist, does not derive from `base` or is abstract.
    """
    module_name, _, class_name = find_class(kind, name, registry).partition(":")
    asked = f"{kind.capitalize()} '{name}'"
    try:
        found: Any = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        if name in registry:  # it is here; what it imports is missing, and the error says what
            raise
        raise UsageError(
            f"{asked}: module '{module_name}' cannot be imported ({error}). "
            "Is it installed, or its folder on PYTHONPATH?"
        ) from error
    base_module, _, base_name = base.partition(":")
    wanted = getattr(importlib.import_module(base_module), base_name)
    fits = isinstance(found, type) and issubclass(found, wanted)
    if not fits:
        raise UsageError(
            f"{asked}: '{class_name}' in '{module_name}' is not a subclass of "
            f"{base_module}.{base_name}."
        )
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise UsageError(f"{asked}: '{class_name}' does not define {missing}.")
    loaded: type[Any] = found
    return loaded
