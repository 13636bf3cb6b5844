"""The figures of results/second-objectives are those that its command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.truth import save_table
from harness.truth.importers.importing import import_truth
from scripts.second_objectives import print_tables

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.realdata
def test_the_tables_are_those_that_the_script_prints(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "nb201").mkdir()
    more = data_dir / "nb201_more"
    for name, source in {"robust": "robustness_targets.csv", "latency": "latency"}.items():
        save_table(import_truth(more / source), tmp_path / "nb201" / f"{name}.parquet")
    accuracies = data_dir / "nb201" / "truth_rows.parquet"
    (tmp_path / "nb201" / accuracies.name).symlink_to(accuracies)
    text = (ROOT / "results" / "second-objectives" / "README.md").read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if line.startswith(("| ", "**The first", "**All"))]
    assert len(shown) == 42
    assert shown == [line for line in print_tables(tmp_path) if line]
