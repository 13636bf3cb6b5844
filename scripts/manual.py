"""Build the manual, a site that opens offline: `make docs`, into build/site.

    python scripts/manual.py            # gather the pages in build/manual, build, check the result
    python scripts/manual.py --gather   # only gather, for `zensical serve`

Gathered are `docs/`, its notebooks as pages; pages about commands, settings and files, written
from the live objects; and, under `project/`, every file of the repository that a page links to.
Checked is what was built: each local link leads somewhere, and nothing that a browser loads lies
elsewhere.
"""

from __future__ import annotations

import html
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import unquote, urlsplit

import click
import griffe
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness import truth
from harness.cli.main import cli
from harness.estimators import REGISTRY as ESTIMATORS
from harness.estimators import load_estimator
from harness.runs.record import make_schema
from harness.settings.run import RunConfig
from harness.strategies import REGISTRY as STRATEGIES
from harness.strategies import load_strategy

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "build" / "manual"
SITE = ROOT / "build" / "site"

EXAMPLES = (
    "macro/runs/macro-cifar10-ogd-s0-ae398d06-c70b834d",
    "no-labels/cifar10-spos-s0-dce52164-5d76f951",
    "few-labels/mf-kd/tiles-short_training-s0-1b90db50-4096b5cd",
    "few-labels/cifar10-predictor-s0-057a7fd6-6f9fa060",
)
"""Stored runs of `results/` whose tables are described."""

SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
"""Bounds of a setting, as pydantic calls them."""

AS_IT_IS = "\b"
"""How click's help begins a paragraph whose lines are not to be joined."""

BAR = "\\|"
"""A bar within a cell of a table."""

_LINK = re.compile(r"(?<=\]\()[^()\s#:]+(?=[#)])")
"""The path of a Markdown link to another file."""


def gather(root: Path, pages: Path) -> None:
    """Fill a folder with `docs/`, what it links to, and the generated pages.

    Args:
        root: The repository.
        pages: The folder; what it held before is removed.
    """
    shutil.rmtree(pages, ignore_errors=True)
    docs = root / "docs"
    shutil.copytree(docs, pages)
    places = {path: pages / path.relative_to(docs) for path in docs.rglob("*") if path.is_file()}
    waiting = [path for path in places if path.suffix == ".md"]
    while waiting:
        source = waiting.pop()
        text = source.read_text(encoding="utf-8")
        for link in _LINK.findall(text):
            target = (source.parent / link).resolve()
            if target.is_file() and target not in places:
                places[target] = pages / "project" / target.relative_to(root)
                places[target].parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(target, places[target])
                if target.suffix == ".md":
                    waiting.append(target)

        def move(found: re.Match[str], source: Path = source) -> str:
            target = places.get((source.parent / found[0]).resolve())
            if target is None:
                return found[0]
            target = target.with_suffix(".md") if target.suffix == ".ipynb" else target
            return os.path.relpath(target, places[source].parent)

        places[source].write_text(_LINK.sub(move, text), encoding="utf-8")
    for notebook in pages.rglob("*.ipynb"):
        content = json.loads(notebook.read_text(encoding="utf-8"))
        notebook.with_suffix(".md").write_text("\n".join(describe_cells(content)), "utf-8")
    for name, page in GENERATED.items():
        (pages / "reference" / name).write_text("\n".join(page()), encoding="utf-8")


def describe_cells(notebook: Any) -> Iterator[str]:
    """Yield the page of a notebook: its text, its code, and what that is stored to print."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield f"{source}\n"
            continue
        yield f"```python\n{source}\n```\n"
        for output in cell["outputs"]:
            text = output["text"] if "text" in output else output["data"]["text/plain"]
            yield f"```text\n{''.join(text).rstrip()}\n```\n"


def describe_commands() -> Iterator[str]:
    """Yield the page of all commands and their options."""
    yield "# Commands\n"
    yield "Written from the program itself; `harness COMMAND --help` prints the same.\n"
    for context in _walk(click.Context(cli, info_name="harness")):
        command = context.command
        yield f"## {context.command_path}\n"
        yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}\n"
        for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
            if paragraph.startswith(AS_IT_IS):
                lines = textwrap.dedent(paragraph.removeprefix(AS_IT_IS).strip("\n"))
                yield f"```text\n{lines}\n```\n"
            else:
                yield f"{_plain(paragraph)}\n"
        options = [each for each in command.params if isinstance(each, click.Option)]
        records = filter(None, (option.get_help_record(context) for option in options))
        rows = [(f"`{name}`", _plain(text)) for name, text in records]
        if rows:
            yield from _table(("option", "what it does"), rows)


def _walk(context: click.Context) -> Iterator[click.Context]:
    """Yield a command and all below it."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            below = context.command.get_command(context, name)
            assert below is not None
            yield from _walk(click.Context(below, info_name=name, parent=context))


def describe_settings() -> Iterator[str]:
    """Yield the page of all settings: those of a run, and each table of a strategy or estimator."""
    yield "# Settings\n"
    yield (
        "Written from the models that check them. `--set KEY=VALUE` sets any, and a file given to "
        "`--config` as many as it likes; a preset may have another default than the field.\n"
    )
    yield "## Of a run\n"
    yield from _describe_fields(RunConfig)
    found = {load_strategy(name).Settings for name in STRATEGIES}
    found |= {load_estimator(name).Settings for name in ESTIMATORS}
    for own in sorted((own for own in found if own is not None), key=lambda own: own.table):
        yield f"## {own.table}\n"
        yield f"{_parse_docstring(own)[0]}\n"
        yield from _describe_fields(own, f"{own.table}.")


