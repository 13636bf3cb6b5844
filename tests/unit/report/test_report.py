"""Reports over made-up runs and score files, held to figures worked out apart."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats

from harness.cli.report import print_report
from harness.errors import MismatchError, StoreError, TruthError, UsageError
from harness.estimators.loading import load_estimators
from harness.estimators.runs import load_runs
from harness.evaluation import PairResult
from harness.evaluation.pairs import TWO_SCORES, TWO_SUPERNETS
from harness.report import Report, TruthChoice, make_report, summarise_run
from harness.report.rendering import REPORT_COLUMNS, REPORT_WRITERS
from harness.runs.folder import RunFolder
from harness.spaces.nb201.encoding import arch_at
from harness.stats import MetricResult, kendall_tau
from harness.truth import TruthTable, default_query, make_table
from tests import made_runs
from tests.made_runs import INDICES, FloatArray, N, make_disturbance
from tests.reference_intervals import paired_ends

QUERY = default_query("tiles")
SAME = {"rel": 1e-12, "abs": 1e-12}
"""The same numbers in float64, summed in another order."""


def make_truth(seed: int = 0) -> TruthTable:
    """Truth of the first architectures of the permutation: two trials each."""
    rng = np.random.RandomState(seed)
    mean = rng.uniform(40, 90, size=N)
    rows = [
        {
            "nb201_index": index,
            "arch_str": str(arch_at(index)),
            "dataset": QUERY.dataset,
            "split": QUERY.split,
            "epochs": QUERY.epochs,
            "trial": trial,
            "seed": trial,
            "accuracy": mean[position] + rng.normal() * 0.5,
        }
        for position, index in enumerate(INDICES.tolist())
        for trial in (0, 1)
    ]
    return make_table(pd.DataFrame(rows), "made up", {})


TRUTH = make_truth()


@pytest.fixture(autouse=True)
def _made_up_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.evaluation.chosen.find_truth", lambda *_: TRUTH)


def truth_of(indices: npt.NDArray[np.int64]) -> FloatArray:
    mean = TRUTH.mean(QUERY)
    return pd.Series(mean.value, mean.keys).loc[indices].to_numpy()


def noisy_scores(noise: float, seed: int) -> FloatArray:
    """Scores that follow the truth up to noise, in the order of `INDICES`."""
    return truth_of(INDICES) + noise * np.random.RandomState(seed).normal(size=N) - 100


def make_run(root: Path, *arguments: Any, truth: TruthTable = TRUTH, **others: Any) -> RunFolder:
    """Write a run's folder, ranked against the made-up truth."""
    return made_runs.make_run(root, *arguments, truth=truth, **others)


def write_file(path: Path, scores: FloatArray, **columns: object) -> Path:
    """Write a score file of the first architectures."""
    frame = pd.DataFrame({"nb201_index": INDICES[: len(scores)], "score": scores, **columns})
    frame.to_csv(path, index=False)
    return path


def report_of(runs: Sequence[RunFolder], **others: Any) -> Report:
    return make_report(load_runs(runs), **others)


def tau_of(scores: FloatArray, indices: npt.NDArray[np.int64] = INDICES) -> float:
    keep = ~np.isnan(scores)
    truth = truth_of(indices[: len(scores)])
    return float(scipy.stats.kendalltau(scores[keep], truth[keep]).statistic)


def metric(report: Report, label: str, name: str = "tau", population: str = "all") -> MetricResult:
    for result in report.sections[0].evaluations:
        if result.estimator.label == label:
            return result.populations[population].metrics[name]
    raise AssertionError(f"no estimator '{label}'")


def only_pair(report: Report) -> PairResult:
    (pair,) = report.sections[0].pairs
    return pair


def render(report: Report, name: str = "markdown") -> str:
    return REPORT_WRITERS[name](report)


@pytest.fixture
def paired(tmp_path: Path) -> tuple[Report, dict[tuple[str, int], FloatArray]]:
    """Two strategies of three seeds."""
    scores = {
        (strategy, seed): noisy_scores(noise, 10 * seed + len(strategy))
        for strategy, noise in (("spos", 15), ("ogd", 8))
        for seed in (0, 1, 2)
    }
    runs = [
        make_run(tmp_path, values, strategy, seed, train_loss=2.0 + seed / 10)
        for (strategy, seed), values in scores.items()
    ]
    return report_of(runs), scores


