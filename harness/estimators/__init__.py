"""Estimators: whatever scores architectures, one folder for each family, found by `REGISTRY`.

Names resolve lazily, so that asking which estimators there are imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.errors import UsageError, unknown_name
from harness.estimators.zero_cost import REGISTRY as PROXIES
from harness.registry import load_class
from harness.settings.run import SHARED, RunConfig

if TYPE_CHECKING:
    from harness.estimators.base import Estimator
    from harness.settings.base import Settings

__all__ = [
    "FREE",
    "PREDICTOR",
    "PROXIES",
    "REGISTRY",
    "SUPERNET",
    "TRAINED",
    "TWO_STAGE",
    "load_estimator",
    "read_by",
    "settings_of",
]

SUPERNET = "supernet"
"""The estimator that a training strategy belongs to."""

FREE = dict.fromkeys(
    ("params", "flops", "live_params", "live_flops", "random", "depth", "digit_sum"),
    "harness.estimators.free:Free",
)
"""The baselines of our spaces; the first five are those of every space."""

PREDICTOR = "predictor"
"""A regression that is fitted to the truth of a few architectures."""

TRAINED = {
    PREDICTOR: "harness.estimators.predictors.estimator:Predictor",
    "short_training": "harness.estimators.short_training.estimator:ShortTraining",
    "learning_curve": "harness.estimators.learning_curve:LearningCurve",
}
"""What takes trainings of single architectures, a few of them or short ones."""

TWO_STAGE = "two-stage"
"""A ranking whose best share another estimator re-orders."""

REGISTRY = {
    SUPERNET: "harness.estimators.supernet.estimator:Supernet",
    **TRAINED,
    TWO_STAGE: "harness.estimators.two_stage:TwoStage",
    **FREE,
    **PROXIES,
}
"""`module:Class` of each estimator, by name."""


def load_estimator(name: str) -> type[Estimator]:
    """Import the class of an estimator.

    Args:
        name: A key of `REGISTRY`, or `package.module:Class` of one's own.

    Raises:
        UsageError: If it does not exist or is not an estimator.
    """
    return load_class("estimator", name, REGISTRY, "harness.estimators.base:Estimator")


def read_by(names: Iterable[str]) -> frozenset[str]:
    """Return the settings of `RunConfig` that any of some estimators reads.

    Raises:
        UsageError: If a class of one's own names a setting that does not exist.
    """
    read = set(SHARED)
    for name in names:
        own = load_estimator(name).reads
        for key in own or ():
            if key not in RunConfig.model_fields:
                error = unknown_name("setting", key, RunConfig.model_fields)
                raise UsageError(f"Estimator '{name}', `reads`: {error}")
        read |= RunConfig.model_fields.keys() if own is None else own
    return frozenset(read)


def settings_of(names: Iterable[str]) -> list[type[Settings]]:
    """Return the classes of the settings of some estimators, each once."""
    found = (load_estimator(name).Settings for name in names)
    return list(dict.fromkeys(own for own in found if own is not None))
