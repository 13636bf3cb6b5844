"""Reports on several benchmarks: the same estimator side by side, on each with its own truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError, UsageError
from harness.estimators.loading import tell_apart
from harness.estimators.matrix import FILE, Loaded, ScoreMatrix
from harness.report import Report, TruthChoice, make_report
from harness.report.page import render_page
from harness.report.rendering import report_document, report_to_dict
from harness.spaces import Space, load_space
from harness.spaces.lookup import name_archs
from harness.truth import default_query, find_truth, load_table, make_table, save_table

N = 120
NOISE = {"fine": 3.0, "rough": 30.0}


@pytest.fixture(name="data", scope="module")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a truth of `macro` on tiles."""
    folder, space = tmp_path_factory.mktemp("data"), load_space("macro")
    keys = np.sort(space.prefix(N))
    frame = pd.DataFrame(name_archs(keys, space)).assign(
        dataset="tiles",
        split="test",
        epochs=12,
        trial=0,
        seed=0,
        accuracy=np.random.RandomState(0).uniform(40, 90, N),
    )
    (folder / "macro").mkdir()
    save_table(make_table(frame, "mine", {}, space=space), folder / "macro" / "tiles.parquet")
    return folder


def score(space: Space, data: Path, name: str, namesakes: str = "") -> ScoreMatrix:
    """Make up scores of one seed, of some architectures of a space, on tiles."""
    truth = find_truth("tiles", data, space).mean(default_query("tiles", space))
    rng = np.random.RandomState(len(name))
    scores = truth.value[:N] + rng.normal(0, NOISE[name], N)
    return ScoreMatrix(
        *(name + namesakes, name, FILE, (0,), truth.keys[:N], scores[None], "made up"),
        dataset="tiles",
        space=space,
        namesakes=namesakes,
    )


@pytest.fixture(name="loaded", scope="module")
def _loaded(data: Path) -> Loaded:
    """`fine` of both spaces, `rough` of one."""
    spaces = load_space(), load_space("macro")
    both = [score(space, data, "fine", f" ({space.name})") for space in spaces]
    return Loaded(tuple(tell_apart([*both, score(spaces[0], data, "rough")])), ())


@pytest.fixture(name="made", scope="module")
def _made(loaded: Loaded, data: Path) -> Report:
    asked = ["fine", "rough", "floor", "floor+fine", "params"]
    return make_report(loaded, data_dir=data, estimators=asked)


def test_each_space_has_its_section_and_its_own_floor(made: Report) -> None:
    assert [section.space.name for section in made.sections] == ["nb201", "macro"]
    assert [section.floor.label for section in made.sections] == ["live_params", "depth"]
    assert [section.truth.title for section in made.sections] == [
        "tiles test, 12 epochs, mean of trials",
        "macro tiles test, 12 epochs, mean of trials",
    ]


def test_one_name_stands_for_the_same_estimator_on_each(made: Report) -> None:
    found = {row["estimator"]: row["labels"] for row in report_to_dict(made)["side_by_side"]}
    assert found == {
        "floor+fine": [
            f"live_params+fine (nb201) (n={N})",
            f"depth+fine (macro) (n={N})",
        ],
        "fine": ["fine (nb201)", "fine (macro)"],
        "floor": ["live_params", "depth"],
        "params": ["params", "params"],
        "rough": ["rough", None],
    }


def test_the_table_has_the_figures_of_the_leaderboards(made: Report) -> None:
    block = report_document(made).blocks[0]
    assert block.title == (
        "Side by side (nb201: tiles test, 12 epochs, mean of trials, floor live_params; macro: "
        "tiles test, 12 epochs, mean of trials, floor depth)"
    )
    rows = {row[:2]: row[2:] for row in block.rows}
    for section in made.sections:
        result = next(each for each in section.evaluations if each.label.startswith("fine"))
        tops = result.populations
        tau, half = (tops[name].metrics["tau"].value for name in ("all", "top_50"))
        n, *shown = rows["fine", section.space.name]
        assert n == str(N)
        assert shown[0].startswith(f"{tau:.3f} [")
        assert shown[1] == f"{half:.3f}"
        gain = section.added[result.label].everything.value
        assert shown[3].startswith(f"{gain:+.3f}")
        assert rows["floor", section.space.name][-1] == "-"
    assert ("rough", "nb201") in rows
    assert ("rough", "macro") not in rows
    assert "Side by side (nb201" in render_page(made)


def test_those_on_all_benchmarks_come_first_then_by_tau(made: Report) -> None:
    names = list(dict.fromkeys(row[0] for row in report_document(made).blocks[0].rows))
    assert names[0] in ("fine", "floor+fine")
    assert names[-1] == "rough"


def test_one_truth_has_nothing_beside_it(loaded: Loaded, data: Path) -> None:
    own = [each for each in loaded.estimators if each.space.name == "nb201"]
    made = make_report(Loaded(tuple(own)), data_dir=data)
    assert report_to_dict(made)["side_by_side"] == []
    assert not report_document(made).blocks[0].title.startswith("Side")
    assert not report_document(made).notes[0].startswith("Side")


def test_a_name_that_no_benchmark_knows_is_refused(loaded: Loaded, data: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown estimator 'fyne'. Did you mean 'fine'\?"):
        make_report(loaded, data_dir=data, estimators=["fine", "fyne"])


def test_the_floor_cannot_be_combined_with_itself(loaded: Loaded, data: Path) -> None:
    with pytest.raises(UsageError, match="'floor\\+depth' names depth twice"):
        make_report(loaded, data_dir=data, estimators=["floor+depth", "fine"])


@pytest.mark.parametrize("is_open", [True, False])
def test_a_table_of_one_space_does_not_judge_the_others(
    loaded: Loaded, data: Path, is_open: bool
) -> None:
    path = data / "macro" / "tiles.parquet"
    choice = TruthChoice(table=load_table(path) if is_open else path)
    with pytest.raises(HarnessError, match=r"of (the space )?'macro'"):
        make_report(loaded, [choice], data_dir=data)
