"""Classes by name: every registry refuses the same things in the same words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import UsageError
from harness.estimators import load_estimator
from harness.spaces import load_space
from harness.strategies import load_strategy

LOADERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "estimator": (load_estimator, "harness.estimators.base:Estimator"),
    "space": (load_space, "harness.spaces.base:Space"),
    "strategy": (load_strategy, "harness.strategies.base:Strategy"),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_a_class_that_cannot_be_used_is_refused_with_the_reason(kind: str) -> None:
    load, base = LOADERS[kind]
    module, _, name = base.partition(":")
    refused = {
        "x": rf"^Unknown {kind} 'x'\.",
        "mine.py:X:Y": r"is not of the form package\.module:Class\. Example: harness\.",
        "no.such:X": rf"^{kind.capitalize()} 'no\.such:X': module 'no\.such' cannot be imported",
        "harness.errors:X": (
            rf"there is no 'X' in 'harness\.errors'\. Subclasses of {module}\.{name} there: none\.$"
        ),
        "harness.errors:DataError": rf"is not a subclass of {module}\.{name}\.$",
        base: rf"'{name}' does not define \w",
    }
    for given, message in refused.items():
        with pytest.raises(UsageError, match=message):
            load(given)
