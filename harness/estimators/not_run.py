"""What to say of an estimator that could have been run and was not: the command that runs it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.estimators import SUPERNET
from harness.estimators.matrix import FILE, ScoreMatrix
from harness.estimators.methods import NAMED
from harness.estimators.naming import split_settings
from harness.runs.folder import CONFIG
from harness.settings.run import RunConfig
from harness.spaces import DEFAULT
from harness.strategies import REGISTRY as STRATEGIES


def explain_not_run(name: str, estimators: Sequence[ScoreMatrix]) -> UsageError | None:
    """Make the error for an estimator that `harness run` knows, and of which there are no scores.

    Args:
        name: The estimator, as `harness run --estimators` takes it.
        estimators: Those of which there are scores, at least one.

    Returns:
        The error, with the command that scores the same architectures; None for a name that is
        none of these, or of which there are scores by other settings or of several runs.
    """
    try:
        known, _ = split_settings(name)
    except UsageError:
        return None
    methods = {part.estimator.method for each in estimators for part in each.components}
    if known not in NAMED or known in methods:  # of a method that was run, the label is meant
        return None
    command = shlex.join(["harness", "run", *_write_options(name, estimators)])
    images = "" if estimators[0].dataset else " (Images other than tiles: with --dataset.)"
    given = ", ".join(estimator.label for estimator in estimators)
    return UsageError(
        f"'{name}' was not run: none of the scores given are of it. To score the same "
        f"architectures by it: {command} - and then give its run too.{images} Given: {given}."
    )


def _write_options(name: str, estimators: Sequence[ScoreMatrix]) -> Iterator[str]:
    """Yield the options of `harness run`, as far as the given scores decide them."""
    space = estimators[0].space.name
    if space != DEFAULT:
        yield from ("--space", space)
    yield from ("--estimators", name)
    of_runs = [estimator for estimator in estimators if estimator.records]
    of_runs.sort(key=lambda estimator: len(estimator.seeds), reverse=True)
    files = [path for each in estimators if each.source == FILE for path in each.paths]
    if name in STRATEGIES:
        # trained as another supernet was, where there is one
        supernets = [each for each in of_runs if _config(each).estimator == SUPERNET]
        if supernets:
            yield from ("--config", str(supernets[0].paths[0] / CONFIG))
            of_runs = supernets
    if of_runs:
        yield from _repeat(of_runs[0])
    elif files:
        yield from ("--archs", str(files[0]) if files[0] != Path("-") else "FILE")


def _repeat(estimator: ScoreMatrix) -> Iterator[str]:
    """Yield what a run has to share with others to be judged beside them."""
    config, first = _config(estimator), estimator.paths[0]
    if config.dataset != RunConfig.model_fields["dataset"].default:
        yield from ("--dataset", config.images or config.dataset)
    yield from ("--seeds", ",".join(map(str, estimator.seeds)))
    if config.archs is not None:
        yield from ("--archs", str(first / "scores.parquet"))
    elif config.n_archs is not None:
        yield from ("--n-archs", str(config.n_archs))
    if config.rank_offset:
        yield from ("--set", f"rank_offset={config.rank_offset}")
    if first.parent != Path("results/runs"):
        yield from ("--out", str(first.parent))


def _config(estimator: ScoreMatrix) -> RunConfig:
    return RunConfig(**estimator.records[0].config)