def test_there_is_an_estimator_a_strategy_over_its_seeds_with_the_baseline_on_top(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, scores = paired
    (section,) = report.sections
    assert report.labels == ("spos", "ogd")
    assert section.truth.title == str(QUERY)
    assert len(section.keys) == N
    for result in section.evaluations:
        label = result.estimator.label
        taus = [tau_of(scores[label, seed]) for seed in (0, 1, 2)]
        tau = metric(report, label)
        assert tau.per_seed == pytest.approx(taus, **SAME)
        assert tau.value == pytest.approx(np.mean(taus), **SAME)
        assert tau.interval is not None
        assert tau.interval.low < np.mean(taus) < tau.interval.high
        part = result.populations["all"]
        assert part.ceiling is not None
        assert part.share_of_ceiling == pytest.approx(np.mean(taus) / part.ceiling.tau, **SAME)
    for training in report.trainings:
        assert training.figures["cost_s"].mean == pytest.approx(12.0)
        assert training.figures["train_loss"].mean == pytest.approx(2.1)


def test_figures_over_the_top_agree_with_scipy(tmp_path: Path) -> None:
    scores = noisy_scores(15, 1)
    report = report_of([make_run(tmp_path, scores)])
    truth = truth_of(INDICES)
    top = truth >= np.quantile(truth, 0.5)
    expected = scipy.stats.kendalltau(scores[top], truth[top]).statistic
    assert metric(report, "spos", "tau_top_50").value == pytest.approx(expected, **SAME)
    assert metric(report, "spos", "tau", "top_50").value == pytest.approx(expected, **SAME)
    assert metric(report, "spos", "tau_top_10").status == "too few"  # six architectures


def test_a_paired_difference_is_the_mean_of_the_differences_seed_by_seed(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, scores = paired
    pair = only_pair(report)
    differences = [tau_of(scores["ogd", s]) - tau_of(scores["spos", s]) for s in (0, 1, 2)]
    tau = pair.comparison.differences["all"]["tau"]
    assert pair.pair.name == "ogd minus spos"
    assert pair.pair.seeds == ((0, 0), (1, 1), (2, 2))
    assert pair.pair.claim == "over 3 seeds"
    assert tau.per_seed == pytest.approx(differences, **SAME)
    assert tau.value == pytest.approx(np.mean(differences), **SAME)


def test_only_seeds_that_both_have_are_compared(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, noisy_scores(15, s), "spos", s) for s in (0, 1, 2)]
    runs += [make_run(tmp_path, noisy_scores(8, 9 + s), "ogd", s) for s in (2, 1, 5)]
    report = report_of(runs)
    pair = only_pair(report).pair
    assert pair.seeds == ((1, 1), (2, 2))
    assert pair.claim == "over 2 seeds"
    assert report.training_pairs[0].differences[0].difference.values == pytest.approx(
        [
            second.figures["mean_pd"].values[i] - first.figures["mean_pd"].values[j]  # type: ignore[operator]
            for first, second in (report.trainings,)
            for i, j in ((0, 1), (1, 2))
        ]
    )


def rank_again(run: RunFolder, scores: FloatArray, **settings: Any) -> RunFolder:
    """Make another ranking of a run's supernet."""
    record = run.read_record()
    again = make_run(
        run.path.parent, scores, record.config["strategy"], record.config["seed"], **settings
    )
    source = {"run_id": record.run_id, "started": record.started}
    again.write_record(again.read_record().model_copy(update={"ranking": {"source": source}}))
    return again


def test_rankings_of_one_training_are_compared_as_rankings_and_their_training_is_not(
    tmp_path: Path,
) -> None:
    scores = {seed: noisy_scores(15, seed) for seed in (0, 1, 2)}
    others = {seed: scores[seed] + noisy_scores(4, 9 + seed) for seed in scores}
    runs = [make_run(tmp_path, scores[seed], "spos", seed) for seed in scores]
    again = [rank_again(run, others[s], bn_mode="recalibrated") for s, run in enumerate(runs)]
    ogd = [make_run(tmp_path, noisy_scores(8, 20 + seed), "ogd", seed) for seed in scores]
    ogd_again = [rank_again(run, noisy_scores(8, 30), bn_mode="recalibrated") for run in ogd]
    report = report_of([*runs, *again, *ogd, *ogd_again])
    ranking, training, _ = (result.pair for result in report.sections[0].pairs)
    assert ranking.claim == "two rankings of each of 3 trained supernets"
    labels = ranking.first.label, ranking.second.label
    sign = 1 if "recalibrated" in labels[0] else -1
    tau = report.sections[0].pairs[0].comparison.differences["all"]["tau"]
    differences = [sign * (tau_of(others[seed]) - tau_of(scores[seed])) for seed in scores]
    assert tau.per_seed == pytest.approx(differences, **SAME)
    assert [pair.pair.name for pair in report.training_pairs] == [training.name]
    line = " and ".join(labels) + " are rankings of the same trained supernets, so their training"
    assert [words.startswith(line) for words in report.words].count(True) == 1
    assert not any("disturb" in words and all(x in words for x in labels) for words in report.words)
    content = json.loads(render(report, "json"))
    shared = [pair["has_shared_training"] for pair in content["sections"][0]["pairs"]]
    assert shared == [True, False, False]


def test_trainings_of_other_seeds_are_compared_by_the_rule_of_tau(tmp_path: Path) -> None:
    first = [make_run(tmp_path, noisy_scores(0.1, seed), seed=seed) for seed in (0, 1)]
    second = [
        make_run(tmp_path, noisy_scores(0.3, seed), "fairnas", seed=seed) for seed in (2, 3, 4)
    ]
    report = report_of([*first, *second])
    (training,) = report.training_pairs
    assert not training.pair.rows.is_paired
    cost = next(d.difference for d in training.differences if d.figure == "cost_s")
    costs = [11.0 + seed for seed in (2, 3, 4)], [11.0 + seed for seed in (0, 1)]
    assert cost.mean == pytest.approx(np.mean(costs[0]) - np.mean(costs[1]))
    assert cost.interval is not None


def test_a_report_names_the_classes_that_a_population_leaves_out(tmp_path: Path) -> None:
    scores = noisy_scores(0.1, 0)
    report = report_of([make_run(tmp_path, scores)])
    part = report.sections[0].evaluations[0].populations["one_per_class"].population
    assert part.unrepresented
    line = f"one_per_class: {part.note}"
    assert report.words.count(line) == 1
    assert str(part.unrepresented[0]) in line


def test_one_seed_speaks_of_these_two_supernets_only(tmp_path: Path) -> None:
    scores = {"spos": noisy_scores(15, 1), "ogd": noisy_scores(8, 2)}
    report = report_of([make_run(tmp_path, values, name) for name, values in scores.items()])
    pair = only_pair(report)
    assert pair.pair.claim == TWO_SUPERNETS == "these two supernets only, of one seed"
    taus = [kendall_tau(scores[name], truth_of(INDICES)) for name in ("ogd", "spos")]
    over_archs = paired_ends(*taus)
    interval = pair.comparison.differences["all"]["tau"].interval
    assert interval is not None
    assert interval[:2] == pytest.approx(over_archs, rel=1e-9)
    assert "these two supernets only" in render(report)


def test_runs_are_compared_with_the_baseline_of_their_own_settings(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, 1), "spos"),
        make_run(tmp_path, noisy_scores(15, 2), "spos", 1),
        make_run(tmp_path, noisy_scores(15, 3), "spos", 0, lr=0.05),
        make_run(tmp_path, noisy_scores(8, 4), "ogd", 0, lr=0.05, ogd={"c": 10}),
        make_run(tmp_path, noisy_scores(8, 5), "ogd", 0, lr=0.05, ogd={"c": 3}),
    ]
    (section,) = report_of(runs).sections
    found = {result.pair.name: result.pair for result in section.pairs}
    first = section.evaluations[0].estimator.label
    other = next(x for x in ("spos [lr=0.1]", "spos [lr=0.05]") if x != first)
    assert set(found) == {
        "ogd [ogd.c=10.0] minus spos [lr=0.05]",
        "ogd [ogd.c=3.0] minus spos [lr=0.05]",
        f"{other} minus {first}",
    }
    for name, pair in found.items():
        caveats = ("they differ in lr",) if name[:4] == "spos" else ()
        assert pair.caveats[:1] == caveats
    assert "But they differ in lr; seeds 1 of" in render(report_of(runs))


