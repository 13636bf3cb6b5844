"""Estimators: the same form for run folders, score files, and scores in memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import evaluate
from harness.errors import ArchError, DataError, MismatchError, StoreError, UsageError
from harness.estimators.callables import from_callable
from harness.estimators.loading import load_estimators, make_estimators
from harness.estimators.matrix import Loaded, ScoreMatrix, common_archs
from harness.report import make_report
from harness.scores import load_scores, read_score_sets, save_scores
from harness.spaces.nb201.encoding import CONV_3X3, Arch, arch_at
from harness.truth import find_truth, make_table
from tests.made_runs import INDICES, N, make_run

TRUTH = find_truth("tiles")
SCORES = np.random.RandomState(0).normal(size=N)


def make_estimator(index: list[int], score: list[list[float]]) -> ScoreMatrix:
    seeds = tuple(range(len(score)))
    array = np.array(index, dtype=np.int64)
    return ScoreMatrix("mine", "mine", "file", seeds, array, np.array(score), "column 'score'")


def write_scores(path: Path, **columns: Any) -> Path:
    pd.DataFrame({"nb201_index": [1, 2, 3], "score": [0.1, 0.2, 0.3], **columns}).to_csv(path)
    return path


def make_three(root: Path) -> None:
    for seed in (2, 0, 1):
        make_run(root, SCORES + seed, "spos", seed, truth=TRUTH)


def test_runs_that_differ_in_the_seed_alone_are_one_estimator(tmp_path: Path) -> None:
    make_three(tmp_path)
    (only,) = load_estimators([tmp_path]).estimators
    assert (only.label, only.method, only.source) == ("spos", "spos", "run")
    assert (only.seeds, only.dataset, only.bn_mode) == ((0, 1, 2), "tiles", "batch")
    assert only.score_kind == "minus mean validation loss"
    assert only.truth_sha256 == TRUTH.sha256
    assert only.keys.tolist() == sorted(INDICES.tolist())
    expected = np.stack([SCORES[np.argsort(INDICES)] + seed for seed in range(3)])
    np.testing.assert_array_equal(only.score, expected)
    assert [record.config["seed"] for record in only.records] == [0, 1, 2]
    assert [path.name for path in only.paths] == [record.run_id for record in only.records]
    assert only.config is not None
    assert only.config.seed == 0


@pytest.mark.parametrize("name", ["jacov", "live_params"])
def test_without_a_supernet_there_is_no_batch_norm_mode(tmp_path: Path, name: str) -> None:
    make_run(tmp_path, SCORES, truth=TRUTH, estimator=name)
    (only,) = load_estimators([tmp_path]).estimators
    assert (only.method, only.bn_mode) == (name, None)


def test_runs_can_be_scored_by_the_other_readout_where_they_have_it(tmp_path: Path) -> None:
    make_run(tmp_path / "a", SCORES, "spos", truth=TRUTH, rank_readout="refitted")
    folder = make_run(tmp_path / "b", SCORES, "ogd", truth=TRUTH)
    with pytest.raises(StoreError, match=r"tiles-ogd-.* no scores by the 'refitted' readout"):
        load_estimators([tmp_path], readout="refitted")
    frame = load_scores(folder.path / "scores.parquet")
    save_scores(frame.assign(score=-frame["score"]), folder.path / "scores_refitted.parquet")
    own, other = load_estimators([tmp_path], readout="refitted").estimators
    np.testing.assert_array_equal(other.score, -own.score)
    assert own.score_kind == other.score_kind
    assert own.score_kind.startswith("minus mean leave-one-out error")
    assert load_estimators([folder.path]).estimators[0].score_kind == "minus mean validation loss"


@pytest.mark.parametrize(
    ("n_features", "readout", "is_told"),
    [(128, "refitted", True), (83, "refitted", False), (128, "shared", False)],
)
def test_readouts_of_few_images_are_told(
    tmp_path: Path, n_features: int, readout: str, is_told: bool
) -> None:
    folder = make_run(tmp_path, SCORES, truth=TRUTH, rank_readout=readout, rank_batch=250)
    record = folder.read_record()
    folder.write_record(record.model_copy(update={"ranking": {"n_features": n_features}}))
    (only,) = load_estimators([tmp_path]).estimators
    assert any("128 features and 250 images" in note for note in only.notes) is is_told


def test_scores_over_several_moments_of_training_say_so(tmp_path: Path) -> None:
    make_run(tmp_path, SCORES, "spos", truth=TRUTH, rank_snapshots=4)
    (only,) = load_estimators([tmp_path]).estimators
    assert only.score_kind == "minus mean validation loss over 4 checkpoints"


def test_the_baseline_stands_on_top_and_namesakes_are_told_apart(tmp_path: Path) -> None:
    for strategy, more in (("ogd", {}), ("spos", {"lr": 0.2}), ("spos", {"lr": 0.1})):
        make_run(tmp_path, SCORES, strategy, truth=TRUTH, **more)
    labels = {estimator.label for estimator in load_estimators([tmp_path]).estimators}
    assert labels == {"spos [lr=0.1]", "spos [lr=0.2]", "ogd"}
    assert load_estimators([tmp_path]).estimators[-1].method == "ogd"
    hashes = {estimator.settings_sha256 for estimator in load_estimators([tmp_path]).estimators}
    assert len(hashes) == 3


def test_only_a_run_on_a_list_of_ones_own_names_it(tmp_path: Path) -> None:
    listed = [str(arch_at(index)) for index in INDICES.tolist()]
    for more in ({}, {"archs": listed[:1]}, {"archs": listed[:2]}):
        make_run(tmp_path, SCORES, truth=TRUTH, **more)
    found = load_estimators([tmp_path]).estimators
    plain, *own = sorted(found, key=lambda each: len(each.label))
    assert plain.label == f"spos [n_archs={N}]"
    for each in own:
        assert re.fullmatch(r"spos \[n_archs=[12], archs=own list [0-9a-f]{8}\]", each.label)
    assert sorted(each.notes[0].partition(" of the user's")[0] for each in own) == [
        "The 2 architectures ranked are a list",
        "The one architecture ranked is a choice",
    ]


def test_a_failed_score_is_nan_and_counted(tmp_path: Path) -> None:
    failed = SCORES.copy()
    failed[5] = np.nan
    make_run(tmp_path, SCORES, "spos", 0, truth=TRUTH)
    make_run(tmp_path, failed, "spos", 1, truth=TRUTH)
    (only,) = load_estimators([tmp_path]).estimators
    assert only.exclusions == {"failed": 1}
    assert only.score.shape == (2, N)
    assert np.isnan(only.score).sum() == 1
    assert INDICES[5] not in only.complete_archs
    assert len(only.complete_archs) == N - 1


def test_architectures_without_a_live_path_tie_at_the_bottom_and_are_counted(
    tmp_path: Path,
) -> None:
    for seed in range(2):
        folder = make_run(tmp_path, SCORES + seed, seed=seed, truth=TRUTH, estimator="jacov")
        path = folder.path / "scores.parquet"
        frame = load_scores(path)
        frame.loc[[2, 4], ["score", "loss", "status"]] = [np.nan, np.nan, "dead"]
        frame.loc[[6], ["score", "loss", "status"]] = [np.nan, np.nan, "failed"]
        save_scores(frame, path)
    (only,) = load_estimators([tmp_path]).estimators
    last, scored = np.sort(INDICES[[2, 4]]), np.delete(INDICES, [2, 4, 6])
    assert only.ranked_last.tolist() == last.tolist()
    assert only.exclusions == {"failed": 2}
    assert only.complete_archs.tolist() == sorted([*scored, *last])
    lowest = only.scores_of(scored).min(axis=1)
    np.testing.assert_array_equal(only.scores_of(last).T, [np.nextafter(lowest, -np.inf)] * 2)
    # the file of a run is read alike
    (read,) = read_score_sets(path).sets
    assert read.ranked_last.tolist() == only.ranked_last.tolist()
    np.testing.assert_array_equal(read.score, only.score[1:])
    words = "2 architectures without a live path rank last, as ties: "
    assert any(words in line for line in evaluate(only, "tiles").words)
    both = make_report(Loaded((only, replace(only, label="other"))))
    (line,) = (line for line in both.words if words in line)
    assert line.startswith("Of jacov, other, 2 ")


def test_each_seed_is_judged_on_what_it_was_not_fitted_to(tmp_path: Path) -> None:
    fitted = INDICES[:12], INDICES[8:20]
    for seed, labelled in enumerate(fitted):
        table = {"n": 12, "model": "gp", "features": "graf"}
        folder = make_run(
            tmp_path, SCORES, seed=seed, truth=TRUTH, estimator="predictor", predictor=table
        )
        path = folder.path / "scores.parquet"
        frame = load_scores(path)
        is_label = frame["nb201_index"].isin(labelled)
        frame.loc[is_label, ["score", "loss", "accuracy"]] = np.nan
        frame.loc[is_label, "status"] = "label"
        save_scores(frame, path)
    (only,) = load_estimators([tmp_path]).estimators
    assert only.label == "predictor(n=12, model=gp, features=graf)"
    assert (only.method, only.family, only.exclusions) == ("predictor", "predictor", {})
    assert [seen.tolist() for seen in only.fitted_on] == [sorted(seen) for seen in fitted]
    assert set(INDICES) == set(only.complete_archs.tolist())
    (note,) = only.notes
    assert note.startswith(f"{only.label}: each seed was fitted to labels (tiles test, 12 epochs")
    found = evaluate(only, "tiles")
    assert (found.figures.n, found.figures.n_per_seed) == (N, (N - 12, N - 12))
    assert note in found.words
    # a file of scores alone says what was left out of it
    (read,) = read_score_sets(path).sets
    assert (len(read.keys), read.exclusions) == (N - 12, {"fitted to its truth": 12})


def test_unfinished_runs_are_named_and_left_out(tmp_path: Path) -> None:
    make_run(tmp_path, SCORES, "spos", 0, truth=TRUTH)
    folder = make_run(tmp_path, SCORES, "spos", 1, "interrupted", truth=TRUTH)
    loaded = load_estimators([tmp_path])
    assert loaded.estimators[0].seeds == (0,)
    assert loaded.unfinished == (f"{folder.path.name} (interrupted)",)
    with pytest.raises(StoreError, match=r"None of the runs is finished: .* \(interrupted\)"):
        load_estimators([folder.path])


def test_a_finished_run_without_its_scores_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path, SCORES, truth=TRUTH)
    (folder.path / "scores.parquet").unlink()
    with pytest.raises(StoreError, match=r"is finished, but .*/scores\.parquet is missing\."):
        load_estimators([folder.path])


def test_a_copied_run_is_refused_instead_of_passing_for_another_seed(tmp_path: Path) -> None:
    folder = make_run(tmp_path, SCORES, truth=TRUTH)
    (tmp_path / "copy").mkdir()
    for path in folder.path.iterdir():
        (tmp_path / "copy" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(StoreError, match="is there twice"):
        load_estimators([tmp_path])
    record = tmp_path / "copy" / "record.json"
    record.write_text(record.read_text().replace(folder.path.name, "another"))
    with pytest.raises(StoreError, match=r"is damaged \(its settings belong to"):
        load_estimators([tmp_path])


def test_replicas_ranked_against_different_truths_are_refused(tmp_path: Path) -> None:
    other = make_table(TRUTH.rows.assign(accuracy=TRUTH.rows["accuracy"] / 2), "other", {})
    make_run(tmp_path, SCORES, "spos", 0, truth=TRUTH)
    make_run(tmp_path, SCORES, "spos", 1, truth=other)
    with pytest.raises(MismatchError, match="ranked against different truth tables"):
        load_estimators([tmp_path])


def test_runs_and_score_files_mix_and_every_label_is_its_own(tmp_path: Path) -> None:
    make_three(tmp_path / "runs")
    named = [tmp_path / "runs", write_scores(tmp_path / "spos.csv")]
    (tmp_path / "more").mkdir()
    named.append(write_scores(tmp_path / "more" / "spos.csv"))
    named.append(write_scores(tmp_path / "both.csv", method=["a", "b", "a"]))
    loaded = load_estimators(named, exclude_bad=True)
    labels = [estimator.label for estimator in loaded.estimators]
    assert labels[0] == "spos (tiles)"
    for label, path in zip(labels[1:3], named[1:3], strict=True):  # a long path loses its beginning
        assert re.fullmatch(r"spos \((\.\.\.)?[^()]+\)", label)
        assert str(path).endswith(label.removeprefix("spos (").removeprefix("...").rstrip(")"))
    assert labels[1].endswith("0/spos.csv)")
    assert labels[2].endswith("0/more/spos.csv)")
    assert labels[3:] == ["a", "b"]
    assert [estimator.source for estimator in loaded.estimators] == ["run"] + ["file"] * 4
    assert loaded.estimators[1].paths == (named[1],)


def test_a_run_s_own_score_file_is_named_after_the_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path, SCORES, truth=TRUTH)
    (only,) = load_estimators([folder.path / "scores.parquet"]).estimators
    assert (only.label, only.source, only.dataset) == (folder.path.name, "file", None)
    assert only.score_kind == "column 'score'"
    (accuracy,) = load_estimators(
        [folder.path / "scores.parquet"], score_column="loss", lower_is_better=True
    ).estimators
    np.testing.assert_array_equal(accuracy.score, only.score)
    assert accuracy.score_kind == "minus column 'loss'"


@pytest.mark.parametrize(
    ("names", "options", "error", "message"),
    [
        ([], {}, UsageError, "No scores were given"),
        (["a.csv", "a.csv"], {}, UsageError, r"a\.csv is named more than once"),
        (["runs"], {"lower_is_better": True}, UsageError, "only run folders were named"),
        (["runs"], {"score_column": "x"}, UsageError, "only run folders were named"),
        (["nowhere"], {}, StoreError, "nowhere is not a folder"),
        (["nowhere.csv"], {}, DataError, "There is no scores file at"),
        (["empty"], {}, StoreError, "No runs in"),
    ],
)
def test_what_is_named_wrongly_is_said(
    names: list[str], options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    make_three(tmp_path / "runs")
    (tmp_path / "empty").mkdir()
    write_scores(tmp_path / "a.csv")
    with pytest.raises(error, match=message):
        load_estimators([tmp_path / name for name in names], **options)


HOSTILE = 'x\x1b[31m\n"<b>'


def test_names_from_files_are_made_printable(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "mine.csv", method=[HOSTILE] * 3)
    (only,) = load_estimators([path]).estimators
    assert only.label == only.method == 'x\\x1b[31m\\n"<b>'


def test_common_archs_are_those_that_every_seed_of_all_has() -> None:
    first = make_estimator([1, 2, 3, 4], [[1, 2, 3, 4], [1, np.nan, 3, 4]])
    second = make_estimator([2, 3, 4, 9], [[1, 2, 3, 4]])
    assert first.complete_archs.tolist() == [1, 3, 4]
    assert common_archs([first, second]).tolist() == [3, 4]
    assert common_archs([first]).tolist() == [1, 3, 4]
    assert common_archs([first, make_estimator([5], [[1.0]])]).tolist() == []
    with pytest.raises(UsageError, match="No estimator was given"):
        common_archs([])


def test_scores_are_found_by_architecture_in_any_order() -> None:
    estimator = make_estimator([3, 7, 9], [[1, 2, 3], [4, np.nan, 6]])
    found = estimator.scores_of(np.array([9, 0, 3, 7, 15_624]))
    nan = np.nan
    np.testing.assert_array_equal(found, [[3, nan, 1, 2, nan], [6, nan, 4, nan, nan]])


@pytest.mark.parametrize(
    ("index", "score"),
    [([2, 1], [[1.0, 2.0]]), ([1, 1], [[1.0, 2.0]]), ([1], [[1.0, 2.0]]), ([15_625], [[1.0]])],
)
def test_an_estimator_of_another_shape_or_order_is_refused(
    index: list[int], score: list[list[float]]
) -> None:
    with pytest.raises(UsageError, match=r"indices .n. ascend from 0 to 15624"):
        make_estimator(index, score)


def count_3x3(arch: Arch) -> int:
    return arch.count_op(CONV_3X3)


FORMS: dict[str, Callable[[list[Arch]], Any]] = {
    "a frame": lambda archs: pd.DataFrame(
        {"arch_str": map(str, archs), "score": map(count_3x3, archs)}
    ),
    "a mapping of strings": lambda archs: {str(arch): count_3x3(arch) for arch in archs},
    "a mapping of indices": lambda archs: {arch.nb201_index: count_3x3(arch) for arch in archs},
    "a mapping of archs": lambda archs: {arch: count_3x3(arch) for arch in archs},
    "a series by string": lambda archs: pd.Series({str(arch): count_3x3(arch) for arch in archs}),
    "a series by index": lambda archs: pd.Series({a.nb201_index: count_3x3(a) for a in archs}),
    "an estimator": lambda archs: from_callable(count_3x3, archs),
    "a function": lambda archs: count_3x3,
}


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_scores_in_memory_come_in_any_form(make: Callable[[list[Arch]], Any]) -> None:
    archs = [arch_at(index) for index in (9, 2, 5)]
    (only,) = make_estimators(make(archs), "mine", archs=archs).estimators
    assert only.label == "mine"
    assert only.keys.tolist() == [2, 5, 9]
    assert only.score.tolist() == [[float(count_3x3(arch_at(index))) for index in (2, 5, 9)]]


def test_scores_of_no_known_form_are_refused() -> None:
    with pytest.raises(UsageError, match=r"given as ndarray; allowed are a path"):
        make_estimators(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="lower_is_better was given with an estimator"):
        make_estimators(make_estimator([1], [[1.0]]), lower_is_better=True)


def test_an_architecture_that_a_series_has_twice_is_refused() -> None:
    with pytest.raises(DataError, match="the scores: column 'index' repeats"):
        make_estimators(pd.Series([1.0, 2.0], index=[4, 4]))


@pytest.mark.parametrize("key", ["no arch", 15_625, -1, None, 2.5, True, ("a", "b")])
def test_a_key_that_is_no_architecture_is_refused(key: Any) -> None:
    with pytest.raises(DataError, match=r"the scores: column '(arch_str|index)'"):
        make_estimators({1: 0.5, 2: 0.7, key: 1.0} if key is not True else {True: 1.0, "x": 2.0})


def test_a_function_is_called_once_an_architecture() -> None:
    seen: list[Arch] = []

    def score(arch: Arch) -> float:
        seen.append(arch)
        return -float(len(seen))

    only = from_callable(score, [5, str(arch_at(3)), arch_at(4)], lower_is_better=True)
    assert [arch.nb201_index for arch in seen] == [5, 3, 4]
    assert (only.label, only.source, only.seeds) == ("score", "callable", (None,))
    assert only.score.tolist() == [[2.0, 3.0, 1.0]]
    assert only.score_kind == "minus value of 'score'"


def raises_at_5(arch: Arch) -> float:
    if arch.nb201_index == 5:
        raise RuntimeError("out of \x1b[31mluck")
    return float(arch.nb201_index)


def returns(value: object) -> Callable[[Arch], object]:
    def score(arch: Arch) -> object:
        return value if arch.nb201_index == 5 else arch.nb201_index

    return score


BAD: dict[str, tuple[Callable[[Arch], object], str, str]] = {
    "an exception": (
        raises_at_5,
        r"raised RuntimeError \(out of \\x1b\[31mluck\) for architecture \|.* \(nb201_index 5\)",
        "raised an exception",
    ),
    "None": (returns(None), "is missing or NaN.*nb201_index=5", "no score"),
    "NaN": (returns(np.nan), "is missing or NaN", "no score"),
    "an infinity": (returns(np.float32("inf")), "is infinite", "infinite score"),
    "a truth value": (returns(True), "is not a number.*score=True", "score not a number"),
    "a word": (returns("good"), "is not a number.*score='good'", "score not a number"),
    "a complex number": (returns(1j), "is not a number", "score not a number"),
    "an array": (returns(np.zeros(2)), "is not a number", "score not a number"),
}


@pytest.mark.parametrize(("score", "message", "reason"), BAD.values(), ids=BAD)
def test_a_function_without_a_finite_number_is_refused_or_counted(
    score: Callable[[Arch], object], message: str, reason: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        from_callable(score, range(10))
    assert str(caught.value).isprintable()
    left = from_callable(score, range(10), exclude_bad=True)
    assert left.exclusions == {reason: 1}
    assert left.keys.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]


def test_the_cause_of_a_function_s_exception_is_kept() -> None:
    with pytest.raises(DataError, match="'raises_at_5' raised") as caught:
        from_callable(raises_at_5, [5])
    assert isinstance(caught.value.__cause__, RuntimeError)
    with pytest.raises(DataError, match="raised an exception for all 1 architectures"):
        from_callable(raises_at_5, [5], exclude_bad=True)


def test_an_interruption_of_a_function_is_let_through() -> None:
    def score(arch: Arch) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        from_callable(score, exclude_bad=True)


def test_functions_that_rank_nothing_or_score_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="one and the same score"):
        from_callable(lambda arch: 0.0, range(40))
    with pytest.raises(DataError, match="there are no rows"):
        from_callable(count_3x3, [])
    with pytest.raises(DataError, match="repeats an architecture"):
        from_callable(count_3x3, [1, 2, 1])
    with pytest.raises(ArchError, match="15625 was given"):
        from_callable(count_3x3, [15_625])


def test_a_number_of_torch_s_is_a_number() -> None:
    torch = pytest.importorskip("torch")
    only = from_callable(lambda arch: torch.tensor(float(arch.nb201_index)), [3, 4])
    assert only.score.tolist() == [[3.0, 4.0]]


def test_estimators_need_no_torch() -> None:
    code = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise AssertionError("imported " + name)

sys.meta_path.insert(0, Blocker())
import harness
assert set(sys.modules) & {"numpy", "pandas", "scipy"} == set(), "import harness is not instant"
result = harness.evaluate(lambda arch: arch.nb201_index, dataset="tiles")
assert result.tau is not None
assert "evaluate" in dir(harness)
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
