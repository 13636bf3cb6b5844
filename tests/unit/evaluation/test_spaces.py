"""Evaluation, report and gate in spaces other than NAS-Bench-201."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import harness
from harness.check import check_estimators, load_baseline, make_snapshot, parse_rules, save_baseline
from harness.errors import MismatchError
from harness.estimators.loading import make_estimators
from harness.evaluation import choose_truth
from harness.report.page import render_page
from harness.report.page.explorer import explorer_data, pack_names
from harness.report.rendering import REPORT_WRITERS
from harness.spaces import REGISTRY, Space, load_space
from harness.spaces.lookup import name_archs
from harness.stats.populations import populations_of
from harness.truth import TruthTable, make_table

N = 200
SPACES = {
    "macro": REGISTRY["macro"],
    "nb101": REGISTRY["nb101"],
    "toy": "tests.spaces.toy:Toy",
    "endless": "tests.spaces.endless:Endless",
}


def make_truth(space: Space) -> TruthTable:
    keys = np.sort(space.prefix(N))
    mean = np.random.RandomState(0).uniform(40, 90, size=N)
    rows = [
        pd.DataFrame(
            {
                **name_archs(keys, space),
                "dataset": "tiles",
                "split": "test",
                "epochs": 12,
                "trial": trial,
                "seed": trial,
                "accuracy": mean + np.random.RandomState(trial + 1).normal(0, 0.5, size=N),
            }
        )
        for trial in (0, 1)
    ]
    return make_table(pd.concat(rows), "made up", {}, space=space)


def make_scores(space: Space, table: TruthTable, noise: float) -> pd.DataFrame:
    truth = table.select(choose_truth("tiles", truth=table).query)
    scores = truth.value + np.random.RandomState(9).normal(0, noise, size=(2, N))
    return pd.concat(
        pd.DataFrame({**name_archs(truth.keys, space), "score": row, "seed": seed})
        for seed, row in enumerate(scores)
    )


@pytest.fixture(name="space", params=SPACES)
def _space(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Space:
    name: str = request.param
    monkeypatch.setitem(REGISTRY, name, SPACES[name])
    return load_space(name)


def test_scores_are_evaluated_on_the_populations_of_their_space(space: Space) -> None:
    table = make_truth(space)
    frame = make_scores(space, table, 9.0)
    result = harness.evaluate(frame, table)
    truth = table.select(result.truth.query)
    expected = [
        scipy.stats.kendalltau(own["score"], truth.value)[0]
        for _, own in frame.groupby("seed", sort=True)
    ]
    tau = result.populations["all"].metrics["tau"]
    assert tau.per_seed == pytest.approx(expected, rel=1e-12)
    assert list(result.populations) == list(populations_of(space))
    assert list(result.populations["all"].baselines) == list(space.baselines)
    assert result.populations["all"].population.size == space.n_judged


def test_a_report_compares_and_shows_them(space: Space, tmp_path: Path) -> None:
    table = make_truth(space)
    made = harness.compare(
        {"rough": make_scores(space, table, 30.0), "fine": make_scores(space, table, 3.0)},
        truth=_store(table, tmp_path),
    )
    assert any(line.startswith("fine ranks better than rough: tau +") for line in made.words)
    assert any(line.startswith(f"Truth of space '{space.name}': ") for line in made.words)
    for write in REPORT_WRITERS.values():
        assert "fine" in write(made)
    assert "<!DOCTYPE html>" in render_page(made)
    (data,) = explorer_data(made)["truths"]
    names = [space.format(space.at(key)) for key in made.sections[0].keys.tolist()]
    assert data["names"] == pack_names(names)
    assert (data["index"] is None) == (space.index_column is None)


def test_the_gate_holds_them_to_a_baseline_that_names_the_space(
    space: Space, tmp_path: Path
) -> None:
    table = make_truth(space)
    chosen = choose_truth("tiles", truth=table)
    good, bad = (
        make_estimators(make_scores(space, table, noise), "mine").estimators
        for noise in (3.0, 60.0)
    )
    save_baseline(make_snapshot(good, chosen), tmp_path / "baseline.json")
    baseline = load_baseline(tmp_path / "baseline.json")
    assert baseline.space == space.name
    rules = parse_rules(["tau:0.05"])
    assert check_estimators(baseline, good, chosen, rules).outcome.value == "pass"
    assert check_estimators(baseline, bad, chosen, rules).outcome.value == "regression"


def test_scores_of_one_space_are_not_judged_by_a_truth_of_another(space: Space) -> None:
    scores = make_estimators({1: 0.5, 2: 0.7}).estimators
    with pytest.raises(MismatchError, match=f"is of '{space.name}'"):
        choose_truth("tiles", truth=make_truth(space), estimators=scores)


def _store(table: TruthTable, folder: Path) -> Path:
    from harness.truth import save_table

    save_table(table, folder / "truth.parquet")
    return folder / "truth.parquet"


def test_a_space_is_one_object_however_it_is_asked_for() -> None:
    assert load_space() is load_space("nb201") is load_space(REGISTRY["nb201"])