def test_a_baseline_that_is_named_is_the_one_of_all(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, noisy_scores(15, 1), name) for name in ("spos", "ogd")]
    report = report_of(runs, baseline="ogd")
    assert only_pair(report).pair.name == "spos minus ogd"
    with pytest.raises(UsageError, match=r"^Unknown estimator to compare with 'ogdd'\. Did you"):
        report_of(runs, baseline="ogdd")


def test_runs_and_files_are_compared_on_their_common_architectures(tmp_path: Path) -> None:
    scores = noisy_scores(15, 1)
    proxy = noisy_scores(5, 2)[:45]
    run = make_run(tmp_path / "runs", scores)
    file = write_file(tmp_path / "proxy.csv", proxy)
    report = make_report(load_estimators([run.path, file]))
    assert report.labels == ("spos", "proxy")
    assert metric(report, "spos").value == pytest.approx(tau_of(scores[:45]), **SAME)
    assert metric(report, "proxy").value == pytest.approx(tau_of(proxy), **SAME)
    pair = only_pair(report)
    assert pair.pair.claim == TWO_SCORES
    assert len(report.trainings) == 1
    assert "Left out of spos (60 scored): 15 not scored by all estimators." in report.words


def test_one_set_of_scores_stands_against_every_seed_of_a_method(tmp_path: Path) -> None:
    scores = [noisy_scores(15, seed) for seed in (0, 1, 2)]
    proxy = noisy_scores(5, 9)
    for seed, values in enumerate(scores):
        make_run(tmp_path / "runs", values, "spos", seed)
    file = write_file(tmp_path / "proxy.csv", proxy)
    report = make_report(load_estimators([tmp_path / "runs", file]))
    pair = only_pair(report)
    assert pair.pair.seeds == ((None, 0), (None, 1), (None, 2))
    assert pair.pair.claim == "over 3 seeds of spos, against one set of scores"
    differences = pair.comparison.differences["all"]["tau"].per_seed
    assert differences == pytest.approx([tau_of(proxy) - tau_of(s) for s in scores], **SAME)


