"""Training strategies. To add one: a module here, its row in `REGISTRY`, its row in the tests.

Names resolve lazily, so that asking which strategies there are imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError, unknown_name
from harness.registry import find_class, load_class
from harness.settings.base import Settings
from harness.settings.run import RunConfig

if TYPE_CHECKING:
    from harness.strategies.base import Strategy


REGISTRY = {
    "fairnas": "harness.strategies.fairnas:StrictFairness",
    "novelty": "harness.strategies.novelty:NoveltySampling",
    "nsas": "harness.strategies.nsas:NoveltySearchConstraints",
    "ogd": "harness.strategies.ogd:OrthogonalGradientDescent",
    "random-projector": "harness.strategies.random_projector:RandomProjector",
    "sandwich": "harness.strategies.sandwich:Sandwich",
    "spos": "harness.strategies.spos:SinglePathOneShot",
    "spos-norm-matched": "harness.strategies.norm_matched:NormMatched",
    "spos-trace-matched": "harness.strategies.trace_matched:TraceMatched",
    "wpl": "harness.strategies.wpl:WeightPlasticity",
}
"""`module:Class` of each strategy, by name. Its settings are its class's `Settings`."""


def check_strategy(name: str) -> str:
    """Return `module:Class` of a strategy, registered or given as `package.module:Class`.

    Raises:
        UsageError: If no strategy has that name.
    """
    return find_class("strategy", name, REGISTRY)


def load_strategy(name: str) -> type[Strategy]:
    """Import the class of a strategy.

    Args:
        name: A key of `REGISTRY`, or `package.module:Class` of one's own.

    Returns:
        The class, a subclass of `Strategy`.

    Raises:
        UsageError: If it does not exist or is not a strategy.
    """
    return load_class("strategy", name, REGISTRY, "harness.strategies.base:Strategy")


def strategy_settings(config: RunConfig) -> Settings | None:
    """Return the settings of a run's strategy; None where it has none.

    Raises:
        UsageError: If the strategy does not exist, or a setting of its table is not allowed.
    """
    own = load_strategy(config.strategy).Settings
    return None if own is None else own.read(config.tables.get(own.table, {}))


def check_tables(settings: Mapping[str, Any], strategies: Iterable[str], where: str = "") -> None:
    """Refuse tables that no strategy has, and unknown keys in them.

    Args:
        settings: Settings of a run as a user gave them.
        strategies: The strategies that are asked for; those of `REGISTRY` are known besides.
        where: Where the settings were given, for the message.

    Raises:
        UsageError: If a table or a key is unknown.
    """
    tables = {key: value for key, value in settings.items() if key not in RunConfig.model_fields}
    if not tables:
        return
    classes = [load_strategy(name).Settings for name in dict.fromkeys([*strategies, *REGISTRY])]
    known = {own.table: own for own in reversed(classes) if own is not None}
    for table, given in tables.items():
        if table not in known:
            raise unknown_name(f"setting{where}", table, [*RunConfig.model_fields, *known])
        known[table].check_keys(given, where)


def refuse_unread(settings: Mapping[str, Any], strategies: Iterable[str]) -> None:
    """Refuse settings of strategies that are not asked for: they would have no effect.

    Raises:
        UsageError: If there are any.
    """
    names = list(strategies)
    own = {found.table for name in names if (found := load_strategy(name).Settings) is not None}
    for key, value in settings.items():
        table = key.partition(".")[0]
        if table not in RunConfig.model_fields and table not in own:
            raise UsageError(
                f"{key} = {value!r} was given, and has no effect: no strategy of "
                f"{', '.join(names)} reads it. Leave it out, or ask for a strategy that does."
            )
