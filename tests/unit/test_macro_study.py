"""The tables of results/macro are those that its runs say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.estimators.loading import load_estimators
from harness.estimators.naming import split_names
from harness.report import make_report
from harness.report.rendering import REPORT_WRITERS
from scripts.ogd_study import summarise

MACRO = Path(__file__).parents[2] / "results" / "macro"
NAMES = "all,depth,digit_sum,flops,params"


def shown(start: str, end: str) -> list[str]:
    text = (MACRO / "README.md").read_text(encoding="utf-8")
    part = text[text.index(start) : text.index(end)]
    return [line for line in part.splitlines() if line.startswith("| ")]


@pytest.mark.realdata
def test_the_tables_of_the_study_are_made_again(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(MACRO / "runs"), "--primary", "ogd", "--data-dir", str(data_dir)]
    monkeypatch.setattr(sys, "argv", ["summarise", *arguments, "--out", str(tmp_path)])
    summarise.main()
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert len(made) == 4
    assert made == {name: (MACRO / name).read_text(encoding="utf-8") for name in made}
    contrast = shown("## The contrast", "## Beside it")
    assert len(contrast) == 2 + 6
    assert [
        line for line in contrast[2:] if line.split("| ", 2)[2] not in made["contrasts.md"]
    ] == []


@pytest.mark.realdata
def test_the_leaderboard_is_that_of_the_report(data_dir: Path) -> None:
    loaded = load_estimators([MACRO / "runs"])
    report = make_report(loaded, data_dir=data_dir, estimators=split_names(NAMES))
    printed = REPORT_WRITERS["markdown"](report).splitlines()
    board = shown("## Beside it", "## Trials")
    assert len(board) == 2 + 6
    assert [line for line in board if line not in printed] == []
