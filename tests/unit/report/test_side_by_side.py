"""Reports on several benchmarks: the same estimator side by side, on each with its own truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from harness.cli.report import print_report
from harness.errors import HarnessError, TruthError, UsageError
from harness.estimators.loading import tell_apart
from harness.estimators.matrix import FILE, Loaded, ScoreMatrix
from harness.evaluation import choose_truths
from harness.report import Report, TruthChoice, make_report
from harness.report.answer import answer_document, answer_report
from harness.report.page import render_page
from harness.report.rendering import report_document, report_to_dict
from harness.spaces import Space, load_space
from harness.spaces.lookup import name_archs
from harness.truth import (
    TruthTable,
    default_query,
    find_truth,
    load_table,
    make_table,
    save_table,
)
from harness.truth.sources import has_table

N = 120
NOISE = {"fine": 3.0, "rough": 30.0}


@pytest.fixture(name="data", scope="module")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a truth of `macro` on tiles."""
    folder, space = tmp_path_factory.mktemp("data"), load_space("macro")
    keys = np.sort(space.prefix(N))
    (folder / "macro").mkdir()
    table = make_truth(space, keys, "tiles", 12)
    save_table(table, folder / "macro" / "tiles.parquet")
    return folder


def make_truth(space: Space, keys: npt.NDArray[np.int64], dataset: str, epochs: int) -> TruthTable:
    """Make up accuracies of some architectures, on both splits."""
    rows = [
        pd.DataFrame(name_archs(keys, space)).assign(
            dataset=dataset,
            split=split,
            epochs=epochs,
            trial=0,
            seed=0,
            accuracy=np.random.RandomState(number).uniform(40, 90, len(keys)),
        )
        for number, split in enumerate(("test", "valid"))
    ]
    return make_table(pd.concat(rows, ignore_index=True), "mine", {}, space=space)


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


