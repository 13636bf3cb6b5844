"""Figures of tau against the number of labels and their cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.report import Report
from harness.report.figure import Figure
from harness.report.figures import make_figures
from harness.report.plots import save_plots
from harness.report.rendering import REPORT_WRITERS
from harness.report.sample_efficiency import find_curves
from tests.made_reports import make_fitted_report

GP = {"model": "gp", "features": "graf"}
FOREST = {"model": "forest", "features": "graf"}
NAMES = [
    *("tau-against-labels", "tau-top-10-against-labels"),
    *("tau-against-label-epochs", "tau-top-10-against-label-epochs"),
]


@pytest.fixture(scope="module", name="report")
def _report() -> Report:
    return make_fitted_report(
        *({"n": n, **GP} for n in (40, 10, 20)),
        *({"n": n, **FOREST} for n in (10, 20)),
        {"n": 30, "model": "gp", "features": "one-hot"},
    )


def efficiency(report: Report) -> dict[str, Figure]:
    return {f.name: f for f in make_figures(report) if f.name in NAMES}


def test_estimators_that_differ_in_labels_only_are_a_line(report: Report) -> None:
    figures = efficiency(report)
    assert list(figures) == NAMES
    labels, cost = figures["tau-against-labels"], figures["tau-against-label-epochs"]
    lines = {one.label: one for one in labels.series if one.kind == "line"}
    gp, forest = "predictor(model=gp, features=graf)", "predictor(model=forest, features=graf)"
    assert list(lines) == [gp, forest]
    assert lines[gp].x == (10.0, 20.0, 40.0)
    assert lines[forest].x == (10.0, 20.0)
    assert cost.series[0].x == (120.0, 240.0, 480.0)  # labels of 12 epochs
    found = {result.label: result for result in report.sections[0].evaluations}
    for name, metric in (("tau", "tau"), ("tau-top-10", "tau_top_10")):
        line = figures[f"{name}-against-labels"].series[0]
        for place, n in enumerate((10, 20, 40)):
            own = found[f"predictor(n={n}, model=gp, features=graf)"].populations["all"]
            per_seed = own.metrics[metric].per_seed
            assert line.y[place] == pytest.approx(own.metrics[metric].value)
            assert line.interval(place) == (min(per_seed), max(per_seed))
    assert labels.is_x_log


def test_those_without_labels_are_level(report: Report) -> None:
    level = [s for s in efficiency(report)["tau-against-labels"].series if s.kind == "reference"]
    assert [one.label for one in level] == ["live_params", "plain"]
    found = {r.label: r.tau for r in (*report.sections[0].evaluations, report.sections[0].floor)}
    for one in level:
        assert one.x == (10.0, 40.0)
        assert one.y == (found[one.label],) * 2


def test_every_line_has_a_colour_and_is_drawn_for_print(report: Report, tmp_path: Path) -> None:
    (curve, _) = find_curves(report.sections[0].evaluations)
    assert curve.label in report.places
    assert len(set(report.places.values())) == len(report.places)
    written = {path.name for path in save_plots(report, tmp_path)}
    assert {f"{name}.pdf" for name in NAMES} <= written


def test_json_has_the_numbers(report: Report) -> None:
    (section,) = json.loads(REPORT_WRITERS["json"](report))["sections"]
    curve = section["sample_efficiency"][0]
    assert curve["label"] == "predictor(model=gp, features=graf)"
    assert [p["n_labels"] for p in curve["points"]] == [10, 20, 40]
    assert [p["label_epochs"] for p in curve["points"]] == [120, 240, 480]
    for point in curve["points"]:
        (own,) = [e for e in section["evaluations"] if e["label"] == point["estimator"]]
        assert point["tau"] == own["populations"]["all"]["metrics"]["tau"]
        assert point["tau_top_10"] == own["populations"]["all"]["metrics"]["tau_top_10"]


def test_one_number_of_labels_is_no_line() -> None:
    report = make_fitted_report({"n": 10, **GP}, {"n": 10, **FOREST})
    assert find_curves(report.sections[0].evaluations) == []
    assert efficiency(report) == {}
