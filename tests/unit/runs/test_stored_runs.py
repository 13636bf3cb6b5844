"""All run folders and score files under `results/` read as they did when they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.runs.folder import RunFolder
from harness.scores import load_scores

RESULTS = Path(__file__).parents[3] / "results"
RUNS = sorted(path.parent for path in RESULTS.rglob("record.json"))
SCORES = sorted(RESULTS.rglob("scores*.parquet"))


def test_none_is_missing() -> None:
    assert (len(RUNS), len(SCORES)) == (143, 273)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: str(path.relative_to(RESULTS)))
def test_a_stored_record_reads_under_the_name_that_it_has(path: Path) -> None:
    stored = json.loads((path / "record.json").read_text(encoding="utf-8"))
    record = RunFolder(path).read_record()
    assert record.run_id == stored["run_id"] == path.name
    assert record.model_dump(mode="json").items() >= stored.items()


def test_every_stored_score_file_loads_with_a_score_or_a_status_for_each_architecture() -> None:
    for path in SCORES:
        scores = load_scores(path)
        assert len(scores) > 0, path
        assert scores["score"].notna().equals(scores["status"] == "ok"), path
