"""The figures of results/search are those of its stored searches, and these can be made again."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from harness.evaluation import choose_truth
from harness.search.preparing import Asked
from harness.search.searching import search
from harness.spaces import load_space
from scripts import search_study
from scripts.search_study import FILE, print_tables


def test_the_tables_are_those_of_the_stored_searches() -> None:
    text = (FILE.parent / "README.md").read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if line.startswith(("| ", "**"))]
    printed = [line for line in print_tables() if line]
    assert len(printed) == 18 + 8 + 6
    assert [line for line in shown if line in printed] == printed


def test_every_figure_of_the_text_is_in_a_table() -> None:
    text = (FILE.parent / "README.md").read_text(encoding="utf-8")
    prose = [line for line in text.splitlines() if not line.startswith("| ")]
    found = set(re.findall(r"\d+\.\d+", "\n".join(prose)))
    assert len(found) > 15
    assert found <= set(re.findall(r"\d+\.\d+", "\n".join(print_tables())))


@pytest.mark.realdata
def test_a_stored_search_is_made_again_bit_for_bit(data_dir: Path) -> None:
    asked = Asked(
        load_space(), ("evolution",), budget=100, seeds=(0, 7), chosen=choose_truth("cifar10")
    )
    judged = search(asked).judged
    assert judged is not None
    stored = pd.read_csv(FILE)
    for row in judged.rows:
        own = stored[(stored["method"] == row.label) & stored["seed"].isin(row.seeds)]
        for n in search_study.PLACES:
            assert own[str(n)].tolist() == pytest.approx(row.figures(n), abs=1e-4)
