"""`harness truth list`: which tables there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import StrictCommand, data_dir_option, find_space
from harness.cli.printing import clean, print_line
from harness.cli.truth.choose import name_table, space_option
from harness.errors import DataError, HarnessError

if TYPE_CHECKING:
    from harness.spaces import Space
    from harness.truth.catalogue import Place

SHOWN_CHARS = 100


@click.command(name="list", cls=StrictCommand)
@data_dir_option
@space_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def list_(data_dir: Path | None, space: str | None, as_json: bool) -> None:
    """List the tables that can be found, and what can be asked of each.

    Looks at the package's own tables, at the space's folder in the data folder, and at the user
    cache. A damaged table is listed as such.
    """
    from harness.spaces import load_space
    from harness.truth.catalogue import list_places

    chosen = find_space(space) or load_space()
    entries = [_look_at(place, chosen) for place in list_places(data_dir, chosen)]
    if as_json:
        click.echo(json.dumps({"tables": entries}, indent=2))
        return
    for entry in entries:
        _print_entry(entry)
    name = chosen.name
    if not any(entry["name"] == name for entry in entries):
        folder = chosen.part_of or name
        print_line(
            f"The published table, {name}, was not found: set HARNESS_DATA or --data-dir to a "
            f"folder that holds {folder}/truth.parquet or {folder}/truth_rows.parquet."
        )


def _look_at(place: Place, space: Space) -> dict[str, Any]:
    from harness.truth.sources import open_file

    known = {"name": place.name, "path": str(place.path), "origin": place.origin}
    try:
        table = open_file(place.path, space)
    except DataError as error:
        return known | {"status": "damaged", "problem": str(error)}
    except HarnessError as error:
        return known | {"status": "unreadable", "problem": str(error)}
    return name_table(place, table) | {
        "status": "ok",
        "queries": [
            {name: value for name, value in group._asdict().items() if name != "trial_numbers"}
            for group in table.groups()
        ],
        "provenance": table.metadata,
    }


def _print_entry(entry: dict[str, Any]) -> None:
    from harness.truth import TruthQuery

    click.secho(clean(entry["name"]), bold=True)
    print_line(f"  {entry['path']} ({entry['origin']})")
    if entry["status"] != "ok":
        print_line(f"  {entry['status'].upper()}: {entry['problem']}")
        return
    print_line(
        f"  {entry['n_rows']:,} rows, {entry['n_archs']:,} architectures, content {entry['sha256']}"
    )
    for query in entry["queries"]:
        trials = ", ".join(
            f"{n:,} with {count}" for count, n in sorted(query["trials"].items(), reverse=True)
        )
        names = ("dataset", "split", "epochs", "metric")
        rows = TruthQuery(**{name: query[name] for name in names}).rows
        print_line(f"  - {rows}: {query['n_archs']:,} architectures; trials: {trials}")
    for key, value in entry["provenance"].items():
        shown = value if len(value) <= SHOWN_CHARS else value[: SHOWN_CHARS - 3] + "..."
        print_line(f"  {key}: {shown}")
