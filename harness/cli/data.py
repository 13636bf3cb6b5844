"""`harness data`: fetch data sets, and say which are there and whether they are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import StrictCommand, data_dir_option
from harness.cli.printing import write_bytes
from harness.errors import EXIT_FAILED

if TYPE_CHECKING:
    from harness.cli.progress import Display
    from harness.truth.fetch.catalog import Catalog
    from harness.truth.fetch.state import FileState
    from harness.truth.published import Entry

_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group()
def data() -> None:
    """Fetch data sets, list them, and verify what is there.

    Only `fetch` downloads or writes anything.
    """


def _catalog(context: click.Context) -> Catalog:
    """Return the catalogue that the caller gave the command line, or the harness's own."""
    from harness.truth.fetch.catalog import CATALOG

    return CATALOG if context.obj is None else context.obj


@data.command(cls=StrictCommand)
@click.argument("name")
@click.option(
    "--from",
    "origin",
    metavar="PATH|URL",
    help="Take it from a file, a folder or a mirror instead of where it is published.",
)
@click.option("--replace", is_flag=True, help="Replace files that are there but differ.")
@data_dir_option
@_JSON
@click.pass_context
def fetch(
    context: click.Context,
    name: str,
    origin: str | None,
    replace: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Fetch NAME into the data folder and verify it; `harness data list` shows the names.

    A download that was cut resumes where it stopped. What is there and whole is not fetched
    again, and what is there and differs is left alone unless --replace says otherwise.
    """
    from harness.cli.progress import Display
    from harness.truth.fetch.catalog import find_entry
    from harness.truth.fetch.fetching import data_folder
    from harness.truth.fetch.fetching import fetch as bring

    entry = find_entry(name, _catalog(context))
    folder = data_folder(data_dir)
    with Display() as display:
        done = bring(entry, folder, origin, replace, Downloads(display))
    if as_json:
        found = {
            "name": name,
            "was_present": done.was_present,
            "paths": [str(path) for path in done.paths],
            "sources": list(done.sources),
        }
        click.echo(json.dumps(found, indent=2))
    elif done.was_present:
        click.echo(f"{name} is already there and verified; nothing was fetched.")
    else:
        click.echo(f"{name} is there and verified.")
    if not as_json:
        for path in done.paths:
            click.echo(f"  {path}")


@data.command("list", cls=StrictCommand)
@data_dir_option
@_JSON
@click.pass_context
def list_(context: click.Context, data_dir: Path | None, as_json: bool) -> None:
    """List what can be fetched, and what is there already.

    Looks at sizes only; `harness data verify` computes checksums.
    """
    from harness.truth.fetch.fetching import data_folder
    from harness.truth.fetch.state import look_at

    folder = data_folder(data_dir)
    entries = [(entry, look_at(entry, folder)) for entry in _catalog(context).values()]
    if as_json:
        found = [_describe(entry) | {"present": present} for entry, present in entries]
        click.echo(json.dumps({"data_dir": str(folder), "entries": found}, indent=2))
        return
    for entry, present in entries:
        click.secho(entry.name, bold=True)
        click.echo(f"  what      {entry.title}")
        click.echo(f"  size      {write_bytes(entry.size)} to download")
        click.echo(f"  licence   {entry.licence}")
        click.echo(f"  from      {', '.join(_hosts(entry))}; described at {entry.home}")
        click.echo(f"  there     {present}")
    click.echo(f"The data folder is {folder}.")


@data.command(cls=StrictCommand)
@click.argument("name", required=False)
@data_dir_option
@_JSON
@click.pass_context
def verify(context: click.Context, name: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Compare the files of NAME, or of all that is there, with what was published.

    Exits with 1 if a file differs, or if one of NAME is missing. A file that differs may still be
    usable, but the harness cannot vouch for it.
    """
    from harness.truth.fetch.catalog import find_entry
    from harness.truth.fetch.fetching import data_folder
    from harness.truth.fetch.state import State, check_entry

    catalog, folder = _catalog(context), data_folder(data_dir)
    entries = [find_entry(name, catalog)] if name else list(catalog.values())
    found = {entry.name: check_entry(entry, folder) for entry in entries}
    if not name:
        # Two entries make the same table; that it is the other one's is not a fault.
        found = {key: states for key, states in found.items() if not _is_absent(states)}
    if as_json:
        content = {key: [_file(each) for each in states] for key, states in found.items()}
        click.echo(json.dumps({"data_dir": str(folder), "entries": content}, indent=2))
    else:
        _print_states(found, folder)
    bad = {each.state for states in found.values() for each in states} - {State.OK}
    if State.DIFFERS in bad or (name and bad):
        context.exit(EXIT_FAILED)


def _print_states(found: dict[str, list[FileState]], folder: Path) -> None:
    if not found:
        click.echo(f"There is nothing to verify in {folder}. See 'harness data list'.")
    for name, states in found.items():
        click.secho(name, bold=True)
        for each in states:
            click.echo(
                f"  {each.state:<8}  {each.path}" + (f"  ({each.note})" if each.note else "")
            )


def _is_absent(states: list[FileState]) -> bool:
    from harness.truth.fetch.state import State

    return all(each.state is State.MISSING or each.is_other for each in states)


@data.command(cls=StrictCommand)
@click.argument("name", required=False)
@data_dir_option
@_JSON
@click.pass_context
def path(context: click.Context, name: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print where the files of NAME are or would be, or where the data folder is."""
    from harness.truth.fetch.catalog import find_entry
    from harness.truth.fetch.fetching import data_folder
    from harness.truth.fetch.state import product_paths

    folder = data_folder(data_dir)
    paths = product_paths(find_entry(name, _catalog(context)), folder) if name else [folder]
    if as_json:
        found = [{"path": str(each), "exists": each.exists()} for each in paths]
        click.echo(json.dumps({"paths": found}, indent=2))
        return
    for each in paths:
        click.echo(str(each))


def _describe(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "size": entry.size,
        "licence": entry.licence,
        "home": entry.home,
        "downloads": [
            {"path": each.path, "urls": each.urls, "checksum": each.checksum, "size": each.size}
            for each in entry.downloads
        ],
    }


def _file(state: FileState) -> dict[str, str]:
    return {"path": str(state.path), "state": str(state.state), "note": state.note}


def _hosts(entry: Entry) -> list[str]:
    from urllib.parse import urlsplit

    urls = [url for download in entry.downloads for url in download.urls]
    return list(dict.fromkeys(urlsplit(url).netloc for url in urls))


class Downloads:
    """Shows downloads; what `Watch` describes."""

    def __init__(self, display: Display) -> None:
        """Take where they are shown."""
        self._display = display
        self._name, self._total = "", 0

    def start(self, name: str, done: int, total: int) -> None:
        """Show a file that starts or resumes."""
        from harness.cli.progress import BYTES

        self._name, self._total = name, total
        self._display.begin(name, BYTES, done)  # its speed is that of what comes now
        if not self._display.is_terminal:
            at = f", resuming at {write_bytes(done)}" if done else ""
            self._display.tell(f"{name}: {write_bytes(total)}{at}")
        self.advance(done)

    def advance(self, done: int) -> None:
        """Show how much has arrived."""
        from harness.cli.progress import BYTES

        self._display.update(self._name, BYTES, done, self._total)

    def notice(self, message: str) -> None:
        """Print a message."""
        self._display.tell(f"Note: {message}")
