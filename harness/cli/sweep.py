"""`harness sweep`: a study of many runs in one folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.computing import tell_failures, tell_missing_truths
from harness.cli.engine_options import engine_options, take_engine_options
from harness.cli.options import StrictCommand
from harness.cli.printing import clean, print_grid
from harness.distributed.launch import check_alone
from harness.errors import StoreError
from harness.estimators import (
    SUPERNET,
    estimator_of,
    known_settings,
    read_by,
    settings_of,
)
from harness.execution.cluster import check_listening, choose_address
from harness.settings.conflicts import find_idle
from harness.settings.dotted import flatten
from harness.strategies import check_strategy, check_tables, refuse_unread

if TYPE_CHECKING:
    from harness.execution.conditions import Conditions
    from harness.settings.run import RunConfig
    from harness.settings.study import Repeat, Study

STUDY = "study.toml"
MOST_NAMED = 20
"""Repeated points that are named on standard error."""


@click.command(cls=StrictCommand)
@click.argument("study_file", metavar="STUDY.toml", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the study.  [default: results/<name of the study>]",
)
@click.option("--dry-run", is_flag=True, help="List the runs and their status; compute nothing.")
@engine_options
@click.option("--json", "as_json", is_flag=True, help="Print the runs and their status as JSON.")
def sweep(
    study_file: Path,
    out: Path | None,
    dry_run: bool,
    data_dir: Path | None,
    threads: int | None,
    retry_failed: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compute all runs of a study: a grid or a list of settings in a TOML file.

    The file has [base] with settings that all runs share, [grid] with a list of values for each
    setting that varies, such as strategy, seed or "ogd.c", and [[run]] tables for single runs. A
    run that fails does not stop the others. The same command resumes where it was stopped, and
    never computes a finished run again. Several sweeps may share one folder.
    """
    from harness.settings.study import find_repeats, load_study

    check_alone(os.environ, "sweep")
    study = load_study(study_file)
    for config in study.configs:
        if config.estimator == SUPERNET:
            check_strategy(config.strategy)
    computing = take_engine_options(options)

    # imports torch from here on, after all checks that do not need it
    from harness.cli.monitors import StudyMonitor
    from harness.estimators.nested import with_nested
    from harness.execution.conditions import Conditions
    from harness.execution.runner import gather, resolve_all, run_all

    whole = [[*with_nested(config)] for config in study.configs]
    read = [read_by(ones) for ones in whole]
    used = list(dict.fromkeys(estimator_of(one) for ones in whole for one in ones))
    strategies = list(
        dict.fromkeys(one.strategy for ones in whole for one in ones if one.estimator == SUPERNET)
    )
    idle = Counter(
        note
        for config, point, keys in zip(study.configs, study.points, read, strict=True)
        for note in find_idle(config, point, keys)
    )
    for note, count in idle.items():
        click.echo(
            f"Without effect, in {count:,} of {len(study.points):,} points: {note}", err=True
        )
    known = known_settings(used)
    check_tables(study.given, strategies, f" in {study_file}", known)
    refuse_unread(flatten(study.given), strategies, settings_of(used))
    folder = out or Path("results") / study.name
    conditions = Conditions(folder, data_dir, retry_failed=retry_failed, study=True)
    tell_missing_truths(study.configs, data_dir)
    resolved = resolve_all(study.configs, conditions)
    if threads is not None:
        resolved = [config.model_copy(update={"threads": threads}) for config in resolved]
    repeats = find_repeats(study, [config.run_id for config in resolved])
    _tell_repeats(repeats, len(study.points))
    configs = gather(resolved, conditions)
    if dry_run:
        _print_runs(configs, repeats, conditions, as_json)
        return
    begun = (conditions.folder(config).has_record() for config in configs)
    if computing.engine == "ray" and not all(begun):  # checked before anything is written
        check_listening(choose_address(computing.of_ray.get("address")))
    _keep_copy(study, folder)
    with ExitStack() as stack:
        view = StudyMonitor(study.name, configs)
        monitor = computing.make_monitor(view, conditions, stack)
        outcome = run_all(configs, conditions, computing.make_engine(), monitor)
    if as_json:
        _print_runs(configs, repeats, conditions, as_json)
    tell_failures(outcome.failures)
    click.echo(f"Show the results: harness report {folder}", err=True)
    if outcome.failures:
        raise SystemExit(outcome.failures[0].error.exit_code if len(configs) == 1 else 1)


def _keep_copy(study: Study, folder: Path) -> None:
    """Copy the study's file into its folder; the runs themselves hold the progress."""
    from harness.files.atomic import write_atomically

    path = folder / STUDY
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") == study.text:
            return
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"The folder of the study, {folder}, cannot be used: {error}. Give another --out."
        ) from error
    write_atomically(path, study.text)


def _tell_repeats(repeats: list[Repeat], n_points: int) -> None:
    """Count and name the points that are computed only once, as they are the same run."""
    if not repeats:
        return
    left = n_points - len(repeats)
    click.echo(f"{n_points} points of the study are {left} runs; these repeat another:", err=True)
    for repeat in repeats[:MOST_NAMED]:
        click.echo(clean(f"  {repeat}"), err=True)
    if len(repeats) > MOST_NAMED:
        click.echo(f"  and {len(repeats) - MOST_NAMED:,} more; --json names all", err=True)


def _print_runs(
    configs: list[RunConfig], repeats: list[Repeat], conditions: Conditions, as_json: bool
) -> None:
    from harness.runs.inventory import Run, look_at

    rows: list[dict[str, Any]] = []
    for config in configs:
        folder = conditions.folder(config)
        run = look_at(folder) if folder.has_record() else Run(folder, None, "waiting", None)
        rows.append({"run_id": config.run_id, "status": run.status, "reason": run.reason})
    if as_json:
        repeated = [{"run_id": repeat.run_id, "point": repeat.point} for repeat in repeats]
        found = {"out": str(conditions.out), "runs": rows, "repeated": repeated}
        click.echo(json.dumps(found, indent=2, default=str))
        return
    cells = [[row["run_id"], row["status"], row["reason"] or ""] for row in rows]
    print_grid(f"{len(rows)} runs in {conditions.out}", ["run", "status", "reason"], cells, 3)
