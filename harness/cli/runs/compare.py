"""`harness runs compare`: two runs side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import print_grid
from harness.cli.runs.choose import find, folder_option
from harness.errors import StoreError

LONG = 40
"""Longest value in the table, in characters."""


@click.command(cls=StrictCommand)
@click.argument("first")
@click.argument("second")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def compare(first: str, second: str, folders: tuple[Path, ...], as_json: bool) -> None:
    """Show how two runs differ: settings, environment, data, timings and results side by side.

    FIRST and SECOND are names, unique prefixes of names, or folders. `harness report` of the two
    folders tells whether a difference in results is significant.
    """
    from harness.runs.inventory import compare as compare_records

    runs = [find(name, folders) for name in (first, second)]
    records = []
    for run in runs:
        if run.record is None:
            raise StoreError(str(run.reason))
        records.append(run.record)
    differences = compare_records(*records)
    if as_json:
        rows = [difference._asdict() for difference in differences]
        paths = [str(run.folder.path) for run in runs]
        click.echo(json.dumps({"runs": paths, "differences": rows}, indent=2))
        return
    headings = ["part", "key", *(run.name for run in runs)]
    cells = [[d.part, d.key, _short(d.first), _short(d.second)] for d in differences]
    print_grid(f"{len(cells)} differences", headings, cells, texts=4)
    paths = [str(run.folder.path) for run in runs]
    click.echo(
        f"Is the difference in results significant? harness report {' '.join(paths)}", err=True
    )


def _short(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONG else text[: LONG - 3] + "..."
