"""Comparisons of many estimators in a real browser: which are drawn, filtered, and how sorted."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from harness.report import Report
from harness.report.leaderboard import make_leaderboard
from harness.report.page import save_page
from harness.report.page.charts import LANE
from tests.made_reports import make_file_report, make_run_report
from tests.web.conftest import Open

LABELS = tuple(f"e{k}" for k in range(9))


@pytest.fixture(scope="module", name="report")
def _report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_file_report(tmp_path_factory.mktemp("scores"), LABELS)


@pytest.fixture(scope="module", name="file")
def _file(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    save_page(report, file)
    return file


def drawn(page: Page) -> list[str]:
    return page.locator("#tau-by-population .legend li[data-series]:visible").all_inner_texts()


def height(page: Page) -> float:
    box = page.locator("#tau-by-population svg.wide").get_attribute("viewBox")
    assert box is not None
    return float(box.split()[3])


def test_at_first_figures_show_the_best_six_and_the_floor(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    ranked = [place.result.label for place in make_leaderboard(report.sections[0])]
    best = {*ranked[:6], "live_params"}
    assert {*drawn(page)} == best - {"live_params"}  # in this figure the floor is a yardstick
    said = f"Figures show {len(best)} of 10 estimators; tables show all."
    expect(page.locator("#shown")).to_contain_text(said)
    page.get_by_role("button", name="All in figures").click()
    assert {*drawn(page)} == {*LABELS}
    page.get_by_role("button", name="Best 6 and floor").click()
    assert {*drawn(page)} == best - {"live_params"}


def test_rows_close_the_gap_of_an_estimator_that_is_taken_out(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    page.get_by_role("button", name="All in figures").click()
    whole = height(page)
    n_rows = page.locator("#tau-by-population svg.wide .row").count()
    second = page.locator("#tau-by-population svg.wide .row").nth(1)
    mark = second.locator(".lane[data-series='3'] .mark")
    before = mark.bounding_box()
    page.get_by_role("checkbox", name="e1", exact=True).uncheck()
    assert whole - height(page) == n_rows * LANE
    expect(page.locator("#tau-by-population .lane[data-series='1']").first).to_be_hidden()
    after = mark.bounding_box()
    assert before is not None
    assert after is not None
    ends = page.locator("#tau-by-population svg.wide").bounding_box()
    assert ends is not None
    assert after["y"] < before["y"]
    for each in page.locator("#tau-by-population svg.wide .mark:visible").all():
        box = each.bounding_box()
        assert box is not None
        assert ends["y"] <= box["y"] <= ends["y"] + ends["height"]
    page.get_by_role("checkbox", name="e1", exact=True).check()
    assert height(page) == whole


def test_a_filter_narrows_tables_and_choices(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    rows = page.locator("#ranking ~ .scroll tbody tr:visible th")
    expect(rows).to_have_count(10)
    page.get_by_label("Filter").fill("E7")
    expect(rows).to_have_text(["e7"])
    expect(page.locator(".choices li:visible")).to_have_text(["e7"])
    expect(page.locator("#shown")).to_contain_text('tables show the 1 whose name has "E7".')
    page.get_by_label("Filter").fill("")
    expect(rows).to_have_count(10)


def test_headings_sort_by_number_and_say_so(report: Report, file: Path, open_page: Open) -> None:
    page = open_page(file).page
    rows = page.locator("#ranking ~ .scroll tbody th")
    places = make_leaderboard(report.sections[0])
    tops = {
        place.result.label: place.result.populations["all"].metrics["tau_top_10"].value or 0.0
        for place in places
    }
    heading = page.locator("#ranking ~ .scroll thead th", has_text="top 10%")
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert [tops[row] for row in rows.all_inner_texts()] == sorted(tops.values(), reverse=True)
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert [tops[row] for row in rows.all_inner_texts()] == sorted(tops.values())
    page.locator("#ranking ~ .scroll thead th").first.get_by_role("button").click()
    assert rows.all_inner_texts() == sorted(tops)
    expect(heading).not_to_have_attribute("aria-sort", "ascending")
    page.locator("#ranking ~ .scroll thead th", has_text="adds").get_by_role("button").click()
    assert rows.all_inner_texts()[-1] == "live_params"  # has none


def test_few_estimators_need_no_choice(tmp_path: Path, open_page: Open) -> None:
    save_page(make_file_report(tmp_path, LABELS[:6]), tmp_path / "few.html")
    page = open_page(tmp_path / "few.html").page
    expect(page.locator("#estimators")).to_have_count(0)
    assert len(drawn(page)) == 6


def test_without_scripts_everything_is_there(file: Path, open_page: Open) -> None:
    page = open_page(file, java_script_enabled=False).page
    expect(page.locator("#estimators")).to_be_hidden()
    assert {*drawn(page)} == {*LABELS}


def test_on_paper_the_choice_stays_and_its_controls_go(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    page.emulate_media(media="print")
    expect(page.locator("#estimators")).to_be_hidden()
    expect(page.locator("#shown")).to_be_visible()
    assert len(drawn(page)) == 6


@pytest.mark.parametrize("kind", ["many", "runs"])
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1024, "light"), (1440, "dark")])
def test_axe_finds_nothing(
    kind: str, width: int, scheme: str, file: Path, open_page: Open, tmp_path: Path
) -> None:
    if kind == "runs":
        file = tmp_path / "runs.html"
        save_page(make_run_report(tmp_path / "runs", seeds=(0, 1)), file)
    # The page's policy would keep axe's own script out.
    page = open_page(file, width=width, color_scheme=scheme, bypass_csp=True).page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
