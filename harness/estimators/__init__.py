"""Estimators: whatever scores architectures, one folder for each family, found by `REGISTRY`.

Names resolve lazily, so that asking which estimators there are imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.registry import load_class

if TYPE_CHECKING:
    from harness.estimators.base import Estimator

REGISTRY = {"supernet": "harness.estimators.supernet.estimator:Supernet"}
"""`module:Class` of each estimator, by name."""


def load_estimator(name: str) -> type[Estimator]:
    """Import the class of an estimator.

    Args:
        name: A key of `REGISTRY`, or `package.module:Class` of one's own.

    Raises:
        UsageError: If it does not exist or is not an estimator.
    """
    return load_class("estimator", name, REGISTRY, "harness.estimators.base:Estimator")
