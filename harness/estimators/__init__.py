"""Estimators: whatever gives architectures scores, one folder a family, and its row in `REGISTRY`.

Names resolve lazily, so that asking which estimators there are imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from harness.errors import UsageError, unknown_name

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
    from harness.estimators.base import Estimator

    module_name, colon, class_name = REGISTRY.get(name, name).partition(":")
    if not colon:
        raise unknown_name("estimator", name, REGISTRY)
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"Estimator '{name}': module '{module_name}' cannot be imported ({error}). "
            "Is it installed, or its folder on PYTHONPATH?"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Estimator)):
        raise UsageError(
            f"Estimator '{name}': '{class_name}' in '{module_name}' is not a subclass of "
            "harness.estimators.base.Estimator."
        )
    return found