def _describe_fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the table of a model's fields; their descriptions are in the docstring."""
    described: dict[str, str] = {}
    for base in reversed(model.__mro__):
        described |= _parse_docstring(base)[1]
    rows = [
        (f"`{prefix}{name}`", _domain(field), f"`{field.default}`", described[name])
        for name, field in model.model_fields.items()
    ]
    yield from _table(("setting", "allowed", "default", "what it is"), rows)


def _domain(field: FieldInfo) -> str:
    """Say a field's type and bounds, such as `int, >= 1`, or its choices."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    bounds = [
        f"{sign} {getattr(bound, name)}"
        for bound in field.metadata
        for name, sign in SIGNS.items()
        if hasattr(bound, name)
    ]
    return ", ".join([kind.__name__ if isinstance(kind, type) else str(kind), *bounds])


def describe_files() -> Iterator[str]:
    """Yield the page of a record's fields, and of the columns of tables."""
    yield "# Fields and columns\n"
    yield (
        "Of the files of a [run folder](run-folder.md), and of a truth table. Fields are written "
        "from the program, columns from stored runs.\n"
    )
    yield "## record.json\n"
    yield "[The schema](record.schema.json) is stable: fields are added, and keep their meaning.\n"
    yield from _table(("field", "type", "what it is"), _list_fields(make_schema()["properties"]))
    tables: dict[str, pa.Schema] = {}
    for run in EXAMPLES:
        for path in sorted((ROOT / "results" / run).glob("*.parquet")):
            tables.setdefault(path.name, pq.read_schema(path))
    tables["truth.parquet"] = pq.read_schema(Path(truth.__file__).parent / "nb201_tiles.parquet")
    for name, schema in tables.items():
        yield f"## {name}\n"
        yield from _table(("column", "type"), ((f"`{f.name}`", str(f.type)) for f in schema))


def _list_fields(properties: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the name, type and meaning of each field of a JSON Schema, nested ones after theirs."""
    for name, field in properties.items():
        either = field.get("anyOf", [field])
        kinds = dict.fromkeys(str(each.get("type", "any")) for each in either)
        described = field.get("description") or either[0].get("description", "")
        yield f"`{prefix}{name}`", ", ".join(kinds), _plain(described)
        for each in either if name != "config" else ():  # a page of its own has the settings
            yield from _list_fields(each.get("properties", {}), f"{prefix}{name}.")


def _parse_docstring(owner: type[Any]) -> tuple[str, dict[str, str]]:
    """Return the text of a docstring before its sections, and its attributes' descriptions."""
    text, described = "", {}
    for section in griffe.Docstring(owner.__doc__ or "").parse("google"):
        if isinstance(section, griffe.DocstringSectionText) and not text:
            text = section.value
        elif isinstance(section, griffe.DocstringSectionAttributes):
            described = {each.name: _unwrap(each.description) for each in section.value}
    return text, described


def _unwrap(text: str) -> str:
    """Join the lines of a paragraph; a blank line stays."""
    return re.sub(r"(?<!\n)\n(?!\n)[ ]*", " ", text).strip()


def _plain(text: str) -> str:
    """Return text for a terminal as Markdown: nothing in it is markup."""
    return re.sub(r"([*_\\\[\]])", r"\\\1", html.escape(_unwrap(text), quote=False))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table."""
    yield f"| {' | '.join(head)} |\n| {' | '.join('---' for _ in head)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', BAR) for cell in row)} |"
    yield ""


GENERATED = {
    "commands.md": describe_commands,
    "settings.md": describe_settings,
    "files.md": describe_files,
}
"""Pages of the reference that are written here."""


class _Page(HTMLParser):
    """The links of a built page, its anchors, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        given = {name: value for name, value in attrs if value}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in ("a", "area") and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in ("canonical", "alternate", "prev", "next"):
            self.loaded.append(given.get("href", ""))
        elif tag not in ("a", "area", "link") and "src" in given:
            self.loaded.append(given["src"])


def find_faults(site: Path) -> Iterator[str]:
    """Yield a sentence for each dead link of a built site, and for what it loads from elsewhere."""
    pages = {path: _Page(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        where = path.relative_to(site)
        for link in page.loaded:
            if urlsplit(link).netloc:
                yield f"{where} loads {link}: the site must open offline."
        for link in {*page.links, *page.loaded}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            base = site if parts.path.startswith("/") else path.parent
            target = (base / unquote(parts.path).lstrip("/")) if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            target = Path(os.path.normpath(target))
            if not target.is_file():
                yield f"{where} links to {link}, which does not exist."
            elif target in pages and parts.fragment:
                known = pages[target].anchors
                if unquote(parts.fragment) not in known:
                    yield f"{where} links to {link}, and there is no such heading."
    for path in sorted(site.rglob("*.css")):
        for address in re.findall(r"url\(\s*[\"']?(https?:[^)\"']+)", path.read_text("utf-8")):
            yield f"{path.relative_to(site)} loads {address}: the site must open offline."


def main() -> None:
    """Gather, build and check; exit with 1 where there is a fault."""
    gather(ROOT, PAGES)
    if "--gather" in sys.argv[1:]:
        return
    shutil.rmtree(SITE, ignore_errors=True)
    zensical = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    if code := subprocess.run(zensical, cwd=ROOT, check=False).returncode:
        sys.exit(code)
    faults = list(find_faults(SITE))
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
