"""`harness runs list`: the stored runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import figure, print_grid
from harness.cli.runs.choose import choose_runs, describe, filter_options


@click.command(name="list", cls=StrictCommand)
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@filter_options
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def list_(
    folders: tuple[Path, ...],
    as_json: bool,
    **filters: Any,
) -> None:
    """List the runs in FOLDERS, at any depth; without any, in results.

    A run with a damaged record is listed as damaged. A run whose record says running, but whose
    process is gone, is listed as stopped.
    """
    rows = [describe(run) for run in choose_runs(folders, **filters)]
    if as_json:
        click.echo(json.dumps({"runs": rows}, indent=2))
        return
    cells = [
        [
            row["run_id"],
            row["status"],
            (row["started"] or "-")[:16],
            str(Path(row["path"]).parent),
            figure(row["seconds"], 0),
            figure(row["tau"]),
        ]
        for row in rows
    ]
    headings = ["run", "status", "started", "in", "s", "tau"]
    print_grid(f"{len(rows)} runs", headings, cells, texts=4)
