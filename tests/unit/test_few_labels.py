"""results/few-labels: every figure of its tables, back to the runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.estimators.loading import load_estimators
from harness.estimators.naming import split_settings
from harness.evaluation import choose_truth
from scripts.few_labels.gather import measure
from scripts.few_labels.tables import load_figures, make_tables

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "results" / "few-labels"
OF_RECORDS = {"tau": "tau", "tau_top_50": "tau_top_half", "tau_top_10": "tau_top_10"}


def find_rows(path: Path, sign: str = "| ") -> list[str]:
    return [
        line for line in path.read_text().splitlines() if line.startswith("| ") and sign in line
    ]


def test_the_tables_are_what_the_stored_figures_say() -> None:
    assert find_rows(FOLDER / "README.md") == list(make_tables(FOLDER))


def test_the_manual_shows_rows_of_these_tables() -> None:
    manual = ROOT / "docs" / "how-to" / "predictors.md"
    shown = [row.split(" | ", 2)[2] for row in find_rows(manual, " +- ")]
    known = [row.split(" | ", 2)[2] for row in find_rows(FOLDER / "README.md", " +- ")]
    assert len(shown) == 9
    assert [row for row in shown if row not in known] == []


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "crossed"], ids=lambda path: path.name)
def test_the_stored_figures_are_those_of_the_records(folder: Path) -> None:
    summaries = {}
    for line in (folder / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        settings = frozenset(f"{key}={v}" for key, v in record["config"]["predictor"].items())
        summaries[settings, record["config"]["seed"]] = record["summary"]
    n = 0
    for label, row in load_figures(folder).items():
        settings = frozenset(split_settings(label)[1])
        for place, seed in enumerate(row["seeds"]):
            summary, n = summaries[settings, int(seed)], n + 1
            for name, of_record in OF_RECORDS.items():
                assert row[name][place] == pytest.approx(summary[of_record], abs=1e-6)
    assert n == len(summaries) in (300, 30)


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "crossed"], ids=lambda path: path.name)
def test_the_stored_figures_of_seed_0_are_those_of_its_scores(folder: Path, data_dir: Path) -> None:
    figures = load_figures(folder)
    estimators = load_estimators(sorted(folder.glob("cifar10-predictor-s0-*"))).estimators
    chosen = choose_truth(data_dir=data_dir, estimators=estimators)
    assert len(estimators) == len(figures)
    for estimator in estimators:
        own = measure(estimator, chosen)
        row = figures[own.pop("estimator")]
        assert own == {name: row[name][:1] for name in own}
