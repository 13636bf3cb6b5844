"""The script behind `make docs`: what it gathers, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

pytest.importorskip("griffe", reason="the extra `docs` is not installed")

from harness.cli.main import cli
from harness.settings.run import RunConfig
from scripts.manual import describe_commands, describe_files, describe_settings, find_faults, gather

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# A\n", "text"]},
        {"cell_type": "code", "source": ["print(1)"], "outputs": [{"text": ["1\n"]}]},
        {"cell_type": "code", "source": ["2"], "outputs": [{"data": {"text/plain": ["2"]}}]},
    ]
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    repository = tmp_path / "repository"
    write(
        repository / "docs/index.md",
        "[a](how-to/a.md) [log](../results/LOG.md#x) [web](https://a.b/c)",
    )
    write(repository / "docs/how-to/a.md", "[csv](../../results/runs.csv) [gone](../../gone.md)")
    write(repository / "docs/reference/b.md", "[n](../how-to/n.ipynb)")
    write(repository / "docs/how-to/n.ipynb", json.dumps(NOTEBOOK))
    write(repository / "results/LOG.md", "[home](../docs/index.md) [study](study/README.md)")
    write(repository / "results/study/README.md", "![figure](figure.png)")
    write(repository / "results/study/figure.png", "")
    write(repository / "results/study/unlinked.md", "")
    write(repository / "results/runs.csv", "")
    gather(repository, tmp_path / "pages")
    return tmp_path / "pages"


def test_what_pages_link_to_is_gathered_beside_them_and_nothing_else(pages: Path) -> None:
    gathered = {str(path.relative_to(pages)) for path in pages.rglob("*") if path.is_file()}
    assert gathered == {
        *("index.md", "how-to/a.md", "reference/b.md"),
        *("how-to/n.ipynb", "how-to/n.md"),
        *("reference/commands.md", "reference/settings.md", "reference/files.md"),
        *("project/results/LOG.md", "project/results/runs.csv"),
        *("project/results/study/README.md", "project/results/study/figure.png"),
    }


def test_links_lead_to_where_files_were_gathered(pages: Path) -> None:
    assert (pages / "index.md").read_text("utf-8") == (
        "[a](how-to/a.md) [log](project/results/LOG.md#x) [web](https://a.b/c)"
    )
    assert (pages / "how-to/a.md").read_text("utf-8") == (
        "[csv](../project/results/runs.csv) [gone](../../gone.md)"
    )
    assert (pages / "reference/b.md").read_text("utf-8") == "[n](../how-to/n.md)"
    assert (pages / "project/results/LOG.md").read_text("utf-8") == (
        "[home](../../index.md) [study](study/README.md)"
    )


def test_every_command_and_option_is_on_the_page_of_commands() -> None:
    page = "\n".join(describe_commands())
    context = click.Context(cli, info_name="harness")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert f"## harness {name}\n" in page
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert [each.opts for each in options if f"`{each.opts[0]}" not in page] == []
    assert "## harness truth build\n" in page


def test_every_setting_is_on_the_page_of_settings() -> None:
    page = "\n".join(describe_settings())
    for name in (*RunConfig.model_fields, "ogd.alpha", "predictor.n", "zero_cost.draws"):
        assert f"| `{name}` | " in page
    assert "| `channels` | int, >= 1 | `8` | Channels C of the first stage. |" in page


def test_the_page_of_files_has_fields_and_columns() -> None:
    page = "\n".join(describe_files())
    for row in ("| `status` | string | ", "| `execution.threads` | integer | CPU threads |"):
        assert row in page
    for name in ("scores", "steps", "disturbance", "seconds", "training_losses", "labels", "truth"):
        assert f"## {name}.parquet\n" in page


def test_a_notebook_is_a_page_of_its_text_code_and_outputs(pages: Path) -> None:
    assert (pages / "how-to/n.md").read_text("utf-8") == (
        "# A\ntext\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n"
        "```python\n2\n```\n\n```text\n2\n```\n"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<a href='b/#here'>", None),
        ("<a href='https://elsewhere.org/x'>", None),
        ("<a href='gone/'>", "index.html links to gone/, which does not exist."),
        ("<a href='#gone'>", "index.html links to #gone, and there is no such heading."),
        ("<a href='b/#gone'>", "index.html links to b/#gone, and there is no such heading."),
        ("<img src='gone.png'>", "index.html links to gone.png, which does not exist."),
        (
            "<script src='https://cdn.org/x.js'></script>",
            "index.html loads https://cdn.org/x.js: the site must open offline.",
        ),
        (
            "<link rel='stylesheet' href='//cdn.org/x.css'>",
            "index.html loads //cdn.org/x.css: the site must open offline.",
        ),
    ],
)
def test_a_dead_link_or_a_load_from_elsewhere_is_a_fault(
    text: str, fault: str | None, tmp_path: Path
) -> None:
    write(tmp_path / "index.html", text)
    write(tmp_path / "b/index.html", "<h1 id='here'>b</h1> <a href='..'>home</a>")
    assert list(find_faults(tmp_path)) == ([] if fault is None else [fault])


def test_a_style_that_loads_from_elsewhere_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path / "style.css", "@font-face { src: url('https://fonts.org/a.woff2') }")
    assert list(find_faults(tmp_path)) == [
        "style.css loads https://fonts.org/a.woff2: the site must open offline."
    ]