def test_files_without_runs_need_the_truth_to_be_named(tmp_path: Path) -> None:
    files = [write_file(tmp_path / f"{name}.csv", noisy_scores(9, len(name))) for name in "ab"]
    with pytest.raises(UsageError, match=r"^The truth's data set was not given"):
        make_report(load_estimators(files))
    report = make_report(load_estimators(files), [TruthChoice("tiles")])
    assert (report.labels, report.trainings) == (("a", "b"), ())
    assert "Disturbance" not in render(report)


def test_estimators_without_a_common_architecture_are_refused_with_counts(tmp_path: Path) -> None:
    first = write_file(tmp_path / "a.csv", noisy_scores(9, 1)[:30])
    frame = pd.DataFrame({"nb201_index": INDICES[30:], "score": noisy_scores(9, 2)[30:]})
    frame.to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(
        TruthError, match=r"^No architecture has a score of all estimators .* 'a' 30; 'b' 30\."
    ):
        make_report(load_estimators([first, tmp_path / "b.csv"]), [TruthChoice("tiles")])


def test_no_estimator_is_no_report() -> None:
    with pytest.raises(UsageError, match=r"^No estimator was given\. Name run folders or score"):
        make_report(load_runs([]))


def test_all_architectures_and_one_seed_give_a_difference_without_an_interval() -> None:
    from harness.estimators.callables import from_callable
    from harness.estimators.matrix import Loaded
    from harness.spaces.nb201.encoding import CONV_3X3, N_ARCHS

    rng = np.random.RandomState(0)
    rows = pd.DataFrame(
        {
            "nb201_index": range(N_ARCHS),
            "arch_str": [str(arch_at(index)) for index in range(N_ARCHS)],
            "dataset": "tiles",
            "split": "test",
            "epochs": 12,
            "trial": 0,
            "seed": 0,
            "accuracy": rng.uniform(40, 90, size=N_ARCHS),
        }
    )
    table = make_table(rows, "whole", {})
    both = (
        from_callable(lambda arch: arch.nb201_index % 97, label="a"),
        from_callable(lambda arch: arch.count_op(CONV_3X3), label="b"),
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("harness.evaluation.chosen.find_truth", lambda *_: table)
        report = make_report(Loaded(both), [TruthChoice("tiles")])
    assert "without an interval: all architectures were ranked, and there is one seed." in next(
        line for line in report.words if line.startswith("b minus a")
    )


def test_fewer_than_thirty_architectures_are_too_few_and_no_number(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, 1)[:29], "spos", n_archs=29),
        make_run(tmp_path, noisy_scores(8, 2)[:29], "ogd", n_archs=29),
    ]
    report = report_of(runs)
    assert metric(report, "spos").status == "too few"
    assert only_pair(report).comparison.differences["all"]["tau"].value is None
    text = render(report)
    assert "| spos | supernet | 1 | 29 | too few | too few | too few |" in text
    assert "ogd and spos cannot be compared: too few architectures (30 are enough)." in text
    assert "Figures on fewer than 30 architectures are shown as 'too few'." in text


