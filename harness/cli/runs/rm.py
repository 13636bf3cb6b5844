"""`harness runs rm`: remove runs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from harness.cli.options import StrictCommand
from harness.cli.runs.choose import find, folder_option
from harness.errors import UsageError


@click.command(cls=StrictCommand)
@click.argument("runs", nargs=-1, required=True)
@folder_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print what was removed as JSON.")
def rm(runs: tuple[str, ...], folders: tuple[Path, ...], yes: bool, as_json: bool) -> None:
    """Remove RUNS: names, unique prefixes of names, or folders.

    Only whole run folders are removed. If a process works on one of the runs, or a folder holds
    anything that is not part of a run, nothing is removed.
    """
    from harness.runs.inventory import check_removable, remove

    found = {run.folder.path: run for run in (find(name, folders) for name in runs)}
    for path, run in found.items():
        check_removable(run)
        if not yes:
            click.echo(f"{path} ({run.status})", err=True)
    if not yes and not click.confirm(f"Remove {len(found)} runs permanently?", err=True):
        raise UsageError("Nothing was removed.")
    for run in found.values():
        remove(run)
    removed = [str(path) for path in found]
    click.echo(json.dumps({"removed": removed}, indent=2) if as_json else "\n".join(removed))
