"""What commands share that compute runs and then report on them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.engine_options import EngineOptions
from harness.cli.printing import clean_lines

if TYPE_CHECKING:
    from harness.distributed.launch import Launch
    from harness.execution.conditions import Conditions
    from harness.execution.engines.base import Failure
    from harness.execution.runner import RunsOutcome
    from harness.runs.folder import RunFolder
    from harness.settings.run import RunConfig


def compute(
    configs: Sequence[RunConfig],
    conditions: Conditions,
    options: EngineOptions,
    launch: Launch | None = None,
) -> RunsOutcome:
    """Compute runs while their progress is shown. Imports torch.

    Args:
        configs: The runs, not yet resolved.
        conditions: What they share.
        options: Where they are computed, and how they report.
        launch: This process's place among ranks that train one run together, if any.

    Returns:
        What became of them.
    """
    from harness.cli.monitors import RunsMonitor, SignalledMonitor, StudyMonitor
    from harness.execution.parallel import run_on_ranks
    from harness.execution.runner import gather, resolve_all, run_all

    with ExitStack() as stack:
        if launch is not None and launch.rank > 0:
            quiet = stack.enter_context(SignalledMonitor(quiet=True))
            return run_on_ranks(configs[0], launch, conditions, quiet)
        if launch is not None:
            monitor = options.make_monitor(RunsMonitor(), conditions, stack)
            return run_on_ranks(configs[0], launch, conditions, monitor)
        runs = gather(resolve_all(configs, conditions), conditions)
        monitor = options.make_monitor(StudyMonitor("runs", runs), conditions, stack)
        return run_all(runs, conditions, options.make_engine(), monitor)


def show(
    outcome: RunsOutcome,
    conditions: Conditions,
    as_json: bool,
    combinations: Sequence[str] = (),
) -> None:
    """Print the report of the finished runs, or their records, and the failures.

    Args:
        outcome: What became of the runs.
        conditions: What they shared.
        as_json: Whether records are asked for.
        combinations: Combinations of the runs' estimators to report on besides.

    Raises:
        SystemExit: If a run failed.
    """
    from harness.cli.report import print_report
    from harness.estimators.combined import ALL
    from harness.estimators.runs import load_runs
    from harness.report import make_report

    out, data_dir = conditions.out, conditions.data_dir
    if as_json:
        records = [folder.read_record().model_dump() for folder in outcome.finished]
        click.echo(json.dumps({"runs": records}, indent=2))
    elif judged := _tell_unjudged(outcome.finished, data_dir):
        loaded = load_runs(judged)
        shown = (ALL, *combinations) if combinations else ()
        options = {"--data-dir": data_dir, "--estimators": ",".join(shown)}
        report = make_report(loaded, data_dir=data_dir, estimators=shown)
        print_report(report, _report_command(judged, out, options))
    tell_failures(outcome.failures)
    if outcome.failures:
        raise SystemExit(outcome.failures[0].error.exit_code)


def tell_missing_truths(configs: Iterable[RunConfig], data_dir: Path | None) -> None:
    """Print, before runs on images without a truth, that nothing will judge them."""
    distinct = {(config.dataset, config.space): config for config in configs}
    for config in distinct.values():
        if reason := _why_unjudged(config, data_dir):
            click.echo(f"Note: {reason}", err=True)


def _why_unjudged(config: RunConfig, data_dir: Path | None) -> str | None:
    """Say why there is nothing to judge a run's scores by; None where there is."""
    from harness.spaces import load_space
    from harness.truth import NOTES_KEY, find_truth

    if config.images is None:  # all other images have a truth, or the run is refused
        return None
    truth = find_truth(config.dataset, data_dir, load_space(config.space), may_lack=True)
    return truth.metadata[NOTES_KEY] if truth.is_missing else None


def _tell_unjudged(finished: Sequence[RunFolder], data_dir: Path | None) -> list[RunFolder]:
    """Print of runs on images without a truth where their scores are; return the others."""
    from harness.settings.run import RunConfig

    judged: list[RunFolder] = []
    unjudged: dict[str, list[RunFolder]] = {}
    for folder in finished:
        reason = _why_unjudged(RunConfig(**folder.read_record().config), data_dir)
        (judged if reason is None else unjudged.setdefault(reason, [])).append(folder)
    for reason, folders in unjudged.items():
        click.echo(f"Scored, but not judged: {reason} Scores:")
        for folder in folders:
            click.echo(f"  {folder.path / 'scores.parquet'}")
    return judged


def _report_command(finished: Sequence[RunFolder], out: Path, given: Mapping[str, object]) -> str:
    """Return the command that reports on these runs alone."""
    from harness.runs.folder import list_folders

    paths = [folder.path for folder in finished]
    alone = {path.resolve() for path in paths} == {f.path.resolve() for f in list_folders([out])}
    options = [part for name, value in given.items() if value for part in (name, str(value))]
    return shlex.join(["harness", "report", *map(str, [out] if alone else paths), *options])


def tell_failures(failures: Iterable[Failure]) -> None:
    """Print why runs failed; a message that several share, such as of a missing file, once."""
    gathered: dict[str, list[str]] = {}
    for failure in failures:
        gathered.setdefault(str(failure.error), []).append(failure.run_id)
    for message, run_ids in gathered.items():
        click.echo(clean_lines(f"Error: {', '.join(run_ids)}: {message}"), err=True)
