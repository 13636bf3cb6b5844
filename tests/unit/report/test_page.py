"""The report's page as text: well-formed, self-contained, and nobody's name is markup in it."""

from __future__ import annotations

import base64
import html.parser
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import StoreError
from harness.estimators.loading import load_estimators
from harness.report import Report, Section, contents, figures, make_report
from harness.report.answer import MOST_DOUBTS
from harness.report.figure import Figure, Series
from harness.report.figures import make_figures
from harness.report.page import render_page, save_page
from harness.report.page.charts import NARROW, WIDE, draw_chart, draw_key
from harness.report.page.explorer import explorer_data, pack_names, to_script_json
from harness.report.page.provenance import origins
from harness.report.page.scales import Scale, choose_ticks, fit_scale, write_ticks
from harness.report.page.theme import DARK, LIGHT
from harness.report.palette import style_of
from harness.report.tables import evaluation_blocks
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at
from harness.stats import METRICS, gaps, populations_of
from harness.truth import find_truth
from tests.made_reports import HOSTILE, make_file_report, make_run_report
from tests.made_runs import N, make_run

POPULATIONS = populations_of(load_space())

VOID = {"meta", "link", "input", "br", "img", "hr"}
DATE = "2026-01-02T03:04:05+00:00"


class Reader(html.parser.HTMLParser):
    """Reads a page and holds it to account: every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.texts: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def data_of(text: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert match is not None
    content: dict[str, Any] = json.loads(match[1])
    return content


@pytest.fixture(scope="module", name="report")
def _report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_run_report(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module", name="hostile")
def _hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_file_report(tmp_path_factory.mktemp("hostile"), HOSTILE)


@pytest.fixture(scope="module", name="text")
def _text(report: Report) -> str:
    return render_page(report, DATE)


def test_it_is_well_formed_and_refers_to_nothing(text: str, hostile: Report) -> None:
    for page in (text, render_page(hostile, DATE)):
        reader = read(page)
        links = [value for name, value in reader.attributes if name in {"href", "src", "action"}]
        assert all(
            link is not None and (link.startswith("#") or link == "data:,") for link in links
        )
        assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
        assert "@import" not in page
        assert "url(" not in page
        assert not [name for name, _ in reader.attributes if name.startswith("on")]
        assert not [name for name, _ in reader.attributes if name == "style"]


def test_the_policy_lets_only_its_own_script_and_style_run(text: str) -> None:
    match = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert match is not None
    policy = match[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_the_same_report_gives_the_same_page(report: Report, text: str) -> None:
    assert render_page(report, DATE) == text


def test_names_of_somebody_are_text(hostile: Report) -> None:
    text = render_page(hostile, DATE)
    reader = read(text)
    assert reader.tags.count("script") == 2
    assert "img" not in reader.tags
    headings = [text for tag in ("th", "h3", "span") for text in reader.texts[tag]]
    for label in hostile.labels:
        assert label in headings
    labels = [one["label"] for one in data_of(text)["truths"][0]["estimators"]]
    assert labels == list(hostile.labels)


def test_json_cannot_leave_its_element() -> None:
    value = {"a": "</script><!--<script>&'\u2028"}
    text = to_script_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="JSON compliant"):
        to_script_json({"a": float("nan")})


def unpack(text: str, dtype: str) -> Any:
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def test_scores_and_truth_travel_exactly(report: Report) -> None:
    data, section = explorer_data(report), report.sections[0]
    truth = data["truths"][0]
    assert (unpack(truth["index"]["u2"], "<u2") == section.keys).all()
    assert (unpack(truth["truth"], "<f8") == section.value).all()
    for one, result in zip(truth["estimators"], section.evaluations, strict=True):
        rows = result.estimator.scores_of(section.keys)
        assert len(one["scores"]) == len(one["seeds"]) == len(rows)
        for packed, row in zip(one["scores"], rows, strict=True):
            assert (unpack(packed, "<f8") == row).all()
    masks = unpack(truth["masks"], "<u4")
    for bit, part in enumerate(section.evaluations[0].populations.values()):
        assert ((masks >> bit & 1) == part.population.mask).all()
    assert set(truth["names"]) == {"parts", "codes"}
    assert read_names(truth["names"]) == [str(arch_at(int(k))) for k in section.keys]


def test_of_many_architectures_a_sample_is_drawn(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = report.sections[0]
    monkeypatch.setattr(contents, "MOST_DRAWN", N - 10)
    truth, drawn = explorer_data(report)["truths"][0], section.drawn
    assert (truth["n_archs"], len(drawn)) == (N, N - 10)
    assert (unpack(truth["truth"], "<f8") == section.value[drawn]).all()
    assert read_names(truth["names"]) == [str(arch_at(int(k))) for k in section.keys[drawn]]
    (packed, *_), result = truth["estimators"][0]["scores"], section.evaluations[0]
    assert (unpack(packed, "<f8") == result.estimator.scores_of(section.keys)[0][drawn]).all()
    scatter = make_figures(report)[0]
    assert scatter.caption.endswith(f"{N - 10} of them are drawn.")
    own = section.evaluations[0].estimator.scores_of(section.keys).mean(axis=0)
    ranks = (-own).argsort(kind="stable").argsort(kind="stable") + 1.0
    assert scatter.series[0].y == tuple(ranks[drawn])  # ranks among all


@pytest.mark.parametrize(
    ("most", "caption", "counted"),
    [
        (60, ". Chance", "(n=60)"),
        (50, ". The pairs are of at most 50, drawn at", "(n=50, drawn from 60)"),
    ],
)
def test_pairs_of_a_sample_are_said_to_be_that(
    most: int, caption: str, counted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (gaps, figures):
        monkeypatch.setattr(module, "MOST_COMPARED", most)
    made = make_file_report(tmp_path, ("mine",), n=60)
    (figure,) = [each for each in make_figures(made) if each.name == "order-by-gap"]
    assert caption in figure.caption
    assert counted in evaluation_blocks(made.sections[0].evaluations[0])[-1].title


def read_names(packed: dict[str, Any]) -> list[str]:
    """Read names as the page does."""
    if "plain" in packed:
        plain: list[str] = packed["plain"]
        return plain
    ((dtype, codes),) = packed["codes"].items()
    names = []
    for code in map(int, unpack(codes, f"<{dtype}").tolist()):
        parts = []
        for column in reversed(packed["parts"]):
            code, digit = divmod(code, len(column))
            parts.append(column[digit])
        names.append("".join(reversed(parts)))
    return names


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["a-b", "a-c", "d-c", "a-b"], "u2"),
        (["|none~0|", "|skip~0|"], "u2"),
        (["-".join(f"{(k + j) % 97}" for j in range(3)) for k in range(97)], "f8"),  # 97^3
        (["-".join(f"{(k + j) % 97}" for j in range(9)) for k in range(97)], "plain"),  # 97^9
        (["a", "a-b", ""], "plain"),
        (["</script>", "\x1b[1m"], "plain"),
        (["one"], "u2"),
    ],
)
def test_names_of_any_space_travel_exactly(names: list[str], kind: str) -> None:
    packed = pack_names(names)
    assert read_names(packed) == names
    assert kind in packed.get("codes", packed)


def test_every_metric_population_and_figure_is_there(report: Report, text: str) -> None:
    reader = read(text)
    shown = {value for name, value in reader.attributes if name == "data-population"}
    assert shown == set(POPULATIONS)
    rows = reader.texts["th"]
    assert all(metric.title in rows for metric in METRICS.values())
    assert all(metric.definition in reader.texts["dd"] for metric in METRICS.values())
    ids = {value for name, value in reader.attributes if name == "id"}
    drawn = {figure.name for figure in make_figures(report)} - {"rank-against-truth"}
    assert drawn <= ids


def test_provenance_says_where_each_number_comes_from(report: Report, text: str) -> None:
    section = report.sections[0]
    for result in section.evaluations:
        for record in result.estimator.records:
            assert record.run_id in text
        assert str(result.estimator.settings_sha256) in text
    assert section.truth.sha256 in text
    assert DATE in text


def test_batch_norm_when_ranking_is_of_supernets_and_unknown_of_files(
    tmp_path: Path, report: Report
) -> None:
    scores = np.random.RandomState(0).normal(size=N)
    proxy = make_run(tmp_path, scores, truth=find_truth("tiles"), estimator="jacov")
    name = "batch norm when ranking"
    for content, norms in (
        (report, {"batch"}),
        (make_report(load_estimators([proxy.path])), set()),
        (make_file_report(tmp_path, ("one",)), {"unknown"}),
    ):
        facts = [fact for origin in origins(content) for fact in origin.facts]
        assert {value for key, value in facts if key == name} == norms


def test_what_no_run_measured_is_named_and_not_drawn(hostile: Report) -> None:
    text = render_page(hostile, DATE)
    absent = "Disturbance, Training, Tau over training, Tau against cost, Sample efficiency"
    assert f"Not in this report, for lack of data: {absent}." in text
    assert 'id="disturbance"' not in text


def test_few_architectures_are_no_numbers(tmp_path: Path) -> None:
    text = render_page(make_file_report(tmp_path, ("one",), n=12), DATE)
    assert "too few" in read(text).texts["td"]
    assert 'id="tau-by-population"' not in text  # a figure of nothing


def test_several_truths_have_a_place_each(tmp_path: Path, report: Report) -> None:
    other = make_file_report(tmp_path, ("a", "b"))
    both = Report((report.sections[0], other.sections[0]), report.trainings, (), ("run-7: failed",))
    text = render_page(both, DATE)
    read(text)
    assert len(data_of(text)["truths"]) == 2
    assert 'id="tau-by-population-1"' in text
    assert 'id="tau-by-population-2"' in text
    assert text.count(f"<h3>Against {other.sections[0].truth.title}</h3>") >= 2
    assert "run-7: failed" in text


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, report: Report) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be made.*Give --html another"):
        save_page(report, tmp_path / "file" / "report.html")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_what_has_no_value_is_not_drawn(width: int) -> None:
    series = (
        Series("a", (0.0, 1.0, 2.0), (None, 1.0, 2.0), (None, None, 1.0), (None, None, 3.0)),
        Series("yardstick", (0.0, 1.0, 2.0), (None, None, None), kind="reference"),
    )
    figure = Figure("f", "title", "caption", "x", "y", series)
    drawn = str(draw_chart(figure, {"a": 0}, width))
    assert drawn.count('class="mark s0"') == 2
    assert 'class="band s0"' not in drawn
    assert "nan" not in drawn.lower()
    assert "svg" in draw_key(series[1], figure, {"a": 0})


def test_a_line_ends_where_a_value_is_missing() -> None:
    series = Series("a", (0.0, 1.0, 2.0, 3.0), (1.0, 2.0, None, 1.0))
    drawn = str(draw_chart(Figure("f", "t", "c", "x", "y", (series,)), {"a": 0}, WIDE))
    line = re.search(r'class="line s0" d="([^"]*)"', drawn)
    assert line is not None
    assert re.sub(r"[^ML]", "", line[1]) == "MLM"


def test_places_beyond_eight_still_differ() -> None:
    looks = [(style_of(k).light_colour, style_of(k).dash) for k in range(40)]
    assert len(set(looks)) == 40


def test_axes_hold_all_values_and_name_round_ones() -> None:
    scale = fit_scale([0.12, 0.97], 40.0, 700.0)
    assert scale.low < 0.12 < 0.97 < scale.high
    assert write_ticks(choose_ticks(scale, 5)) == ["0.2", "0.4", "0.6", "0.8", "1.0"]
    signed = write_ticks(choose_ticks(Scale(-1.1, 1.1, 0, 1), 4))
    assert signed == ["\u22121", "0", "1"]
    quarters = write_ticks(choose_ticks(Scale(0, 1, 0, 1), 4))
    assert quarters == ["0.00", "0.25", "0.50", "0.75", "1.00"]
    same = fit_scale([3.0, 3.0], 0.0, 1.0)
    assert same.low < 3.0 < same.high
    assert len(choose_ticks(fit_scale([], 0.0, 1.0), 5)) > 1


def contrast(one: str, other: str) -> float:
    """Contrast of two colours. Reference: WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        lin = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * lin[0] + 0.7152 * lin[1] + 0.0722 * lin[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_have_the_contrast_that_text_and_marks_need(theme: dict[str, str]) -> None:
    for ground in (theme["ground"], theme["panel"]):
        for text in ("ink", "quiet", "accent"):
            assert contrast(theme[text], ground) >= 4.5
        assert contrast(theme["mark"], ground) >= 3
        for place in range(8):
            style = style_of(place)
            colour = style.light_colour if theme is LIGHT else style.dark_colour
            assert contrast(colour, ground) >= 3


def test_what_casts_doubt_stands_before_the_leaderboard_and_is_not_endless(tmp_path: Path) -> None:
    made = make_file_report(tmp_path, tuple("abcdef"))
    assert 'class="doubts"' not in render_page(made)
    (section,) = made.sections
    noted = tuple(
        replace(each, estimator=replace(each.estimator, notes=(f"<doubt> {each.label}",)))
        for each in section.evaluations
    )
    page = render_page(
        replace(made, sections=(Section(**{**vars(section), "evaluations": noted}),))
    )
    shown = page[page.index('class="doubts"') : page.index('id="ranking"')]
    assert shown.count("&lt;doubt&gt; ") == MOST_DOUBTS
    assert "2 more caveats are among" in shown
