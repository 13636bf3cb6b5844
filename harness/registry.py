"""Classes by name: the harness's own, an installed package's, or `package.module:Class`.

A package adds a row with an entry point, in its own `pyproject.toml`:

    [project.entry-points."harness.strategies"]
    mine = "package.module:Class"

The groups are `harness.strategies`, `harness.estimators` and `harness.spaces`. To ask which rows
there are imports no package.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from harness.errors import UsageError, unknown_name

GROUPS = {
    "strategy": "harness.strategies",
    "estimator": "harness.estimators",
    "space": "harness.spaces",
}
"""The group of entry points that adds to a registry, by the kind of class."""


class _Plugin(NamedTuple):
    """The row of an installed package.

    Attributes:
        package: The name of its distribution.
        fault: Why its name cannot be used; empty if it can.
    """

    package: str
    fault: str = ""


_PLUGINS: dict[tuple[str, str], _Plugin] = {}
"""The rows of installed packages, by kind and name."""


def with_plugins(kind: str, own: Mapping[str, str]) -> dict[str, str]:
    """Add the rows of installed packages to a registry.

    A name that the harness or another package has already, or that cannot stand in a list of
    names, is refused when it is looked up, so that no command takes one for the other.

    Args:
        kind: What the classes are, a key of `GROUPS`.
        own: `package.module:Class` of the harness's own, by name.

    Returns:
        The rows of both; those of the harness come first.
    """
    registry = dict(own)
    found = entry_points(group=GROUPS[kind])
    for entry in sorted(found, key=lambda entry: (entry.name, entry.value)):
        package = entry.dist.name if entry.dist else "an unnamed package"
        is_place = entry.pattern.match(entry.value) is not None
        place = f"{entry.module}:{entry.attr or ''}" if is_place else entry.value
        fault = ""
        if entry.name in registry:
            other = _PLUGINS.get((kind, entry.name), _Plugin("the harness"))
            fault = (
                f"{kind.capitalize()} '{entry.name}' is a name of {other.package} and of the "
                f"installed package {package} too. Rename it in the package, or remove that: pip "
                f"uninstall {package}."
            )
        elif not re.fullmatch(r"[A-Za-z]\w*(-\w+)*", entry.name):
            fault = (
                f"{kind.capitalize()} '{entry.name}' of the installed package {package}: a name "
                "has letters, digits, '_' and '-', and begins with a letter. Rename it there."
            )
        elif not is_place:
            fault = (
                f"{kind.capitalize()} '{entry.name}' of the installed package {package}: "
                f"'{entry.value}' is not of the form package.module:Class. Correct it there."
            )
        _PLUGINS[kind, entry.name] = _Plugin(package, fault)
        registry.setdefault(entry.name, place)
    return registry


def is_plugin(kind: str, name: str) -> bool:
    """Return whether a name is a row of an installed package."""
    return (kind, name) in _PLUGINS


def find_class(kind: str, name: str, registry: Mapping[str, str]) -> str:
    """Return `package.module:Class` of a class, without importing it.

    Args:
        kind: What the class is, such as "strategy".
        name: A key of the registry, or `package.module:Class`.
        registry: `package.module:Class` of each class that has a name.

    Raises:
        UsageError: If the name is neither registered nor of that form, or of two packages.
    """
    if name in registry:
        plugin = _PLUGINS.get((kind, name))
        if plugin is not None and plugin.fault:
            raise UsageError(plugin.fault)
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
        module = importlib.import_module(module_name)
    except ImportError as error:
        if is_plugin(kind, name):
            package = _PLUGINS[kind, name].package
            raise UsageError(
                f"{asked} of the installed package {package}: '{module_name}' cannot be imported "
                f"({error}). Repair the package, or remove it: pip uninstall {package}."
            ) from error
        if name in registry:  # it is here; what it imports is missing, and the error says what
            raise
        raise UsageError(
            f"{asked}: module '{module_name}' cannot be imported ({error}). "
            "Is it installed, or its folder on PYTHONPATH?"
        ) from error
    base_module, _, base_name = base.partition(":")
    wanted = getattr(importlib.import_module(base_module), base_name)
    found: Any = getattr(module, class_name, None)
    if found is None:
        fitting = [key for key, value in vars(module).items() if _can_be_used(value, wanted)]
        raise UsageError(
            f"{asked}: there is no '{class_name}' in '{module_name}'. Subclasses of "
            f"{base_module}.{base_name} there: {', '.join(sorted(fitting)) or 'none'}."
        )
    if not _derives(found, wanted):
        raise UsageError(
            f"{asked}: '{class_name}' in '{module_name}' is not a subclass of "
            f"{base_module}.{base_name}."
        )
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise UsageError(f"{asked}: '{class_name}' does not define {missing}.")
    loaded: type[Any] = found
    return loaded


def _can_be_used(found: object, wanted: type[Any]) -> bool:
    return _derives(found, wanted) and not inspect.isabstract(found)


def _derives(found: object, wanted: type[Any]) -> bool:
    return isinstance(found, type) and issubclass(found, wanted)
