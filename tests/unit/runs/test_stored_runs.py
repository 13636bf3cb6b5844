"""All committed run folders and score files under `results/` read as when they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.execution.runner import resolve_config
from harness.runs.folder import RunFolder, under_stored_name
from harness.scores import load_scores
from harness.settings.run import RunConfig
from harness.settings.stored import former_name
from harness.truth import find_truth

RESULTS = Path(__file__).parents[3] / "results"
STUDIES = [RESULTS / name for name in ("ogd-study", "precision")]
"""What is committed; `make run` and studies of one's own write to other folders of `results/`."""

RUNS = sorted(path.parent for study in STUDIES for path in study.rglob("record.json"))
SCORES = sorted(path for study in STUDIES for path in study.rglob("scores*.parquet"))


def test_none_is_missing() -> None:
    assert (len(RUNS), len(SCORES)) == (134, 258)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: str(path.relative_to(RESULTS)))
def test_a_stored_record_reads_under_the_name_that_it_has(path: Path) -> None:
    stored = json.loads((path / "record.json").read_text(encoding="utf-8"))
    record = RunFolder(path).read_record()
    assert record.run_id == stored["run_id"] == path.name
    assert record.model_dump(mode="json").items() >= stored.items()
    assert former_name(stored["config"]) == path.name


@pytest.mark.parametrize("path", RUNS, ids=lambda path: str(path.relative_to(RESULTS)))
def test_the_settings_of_a_stored_run_find_it_again(path: Path) -> None:
    record = RunFolder(path).read_record()
    # its truth is not asked for, since how many architectures are ranked is given
    config = resolve_config(RunConfig(**record.config), find_truth("tiles"))
    assert config.run_id != path.name
    for threads in (record.config["threads"], None, 1, 2):
        asked = config.model_copy(update={"threads": threads})
        assert under_stored_name(asked, path.parent).run_id == path.name
    assert RunConfig(**record.config).sha256 == config.sha256


BOARD = sorted(path.parent for path in (RESULTS / "leaderboard").glob("*/record.json"))


@pytest.mark.parametrize("path", BOARD, ids=lambda path: path.name)
def test_a_run_of_the_leaderboard_is_found_by_its_settings_and_loads(path: Path) -> None:
    record = RunFolder(path).read_record()
    assert record.run_id == path.name
    assert record.status == "finished"
    assert resolve_config(RunConfig(**record.config), find_truth("tiles")).run_id == path.name
    assert len(load_scores(path / "scores.parquet")) == record.config["n_archs"]


def test_every_stored_score_file_loads_with_a_score_or_a_status_for_each_architecture() -> None:
    for path in SCORES:
        scores = load_scores(path)
        assert len(scores) > 0, path
        assert scores["score"].notna().equals(scores["status"] == "ok"), path
