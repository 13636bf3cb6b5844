"""Many runs on an engine: each distinct run once, finished ones not again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness.errors import UsageError
from harness.estimators import estimator_of
from harness.estimators.nested import complete, find_needed, with_nested
from harness.execution.conditions import Conditions
from harness.execution.engines.base import Engine, Failure, needs_no_work
from harness.monitor import Monitor
from harness.runs.folder import RunFolder, under_stored_name
from harness.settings.dotted import differences, show_value
from harness.settings.run import RunConfig
from harness.spaces import Space, load_space
from harness.truth import TruthTable, default_query, find_truth


class RunsOutcome(NamedTuple):
    """The outcome of several runs.

    Attributes:
        finished: Folders of finished runs, in the order given.
        failures: The runs that failed; they did not stop the others.
    """

    finished: list[RunFolder]
    failures: list[Failure]


def resolve_config(config: RunConfig, truth: TruthTable) -> RunConfig:
    """Fill in what depends on the estimator and the truth; drop what is not read.

    Args:
        config: The run as the user gave it.
        truth: The truth table to rank against.

    Returns:
        The complete settings of those that the estimator reads.

    Raises:
        UsageError: If an estimator or strategy is unknown or refuses the run, or a setting of its
            own is not allowed.
    """
    n_archs = config.n_archs or count_prefix(
        load_space(config.space), truth, config.dataset, config.rank_offset
    )
    resolved = complete(config.model_copy(update={"n_archs": n_archs}))
    for one in with_nested(resolved):
        estimator_of(one).check(one, truth)
    return resolved


def count_prefix(space: Space, truth: TruthTable, dataset: str, offset: int = 0) -> int:
    """Count the architectures of the permutation with truth, from `offset` to the first gap."""
    known = set(truth.mean(default_query(dataset, space)).keys.tolist())
    most = len(known) + 1 if space.size is None else min(len(known) + 1, space.size - offset)
    for position, key in enumerate(space.prefix(most, offset)):
        if key not in known:
            return max(1, position)
    return most


def resolve_all(configs: Sequence[RunConfig], conditions: Conditions) -> list[RunConfig]:
    """Fill in what depends on strategies and truths.

    Args:
        configs: The runs, not yet resolved.
        conditions: The options of the command.

    Returns:
        The same runs, resolved; two of them may be equal.

    Raises:
        HarnessError: If a truth table is missing or a strategy unknown.
    """
    asked = dict.fromkeys((config.dataset, config.space) for config in configs)
    truths = {
        (dataset, space): find_truth(dataset, conditions.data_dir, load_space(space), may_lack=True)
        for dataset, space in asked
    }
    resolved = [resolve_config(one, truths[one.dataset, one.space]) for one in configs]
    return [under_stored_name(config, conditions.out) for config in resolved]


def gather(resolved: Sequence[RunConfig], conditions: Conditions) -> list[RunConfig]:
    """Return each run once, in the order given; before it, the runs whose scores it needs.

    Of a run that is finished, those that are gone are not computed again.

    Args:
        resolved: The runs.
        conditions: The options of the command.

    Raises:
        UsageError: If two different runs would have the same folder.
    """
    whole = [one for config in resolved for one in (*_find_needed(config, conditions), config)]
    distinct = {config.sha256: config for config in whole}
    named: dict[str, RunConfig] = {}
    for config in distinct.values():
        other = named.setdefault(config.run_id, config)
        if other is not config:  # a name has a prefix of the hash
            differing = differences(other.model_dump(), config.model_dump())
            named_differences = ", ".join(
                f"{key} = {show_value(a)} and {show_value(b)}" for key, a, b in differing
            )
            raise UsageError(
                f"Two runs of different settings would both be stored as {config.run_id}: "
                f"{named_differences}. Give one of them another --out folder."
            )
    return list(distinct.values())


def _find_needed(config: RunConfig, conditions: Conditions) -> list[RunConfig]:
    needed = find_needed(config, conditions.out)
    if not needs_no_work(config, conditions):
        return needed
    return [one for one in needed if conditions.folder(one).has_record()]


def run_all(
    configs: Sequence[RunConfig], conditions: Conditions, engine: Engine, monitor: Monitor
) -> RunsOutcome:
    """Compute several runs; finished ones are returned as they are.

    Args:
        configs: The runs, as `gather` returns them.
        conditions: The options of the command.
        engine: Computes them.
        monitor: Receives the progress of all; can stop them.

    Returns:
        The finished runs, and the failures.

    Raises:
        Interrupted: If the monitor asked to stop; every run under way was saved.
        HarnessError: If something that all runs share is at fault.
    """
    estimators = tuple(dict.fromkeys(config.estimator for config in configs))
    failures = engine.run(configs, conditions._replace(estimators=estimators), monitor)
    failed = {failure.run_id for failure in failures}
    finished = [conditions.folder(c) for c in configs if c.run_id not in failed]
    return RunsOutcome(finished, failures)
