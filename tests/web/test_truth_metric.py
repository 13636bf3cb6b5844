"""The page of a report by a metric of which lower is better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import expect

import harness
from harness.report.page import save_page
from harness.truth.metric import TruthMetric
from tests.metric_tables import make_metric_table
from tests.web.conftest import Open

N = 60
RNG = np.random.RandomState(0)
LATENCY = RNG.uniform(5.0, 190.0, N).round(3)
METRIC = TruthMetric("latency:phone", "ms", True)

LISTEN = """() => {
    window.drawn = [];
    const own = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        window.drawn.push(text);
        return own.call(this, text, ...rest);
    };
}"""


def test_the_explorer_has_its_unit_and_ranks_the_lowest_first(
    tmp_path: Path, open_page: Open
) -> None:
    scores = dict(enumerate(RNG.standard_normal(N)))
    truth = make_metric_table(METRIC, range(N), LATENCY)
    save_page(harness.compare({"mine": scores}, truth=truth), tmp_path / "r.html")
    page = open_page(tmp_path / "r.html").page
    best = int(LATENCY.argmin())
    page.fill("#find", str(best))
    expect(page.locator("#chosen")).to_contain_text(f"truth {LATENCY[best]:g} ms, score")
    expect(page.locator("#chosen")).to_contain_text(f"1 by truth, of {N}")
    page.evaluate(LISTEN)
    page.select_option("#pick-axes", "ranks")
    page.select_option("#pick-axes", "values")
    assert "true latency:phone, ms (lower is better)" in page.evaluate("window.drawn")
