"""Which estimators are within the run of another, and with which settings.

They are features of a predictor, or the stages of `two-stage`. The settings that decide their
scores are settings of the run, and part of its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import reduce
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.estimators import PROXIES, SUPERNET, estimator_of, read_by
from harness.estimators.methods import Nested, find_method, own_settings
from harness.estimators.runs import BASELINE_STRATEGY
from harness.runs.folder import under_stored_name
from harness.settings.dotted import merge
from harness.settings.run import RunConfig
from harness.spaces import load_space


def nest(
    names: Iterable[str],
    config: RunConfig,
    supernet_seed: int | None = None,
    proxy_seed: int | None = None,
) -> list[Nested]:
    """Find the estimators that a run's settings name, each once.

    Args:
        names: As a command names them, such as `spos` or `jacov(cells=1)`.
        config: The run that asks for their scores.
        supernet_seed: Seed of the supernets among them; None: the run's.
        proxy_seed: Likewise, of the training-free proxies.

    Raises:
        UsageError: If a name is unknown, a setting in brackets not allowed, or a seed given and
            none of them a supernet, or a proxy.
    """
    found, space = {}, load_space(config.space)
    for name in names:
        method = find_method(name, space)
        held = {SUPERNET: supernet_seed, **dict.fromkeys(PROXIES, proxy_seed)}
        seed = held.get(method.estimator)
        found[str(method)] = Nested(
            method, method.configure(config, config.seed if seed is None else seed)
        )
    estimators = {one.method.estimator for one in found.values()}
    for kind, seed, known, such in (
        ("supernet", supernet_seed, {SUPERNET}, BASELINE_STRATEGY),
        ("proxy", proxy_seed, PROXIES.keys(), "jacov"),
    ):
        if seed is not None and not estimators & known:
            raise UsageError(
                f"{config.estimator}.{kind}_seed = {seed} was given, and has no effect: none of "
                f"{', '.join(found) or 'its scores'} is a {kind}. Leave it out, or name one, such "
                f"as {such}."
            )
    return list(found.values())


def with_nested(config: RunConfig) -> Iterator[RunConfig]:
    """Yield the settings of all estimators within a run, at any depth, and those of the run."""
    for one in estimator_of(config).nested(config):
        yield from with_nested(one.config)
    yield config


def is_fitted(config: RunConfig) -> bool:
    """Return whether labels decide the scores of a run."""
    estimator = estimator_of(config)
    return estimator.needs.labels is not None or any(
        is_fitted(one.config) for one in estimator.nested(config)
    )


def complete(config: RunConfig) -> RunConfig:
    """Fill in the settings of an estimator and of those nested in it; drop what none reads.

    Args:
        config: A run, with a number of architectures.

    Raises:
        UsageError: If a setting is not allowed, or names no estimator.
    """
    estimator, own = estimator_of(config), own_settings(config)
    read = read_by([config])
    found: defaultdict[str, list[tuple[Set[str], dict[str, Any]]]] = defaultdict(list)
    for one in estimator.nested(config):
        inner = complete(one.config)
        read |= (inner.model_fields_set & RunConfig.model_fields.keys()) - {"strategy"}
        for table, settings in inner.tables.items():
            given = one.method.given if table == _table_of(one.config) else frozenset()
            # What the brackets say is in the name that the run has stored.
            kept = {key: value for key, value in settings.items() if key not in given}
            found[table].append((settings.keys(), kept))
    tables = {table: _share(ones, config.tables.get(table, {})) for table, ones in found.items()}
    if own is not None:
        tables[own.table] = own.stored()
    return config.with_tables(tables).reading(read)


def _share(
    ones: Sequence[tuple[Set[str], dict[str, Any]]], given: dict[str, Any]
) -> dict[str, Any]:
    """Return the settings that estimators with a table in common share.

    Args:
        ones: The keys that each reads, and what it has besides its brackets.
        given: The table as the run was given it, which is stored where they read different keys.
    """
    whole: dict[str, Any] = reduce(merge, (kept for _, kept in ones))
    return whole if all(whole.keys() <= keys for keys, _ in ones) else given


def _table_of(config: RunConfig) -> str | None:
    own = own_settings(config)
    return None if own is None else own.table


def find_needed(config: RunConfig, out: Path) -> list[RunConfig]:
    """Find the runs that have to be finished before a run.

    Args:
        config: The run, resolved.
        out: The folder of run folders.

    Returns:
        The runs, resolved, each after those that it needs itself.
    """
    found = []
    for one in estimator_of(config).nested(config):
        inner = complete(one.config)
        found += find_needed(inner, out)
        if not estimator_of(inner).in_place:
            found.append(under_stored_name(inner, out))
    return found
