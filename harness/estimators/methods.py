"""What the name of an estimator stands for, such as `spos`, `jacov` or `predictor(n=32)`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from harness.errors import UsageError, unknown_name
from harness.estimators import REGISTRY, SUPERNET, estimator_of, load_estimator
from harness.estimators.naming import split_settings, write_name
from harness.registry import is_plugin
from harness.settings.base import Settings
from harness.settings.dotted import merge
from harness.settings.layers import parse_assignments
from harness.settings.run import RunConfig
from harness.spaces import Space
from harness.strategies import REGISTRY as STRATEGIES
from harness.strategies import load_strategy, strategy_settings

NAMED = (*(name for name in REGISTRY if name != SUPERNET), *STRATEGIES)
"""What a name can be, besides a free score of the space and `package.module:Class`."""


class Method(NamedTuple):
    """One estimator of a command, or of another estimator.

    Attributes:
        estimator: What `harness.estimators.load_estimator` takes.
        strategy: The training strategy of a supernet; None for other estimators.
        settings: Settings of its own, such as "n=32"; they take precedence over `--config`.
    """

    estimator: str
    strategy: str | None
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the name as a user writes it, with a space after each comma."""
        return write_name(self.strategy or self.estimator, self.settings)

    @property
    def given(self) -> frozenset[str]:
        """The keys of its settings."""
        return frozenset(text.partition("=")[0] for text in self.settings)

    def configure(self, config: RunConfig, seed: int) -> RunConfig:
        """Return the settings of its run of a seed."""
        update = {"estimator": self.estimator, "seed": seed}
        if self.strategy is not None:
            update["strategy"] = self.strategy
        if self.settings:
            config = config.with_tables(merge(config.tables, self._own_table(config.space)))
        return config.model_copy(update=update)

    def label(self, config: RunConfig) -> str:
        """Return what a report calls its runs."""
        config = self.configure(config, seed=0)
        if (own := own_settings(config)) is not None:
            config = config.with_tables({own.table: own.stored()})
        return config.label

    def _own_table(self, space: str) -> dict[str, Any]:
        name = self.strategy or self.estimator
        found = load_estimator(name, space) if self.strategy is None else load_strategy(name)
        own = found.Settings
        if own is None:
            raise UsageError(
                f"{name}({','.join(self.settings)}) was given, and '{name}' has no settings of its "
                "own. Leave out the brackets."
            )
        given = parse_assignments(f"{own.table}.{text}" for text in self.settings)
        own.check_keys(given[own.table])
        return given


class Nested(NamedTuple):
    """An estimator that another one asks for scores.

    Attributes:
        method: What it is.
        config: The settings of its run.
    """

    method: Method
    config: RunConfig

    @property
    def name(self) -> str:
        """What the other one calls it."""
        return str(self.method)


def find_method(
    text: str, space: Space, others: Iterable[str] = (), what: str = "estimator"
) -> Method:
    """Find the estimator of a name, which may have settings in brackets.

    Args:
        text: A strategy, another estimator, a free score, or a class of one's own.
        space: The space of the architectures.
        others: Names that could have been meant, for an error.
        what: What is asked for, likewise.

    Raises:
        UsageError: If it is none of these, or a class is neither strategy nor estimator.
    """
    name, settings = split_settings(text)
    return _find_class(name, space, others, what)._replace(settings=settings)


def refuse_shared(name: str, space: Space) -> None:
    """Refuse a name that an installed package gave to one thing, and that another has too.

    Raises:
        UsageError: If it is more than one of a strategy, an estimator and a free score.
    """
    places = {"strategy": STRATEGIES, "estimator": REGISTRY, "free score": space.baselines}
    kinds = [kind for kind, names in places.items() if name in names]
    if len(kinds) > 1 and any(is_plugin(kind, name) for kind in kinds):
        raise UsageError(
            f"'{name}' is {' and '.join(kinds)}, and an installed package added one. Rename it "
            "there, or ask for package.module:Class."
        )


def own_settings(config: RunConfig) -> Settings | None:
    """Return the settings of a run's own estimator or strategy; None where it has none.

    Raises:
        UsageError: If a setting is not allowed.
    """
    if config.estimator == SUPERNET:
        return strategy_settings(config)
    own = estimator_of(config).Settings
    return None if own is None else own.of(config)


def _find_class(name: str, space: Space, others: Iterable[str], what: str) -> Method:
    refuse_shared(name, space)
    if name in STRATEGIES:
        return Method(SUPERNET, name)
    if name in NAMED or name in space.baselines:
        return Method(name, None)
    if ":" not in name:
        error = unknown_name(what, name, dict.fromkeys([*NAMED, *space.baselines, *others]))
        raise UsageError(f"{error} Name one of your own as package.module:Class.")
    try:
        load_strategy(name)
    except UsageError:
        load_estimator(name)
        return Method(name, None)
    return Method(SUPERNET, name)
