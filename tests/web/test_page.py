"""The report's page in a real browser, opened as a file and without a network."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from harness.estimators.matrix import Loaded, ScoreMatrix
from harness.report import Report, Section, contents, make_report
from harness.report.answer import answer_report
from harness.report.figures import make_figures
from harness.report.leaderboard import make_leaderboard
from harness.report.page import save_page
from harness.spaces.nb201.encoding import Arch, arch_at
from harness.spaces.nb201.space import NB201
from harness.truth import default_query, find_truth
from tests.made_reports import (
    HOSTILE,
    make_file_report,
    make_fitted_report,
    make_run_report,
)
from tests.made_runs import N
from tests.web.conftest import Open


@pytest.fixture(scope="module", name="report")
def _report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_run_report(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module", name="file")
def _file(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    save_page(report, file)
    return file


def wait_until(page: Page, condition: str) -> None:
    """Wait for a condition; the page's policy forbids the evaluation that playwright's own uses."""
    deadline = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


def place_of(page: Page, nb201_index: int) -> tuple[float, float]:
    """Find an architecture by its ring: where the scatter draws it, in pixels of the window."""
    page.fill("#find", str(nb201_index))
    x, y = page.evaluate("window.scatterPlace()")
    return x, y


def hover(page: Page, nb201_index: int) -> None:
    page.locator("#cloud").scroll_into_view_if_needed()
    x, y = place_of(page, nb201_index)
    page.fill("#find", "")
    page.mouse.move(x, y)


def test_it_says_what_was_found_before_anything_else(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    expect(page).to_have_title("Ranking report: spos, ogd")
    expect(page.locator("h2").first).to_have_text("Answer")
    expect(page.locator(".answer li")).to_have_text(list(answer_report(report)))
    expect(page.locator(".words:not(.answer) li")).to_have_text(list(report.words))
    expect(page.locator("h2").nth(1)).to_have_text("Leaderboard")
    expect(page.locator("figure").first).to_have_attribute("id", "tau-against-cost")


def test_pointing_at_a_point_shows_its_architecture_truth_score_and_ranks(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    section = report.sections[0]
    scores = section.evaluations[0].estimator.scores_of(section.keys).mean(axis=0)
    best = int(section.value.argmax())
    index = int(section.keys[best])
    hover(page, index)
    tip = page.locator("#tip")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text(str(arch_at(index)))
    expect(tip).to_contain_text(f"index {index}; truth {section.value[best]:.6g}%")
    expect(tip).to_contain_text(f"score {scores[best]:.6g}".rstrip("0"))
    rank = int((scores > scores[best]).sum()) + 1
    expect(tip).to_contain_text(f"rank {rank} by score, 1 by truth, of {N}")
    expect(page.locator("#chosen")).to_contain_text(str(arch_at(index)))


def test_populations_change_which_points_are_shown(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    for name, part in report.sections[0].evaluations[0].populations.items():
        page.select_option("#pick-population", label=name.replace("_", " "))
        expect(page.locator("#count")).to_have_text(
            f"{part.population.n} of {N} architectures are shown."
        )
    assert page.locator("#best tbody tr").count() <= 20


def test_a_sample_of_too_many_architectures_says_that_it_is_one(
    report: Report, open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "MOST_DRAWN", 50)
    save_page(report, tmp_path / "sample.html")
    page = open_page(tmp_path / "sample.html").page
    expect(page.locator("#count")).to_have_text(
        f"50 of 50 architectures, drawn from {N} (tables are of all), are shown."
    )
    expect(page.locator("#cloud-caption")).to_contain_text("Ranks are among the sample's 50;")


def test_seeds_and_estimators_can_be_chosen(report: Report, file: Path, open_page: Open) -> None:
    page = open_page(file).page
    estimator = report.sections[0].evaluations[1].estimator
    page.select_option("#pick-estimator", label="ogd")
    page.select_option("#pick-seed", label="seed 2")
    expect(page.locator("#cloud-caption")).to_contain_text(
        "ogd (minus mean validation loss, seed 2)"
    )
    index = int(estimator.keys[7])
    page.fill("#find", str(index))
    score = estimator.scores_of(estimator.keys)[2][7]
    page.get_by_text("The 20 best scored").click()
    expect(page.locator("#best tbody td").nth(1)).to_have_text(f"{score:.6g}")


def test_an_architecture_is_found_by_string_and_by_index(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    index = int(report.sections[0].keys[3])
    for text in (str(arch_at(index)), str(index)):
        page.fill("#find", text)
        expect(page.locator("#count")).to_contain_text("; 1 of these match.")
        expect(page.locator("#chosen")).to_contain_text(str(arch_at(index)))
    page.fill("#find", "no such thing")
    expect(page.locator("#count")).to_contain_text("; 0 of these match.")


def test_a_space_without_an_index_is_explored_by_its_names(
    report: Report, tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unnumbered(NB201):
        index_column = None

        def format(self, arch: Arch) -> str:
            return "".join(super().format(arch).split("|none~0|"))  # of unequal length

    monkeypatch.setattr(Section, "space", Unnumbered())
    save_page(report, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html").page
    index = int(report.sections[0].keys[3])
    name = Unnumbered().format(arch_at(index))
    page.fill("#find", name)
    expect(page.locator("#chosen")).to_contain_text(f"{name} truth ")
    page.fill("#find", str(index))
    expect(page.locator("#count")).to_contain_text("; 0 of these match.")


def test_ranks_can_be_drawn_instead_of_values(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    before = page.evaluate("document.getElementById('canvas').toDataURL()")
    page.select_option("#pick-axes", label="ranks")
    assert page.evaluate("document.getElementById('canvas').toDataURL()") != before


def test_the_metric_table_follows_its_population(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    shown = page.locator(".population:visible")
    expect(shown).to_have_count(1)
    expect(shown.locator("caption")).to_contain_text("on all architectures")
    page.select_option("#pick-metrics", "top_50")
    expect(shown).to_have_count(1)
    expect(shown.locator("caption")).to_contain_text("on the top 50% by truth")
    tau = report.sections[0].evaluations[0].populations["top_50"].metrics["tau"].value
    expect(shown.locator("tbody tr").first).to_contain_text(f"{tau:.3f}")


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "all details open"])
def test_nothing_is_wider_than_the_window(
    width: int, is_open: bool, file: Path, open_page: Open
) -> None:
    page = open_page(file, width=width).page
    if is_open:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_wide_table_scrolls_by_itself_and_by_keyboard(file: Path, open_page: Open) -> None:
    page = open_page(file, width=390).page
    table = page.locator(".scroll").first
    assert table.evaluate("(e) => e.scrollWidth > e.clientWidth")
    table.focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.querySelector('.scroll').scrollLeft > 0")


def ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_it_follows_the_system_until_its_own_switch_is_used(
    scheme: str, other: str, file: Path, open_page: Open
) -> None:
    page = open_page(file, color_scheme=scheme).page
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}
    assert ground(page) == colours[scheme]
    switch = page.get_by_role("button", name="Dark theme")
    expect(switch).to_have_attribute("aria-pressed", str(scheme == "dark").lower())
    before = page.evaluate("document.getElementById('canvas').toDataURL()")
    switch.click()
    assert ground(page) == colours[other]
    assert page.evaluate("document.getElementById('canvas').toDataURL()") != before
    expect(switch).to_have_attribute("aria-pressed", str(other == "dark").lower())


def test_on_paper_it_is_light_open_and_without_controls(file: Path, open_page: Open) -> None:
    page = open_page(file, color_scheme="dark").page
    page.emulate_media(media="print")
    wait_until(page, "!document.querySelector('details:not([open])')")
    assert ground(page) == "rgb(255, 255, 255)"
    for control in ("#theme", "#pick-estimator", "#find", "#step", "#pick-metrics"):
        expect(page.locator(control)).to_be_hidden()
    expect(page.locator("svg.chart.wide").first).to_be_visible()
    page.emulate_media(media="screen")
    wait_until(page, "document.querySelector('details:not([open])')")


def test_it_prints_and_is_then_as_it_was(file: Path, open_page: Open) -> None:
    page = open_page(file, color_scheme="dark").page
    assert page.pdf().startswith(b"%PDF-")
    wait_until(page, "!document.documentElement.classList.contains('printing')")
    assert ground(page) == "rgb(21, 24, 28)"
    expect(page.locator("details[open]")).to_have_count(0)


def test_everything_can_be_reached_by_keyboard(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
        if page.evaluate("document.activeElement !== document.body"):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
    controls = ("estimator", "seed", "population", "axes", "metrics")
    assert reached >= {*(f"pick-{name}" for name in controls), "find", "step"}


def test_architectures_can_be_stepped_through_by_keyboard(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file).page
    section = report.sections[0]
    page.focus("#step")
    page.keyboard.press("ArrowRight")
    second = int(section.keys[(-section.value).argsort()[1]])
    expect(page.locator("#chosen")).to_contain_text(f"index {second};")
    expect(page.locator("#step")).to_have_attribute(
        "aria-valuetext", re.compile(f"index {second};")
    )


def test_marks_of_small_figures_say_their_numbers(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    page.locator("#tau-by-population svg.wide .hit").first.hover()
    expect(page.locator("#tip")).to_contain_text(
        "spos\npopulation all\ntau 0.", use_inner_text=True
    )
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()


def test_sample_efficiency_is_drawn_with_bands_and_says_its_numbers(
    tmp_path: Path, open_page: Open
) -> None:
    report = make_fitted_report(*({"n": n, "model": "gp", "features": "graf"} for n in (10, 40)))
    save_page(report, tmp_path / "fitted.html")
    page = open_page(tmp_path / "fitted.html").page
    page.get_by_role("link", name="Sample efficiency").click()
    chart = page.locator("#tau-against-labels svg.wide")
    assert chart.locator(".band").count() == 1
    chart.locator(".hit").last.hover()
    tau = report.sections[0].evaluations[1].populations["all"].metrics["tau"]
    expect(page.locator("#tip")).to_contain_text(
        f"predictor(model=gp, features=graf)\nlabels 40\ntau {tau.value:.4g} "
        f"[{min(tau.per_seed):.4g}, {max(tau.per_seed):.4g}]",
        use_inner_text=True,
    )
    page.emulate_media(color_scheme="dark")
    dark = ground(page)
    page.emulate_media(media="print")
    assert ground(page) != dark
    assert chart.is_visible()


def test_controls_have_names_and_headings_come_in_order(file: Path, open_page: Open) -> None:
    page = open_page(file).page
    unnamed = page.evaluate(
        """[...document.querySelectorAll("input, select, button, [role=img], [role=group]")]
        .filter((e) => !(e.labels && e.labels.length) && !e.getAttribute("aria-label")
          && !e.textContent.trim()).map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    broken = page.evaluate(
        "[...document.querySelectorAll('a')].filter((a) => !document.querySelector(a.hash)).length"
    )
    assert broken == 0