def test_failed_scores_are_left_out_and_counted(tmp_path: Path) -> None:
    scores = noisy_scores(15, 1)
    scores[[3, 7]] = np.nan
    report = report_of([make_run(tmp_path, scores)])
    assert metric(report, "spos").value == pytest.approx(tau_of(scores), **SAME)
    assert metric(report, "spos").n == N - 2
    assert "Left out of spos (58 scored): of its scores: 2 failed." in report.words


def test_seeds_that_failed_on_different_architectures_are_taken_on_the_common_ones(
    tmp_path: Path,
) -> None:
    runs, scores = [], {}
    for strategy, noise in (("spos", 15), ("ogd", 8)):
        for seed in (0, 1, 2):
            values = noisy_scores(noise, 10 * seed + len(strategy))
            values[seed] = np.nan
            scores[strategy, seed] = values[3:]
            runs.append(make_run(tmp_path, values, strategy, seed))
    report = report_of(runs)
    for strategy in ("spos", "ogd"):
        taus = [tau_of(scores[strategy, seed], INDICES[3:]) for seed in (0, 1, 2)]
        assert metric(report, strategy).per_seed == pytest.approx(taus, **SAME)
    assert (
        "Left out of ogd (60 scored): 3 without a score of every seed, of its scores: 3 failed."
        in report.words
    )


def test_architectures_without_truth_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = TRUTH.rows[TRUTH.rows["nb201_index"].isin(INDICES[:40])]
    smaller = make_table(rows, "smaller", {})
    monkeypatch.setattr("harness.evaluation.chosen.find_truth", lambda *_: smaller)
    scores = noisy_scores(15, 1)
    report = report_of([make_run(tmp_path, scores, truth=smaller)])
    assert metric(report, "spos").value == pytest.approx(tau_of(scores[:40]), **SAME)
    assert "Left out of spos (60 scored): 20 without this truth." in report.words


def test_a_run_that_was_ranked_against_another_truth_is_refused(tmp_path: Path) -> None:
    other = make_truth(seed=1)
    run = make_run(tmp_path, noisy_scores(15, 1), truth=other)
    with pytest.raises(
        MismatchError,
        match=rf"was ranked against truth {other.sha256[:12]}; .* {TRUTH.sha256[:12]}\. Give",
    ):
        report_of([run])


def test_the_same_run_given_twice_does_not_count_as_two_seeds(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / copy, noisy_scores(15, 1)) for copy in ("a", "b")]
    with pytest.raises(StoreError, match=r"^Run .* is there twice: .*/a/.* and .*/b/.*\. Give "):
        report_of(runs)


def test_unfinished_runs_are_named_and_left_out(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, 1), "spos", 0),
        make_run(tmp_path, noisy_scores(15, 2), "spos", 1, status="interrupted"),
        make_run(tmp_path, noisy_scores(15, 3), "spos", 2, status="failed"),
    ]
    report = report_of(runs)
    assert report.sections[0].evaluations[0].estimator.seeds == (0,)
    names = (f"{runs[1].path.name} (interrupted)", f"{runs[2].path.name} (failed)")
    assert report.unfinished == names
    assert f"Left out, not finished: {', '.join(names)}." in render(report)


