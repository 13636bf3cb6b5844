"""Dotted keys, such as `ogd.c`: how nested settings are written on one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 80
"""Characters of a value that a message shows."""


def nest(key: str, value: Any) -> dict[str, Any]:
    """Turn a dotted key and its value into tables."""
    *tables, leaf = key.split(".")
    nested: dict[str, Any] = {leaf: value}
    for table in reversed(tables):
        nested = {table: nested}
    return nested


def show_value(value: object) -> str:
    """Write a value for a message; of a long one, such as a list of architectures, the start."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Give nested values dotted keys; lists and empty tables stay as they are."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def differences(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each dotted key whose values differ, with both; None where a key is missing."""
    a, b = flatten(first), flatten(second)
    for key in {**a, **b}:
        if a.get(key) != b.get(key):
            yield key, a.get(key), b.get(key)


def merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two layers of settings, tables key by key; `high` takes precedence."""
    merged = dict(low)
    for key, value in high.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merge(old, value)
        merged[key] = value
    return merged