def test_without_scripts_all_but_the_scatter_is_there(
    report: Report, file: Path, open_page: Open
) -> None:
    page = open_page(file, java_script_enabled=False).page
    expect(page.get_by_text("scripts are off")).to_be_visible()
    populations = len(report.sections[0].evaluations[0].populations)
    assert page.locator(".population:visible").count() == populations
    assert page.locator("svg.chart.wide:visible").count() > 5


def test_a_hostile_name_is_text_and_runs_nothing(tmp_path: Path, open_page: Open) -> None:
    file = tmp_path / "report.html"
    report = make_file_report(tmp_path, HOSTILE)
    save_page(report, file)
    page = open_page(file, width=390).page
    for place, label in enumerate(report.labels):
        page.select_option("#pick-estimator", index=place)
        expect(page.locator("#cloud-caption")).to_contain_text(label)
    ranked = [place.result.label for place in make_leaderboard(report.sections[0])]
    assert {*report.labels} < {*ranked}
    expect(page.locator("#ranking ~ .scroll tbody th")).to_have_text(ranked)
    page.locator("#tau-by-population svg.narrow .hit").first.hover()
    expect(page.locator("#tip")).to_contain_text(report.labels[0])
    assert page.evaluate("window.pwned") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_script_that_got_in_would_not_run(file: Path, open_page: Open, tmp_path: Path) -> None:
    """The policy is the second lock: escaping is the first."""
    broken = tmp_path / "broken.html"
    inserted = "<main><script>window.pwned=1</script><img src=x onerror='window.pwned=1'>"
    inserted += "<img src='http://example.invalid/x.png'>"
    text = file.read_text(encoding="utf-8")
    broken.write_text(text.replace("<main", inserted + "<main", 1), encoding="utf-8")
    opened = open_page(broken)
    assert opened.page.evaluate("window.pwned") is None
    assert all("Content Security Policy" in line for line in opened.complaints)
    assert len(opened.complaints) >= 3
    opened.complaints.clear()
    opened.requests[1:] = []


