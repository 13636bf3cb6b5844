"""Training strategies. To add one: a module here, its row in `REGISTRY`, its row in the tests.

Names resolve lazily, so that asking which strategies there are imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError, unknown_name
from harness.registry import find_class, is_plugin, load_class, with_plugins
from harness.settings.base import Settings
from harness.settings.run import RunConfig

if TYPE_CHECKING:
    from harness.strategies.base import Strategy


REGISTRY = with_plugins(
    "strategy",
    {
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
    },
)
"""`module:Class` of each strategy, by name, those of installed packages too. Its settings are its
class's `Settings`."""


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
        UsageError: If it does not exist, is not a strategy, or has faulty `Settings`.
    """
    found: type[Strategy] = load_class(
        "strategy", name, REGISTRY, "harness.strategies.base:Strategy"
    )
    _check_settings(name, found.Settings)
    return found


def _check_settings(name: str, own: Any) -> None:
    """Refuse settings of a strategy that cannot be a table of a run's settings."""
    if own is None:
        return
    if not (isinstance(own, type) and issubclass(own, Settings)):
        raise UsageError(
            f"Strategy '{name}': its Settings are {own!r:.60}. Make them a subclass of "
            "harness.settings.base.Settings, or None."
        )
    table = getattr(own, "table", None)
    if not isinstance(table, str) or not table.isidentifier() or table in RunConfig.model_fields:
        raise UsageError(
            f"Strategy '{name}': the table of its Settings is {table!r:.60}. Name it with "
            'table = "...", other than the settings of a run are named.'
        )


def strategy_settings(config: RunConfig) -> Settings | None:
    """Return the settings of a run's strategy; None where it has none.

    Raises:
        UsageError: If the strategy does not exist, or a setting of its table is not allowed.
    """
    own = load_strategy(config.strategy).Settings
    return None if own is None else own.of(config)


def check_tables(
    settings: Mapping[str, Any],
    strategies: Iterable[str],
    where: str = "",
    others: Iterable[type[Settings]] = (),
) -> None:
    """Refuse tables that no strategy has, and unknown keys in them.

    Args:
        settings: Settings of a run as a user gave them.
        strategies: The strategies that are asked for; the harness's own are known besides.
        where: Where the settings were given, for the message.
        others: Settings of other estimators.

    Raises:
        UsageError: If a table or a key is unknown.
    """
    tables = {key: value for key, value in settings.items() if key not in RunConfig.model_fields}
    if not tables:
        return
    known = {own.table: own for own in others}
    own_rows = (name for name in REGISTRY if not is_plugin("strategy", name))
    for name in dict.fromkeys([*strategies, *own_rows]):
        own = load_strategy(name).Settings
        if own is not None and known.setdefault(own.table, own) is not own:
            raise UsageError(
                f"Strategy '{name}' and another one have different settings in a table of one "
                f"name, '{own.table}'. Rename the table of your own."
            )
    for table, given in tables.items():
        if table not in known:
            raise unknown_name(f"setting{where}", table, [*RunConfig.model_fields, *known])
        known[table].check_keys(given, where)


def refuse_unread(
    settings: Mapping[str, Any], strategies: Iterable[str], others: Iterable[type[Settings]] = ()
) -> None:
    """Refuse settings of strategies that are not asked for: they would have no effect.

    Args:
        settings: Given settings, flat.
        strategies: The strategies that are asked for.
        others: Settings of other estimators that are asked for.

    Raises:
        UsageError: If there are any.
    """
    names = list(strategies)
    own = {found.table for name in names if (found := load_strategy(name).Settings) is not None}
    own |= {found.table for found in others}
    for key, value in settings.items():
        table = key.partition(".")[0]
        if table not in RunConfig.model_fields and table not in own:
            asked = f"strategy of {', '.join(names)}" if names else "estimator of this command"
            raise UsageError(
                f"{key} = {value!r} was given, and has no effect: no {asked} reads it. Leave it "
                "out, or ask for one that does."
            )
