"""`harness runs export`: curves for TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.options import StrictCommand
from harness.cli.runs.choose import choose_runs, filter_options


@click.command(cls=StrictCommand)
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--tensorboard",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to, one subfolder per run; an earlier export is replaced.",
)
@filter_options
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(
    folders: tuple[Path, ...],
    tensorboard: Path,
    as_json: bool,
    **filters: Any,
) -> None:
    """Write loss, learning rate, tau and disturbance of the runs in FOLDERS for TensorBoard.

    Without FOLDERS, those in results. Damaged runs are left out.
    """
    from harness.runs.tensorboard import export_run

    runs = choose_runs(folders, **filters)
    written = [str(export_run(run.folder, tensorboard)) for run in runs if run.record is not None]
    if as_json:
        click.echo(json.dumps({"written": written}, indent=2))
    else:
        click.echo(f"{len(written)} runs written. View them: tensorboard --logdir {tensorboard}")
