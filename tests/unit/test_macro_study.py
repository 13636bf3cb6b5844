"""The tables of results/macro are those that its runs say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.ogd_study import summarise

MACRO = Path(__file__).parents[2] / "results" / "macro"


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
    text = (MACRO / "README.md").read_text(encoding="utf-8")
    part = text[text.index("## The contrast") : text.index("## Beside it")]
    contrast = [line for line in part.splitlines() if line.startswith("| ")]
    assert len(contrast) == 2 + 6
    assert [
        line for line in contrast[2:] if line.split("| ", 2)[2] not in made["contrasts.md"]
    ] == []