def test_the_summary_of_a_record_says_what_the_report_says(tmp_path: Path) -> None:
    folder = make_run(tmp_path, noisy_scores(15, 1))
    summary = summarise_run(folder, TRUTH)
    report = report_of([folder])
    figures = report.trainings[0].figures
    assert summary["tau"] == pytest.approx(metric(report, "spos").value, **SAME)
    assert summary["train_loss"] == figures["train_loss"].mean == 2.0
    assert summary["disturbance"]["recent"]["positive_pd"] == figures["positive_pd"].mean
    assert summary["probe_share_of_training"] == 0.1
    assert json.loads(json.dumps(summary, allow_nan=False)) is not None


def refuse_constant(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_json_holds_every_figure_in_full(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, _ = paired
    content = json.loads(render(report, "json"), parse_constant=refuse_constant)
    assert set(content) == {
        "answer",
        "words",
        "sections",
        "trainings",
        "training_pairs",
        "unfinished",
        "side_by_side",
    }
    (section,) = content["sections"]
    first = section["evaluations"][0]
    assert first["populations"]["all"]["metrics"]["tau"]["per_seed"] == list(
        metric(report, "spos").per_seed
    )
    difference = section["pairs"][0]["differences"]["all"]["tau"]["value"]
    assert difference == only_pair(report).comparison.differences["all"]["tau"].value


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_losses_that_are_not_finite_become_null_everywhere(tmp_path: Path, value: float) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, seed), "spos", seed, train_loss=value)
        for seed in (0, 1)
    ]
    table = make_disturbance(0.1)
    table.loc[table["step"] == 3, "loss_after"] = value
    runs[0].write_table("disturbance", table)
    table["loss_after"] = value
    runs[1].write_table("disturbance", table)
    report = report_of(runs)
    content = json.loads(render(report, "json"), parse_constant=refuse_constant)
    figures = content["trainings"][0]["figures"]
    assert figures["train_loss"]["mean"] is None
    assert figures["mean_pd"]["values"][0] is not None
    assert figures["mean_pd"]["values"][1] is None
    for name in REPORT_WRITERS:
        assert "nan" not in render(report, name).lower().replace("variance", "")
        assert ",inf" not in render(report, name)


