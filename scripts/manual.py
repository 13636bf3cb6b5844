"""Build the manual, a site that opens offline: `make docs`, into build/site.

    python scripts/manual.py            # gather the pages in build/manual, build, check the result
    python scripts/manual.py --gather   # only gather, for `zensical serve`

Gathered are `docs/`; pages about the command line and the settings, written from the live objects;
and, under `project/`, every file of the repository that a page links to. Checked is what was built:
each local link leads somewhere, and nothing that a browser loads lies elsewhere.
"""

from __future__ import annotations

import html
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import unquote, urlsplit

import click
import griffe
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness.cli.main import cli
from harness.estimators import REGISTRY as ESTIMATORS
from harness.estimators import load_estimator
from harness.settings.run import RunConfig
from harness.strategies import REGISTRY as STRATEGIES
from harness.strategies import load_strategy

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "build" / "manual"
SITE = ROOT / "build" / "site"

SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
"""Bounds of a setting, as pydantic calls them."""

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
            return found[0] if target is None else os.path.relpath(target, places[source].parent)

        places[source].write_text(_LINK.sub(move, text), encoding="utf-8")
    reference = pages / "reference"
    (reference / "commands.md").write_text("\n".join(describe_commands()), encoding="utf-8")
    (reference / "settings.md").write_text("\n".join(describe_settings()), encoding="utf-8")


def describe_commands() -> Iterator[str]:
    """Yield the page of all commands and their options."""
    yield "# Commands\n"
    yield "Written from the program itself; `harness COMMAND --help` prints the same.\n"
    for context in _walk(click.Context(cli, info_name="harness")):
        command = context.command
        yield f"## {context.command_path}\n"
        yield f"    {context.command_path} {' '.join(command.collect_usage_pieces(context))}\n"
        yield f"{_plain(inspect.cleandoc(command.help or ''))}\n"
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
