"""Predictors with a supernet held, and over a grid of supernets and label seeds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.report import Report
from harness.report.grids import find_grids
from harness.report.rendering import REPORT_WRITERS, report_document
from harness.stats import crossed_mean
from tests.made_reports import make_fitted_report

OWN = {"n": 20, "model": "gp", "features": "graf+spos"}
NAME = "predictor(n=20, model=gp, features=graf+spos)"


def held(seed: int) -> dict[str, object]:
    return {**OWN, "supernet_seed": seed}


@pytest.fixture(scope="module", name="report")
def _report() -> Report:
    return make_fitted_report(*map(held, (0, 1, 2)), {"n": 20, "model": "gp"}, n_seeds=5)


def test_it_is_one_row_over_both(report: Report) -> None:
    (section,) = report.sections
    (grid,) = find_grids(section.evaluations)
    assert (grid.label, grid.supernets, grid.seeds) == (NAME, (0, 1, 2), (0, 1, 2, 3, 4))
    rows = [e for e in section.evaluations if "supernet_seed" in e.label]
    values = np.array([e.populations["all"].metrics["tau"].per_seed for e in rows])
    assert values.shape == (3, 5)
    assert grid.means["tau"] == crossed_mean(values, "supernets and label seeds", (-1.0, 1.0))
    (block,) = [b for b in report_document(report).blocks if b.title.startswith("Over supernets")]
    assert block.rows[0][:2] == (NAME, "3 x 5")
    assert block.rows[0][2].startswith(f"{values.mean():.3f} [")
    said = f"Over 3 supernets and 5 label seeds, each with every other, {NAME} has tau"
    assert any(line.startswith(said) for line in report.words)
    (content,) = json.loads(REPORT_WRITERS["json"](report))["sections"]
    assert content["grids"][0]["means"]["tau"]["value"] == pytest.approx(values.mean())


def test_an_interval_with_a_supernet_held_says_so(report: Report) -> None:
    label = f"{NAME[:-1]}, supernet_seed=1)"
    (said,) = [line for line in report.words if line.startswith(f"Intervals of {label}")]
    assert (
        "are over label seeds, the supernet of seed 1 held: they say nothing of other draws" in said
    )
    assert "(95% over label seeds and architectures; 5 label seeds, the supernet" in report.words[0]
    (pair,) = [p.pair for p in report.sections[0].pairs if p.pair.first.label == label]
    assert pair.claim == (
        f"over 5 label seeds of {label}, against one set of scores, the supernet of seed 1 held"
    )
    free = "Intervals of predictor(n=20, model=gp)"
    assert not any(line.startswith(free) for line in report.words)


def test_there_is_no_grid_of_one_supernet_or_of_other_label_seeds() -> None:
    one = make_fitted_report(held(0), {"n": 20, "model": "gp"})
    assert find_grids(one.sections[0].evaluations) == []
    assert not [b for b in report_document(one).blocks if b.title.startswith("Over supernets")]
    single = make_fitted_report(held(0), held(1), n_seeds=1)
    assert find_grids(single.sections[0].evaluations) == []