def test_of_many_benchmarks_each_is_a_column_and_each_figure_a_table(
    loaded: Loaded, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choices = [TruthChoice(split=split) for split in ("test", "valid")]
    made = make_report(
        loaded, choices, data_dir=data, estimators=["fine", "rough", "floor", "floor+fine"]
    )
    first, *wide = (b for b in report_document(made).blocks if b.title.startswith("Side by side"))
    assert [row[1:] for row in first.rows] == [
        (f"tiles {split}, 12 epochs, mean of trials", str(N), floor, floor)
        for floor in ("live_params", "depth")
        for split in ("test", "valid")
    ]
    assert [block.title for block in wide] == [
        f"Side by side: {name}" for name in ("tau [95%]", "adds [95%]", "top half", "top 10%")
    ]
    assert {block.headings for block in wide} == {("estimator", *(row[0] for row in first.rows))}
    rows = {row[0]: row[1:] for row in wide[0].rows}
    assert set(rows) == {"fine", "rough", "floor", "floor+fine"}
    for section, shown in zip(made.sections, rows["fine"], strict=True):
        result = next(each for each in section.evaluations if each.label.startswith("fine"))
        assert shown.startswith(f"{result.tau:.3f} [")
    assert rows["rough"][2:] == ("-", "-")
    assert "Side by side: adds [95%]" in render_page(made)
    print_report(made)
    printed = capsys.readouterr().out
    assert "Side by side: tau\n" in printed
    assert "Side by side: adds" not in printed


def repeat(one: ScoreMatrix) -> ScoreMatrix:
    """Repeat scores with three seeds, which differ a little."""
    noise = np.random.RandomState(7).normal(0, 1, (3, one.score.shape[1]))
    return replace(one, seeds=(0, 1, 2), score=one.score + noise)


def test_of_many_benchmarks_it_is_said_on_how_many_an_estimator_adds_to_the_floor(
    loaded: Loaded, data: Path
) -> None:
    choices = [TruthChoice(split=split) for split in ("test", "valid")]
    three = Loaded(tuple(map(repeat, loaded.estimators)))
    names = ["fine", "rough", "floor+fine"]
    made = make_report(three, choices, data_dir=data, estimators=names)
    gains = [
        next(gain for label, gain in section.added.items() if label.startswith("fine"))
        for section in made.sections
    ]
    verdicts = [gain and gain.everything.verdict for gain in gains]
    more, less = verdicts.count("adds"), verdicts.count("hurts")
    assert 0 < more < 4
    first, *others = answer_report(made)
    assert first.startswith("Combined by rank with the floor, fine ranks significantly better ")
    told = (
        f"on {more} of 4 benchmarks and worse on {less} (95% each, not adjusted for their number)."
    )
    assert first.endswith(told)
    assert len(others) == 4
    assert all(" (macro)" not in line and " (nb201)" not in line for line in others)
    assert answer_document(made).words[:2] == [first, ""]
    own = make_report(three, choices, data_dir=data, estimators=["params", "fine"], floor="fine")
    said = answer_report(own)[0]
    assert said.startswith("Combined by rank with the floor, params ranks ")
    assert "fine" not in said
    few = make_report(three, data_dir=data, estimators=["fine"])
    assert not answer_report(few)[0].startswith("Combined by rank")


def test_scores_of_one_seed_that_others_would_not_repeat_count_on_neither_side(
    loaded: Loaded, data: Path
) -> None:
    choices = [TruthChoice(split=split) for split in ("test", "valid")]
    made = make_report(loaded, choices, data_dir=data, estimators=["fine"])
    assert "on 0 of 4 benchmarks and worse on 0 (95% each" in answer_report(made)[0]


def test_a_terminal_has_the_benchmarks_in_tables_of_few_columns(
    loaded: Loaded, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.report.side_by_side.MOST_COLUMNS", 3)
    choices = [TruthChoice(split=split) for split in ("test", "valid")]
    made = make_report(loaded, choices, data_dir=data, estimators=["fine", "floor"])
    (whole,) = (b for b in report_document(made).blocks if b.title == "Side by side: tau [95%]")
    three, one = answer_document(made).blocks
    assert (len(three.headings), len(one.headings)) == (1 + 3, 1 + 1)
    assert (*three.headings, *one.headings[1:]) == whole.headings
    for row, left, right in zip(whole.rows, three.rows, one.rows, strict=True):
        assert [cell.split(" ")[0] for cell in row] == [*left, *right[1:]]


def test_a_data_set_that_is_named_judges_the_spaces_that_have_it(
    loaded: Loaded, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = load_space("nb201")
    table = make_truth(space, np.sort(space.prefix(N)), "cifar100", 200)
    monkeypatch.setattr(
        "harness.evaluation.chosen.find_truth",
        lambda name, *rest: table if name == "cifar10" else find_truth(name, *rest),
    )
    made = make_report(loaded, [TruthChoice("cifar100")], data_dir=data)
    assert {section.space.name: section.truth.query.dataset for section in made.sections} == {
        "nb201": "cifar100",
        "macro": "tiles",
    }
    both = [TruthChoice("cifar100"), TruthChoice("cifar1000")]
    with pytest.raises(UsageError, match=r"any of these spaces 'cifar1000'. Did .*'cifar100'\?"):
        make_report(loaded, both, data_dir=data)


def test_a_table_that_only_one_space_has_does_not_judge_the_other(
    loaded: Loaded, tmp_path: Path
) -> None:
    """The package has tiles of nb201 alone; runs of `macro` are on CIFAR-10."""
    spaces = load_space("nb201"), load_space("macro")
    assert [has_table("tiles", tmp_path, space) for space in spaces] == [True, False]
    macro = [
        replace(each, dataset="cifar10") for each in loaded.estimators if "macro" in each.label
    ]
    own = [each for each in loaded.estimators if each.space.name == "nb201"]
    with pytest.raises(TruthError, match="no published truth table of the space 'macro'"):
        choose_truths([*own, *macro], [TruthChoice("tiles")], tmp_path)
    nameless = [replace(each, dataset=None) for each in macro]
    with pytest.raises(UsageError, match="not given for the space 'macro'"):
        choose_truths([*own, *nameless], [TruthChoice("tiles")], tmp_path)


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
