"""Training strategies. To add one: a module here, its row in `REGISTRY`, its row in the tests.

Names resolve lazily, so that asking which strategies there are imports no torch.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, NamedTuple

from harness.errors import UsageError, unknown_name
from harness.settings.strategies import TABLES

if TYPE_CHECKING:
    from harness.settings.run import RunConfig
    from harness.settings.strategies import Settings
    from harness.strategies.base import Strategy


class Row(NamedTuple):
    """One registered strategy.

    Attributes:
        target: `module:Class`.
        settings: Tables of the configuration that it reads; the others are left out of its runs.
    """

    target: str
    settings: tuple[str, ...] = ()


REGISTRY = {
    "fairnas": Row("harness.strategies.fairnas:StrictFairness"),
    "novelty": Row("harness.strategies.novelty:NoveltySampling", ("novelty",)),
    "nsas": Row("harness.strategies.nsas:NoveltySearchConstraints", ("nsas",)),
    "ogd": Row("harness.strategies.ogd:OrthogonalGradientDescent", ("ogd",)),
    "random-projector": Row("harness.strategies.random_projector:RandomProjector", ("ogd",)),
    "sandwich": Row("harness.strategies.sandwich:Sandwich"),
    "spos": Row("harness.strategies.spos:SinglePathOneShot"),
    "spos-norm-matched": Row("harness.strategies.norm_matched:NormMatched", ("ogd",)),
    "spos-trace-matched": Row("harness.strategies.trace_matched:TraceMatched", ("ogd",)),
    "wpl": Row("harness.strategies.wpl:WeightPlasticity", ("wpl",)),
}


def check_strategy(name: str) -> Row:
    """Return the row of a strategy, registered or given as `package.module:Class`.

    Raises:
        UsageError: If no strategy has that name.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    module_name, colon, class_name = name.partition(":")
    if colon:
        if not all(part.isidentifier() for part in (*module_name.split("."), class_name)):
            raise UsageError(
                f"Strategy '{name}' is not of the form package.module:Class. Example: "
                f"{REGISTRY['spos'].target}."
            )
        return Row(name, tuple(TABLES))
    raise unknown_name("strategy", name, REGISTRY)


def load_strategy(name: str) -> type[Strategy]:
    """Import the class of a strategy.

    Args:
        name: A key of `REGISTRY`, or `package.module:Class` of one's own.

    Returns:
        The class, a subclass of `Strategy`.

    Raises:
        UsageError: If it does not exist or is not a strategy.
    """
    from harness.strategies.base import Strategy  # torch: only where a strategy is really used

    module_name, _, class_name = check_strategy(name).target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        raise UsageError(
            f"Strategy '{name}': module '{module_name}' cannot be imported ({error}). "
            "Is it installed, or its folder on PYTHONPATH?"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise UsageError(
            f"Strategy '{name}': '{class_name}' in '{module_name}' is not a subclass of "
            "harness.strategies.base.Strategy."
        )
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise UsageError(f"Strategy '{name}': '{class_name}' does not define {missing}.")
    return found


def strategy_settings(config: RunConfig) -> Settings | None:
    """Return the settings of a run's strategy; None where it has none, or the defaults hold."""
    tables = (getattr(config, table) for table in check_strategy(config.strategy).settings)
    found: Settings | None = next((table for table in tables if table is not None), None)
    return found
