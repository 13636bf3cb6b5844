"""`harness sweep`: a study of many runs in one folder."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.engine_options import (
    check_engine,
    engine_options,
    make_engine,
    make_monitor,
)
from harness.cli.printing import print_grid
from harness.distributed.launch import check_alone
from harness.errors import StoreError
from harness.execution.cluster import check_listening, choose_address
from harness.strategies import check_strategy

if TYPE_CHECKING:
    from harness.execution.conditions import Conditions
    from harness.settings.run import RunConfig
    from harness.settings.study import Study

STUDY = "study.toml"


@click.command()
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
    jobs: int | None,
    retry_failed: bool,
    engine: str,
    log_json: str | None,
    tensorboard: Path | None,
    as_json: bool,
    **engine_settings: Any,
) -> None:
    """Compute all runs of a study: a grid or a list of settings in a TOML file.

    The file has [base] with settings that all runs share, [grid] with a list of values for each
    setting that varies, such as strategy, seed or "ogd.c", and [[run]] tables for single runs. A
    run that fails does not stop the others. The same command resumes where it was stopped, and
    never computes a finished run again. Several sweeps may share one folder.
    """
    from harness.settings.study import load_study

    check_alone(os.environ, "sweep")
    study = load_study(study_file)
    for config in study.configs:
        check_strategy(config.strategy)
    given = check_engine(engine, **engine_settings)

    # imports torch from here on, after all checks that do not need it
    from harness.cli.monitors import StudyMonitor
    from harness.execution.conditions import Conditions
    from harness.execution.runner import resolve_all, run_all

    folder = out or Path("results") / study.name
    conditions = Conditions(folder, data_dir, retry_failed=retry_failed, study=True)
    configs = resolve_all(study.configs, conditions)
    if dry_run:
        _print_runs(configs, conditions, as_json)
        return
    if engine == "ray" and not all(conditions.folder(config).has_record() for config in configs):
        check_listening(choose_address(given.get("address")))  # before anything is written
    _keep_copy(study, folder)
    with ExitStack() as stack:
        view = StudyMonitor(study.name, configs)
        monitor = make_monitor(view, conditions, stack, log_json, tensorboard)
        outcome = run_all(configs, conditions, make_engine(engine, jobs, given), monitor)
    if as_json:
        _print_runs(configs, conditions, as_json)
    for run_id, error in outcome.failures:
        click.echo(f"Error: {run_id}: {error}", err=True)
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


def _print_runs(configs: list[RunConfig], conditions: Conditions, as_json: bool) -> None:
    from harness.runs.inventory import Run, look_at

    rows: list[dict[str, Any]] = []
    for config in configs:
        folder = conditions.folder(config)
        run = look_at(folder) if folder.has_record() else Run(folder, None, "waiting", None)
        rows.append({"run_id": config.run_id, "status": run.status, "reason": run.reason})
    if as_json:
        click.echo(json.dumps({"out": str(conditions.out), "runs": rows}, indent=2))
        return
    cells = [[row["run_id"], row["status"], row["reason"] or ""] for row in rows]
    print_grid(f"{len(rows)} runs in {conditions.out}", ["run", "status", "reason"], cells, 3)