@pytest.mark.parametrize("n", [200, 12])
def test_many_long_names_fit_a_phone(n: int, tmp_path: Path, open_page: Open) -> None:
    file = tmp_path / "report.html"
    names = tuple(f"{place}-{'a_very_long_name_without_a_space' * 2}" for place in range(8))
    save_page(make_file_report(tmp_path, names, n=n), file)
    for width in (390, 1440):
        page = open_page(file, width=width).page
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_a_seed_was_fitted_to_is_not_shown_for_it(tmp_path: Path, open_page: Open) -> None:
    truth = find_truth("tiles").mean(default_query("tiles"))
    rows = truth.value + np.random.RandomState(0).normal(size=(2, len(truth.keys)))
    seen = truth.keys[:100], truth.keys[50:150]
    for row, labels in zip(rows, seen, strict=True):
        row[np.isin(truth.keys, labels)] = np.nan
    fields = ("own", "own", "callable", (0, 1), truth.keys, rows, "made up", "tiles")
    report = make_report(Loaded((ScoreMatrix(*fields, fitted_on=seen),)))
    (scatter,) = (f for f in make_figures(report) if f.name == "rank-against-truth")
    judged = np.isfinite(rows).any(axis=0)  # what both were fitted to has no score
    assert report.sections[0].keys.tolist() == truth.keys.tolist()
    assert scatter.series[0].x == tuple(truth.value[judged])
    means = np.nanmean(rows[:, judged], axis=0)  # what one was fitted to has the other's score
    assert scatter.series[0].y == tuple((means[:, None] < means).sum(axis=1) + 1.0)
    save_page(report, tmp_path / "own.html")
    page = open_page(tmp_path / "own.html").page
    n = len(truth.keys)
    expect(page.locator("#count")).to_have_text(f"{n - 50} of {n} architectures are shown.")
    page.select_option("#pick-seed", label="seed 0")
    expect(page.locator("#count")).to_have_text(f"{n - 100} of {n} architectures are shown.")
    page.get_by_text("The 20 best scored").click()
    expect(page.locator("#best tbody td").nth(1)).to_have_text(f"{np.nanmax(rows[0]):.6g}")
    for index in (int(truth.keys[0]), int(truth.keys[-1])):
        page.fill("#find", str(index))
        has_score = np.isfinite(rows[0][truth.keys == index]).all()
        expect(page.locator("#count")).to_contain_text(f"{int(has_score)} of these match")


def test_the_leaderboard_begins_on_the_first_screen(file: Path, open_page: Open) -> None:
    page = open_page(file, width=1024).page
    page.set_viewport_size({"width": 1024, "height": 768})
    row = page.locator("#ranking ~ .scroll tbody tr").first.bounding_box()
    assert row is not None
    assert row["y"] + row["height"] < 768