def test_csv_has_one_figure_a_row_in_full(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, _ = paired
    records = list(csv.DictReader(io.StringIO(render(report, "csv"))))
    assert tuple(records[0]) == REPORT_COLUMNS
    kinds = {record["kind"] for record in records}
    assert kinds == {"estimator", "added value", "difference", "training", "training difference"}

    def find(kind: str, name: str, figure: str) -> dict[str, str]:
        (found,) = (
            record
            for record in records
            if (record["kind"], record["name"], record["figure"]) == (kind, name, figure)
            and record["population"] in ("all", "")
        )
        return found

    own = find("estimator", "spos", "tau")
    tau = metric(report, "spos")
    assert tau.interval is not None
    assert (float(own["value"]), float(own["low"])) == (tau.value, tau.interval.low)
    assert (own["seeds"], own["truth"], own["n"]) == ("0 1 2", str(QUERY), str(N))
    difference = find("difference", "ogd minus spos", "tau")
    assert float(difference["value"]) == (
        only_pair(report).comparison.differences["all"]["tau"].value
    )
    assert (difference["seeds"], difference["speaks_of"]) == ("0/0 1/1 2/2", "over 3 seeds")
    assert float(find("training", "ogd", "train_loss")["value"]) == pytest.approx(2.1)
    assert find("training difference", "ogd minus spos", "train_loss")["n"] == "3"


def test_markdown_tables_have_as_many_cells_in_every_line(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, _ = paired
    blocks = [block for block in render(report).split("\n\n") if block[0] == "|"]
    assert len(blocks) == 7
    for block in blocks:
        lines = block.splitlines()
        assert set(lines[1]) <= set("|-: ")
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_latex_tables_are_balanced_and_escaped(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, _ = paired
    text = render(report, "latex")
    lines = text.splitlines()
    assert lines.count(r"\begin{table}") == lines.count(r"\end{table}") == 7
    for line in lines:
        if line.endswith(r"\\"):
            assert not any(char in line.replace("\\" + char, "") for char in "%#_")
    assert r"without\_none" in text


def test_a_report_shows_in_a_notebook(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    shown = paired[0]._repr_html_()
    assert shown.count("<table>") == shown.count("</table>") == 7
    assert '<th scope="row">spos</th>' in shown


def test_the_tables_for_the_terminal_cut_nothing_short(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]], capsys: pytest.CaptureFixture[str]
) -> None:
    report, _ = paired
    print_report(report, full=True)
    text = capsys.readouterr().out
    for label in report.labels:
        assert f"{metric(report, label).value:.3f}" in text
    assert "\u2026" not in text
    assert "Paired differences" in text


@pytest.mark.parametrize(
    ("noise", "other", "verdict"),
    [
        (40.0, 0.1, "ogd ranks better than spos: tau +"),
        (0.1, 40.0, "ogd ranks worse than spos: tau -"),
        (5.0, 5.0, "ogd and spos do not differ significantly: tau "),
    ],
)
def test_the_conclusion_in_words_follows_the_interval(
    tmp_path: Path, noise: float, other: float, verdict: str
) -> None:
    runs = [make_run(tmp_path, noisy_scores(noise, s), "spos", s) for s in (0, 1, 2)]
    runs += [make_run(tmp_path, noisy_scores(other, 20 + s), "ogd", s) for s in (0, 1, 2)]
    (line,) = (x for x in report_of(runs).words if "], ogd minus spos (95% over " in x)
    assert line.startswith(verdict)
    assert "(95% over seeds and architectures; over 3 seeds)" in line


def test_a_winner_that_depends_on_the_population_is_told_in_words(tmp_path: Path) -> None:
    truth = truth_of(INDICES)
    top = truth >= np.median(truth)
    rng = np.random.RandomState(0)
    runs = []
    for seed in (0, 1, 2, 3):
        noise = rng.normal(size=N)
        # Perfect among the best, but it takes the others for good too.
        good_at_top = np.where(top, truth, rng.uniform(70, 90, size=N))
        good_overall = np.where(top, 1000 + 30 * noise, truth)
        runs.append(make_run(tmp_path, good_overall, "spos", seed))
        runs.append(make_run(tmp_path, good_at_top, "ogd", seed))
    (line,) = (x for x in report_of(runs).words if "ranks better on" in x)
    assert line.startswith("The winner depends on the population:")
    assert "ogd ranks better on top_50" in line


def test_a_label_from_a_file_is_escaped_in_every_format(tmp_path: Path) -> None:
    label = '=cmd|"</script><b>x</b>_%$&'
    runs = [make_run(tmp_path / "runs", noisy_scores(15, 1))]
    file = write_file(tmp_path / "scores.csv", noisy_scores(9, 2), method=label)
    report = make_report(load_estimators([runs[0].path, file]))
    assert label in report.labels
    assert "<b>" not in render(report, "markdown")
    assert "<b>" not in report._repr_html_()
    for record in csv.DictReader(io.StringIO(render(report, "csv"))):
        assert not record["name"].startswith("=")
    assert r"\_\%\$\&" in render(report, "latex")


WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "matplotlib", "plotly", "jinja2"):
            raise ImportError(f"{name} was imported")
sys.meta_path.insert(0, NoTorch())
import harness.settings.run, harness.report, harness.scores, harness.spaces.nb201, harness.stats
import harness.runs.folder, harness.truth
from harness.cli.main import main
report = ["report", sys.argv[1], "--json"]
for arguments in (["--help"], ["report", "--help"], report, [*report, "--epochs", "12"]):
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code, end.code
"""


def test_a_report_is_made_without_torch_and_what_draws(tmp_path: Path) -> None:
    from harness.truth import find_truth

    make_run(tmp_path, noisy_scores(15, 1), truth=find_truth("tiles"))
    command = [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Measure how well estimators" in done.stdout
    assert '"label": "spos"' in done.stdout
