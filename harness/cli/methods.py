"""Which estimators a command names: strategies of supernets, proxies, predictors, free scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.errors import UsageError
from harness.estimators import PROXIES, SUPERNET
from harness.estimators import REGISTRY as ESTIMATORS
from harness.estimators.methods import NAMED, Method, find_method, refuse_shared
from harness.estimators.naming import FLOOR, parse_terms, split_names
from harness.settings.run import RunConfig
from harness.spaces import Space, load_space
from harness.strategies import REGISTRY as STRATEGIES
from harness.strategies import check_strategy

DEFAULT_STRATEGIES = ("spos", "ogd")

GROUPS = ("zero-cost", "supernets", "free")
"""Names for several estimators at once."""


class Asked(NamedTuple):
    """What a command asks for.

    Attributes:
        methods: The estimators to compute, components of combinations too; of these, free ones only
            where all are.
        combinations: Those to report on besides, as they were written.
    """

    methods: list[Method]
    combinations: list[str]


def parse_options(
    strategies: str | None, estimators: str | None, space: Space | None = None
) -> Asked:
    """Find the estimators that `--strategies` and `--estimators` name, for a space as given.

    Raises:
        UsageError: If an option names nothing, or as `parse_methods`.
    """
    space = space or load_space()
    for option, text in (("strategies", strategies), ("estimators", estimators)):
        if text is not None and not split_names(text):
            kind = "strategy" if option == "strategies" else "estimator"
            known = STRATEGIES if option == "strategies" else (*NAMED, *space.baselines)
            raise UsageError(f"--{option} '{text}' names no {kind}. Available: {', '.join(known)}.")
    single, combinations = [], []
    for name in (_put_floor(name, space) for name in split_names(estimators)):
        terms = parse_terms(name, {*STRATEGIES, *ESTIMATORS, *GROUPS, *space.baselines})
        if len(terms) == 1:
            single.append(name)
            continue
        combinations.append(name)
        single += _find_computed(name, [term.name for term in terms], space)
    return Asked(parse_methods(split_names(strategies), single, space), combinations)


def _put_floor(text: str, space: Space) -> str:
    """Put the name of the space's floor in place of `floor`."""
    from harness.stats.combination import write_sum

    terms = parse_terms(text, {*STRATEGIES, *ESTIMATORS, *GROUPS, *space.baselines, FLOOR})
    if FLOOR in space.baselines or FLOOR not in {term.name for term in terms}:
        return text
    names = [space.floor if term.name == FLOOR else term.name for term in terms]
    return write_sum(names, [term.weight for term in terms])


def _find_computed(text: str, components: Sequence[str], space: Space) -> list[str]:
    """Return the components of a combination that are to be computed: a free one need not be."""
    for name in components:
        if name in GROUPS:
            raise UsageError(
                f"'{text}' has '{name}' as a component, which is a group. Name one estimator, such "
                f"as {_find_members(name, space)[0]}; '{name}' may stand beside it, separated by a "
                "comma."
            )
        find_method(name, space)
    return [name for name in components if name not in space.baselines] or list(components)


def parse_methods(
    strategies: Iterable[str], estimators: Iterable[str] = (), space: Space | None = None
) -> list[Method]:
    """Find the estimators that names stand for, each once.

    Args:
        strategies: Training strategies.
        estimators: Strategies, other estimators, groups of them, or classes of one's own.
        space: The space of the architectures; `DEFAULT` unless given.

    Raises:
        UsageError: If a name is none of these, or a class is neither strategy nor estimator.
    """
    space = space or load_space()
    methods = []
    for strategy in strategies:
        check_strategy(strategy)
        refuse_shared(strategy, space)
        methods.append(Method(SUPERNET, strategy))
    single = [one for name in estimators for one in _find_members(name, space)]
    return list(dict.fromkeys([*methods, *(find_method(name, space, GROUPS) for name in single)]))


def _find_members(name: str, space: Space) -> Sequence[str]:
    """Return the names that a name stands for."""
    members = zip(GROUPS, (PROXIES, DEFAULT_STRATEGIES, space.baselines), strict=True)
    return list(dict(members).get(name, (name,)))


def spell_out(combination: str, config: RunConfig) -> str:
    """Write a combination with its components as a report calls them.

    Args:
        combination: As it was written, such as `live_params+2*predictor(n=32)`.
        config: The settings of the command.
    """
    from harness.stats.combination import write_sum

    space = load_space(config.space)
    terms = parse_terms(combination, {*STRATEGIES, *ESTIMATORS, *space.baselines})
    labels = [find_method(term.name, space).label(config) for term in terms]
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
