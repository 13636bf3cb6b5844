"""The trade-off of truth and a second objective: by hand, and in every form of a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import TruthError, UsageError
from harness.estimators.loading import make_estimators
from harness.evaluation.trade_off import RANDOM_PICKS, RANDOM_SCORES
from harness.report.figures import make_figures
from harness.report.page import render_page
from harness.report.rendering import REPORT_WRITERS, report_document
from harness.seeding import make_rng
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.stats.trade_off import best_hypervolume, hypervolume, pick
from harness.truth import find_truth, save_table
from harness.truth.importers.importing import import_truth

N = 120
INDEX = np.sort(sample_indices(N))
SPACE = load_space()
ROWS = find_truth("tiles").rows.query("split == 'test'")
TRUTH = ROWS.groupby("nb201_index")["accuracy"].mean().round(6)
PARAMS = pd.Series({i: SPACE.baselines["params"].score(arch_at(i)) for i in TRUTH.index.tolist()})
NOISY = TRUTH[INDEX].to_numpy() + 5.0 * np.random.RandomState(0).standard_normal((2, N))


def compare(scores: object, **options: object) -> harness.Report:
    return harness.compare({"mine": scores}, "tiles", **{"trade_off": "params", **options})


def frame(rows: np.ndarray = NOISY) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"nb201_index": INDEX, "score": row, "seed": seed})
        for seed, row in enumerate(rows)
    ]
    return pd.concat(parts)


@pytest.fixture(scope="module", name="report")
def _report() -> harness.Report:
    return compare(frame())


def scale(values: pd.Series) -> np.ndarray:
    """Scale by the range of the table, and take the architectures that were scored."""
    return ((values - values.min()) / (values.max() - values.min()))[INDEX].to_numpy()


def test_shares_are_those_computed_by_hand(report: harness.Report) -> None:
    found = report.sections[0].trade_off
    assert found is not None
    first, second = scale(TRUTH), scale(-PARAMS)
    shares = {each.label: each.shares for each in found.picks}
    for k in (10, 50):
        best = best_hypervolume(first, second, k)
        picked = [pick(row, second, k) for row in NOISY]
        expected = [hypervolume(first[own], second[own]) / best for own in picked]
        assert shares["mine"][k] == pytest.approx(expected, rel=1e-9)
        assert all(0.0 < share <= 1.0 for own in shares.values() for share in own[k])
    assert set(shares) == {"mine", "live_params", "random scores", "random picks"}
    assert (found.n, found.second.is_lower_better) == (N, True)
    draws = make_rng(0, "random picks").uniform(size=(20, N))
    best = best_hypervolume(first, second, 10)
    for label, picks in {
        "random scores": [pick(draw, second, 10) for draw in draws],
        "random picks": [np.argsort(draw)[-10:] for draw in draws],
    }.items():
        expected = [hypervolume(first[own], second[own]) / best for own in picks]
        assert shares[label][10] == pytest.approx(expected, rel=1e-9)


def test_a_second_objective_may_be_estimated_too() -> None:
    """Picks then know its estimate alone, and are judged by its value."""
    first, second = scale(TRUTH), scale(-PARAMS)
    guess = -PARAMS[INDEX].to_numpy() + 4e5 * np.random.RandomState(3).standard_normal((2, N))
    both = {"mine": frame(), "small": frame(guess)}
    report = harness.compare(both, "tiles", trade_off="params", trade_off_score="small")
    found = report.sections[0].trade_off
    assert found is not None
    assert (found.second_score, found.to_dict()["second_score"]) == ("small", "small")
    (own,) = [each for each in found.picks if each.label == "mine"]
    picked = [pick(row, other, 10) for row, other in zip(NOISY, guess, strict=True)]
    best = best_hypervolume(first, second, 10)
    expected = [hypervolume(first[k], second[k]) / best for k in picked]
    assert own.shares[10] == pytest.approx(expected, rel=1e-9)
    text = "; picks know params by the scores of small"
    assert any(line.endswith(f"{text}.") for line in report.words)
    assert any(block.title.endswith(text) for block in report_document(report).blocks)


def test_of_a_free_score_that_estimates_less_is_better() -> None:
    known, by_itself = (
        compare(frame(), trade_off_score=score).sections[0].trade_off for score in (None, "params")
    )
    assert known is not None
    assert by_itself is not None
    assert known.picks == by_itself.picks


def test_estimates_of_other_seeds_and_of_no_objective_are_refused() -> None:
    other = frame().assign(seed=lambda rows: rows["seed"] + 1)
    with pytest.raises(UsageError, match=r"'mine' has the seeds \(0, 1\) and 'small', which"):
        harness.compare(
            {"mine": frame(), "small": other},
            "tiles",
            estimators=["mine"],
            trade_off="params",
            trade_off_score="small",
        )
    with pytest.raises(UsageError, match="was given without the second objective"):
        compare(frame(), trade_off=None, trade_off_score="flops")


def test_a_seed_is_held_to_the_best_that_it_could_pick() -> None:
    """Shares of a predictor do not depend on which other seeds are in the report."""
    truth = TRUTH[INDEX].to_numpy()
    scores = np.where(np.arange(N) < 60, truth, -truth) * np.ones((2, 1))
    best = np.argsort(-truth)[:5]

    def measure(*fitted_on: np.ndarray) -> tuple[float, ...]:
        (loaded,) = make_estimators(frame(scores[: len(fitted_on)])).estimators
        estimator = replace(loaded, fitted_on=tuple(np.sort(INDEX[own]) for own in fitted_on))
        found = compare(estimator).sections[0].trade_off
        assert found is not None
        return next(each.shares[10] for each in found.picks if each.label == "mine")

    alone, beside = measure(best), measure(best, np.arange(0, N, 7))
    assert alone[0] == beside[0]


def test_an_estimator_that_knows_the_truth_reaches_all() -> None:
    found = compare(frame(TRUTH[INDEX].to_numpy()[np.newaxis])).sections[0].trade_off
    assert found is not None
    (exact,) = [each for each in found.picks if each.label == "mine"]
    front = set(found.front)
    assert len(front) <= 50
    assert exact.shares[50] == pytest.approx((1.0,), rel=1e-12)
    assert front <= set(exact.points)
    assert found.front[0][0] == TRUTH[INDEX].max()  # raw values, the best truth first


def test_every_form_of_a_report_has_it(report: harness.Report) -> None:
    (said,) = [line for line in report.words if line.startswith("Trade-off with params")]
    assert "(120 architectures)" in said
    assert "mine 0." in said
    (block,) = [b for b in report_document(report).blocks if b.title.startswith("Trade-off")]
    assert block.headings == ("estimator", "10 picks", "50 picks")
    assert {row[0] for row in block.rows} == {"mine", "live_params", RANDOM_SCORES, RANDOM_PICKS}
    assert any("+-" in row[1] for row in block.rows if row[0] == "mine")
    content = json.loads(REPORT_WRITERS["json"](report))["sections"][0]["trade_off"]
    assert content["second"] == {"name": "params", "unit": "", "is_lower_better": True}
    assert "hypervolume share of 10 picks with params" in REPORT_WRITERS["csv"](report)
    (figure,) = [each for each in make_figures(report) if each.name == "trade-off"]
    assert (figure.x_label, figure.y_label) == ("params (lower is better)", "accuracy, %")
    assert len({len(each.x) for each in figure.series if each.kind == "points"} - {50}) == 0
    assert 'id="trade-off"' in render_page(report)


def test_a_report_without_it_says_nothing_of_it() -> None:
    plain = compare(frame(), trade_off=None)
    assert plain.sections[0].trade_off is None
    assert "Trade-off" not in str(plain) + render_page(plain)
    assert plain.to_dict()["sections"][0]["trade_off"] is None


def test_an_objective_that_cannot_be_traded_is_refused() -> None:
    with pytest.raises(UsageError, match="is what the truth measures"):
        compare(frame(), trade_off="accuracy")
    with pytest.raises(UsageError, match=r"Did you mean 'params'"):
        compare(frame(), trade_off="parms")
    few = frame().query("nb201_index <= @INDEX[9]")
    with pytest.raises(TruthError, match="10 architectures have all scores, a truth"):
        compare(few)
    some = compare(frame().query("nb201_index <= @INDEX[29]")).sections[0].trade_off
    assert some is not None
    assert set(some.picks[0].shares) == {10}


@pytest.mark.realdata
def test_the_best_of_robust_and_small_is_found_by_who_knows_it(
    data_dir: Path, tmp_path: Path
) -> None:
    table = import_truth(data_dir / "nb201_more" / "robustness_targets.csv")
    (tmp_path / "nb201").mkdir()
    save_table(table, tmp_path / "nb201" / "robust.parquet")
    frame = table.rows.query("metric == 'robust:pgd@linf:eps=1'").iloc[::40]
    scores = dict(zip(frame["nb201_index"].tolist(), frame["value"].tolist(), strict=True))
    report = harness.compare(
        {"exact": scores},
        truth_metric="robust:pgd@linf:eps=1",
        trade_off="params",
        data_dir=tmp_path,
    )
    found = report.sections[0].trade_off
    assert found is not None
    shares = {each.label: np.mean(each.shares[50]) for each in found.picks}
    assert shares["exact"] == pytest.approx(1.0)
    assert 0.5 < shares["random scores"] < 0.99
    (note,) = [each for each in report.sections[0].truth.notes if "one_per_string" in each]
    assert "so 15,625 architectures are 6,466 trainings" in note
