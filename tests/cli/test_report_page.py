"""`harness report --html` and `--plots`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commandline import Invoke
from tests.made_reports import make_file_report

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"jinja2", "markupsafe", "matplotlib", "torch"}:
            raise AssertionError("imported " + name)

sys.meta_path.insert(0, Blocker())
from harness.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture(name="scores")
def _scores(tmp_path: Path) -> Path:
    make_file_report(tmp_path, ("mine", "theirs"))
    return tmp_path / "scores.csv"


def test_a_page_and_figures_are_written_where_they_are_asked_for(
    invoke: Invoke, scores: Path, tmp_path: Path
) -> None:
    page, plots = tmp_path / "new" / "report.html", tmp_path / "plots"
    options = ("--truth-dataset", "tiles", "--html", page, "--plots", plots)
    result = invoke("report", scores, *options)
    assert (result.code, result.out) == (0, "")
    assert f"Wrote {page}" in result.err
    assert f"Wrote 7 files to {plots}" in result.err
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert len(list(plots.iterdir())) == 7


def test_data_go_to_stdout_beside_a_page(invoke: Invoke, scores: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = invoke("report", scores, "--truth-dataset", "tiles", "--html", page, "--json")
    assert result.code == 0
    assert result.out.startswith("{")
    assert page.exists()


def test_tables_need_neither_templates_nor_matplotlib(scores: Path) -> None:
    command = [sys.executable, "-c", BLOCKER, "report", str(scores), "--truth-dataset", "tiles"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout
