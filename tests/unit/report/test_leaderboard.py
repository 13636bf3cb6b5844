"""The leaderboard: its order, the Pareto front, what is added, and how it is told."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

import harness
from harness.errors import UsageError
from harness.estimators.cost import Labels
from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.evaluation import TruthChoice, choose_truth
from harness.report import Report, make_report
from harness.report.figures import make_figures
from harness.report.leaderboard import Place, leaderboard_block, make_leaderboard
from harness.report.rendering import REPORT_WRITERS, report_document
from harness.report.words import describe_report
from harness.settings.layers import make_config
from tests.check_cases import make_records

CHOSEN = choose_truth("tiles")
TRUTH = CHOSEN.truth
N = len(TRUTH.keys)
RNG = np.random.RandomState(0)


def make(label: str, noise: float, arch_s: float | None = None, n_seeds: int = 1) -> ScoreMatrix:
    scores = TRUTH.value + noise * RNG.standard_normal((n_seeds, len(TRUTH.keys)))
    seeds = tuple(range(n_seeds)) if n_seeds > 1 else (None,)
    return ScoreMatrix(label, label, "file", seeds, TRUTH.keys, scores, "made up", arch_s=arch_s)


GOOD, CHEAP, DEAR = make("good", 2.0, 1.0), make("cheap", 6.0, 0.1), make("dear", 7.0, 5.0)
UNKNOWN, SEEDED = make("unknown", 1.0), make("seeded", 3.0, 2.0, n_seeds=3)
GIVEN = Loaded((GOOD, CHEAP, DEAR, UNKNOWN, SEEDED))
CHOICE = TruthChoice("tiles")


def report(*names: str, floor: str | None = None) -> Report:
    return make_report(GIVEN, [CHOICE], estimators=names, floor=floor)


@pytest.fixture(scope="module")
def everything() -> Report:
    return report("all", "live_params+good", "params")


def by_label(made: Report) -> dict[str, Place]:
    return {place.result.label: place for place in make_leaderboard(made.sections[0])}


def test_the_best_comes_first_and_the_floor_is_there(everything: Report) -> None:
    places = make_leaderboard(everything.sections[0])
    taus = [place.result.tau for place in places]
    assert taus == sorted(taus, key=lambda tau: -(tau or 0.0))
    assert [place.result.label for place in places if place.is_floor] == ["live_params"]
    n = len(TRUTH.keys)
    assert set(by_label(everything)) == {
        *("good", "cheap", "dear", "unknown", "seeded", "params", "live_params"),
        f"live_params+good (n={n})",
    }


def test_a_tau_of_0_stands_before_one_below() -> None:
    accuracy, first = np.unique(TRUTH.value, return_index=True)
    accuracy, keys = accuracy[:40], TRUTH.keys[first[:40]].tolist()
    rows = {"down": -accuracy + 2.0 * RNG.standard_normal(40), "fold": abs(np.arange(40) - 19.5)}
    scores = {name: dict(zip(keys, row.tolist(), strict=True)) for name, row in rows.items()}
    taus = {
        p.result.label: p.result.tau for p in by_label(harness.compare(scores, "tiles")).values()
    }
    assert taus["fold"] == 0.0
    assert -1.0 < (taus["down"] or 0.0) < 0.0
    assert list(taus)[-2:] == ["fold", "down"]


def test_the_front_is_what_none_beats_for_less(everything: Report) -> None:
    places = by_label(everything)
    floor = places["live_params"].result.tau or 0.0
    for label, place in places.items():
        tau, total = place.result.tau or 0.0, place.cost and place.cost.total
        if total is None:
            assert place.is_on_front is None
            continue
        better = [
            other
            for other in places.values()
            if other.cost is not None
            and (other.result.tau or 0.0, -other.cost.total) != (tau, -total)
            and (other.result.tau or 0.0) >= tau
            and other.cost.total <= total
        ]
        assert place.is_on_front == (not better), label
    assert places["good"].is_on_front
    assert not places["dear"].is_on_front
    assert places["unknown"].cost is None
    assert places["live_params"].is_on_front == (floor > (places["params"].result.tau or 0.0))


def test_what_is_added_is_the_tau_of_the_combination_less_the_floors(everything: Report) -> None:
    gain = everything.sections[0].added["good"].everything
    combination = by_label(everything)[f"live_params+good (n={len(TRUTH.keys)})"]
    assert gain.together.value == pytest.approx(combination.result.tau, abs=1e-12)
    assert gain.value == pytest.approx((gain.together.value or 0) - (gain.floor.value or 0))
    # What is in the floor adds nothing twice.
    own = everything.sections[0].added[combination.result.label].everything
    assert own.value == pytest.approx(gain.value, abs=1e-12)
    assert "live_params" not in everything.sections[0].added


def test_the_floor_can_be_chosen_and_need_not_be_shown() -> None:
    made = report("cheap", "seeded", floor="live_params+good")
    section = made.sections[0]
    assert section.floor.label == f"live_params+good (n={len(TRUTH.keys)})"
    assert section.added["cheap"].floor == ("live_params", "good")
    assert set(by_label(made)) == {"cheap", "seeded", section.floor.label}
    assert report("good", floor="good").sections[0].added == {}


def records_of(made: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(REPORT_WRITERS["csv"](made))))


def test_every_format_has_it(everything: Report) -> None:
    content = json.loads(REPORT_WRITERS["json"](everything))
    rows = {row["estimator"]: row for row in content["sections"][0]["leaderboard"]}
    assert rows["good"]["family"] == "given"
    assert rows["good"]["cost"]["total"] == pytest.approx(len(TRUTH.keys))
    assert rows["good"]["added"]["populations"]["all"]["difference"]["value"] > 0
    assert rows["live_params"]["is_floor"]
    assert rows["seeded"]["seeds"] == [0, 1, 2]
    added = [
        row
        for row in records_of(everything)
        if row["kind"] == "added value" and row["name"] == "good"
    ]
    assert added[0]["figure"] == "tau added to live_params"
    assert (added[0]["p"], added[0]["verdict"]) == ("", "")  # one seed
    (one, *_) = [row for row in records_of(everything) if row["name"] == "seeded" and row["p"]]
    gain = everything.sections[0].added["seeded"].everything
    assert gain.interval is not None
    assert (float(one["p"]), one["verdict"]) == (gain.p, gain.verdict)
    assert float(one["low"]) == gain.interval.low
    shown = everything.sections[0].evaluations[0].populations
    assert {row["population"] for row in added} == {*shown}
    block = leaderboard_block(everything.sections[0])
    assert block.title.startswith("Leaderboard, against tiles test, 12 epochs, mean of trials")
    assert "cost in seconds as given" in block.title
    (row,) = [row for row in block.rows if row[0] == "good"]
    assert row[-2] == f"{len(TRUTH.keys)}* (0 + 1)"


def test_labels_used_have_a_column_where_some_were() -> None:
    fitted = replace(SEEDED, label="fitted", fitted_on=(TRUTH.keys[:32],) * 3)
    made = make_report(Loaded((GOOD, fitted)), [CHOICE])
    block = leaderboard_block(made.sections[0])
    (place,) = [p for p in make_leaderboard(made.sections[0]) if p.result.label == "fitted"]
    assert place.labels == Labels(32.0, None)
    assert (place.to_dict()["n_labels"], place.to_dict()["label_epochs"]) == (32, None)
    row = dict(zip(block.headings, next(r for r in block.rows if r[0] == "fitted"), strict=True))
    assert (row["labels"], row["label cost"], row["n"]) == ("32", "unknown", f"{N - 32:,}")
    assert place.result.leak_free is not None
    assert row["leak_free"] == f"{place.result.leak_free.tau:.3f}"
    assert place.to_dict()["leak_free"] == place.result.leak_free.to_dict()
    other = dict(zip(block.headings, next(r for r in block.rows if r[0] == "good"), strict=True))
    assert (other["labels"], other["leak_free"], other["n"]) == ("0", "-", f"{N}")
    assert any(note.startswith("labels: ") for note in report_document(made).notes)
    assert not any(note.startswith("labels: ") for note in report_document(report()).notes)
    assert "labels" not in leaderboard_block(report().sections[0]).headings


def test_tau_without_twins_says_why_there_is_none() -> None:
    tied = replace(GOOD, label="tied", fitted_on=(TRUTH.keys[:32],), score=0.0 * GOOD.score)
    most = replace(GOOD, label="most", fitted_on=(TRUTH.keys[:-40],))
    for fitted, why in ((tied, "all scores of a seed tie"), (most, "too few architectures (30")):
        words = make_report(Loaded((GOOD, fitted)), [CHOICE]).words
        (told,) = [line for line in words if line.startswith("Without the twins of its labels")]
        assert f"{fitted.label} has no tau: {why}" in told


def test_recorded_seconds_of_labels_are_shown_and_not_added() -> None:
    facts = {"labels": "tiles test, 12 epochs, mean of trials", "label_s": 1234.5}
    config = make_config({"estimator": "predictor"}).model_dump()
    update = {"ranking": facts, "config": config}
    records = tuple(record.model_copy(update=update) for record in make_records((0, 1, 2)))
    fitted = replace(SEEDED, label="fitted", fitted_on=(TRUTH.keys[:32],) * 3, records=records)
    made = make_report(Loaded((GOOD, fitted)), [CHOICE])
    place = by_label(made)["fitted"]
    assert (place.to_dict()["label_s"], place.whole_cost) == (1234.5, None)
    block = leaderboard_block(made.sections[0])
    row = dict(zip(block.headings, next(r for r in block.rows if r[0] == "fitted"), strict=True))
    assert row["label cost"] == "32 x 12 ep (1,234 s)"
    rows = list(csv.DictReader(io.StringIO(REPORT_WRITERS["csv"](made))))
    own = {(r["name"], r["figure"]): r["value"] for r in rows}
    assert float(own["fitted", "label_s"]) == 1234.5
    assert ("good", "label_s") not in own


def test_the_n_of_a_row_is_that_of_each_seed() -> None:
    fitted = replace(SEEDED, label="fitted", fitted_on=tuple(TRUTH.keys[:n] for n in (30, 40, 50)))
    made = make_report(Loaded((GOOD, fitted)), [CHOICE])
    place = by_label(made)["fitted"]
    assert place.to_dict()["n_per_seed"] == [N - 30, N - 40, N - 50]
    (row,) = [r for r in leaderboard_block(made.sections[0]).rows if r[0] == "fitted"]
    assert f"{N - 50} to {N - 30}" in row


def test_labels_have_no_price_so_the_estimator_is_on_no_front_and_keeps_none_off_it() -> None:
    fitted = replace(GOOD, label="fitted", arch_s=0.01, fitted_on=(TRUTH.keys[:32],))
    made = make_report(Loaded((GOOD, fitted)), [CHOICE])
    places = by_label(made)
    assert places["fitted"].cost is not None
    assert places["fitted"].is_on_front is None
    assert places["good"].is_on_front  # though 'fitted' is as good for less
    (row,) = [r for r in leaderboard_block(made.sections[0]).rows if r[0] == "fitted"]
    assert any(cell.startswith("6 + labels (0 + 0.01)") for cell in row)
    (figure,) = [f for f in make_figures(made) if f.name == "tau-against-given-cost"]
    assert "fitted" not in {series.label for series in figure.series}
    assert "Estimators with labels, which cost trainings beside, are not shown." in figure.caption


def test_csv_has_the_labels_and_tau_without_their_twins() -> None:
    fitted = replace(SEEDED, label="fitted", fitted_on=(TRUTH.keys[:32],) * 3)
    made = make_report(Loaded((GOOD, fitted)), [CHOICE])
    rows = list(csv.DictReader(io.StringIO(REPORT_WRITERS["csv"](made))))
    own = {(r["name"], r["population"], r["figure"]): r for r in rows}
    assert float(own["fitted", "", "n_labels"]["value"]) == 32
    leak_free = own["fitted", "leak_free", "tau"]
    found = by_label(made)["fitted"].result.leak_free
    assert found is not None
    assert float(leak_free["value"]) == found.tau
    assert int(leak_free["n"]) == min(found.n)
    assert ("good", "", "n_labels") not in own


def test_the_figure_has_a_point_each_and_the_front(everything: Report) -> None:
    (figure,) = [f for f in make_figures(everything) if f.name == "tau-against-given-cost"]
    points = {series.label: series for series in figure.series if series.kind == "points"}
    assert "unknown" not in points
    assert points["live_params"].x == (0.0,)
    (front,) = [series for series in figure.series if series.kind == "reference"]
    assert list(front.x) == sorted(front.x)
    assert list(front.y) == sorted(front.y, key=float)  # type: ignore[arg-type]
    assert figure.place_x(100.0) - figure.place_x(10.0) == pytest.approx(1.0)
    assert figure.place_x(0.0) < figure.place_x(min(x for x in front.x if x > 0))
    assert figure.log_ticks[0][1] == "0"


def test_words_say_what_it_adds_and_of_one_seed_give_no_verdict() -> None:
    (said,) = [line for line in report("seeded").words if "combined by rank" in line]
    assert said.startswith("seeded adds to live_params: combined by rank, tau +")
    assert "(95% over seeds and architectures; 3 seeds)" in said
    (said,) = [line for line in report("good").words if "combined by rank" in line]
    assert said.startswith("good beside live_params: combined by rank, tau +")
    assert "(these scores only: one seed gives no verdict; 95% over architectures)" in said


def test_of_many_estimators_the_first_sentence_names_the_best() -> None:
    made = make_report(GIVEN, [CHOICE], estimators=["all", "params", "flops"])
    assert "the best 5 of 7 are unknown 0." in made.words[0]
    assert "flops" not in made.words[0]
    assert "the best" not in report().words[0]


def test_where_more_were_ranked_than_judged_the_sentence_says_so() -> None:
    half = replace(GOOD, label="half", keys=TRUTH.keys[:300], score=GOOD.score[:, :300])
    (said,) = [
        line
        for line in make_report(Loaded((half, UNKNOWN)), [CHOICE]).words
        if "combined by rank" in line
    ]
    assert f"ranked among {len(TRUTH.keys):,}" in said


def test_what_was_chosen_on_a_truth_is_told_of_the_value_that_it_adds_too() -> None:
    jacov = replace(GOOD, label="jacov", method="jacov")
    for names, floor in (([], None), (["seeded"], "live_params+jacov")):
        made = make_report(Loaded((jacov, SEEDED)), [CHOICE], estimators=names, floor=floor)
        assert sum("chosen among 156 combinations" in line for line in made.words) == 1
    assert "156" not in str(make_report(Loaded((jacov, SEEDED)), [CHOICE], floor="params"))


def test_the_order_of_a_sum_makes_no_other_estimator() -> None:
    made = report("cheap+good", "good+cheap", "good", floor="good+cheap")
    (section,) = made.sections
    n = len(TRUTH.keys)
    assert [each.label for each in section.evaluations] == [f"cheap+good (n={n})", "good"]
    assert section.floor is section.evaluations[0]
    compared = make_report(GIVEN, [CHOICE], estimators=["cheap+good"], baseline="good+cheap")
    assert compared.sections[0].pairs == ()


def test_in_python_estimators_and_floor_have_the_same_names() -> None:
    scores = {"good": GOOD, "seeded": SEEDED}
    made = harness.compare(scores, "tiles", estimators=["good+seeded"], floor="params")
    (section,) = made.sections
    assert [result.estimator.seeds for result in section.evaluations] == [(0, 1, 2)]
    assert section.floor.label == "params"


def test_another_floor_is_the_floor_of_every_sentence() -> None:
    sentences = " ".join(describe_report(report("good", "live_params", floor="params")))
    assert "the floor, params, reaches" in sentences
    assert "the floor, live_params" not in sentences


def test_csv_refuses_a_part_that_the_report_lacks(everything: Report) -> None:
    with pytest.raises(UsageError, match="nothing under --section trade-off"):
        REPORT_WRITERS["csv"](everything, ["trade-off"])
