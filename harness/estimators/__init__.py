"""Estimators: whatever scores architectures, one folder for each family, found by `REGISTRY`.

Names resolve lazily, so that asking which estimators there are imports no torch. Free scores are
those of a space, `Space.baselines`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.errors import UsageError, unknown_name
from harness.estimators.zero_cost import REGISTRY as PROXIES
from harness.registry import is_plugin, load_class, with_plugins
from harness.settings.run import SHARED, RunConfig
from harness.spaces import DEFAULT, load_space

if TYPE_CHECKING:
    from harness.estimators.base import Estimator
    from harness.settings.base import Settings

__all__ = [
    "PREDICTOR",
    "PROXIES",
    "REGISTRY",
    "SUPERNET",
    "TRAINED",
    "TWO_STAGE",
    "estimator_of",
    "is_free",
    "known_settings",
    "load_estimator",
    "read_by",
    "settings_of",
]

SUPERNET = "supernet"
"""The estimator that a training strategy belongs to."""

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

REGISTRY = with_plugins(
    "estimator",
    {
        SUPERNET: "harness.estimators.supernet.estimator:Supernet",
        **TRAINED,
        TWO_STAGE: "harness.estimators.two_stage:TwoStage",
        **PROXIES,
    },
)
"""`module:Class` of each estimator of every space, by name, installed packages' too."""

_FREE = "harness.estimators.free:Free"


def load_estimator(name: str, space: str = DEFAULT) -> type[Estimator]:
    """Import the class of an estimator.

    Args:
        name: A key of `REGISTRY`, a free score of the space, or `package.module:Class` of one's
            own.
        space: The name of the space.

    Raises:
        UsageError: If it does not exist or is not an estimator.
    """
    known = {**REGISTRY, **dict.fromkeys(_free_scores(space), _FREE)}
    return load_class("estimator", name, known, "harness.estimators.base:Estimator")


def estimator_of(config: RunConfig) -> type[Estimator]:
    """Import the class of the estimator of a run."""
    return load_estimator(config.estimator, config.space)


def is_free(config: RunConfig) -> bool:
    """Return whether a run's estimator is a free score of its space."""
    return config.estimator in _free_scores(config.space)


def _free_scores(space: str) -> list[str]:
    return [name for name in load_space(space).baselines if name not in REGISTRY]


def read_by(configs: Iterable[RunConfig]) -> frozenset[str]:
    """Return the settings of `RunConfig` that the estimator of any of some runs reads.

    Raises:
        UsageError: If a class of one's own names a setting that does not exist.
    """
    read = set(SHARED)
    for config in configs:
        own = estimator_of(config).reads
        for key in own or ():
            if key not in RunConfig.model_fields:
                error = unknown_name("setting", key, RunConfig.model_fields)
                raise UsageError(f"Estimator '{config.estimator}', `reads`: {error}")
        read |= RunConfig.model_fields.keys() if own is None else own
    return frozenset(read)


def known_settings(used: Iterable[type[Estimator]]) -> list[type[Settings]]:
    """Return the classes of the settings of the harness's own estimators and of those in use.

    A package's estimator that nobody asked for is not imported.
    """
    own = (name for name in REGISTRY if not is_plugin("estimator", name))
    return settings_of([*map(load_estimator, own), *used])


def settings_of(estimators: Iterable[type[Estimator]]) -> list[type[Settings]]:
    """Return the classes of the settings of some estimators, each once."""
    found = (estimator.Settings for estimator in estimators)
    return list(dict.fromkeys(own for own in found if own is not None))
