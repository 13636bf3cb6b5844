"""`harness runs show`: everything about one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import print_line
from harness.cli.runs.choose import find, folder_option
from harness.errors import StoreError

PARTS = ("config", "execution", "environment", "data", "ranking", "timings", "summary")


@click.command(cls=StrictCommand)
@click.argument("run")
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(run: str, folders: tuple[Path, ...], as_json: bool) -> None:
    """Show a run: settings, environment, data and their hashes, commit, timings, results, files.

    RUN is its name, a unique prefix of its name, or its folder.
    """
    found = find(run, folders)
    if found.record is None:
        raise StoreError(str(found.reason))
    files = _list_files(found.folder.path)
    content = found.record.model_dump()
    if as_json:
        shown = {"path": str(found.folder.path), "status_now": found.status, "files": files}
        click.echo(json.dumps({**content, **shown}, indent=2))
        return
    from harness.settings.dotted import flatten

    click.secho(found.name, bold=True)
    print_line(f"  {found.folder.path}")
    print_line(f"  {found.status}{'' if found.reason is None else ': ' + found.reason}")
    print_line(f"  started {content['started']}, finished {content['finished'] or '-'}")
    for source in content["sources"]:
        dirty = ", with changes" if source.get("dirty") else ""
        print_line(f"  harness at commit {source.get('commit') or 'unknown'}{dirty}")
    for part in PARTS:
        click.secho(part, bold=True)
        for key, value in flatten(content[part]).items():
            if value is not None:
                print_line(f"  {key} = {_short(value)}")
    click.secho("files", bold=True)
    for name, size in files.items():
        print_line(f"  {name}: {size:,} bytes")


def _list_files(path: Path) -> dict[str, int]:
    return {
        str(file.relative_to(path)): file.stat().st_size
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and len(value) > 8:
        return f"{len(value)} entries; --json has them"
    return str(value)
