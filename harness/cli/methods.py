"""Which estimators a command names: strategies of supernets, proxies, predictors, free scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.errors import UsageError, unknown_name
from harness.estimators import FREE, PROXIES, SUPERNET, TRAINED, load_estimator
from harness.estimators import REGISTRY as ESTIMATORS
from harness.estimators.naming import parse_terms, split_names, split_settings
from harness.settings.base import Settings
from harness.settings.dotted import merge
from harness.settings.layers import parse_assignments
from harness.settings.run import RunConfig
from harness.strategies import REGISTRY as STRATEGIES
from harness.strategies import check_strategy, load_strategy

DEFAULT_STRATEGIES = ("spos", "ogd")

GROUPS = {"zero-cost": tuple(PROXIES), "supernets": DEFAULT_STRATEGIES, "free": tuple(FREE)}
"""Names for several estimators at once."""


class Method(NamedTuple):
    """One estimator of a command.

    Attributes:
        estimator: A name of `harness.estimators.REGISTRY`, or `package.module:Class`.
        strategy: The training strategy of a supernet; None for other estimators.
        settings: Settings of its own, such as "n=32"; they take precedence over `--config`.
    """

    estimator: str
    strategy: str | None
    settings: tuple[str, ...] = ()

    def configure(self, config: RunConfig, seed: int) -> RunConfig:
        """Return the settings of its run of a seed."""
        update = {"estimator": self.estimator, "seed": seed}
        if self.strategy is not None:
            update["strategy"] = self.strategy
        if self.settings:
            config = config.with_tables(merge(config.tables, self._own_table()))
        return config.model_copy(update=update)

    def label(self, config: RunConfig) -> str:
        """Return what a report calls its runs."""
        config = self.configure(config, seed=0)
        if (own := self._find_settings()) is not None:
            given = config.tables.get(own.table, {})
            config = config.with_tables({own.table: own.read(given).stored()})
        return config.label

    def _find_settings(self) -> type[Settings] | None:
        if self.strategy is None:
            return load_estimator(self.estimator).Settings
        return load_strategy(self.strategy).Settings

    def _own_table(self) -> dict[str, Any]:
        own = self._find_settings()
        if own is None:
            name = self.strategy or self.estimator
            raise UsageError(
                f"{name}({','.join(self.settings)}) was given, and '{name}' has no settings of its "
                "own. Leave out the brackets."
            )
        given = parse_assignments(f"{own.table}.{text}" for text in self.settings)
        own.check_keys(given[own.table])
        return given


class Asked(NamedTuple):
    """What a command asks for.

    Attributes:
        methods: The estimators to compute, components of combinations too; of these, free ones only
            where all are.
        combinations: Those to report on besides, as they were written.
    """

    methods: list[Method]
    combinations: list[str]


def parse_options(strategies: str | None, estimators: str | None) -> Asked:
    """Find the estimators that `--strategies` and `--estimators` name.

    Raises:
        UsageError: If an option names nothing, or as `parse_methods`.
    """
    for option, text in (("strategies", strategies), ("estimators", estimators)):
        if text is not None and not split_names(text):
            kind = "strategy" if option == "strategies" else "estimator"
            known = (
                STRATEGIES if option == "strategies" else (*STRATEGIES, *TRAINED, *PROXIES, *FREE)
            )
            raise UsageError(f"--{option} '{text}' names no {kind}. Available: {', '.join(known)}.")
    single, combinations = [], []
    for name in split_names(estimators):
        terms = parse_terms(name, {*STRATEGIES, *ESTIMATORS, *GROUPS})
        if len(terms) == 1:
            single.append(name)
            continue
        combinations.append(name)
        single += _find_computed(name, [term.name for term in terms])
    return Asked(parse_methods(split_names(strategies), single), combinations)


def _find_computed(text: str, components: Sequence[str]) -> list[str]:
    """Return the components of a combination that are to be computed: a free one need not be."""
    for name in components:
        if name in GROUPS:
            raise UsageError(
                f"'{text}' has '{name}' as a component, which is a group. Name one estimator, such "
                f"as {GROUPS[name][0]}; '{name}' may stand beside it, separated by a comma."
            )
        _find(name)
    return [name for name in components if name not in FREE] or list(components)


def parse_methods(strategies: Iterable[str], estimators: Iterable[str] = ()) -> list[Method]:
    """Find the estimators that names stand for, each once.

    Args:
        strategies: Training strategies.
        estimators: Strategies, other estimators, groups of them, or classes of one's own.

    Raises:
        UsageError: If a name is none of these, or a class is neither strategy nor estimator.
    """
    methods = []
    for strategy in strategies:
        check_strategy(strategy)
        methods.append(Method(SUPERNET, strategy))
    single = [one for name in estimators for one in GROUPS.get(name, (name,))]
    return list(dict.fromkeys([*methods, *map(_find, single)]))


def spell_out(combination: str, config: RunConfig) -> str:
    """Write a combination with its components as a report calls them.

    Args:
        combination: As it was written, such as `live_params+2*predictor(n=32)`.
        config: The settings of the command.
    """
    from harness.stats.combination import write_sum

    terms = parse_terms(combination, {*STRATEGIES, *ESTIMATORS})
    labels = [_find(term.name).label(config) for term in terms]
    return write_sum(labels, [term.weight for term in terms])


def refuse_others(
    methods: Sequence[Method],
    given: Mapping[str, str | None],
    asked: RunConfig,
    assigned: Mapping[str, Any],
) -> None:
    """Refuse a `--set` that names another estimator or strategy than the options do.

    Args:
        methods: What the options name.
        given: The text of each option, by its name.
        asked: The settings with those assigned.
        assigned: The settings that `--set` gives.

    Raises:
        UsageError: If it does; the option that names all is shown.
    """
    for key in ("strategy", "estimator"):
        named = list(dict.fromkeys(getattr(method, key) for method in methods))
        wanted = getattr(asked, key)
        if key not in assigned or set(named) <= {wanted, None}:
            continue
        texts = {option: text for option, text in given.items() if text is not None}
        options = " ".join(f"--{option} {text}" for option, text in texts.items())
        other = asked.strategy if wanted == SUPERNET else wanted
        names = dict.fromkeys([*split_names(",".join(texts.values())), other])
        raise UsageError(
            f"{options} and --set {key}={wanted} contradict each other: --set {key} is for a "
            f"command without these options. Leave one out, or give --estimators "
            f"{','.join(names)} for all of them."
        )


def _find(text: str) -> Method:
    """Find the estimator of a name, which may have settings in brackets."""
    name, settings = split_settings(text)
    return _find_class(name)._replace(settings=settings)


def _find_class(name: str) -> Method:
    if name in STRATEGIES:
        return Method(SUPERNET, name)
    if name in ESTIMATORS and name != SUPERNET:
        return Method(name, None)
    if ":" not in name:
        known = [*(key for key in ESTIMATORS if key != SUPERNET), *STRATEGIES, *GROUPS]
        error = unknown_name("estimator", name, known)
        raise UsageError(f"{error} Name one of your own as package.module:Class.")
    try:
        load_strategy(name)
    except UsageError:
        load_estimator(name)
        return Method(name, None)
    return Method(SUPERNET, name)
