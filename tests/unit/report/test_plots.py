"""Figures for print: whole, the same each time, and readable in greyscale."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from harness.errors import StoreError
from harness.report import Report
from harness.report.drawing import WIDTH_IN, draw, shorten
from harness.report.figure import Figure, Series
from harness.report.figures import make_figures
from harness.report.palette import style_of
from harness.report.plots import CAPTIONS, save_plots
from tests.made_reports import HOSTILE, make_file_report, make_run_report

OKABE_ITO = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00"}


@pytest.fixture(scope="module", name="report")
def _report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_run_report(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module", name="folder")
def _folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plots") / "made" / "here"
    save_plots(report, folder)
    return folder


def test_every_figure_is_there_as_pdf_and_svg_with_its_caption(
    report: Report, folder: Path
) -> None:
    names = [figure.name for figure in make_figures(report)]
    assert len(names) > 8
    expected = {f"{name}.{suffix}" for name in names for suffix in ("pdf", "svg")}
    assert {path.name for path in folder.iterdir()} == {*expected, CAPTIONS}
    captions = (folder / CAPTIONS).read_text(encoding="utf-8")
    for figure in make_figures(report):
        assert figure.caption in captions


def test_files_are_one_column_wide_and_of_their_format(folder: Path) -> None:
    for path in folder.glob("*.pdf"):
        content = path.read_bytes()
        assert content.startswith(b"%PDF-")
        assert content.rstrip().endswith(b"%%EOF")
    for path in folder.glob("*.svg"):
        root = ET.fromstring(path.read_text(encoding="utf-8"))
        assert root.tag.endswith("svg")
        assert float(root.get("width", "").removesuffix("pt")) == pytest.approx(72 * WIDTH_IN)


def test_fonts_are_embedded_as_truetype(folder: Path) -> None:
    content = (folder / "tau-by-population.pdf").read_bytes()
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def test_the_same_report_gives_the_same_bytes(report: Report, folder: Path, tmp_path: Path) -> None:
    for path in save_plots(report, tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_state_that_others_share_is_left_alone(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    save_plots(make_file_report(tmp_path, ("one",), n=40), tmp_path / "plots")
    assert dict(mpl.rcParams) == before


def test_many_points_are_pixels_and_files_stay_small() -> None:
    x = np.linspace(0, 1, 15_625)
    series = tuple(Series(name, tuple(x), tuple(x), kind="points") for name in "ab")
    figure = Figure("cloud", "t", "c", "x", "y", series, is_y_reversed=True)
    canvas = draw(figure, {"a": 0, "b": 1})
    assert [axes.yaxis_inverted() for axes in canvas.axes] == [True, True]
    assert all(axes.collections[0].get_rasterized() for axes in canvas.axes)


def test_estimators_differ_in_colour_line_and_marker() -> None:
    styles = [style_of(place) for place in range(5)]
    assert len({style.print_colour for style in styles}) == 5
    assert len({style.dash for style in styles}) == 5
    assert len({style.marker for style in styles}) == 5
    assert {style_of(place).print_colour for place in range(7)} == OKABE_ITO


def test_hostile_names_are_text(tmp_path: Path) -> None:
    report = make_file_report(tmp_path, HOSTILE)
    save_plots(report, tmp_path / "plots")
    captions = (tmp_path / "plots" / CAPTIONS).read_text(encoding="utf-8")
    for label in report.labels:
        assert f"- {label}\n" in captions
    for path in (tmp_path / "plots").glob("*.svg"):
        tags = {element.tag for element in ET.fromstring(path.read_text("utf-8")).iter()}
        assert not any(tag.endswith("script") for tag in tags)


def test_metadata_name_the_figure_and_no_date(report: Report, folder: Path) -> None:
    content = (folder / "order-by-gap.pdf").read_bytes()
    assert b"CreationDate" not in content
    svg = (folder / "order-by-gap.svg").read_text(encoding="utf-8")
    assert "Share of pairs in the right order" in svg
    assert "dc:date" not in svg


def test_long_names_are_cut_in_their_middle() -> None:
    assert shorten("short") == "short"
    long = shorten("a" * 50 + "b" * 50)
    assert len(long) <= 44
    assert long[0] == "a"
    assert long[-1] == "b"


def test_few_architectures_and_one_estimator_can_be_drawn(tmp_path: Path) -> None:
    written = save_plots(make_file_report(tmp_path, ("one",), n=12), tmp_path / "plots")
    assert all(path.stat().st_size > 0 for path in written)


def test_a_folder_that_cannot_be_made_is_named(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be made.*--plots"):
        save_plots(report, tmp_path / "file" / "plots")


@pytest.mark.parametrize(
    ("costs", "names"),
    [
        ((0.0, 1.0, 94_450.0), ["0", "10", "1,000", "100,000"]),  # of seven, every other
        ((0.0, 1_100.0, 1_400.0), ["0", "1,000"]),  # no empty decade up to 10,000
        ((3.0, 60.0), ["5", "10", "20", "50"]),
    ],
)
def test_a_logarithmic_axis_has_ticks_that_have_room(
    costs: tuple[float, ...], names: list[str]
) -> None:
    series = tuple(Series(f"{x}", (x,), (0.5,), kind="points") for x in costs)
    figure = Figure("n", "t", "c", "seconds", "tau", series, is_x_log=True)
    canvas = draw(figure, {})
    canvas.canvas.draw()
    (axes,) = canvas.axes
    labels = axes.get_xticklabels()
    assert [label.get_text() for label in labels] == names
    boxes = [label.get_window_extent() for label in labels]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    assert axes.get_xlabel() == "seconds (logarithmic)"
