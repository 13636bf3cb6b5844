"""The figures of results/no-labels are those that its command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.no_labels import make_table

RESULTS = Path(__file__).parents[2] / "results"
ONE_DRAW = RESULTS / "leaderboard" / "cifar10-jacov-s0-8df2f8ac-6f9fa060"


@pytest.mark.realdata
def test_the_table_is_that_which_the_script_prints(data_dir: Path) -> None:
    text = (RESULTS / "no-labels" / "README.md").read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(shown) == 2 + 5 * 4 + 4 + 3
    assert shown == list(make_table(RESULTS / "no-labels", ONE_DRAW, data_dir))
