"""Reports over made-up finished runs, held to figures worked out apart."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats

from harness.errors import MismatchError, StoreError
from harness.report import FORMATS, Report, make_report, print_table, render
from harness.report.differences import TWO_SUPERNETS, Comparison
from harness.report.estimates import Estimate
from harness.report.render import conclude
from harness.report.results import load_result, summarise_disturbance, summarise_run
from harness.space.nb201 import arch_at
from harness.stats import kendall_tau, paired_over_architectures
from harness.store import RunFolder
from harness.truth import TruthTable, default_query, make_table
from tests import made_runs
from tests.made_runs import INDICES, FloatArray, N, make_disturbance

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
    monkeypatch.setattr("harness.report.tables.find_truth", lambda dataset, data_dir: TRUTH)


def truth_of(indices: npt.NDArray[np.int64]) -> FloatArray:
    mean = TRUTH.mean(QUERY)
    return pd.Series(mean.accuracy, mean.nb201_index).loc[indices].to_numpy()


def noisy_scores(noise: float, seed: int) -> FloatArray:
    """Scores that follow the truth up to noise, in the order of `INDICES`."""
    return truth_of(INDICES) + noise * np.random.RandomState(seed).normal(size=N) - 100


def make_run(root: Path, *arguments: Any, truth: TruthTable = TRUTH, **others: Any) -> RunFolder:
    """Write a run's folder, ranked against the made-up truth."""
    return made_runs.make_run(root, *arguments, truth=truth, **others)


def tau_of(scores: FloatArray) -> float:
    keep = ~np.isnan(scores)
    truth = truth_of(INDICES[: len(scores)])
    return float(scipy.stats.kendalltau(scores[keep], truth[keep]).statistic)


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
    return make_report(runs), scores


def test_there_is_a_row_a_strategy_over_its_seeds_with_the_baseline_on_top(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, scores = paired
    assert [(row.strategy, row.seeds) for row in report.rows] == [
        ("spos", (0, 1, 2)),
        ("ogd", (0, 1, 2)),
    ]
    for row in report.rows:
        taus = [tau_of(scores[row.strategy, seed]) for seed in row.seeds]
        assert row.tau.values == pytest.approx(taus, **SAME)
        assert row.tau.mean == pytest.approx(np.mean(taus), **SAME)
        assert row.tau.sd == pytest.approx(np.std(taus, ddof=1), **SAME)
        assert row.tau.interval is not None
        assert row.tau.interval[0] < row.tau.mean < row.tau.interval[1]
        assert (row.n, row.n_ranked) == (N, N)
        assert row.cost_s.mean == pytest.approx(12.0)
        assert row.train_loss.mean == pytest.approx(2.1)
        assert row.truth == str(QUERY)
        assert row.ceiling is not None
        assert row.ceiling_share == pytest.approx(row.tau.mean / row.ceiling, **SAME)


def rank_of(truth: FloatArray) -> npt.NDArray[np.int64]:
    """Rank from 0, the truly best first (no ties here): weights follow the truth."""
    return (-truth).argsort().argsort()


def test_figures_over_all_and_over_the_top_agree_with_scipy(tmp_path: Path) -> None:
    scores = noisy_scores(15, 1)
    row = make_report([make_run(tmp_path, scores)]).rows[0]
    truth = truth_of(INDICES)
    top = truth >= np.quantile(truth, 0.5)
    assert row.tau_top_half.mean == pytest.approx(
        scipy.stats.kendalltau(scores[top], truth[top]).statistic, **SAME
    )
    assert row.spearman.mean == pytest.approx(
        scipy.stats.spearmanr(scores, truth).statistic, **SAME
    )
    assert row.weighted_tau.mean == pytest.approx(
        scipy.stats.weightedtau(scores, truth, rank=rank_of(truth)).statistic, rel=1e-9
    )
    assert row.tau_top_10.mean is None  # six architectures


def test_a_paired_difference_is_the_mean_of_the_differences_seed_by_seed(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, scores = paired
    by_metric = {comparison.metric: comparison for comparison in report.comparisons}
    assert set(by_metric) == {"tau", "positive_pd", "progress", "train_loss"}
    tau = by_metric["tau"]
    differences = [tau_of(scores["ogd", s]) - tau_of(scores["spos", s]) for s in (0, 1, 2)]
    assert tau.name == "ogd minus spos"
    assert tau.seeds == (0, 1, 2)
    assert tau.claim == "over 3 seeds"
    assert tau.difference.values == pytest.approx(differences, **SAME)
    assert tau.difference.mean == pytest.approx(np.mean(differences), **SAME)
    assert tau.difference.sd == pytest.approx(np.std(differences, ddof=1), **SAME)
    assert by_metric["positive_pd"].difference.mean == pytest.approx(0)  # made alike
    assert by_metric["train_loss"].difference.values == pytest.approx((0, 0, 0))


def test_only_seeds_that_both_have_are_compared(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, noisy_scores(15, s), "spos", s) for s in (0, 1, 2)]
    runs += [make_run(tmp_path, noisy_scores(8, 9 + s), "ogd", s) for s in (2, 1, 5)]
    tau = make_report(runs).comparisons[0]
    assert tau.seeds == (1, 2)
    assert tau.claim == "over 2 seeds"


def test_one_seed_speaks_of_these_two_supernets_only(tmp_path: Path) -> None:
    scores = {"spos": noisy_scores(15, 1), "ogd": noisy_scores(8, 2)}
    report = make_report([make_run(tmp_path, values, name) for name, values in scores.items()])
    tau = report.comparisons[0]
    assert tau.claim == TWO_SUPERNETS == "these two supernets only (one seed)"
    assert tau.difference.sd is None
    taus = [kendall_tau(scores[name], truth_of(INDICES)) for name in ("ogd", "spos")]
    over_archs = paired_over_architectures(*taus)
    assert over_archs is not None
    assert tau.difference.interval == pytest.approx(over_archs[:2], rel=1e-9)
    assert "these two supernets only" in render(report, "markdown")


def test_runs_of_other_settings_are_rows_of_their_own_and_are_not_compared(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, 1), "spos"),
        make_run(tmp_path, noisy_scores(15, 2), "spos", 1),
        make_run(tmp_path, noisy_scores(15, 3), "spos", 0, lr=0.05),
        make_run(tmp_path, noisy_scores(8, 4), "ogd", 0, lr=0.05),
        make_run(tmp_path, noisy_scores(8, 5), "ogd", 0, lr=0.05, ogd={"c": 3}),
    ]
    report = make_report(runs)
    assert sorted((row.strategy, row.seeds) for row in report.rows) == [
        ("ogd", (0,)),
        ("ogd", (0,)),
        ("spos", (0,)),
        ("spos", (0, 1)),
    ]
    assert len({row.settings_sha256 for row in report.rows}) == 4
    taus = [c for c in report.comparisons if c.metric == "tau"]
    assert sorted((c.name, c.seeds) for c in taus) == [
        ("ogd [ogd.c=10.0] minus spos [lr=0.05]", (0,)),
        ("ogd [ogd.c=3.0] minus spos [lr=0.05]", (0,)),
    ]


def test_rows_of_one_strategy_are_told_apart_by_their_presets(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, 1), "spos"),
        make_run(tmp_path, noisy_scores(15, 2), "spos", preset="standard", steps=7),
    ]
    labels = {row.label for row in make_report(runs).rows}
    assert labels == {"spos [quick]", "spos [standard]"}


def test_all_architectures_and_one_seed_give_a_difference_without_an_interval() -> None:
    comparison = Comparison(
        dataset="tiles",
        truth=str(QUERY),
        name="ogd minus spos",
        metric="tau",
        n=15_625,
        seeds=(0,),
        difference=Estimate(0.0123, (0.0123,)),
        claim=TWO_SUPERNETS,
    )
    assert "tiles, ogd minus spos, against tiles test, 12 epochs" in conclude(comparison)
    assert "+0.012" in conclude(comparison)
    assert "without an interval" in conclude(comparison)


def test_fewer_than_thirty_architectures_are_too_few_and_no_number(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, 1)[:29], "spos", n_archs=29),
        make_run(tmp_path, noisy_scores(8, 2)[:29], "ogd", n_archs=29),
    ]
    report = make_report(runs)
    row = report.rows[0]
    assert row.n == 29
    figures = (row.tau, row.tau_top_half, row.tau_top_10, row.spearman, row.weighted_tau)
    assert [figure.mean for figure in figures] == [None] * 5
    assert (row.params_tau, row.flops_tau) == (None, None)
    assert report.comparisons[0].difference.mean is None
    text = render(report, "markdown")
    assert "| too few | too few | too few | too few |" in text
    assert f"tiles, against {QUERY}: ogd and spos cannot be compared: too few." in text


def test_thirty_architectures_are_enough(tmp_path: Path) -> None:
    scores = noisy_scores(15, 1)[:30]
    row = make_report([make_run(tmp_path, scores, n_archs=30)]).rows[0]
    assert row.tau.mean == pytest.approx(tau_of(scores), **SAME)
    assert row.tau_top_half.mean is None


def test_failed_scores_are_left_out_and_counted(tmp_path: Path) -> None:
    scores = noisy_scores(15, 1)
    scores[[3, 7]] = np.nan
    folder = make_run(tmp_path, scores)
    row = make_report([folder]).rows[0]
    assert (row.n, row.n_ranked) == (N - 2, N)
    assert row.tau.mean == pytest.approx(tau_of(scores), **SAME)
    assert load_result(folder, TRUTH).n_unscored == 2
    assert f"spos, {QUERY}: 60 ranked, of which 58 have a score and a truth." in render(
        make_report([folder]), "markdown"
    )


def test_seeds_with_scores_for_other_architectures_are_still_one_row(tmp_path: Path) -> None:
    scores = [noisy_scores(15, seed) for seed in (1, 2)]
    scores[0][5] = np.nan
    runs = [make_run(tmp_path, values, "spos", seed) for seed, values in enumerate(scores)]
    row = make_report(runs).rows[0]
    assert row.tau.values == pytest.approx([tau_of(values) for values in scores], **SAME)
    assert row.n == N - 1  # the least that any seed has
    # with other architectures a seed, the interval can be over seeds alone
    mean, sd = np.mean(row.tau.values), np.std(row.tau.values, ddof=1)
    half = scipy.stats.t.ppf(0.975, 1) * sd / np.sqrt(2)
    assert row.tau.interval == pytest.approx((mean - half, mean + half), rel=1e-6)


def test_seeds_that_failed_on_different_architectures_are_not_mixed_up(tmp_path: Path) -> None:
    runs = []
    for strategy, noise in (("spos", 15), ("ogd", 8)):
        for seed in (0, 1, 2):
            scores = noisy_scores(noise, 10 * seed + len(strategy))
            scores[seed] = np.nan  # as many in each seed, but others
            runs.append(make_run(tmp_path, scores, strategy, seed))
    report = make_report(runs)
    for estimate in (report.rows[0].tau, report.comparisons[0].difference):
        assert estimate.sd is not None
        half = scipy.stats.t.ppf(0.975, 2) * estimate.sd / np.sqrt(3)
        assert estimate.interval is not None
        assert estimate.interval[1] - estimate.interval[0] == pytest.approx(2 * half, rel=1e-6)


def test_a_pair_whose_architectures_differ_is_named_and_not_compared(tmp_path: Path) -> None:
    broken = noisy_scores(8, 2)
    broken[5] = np.nan
    runs = [
        make_run(tmp_path, noisy_scores(15, 1), "spos"),
        make_run(tmp_path, broken, "ogd"),
    ]
    report = make_report(runs)
    assert [c.difference.mean for c in report.comparisons] == [None] * 4
    assert report.comparisons[0].claim.endswith("seed: 0")
    assert "left out, as a score failed in one arm only, seed: 0" in render(report, "markdown")


def test_architectures_without_truth_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = TRUTH.rows[TRUTH.rows["nb201_index"].isin(INDICES[:40])]
    smaller = make_table(rows, "smaller", {})
    monkeypatch.setattr("harness.report.tables.find_truth", lambda dataset, data_dir: smaller)
    scores = noisy_scores(15, 1)
    row = make_report([make_run(tmp_path, scores, truth=smaller)]).rows[0]
    assert (row.n, row.n_ranked) == (40, N)
    assert row.tau.mean == pytest.approx(tau_of(scores[:40]), **SAME)


def test_a_run_that_was_ranked_against_another_truth_is_refused(tmp_path: Path) -> None:
    other = make_truth(seed=1)
    run = make_run(tmp_path, noisy_scores(15, 1), truth=other)
    with pytest.raises(
        MismatchError,
        match=rf"was ranked against truth {other.sha256[:12]}; .* {TRUTH.sha256[:12]}\. Give",
    ):
        make_report([run])


def test_the_same_run_given_twice_does_not_count_as_two_seeds(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / copy, noisy_scores(15, 1)) for copy in ("a", "b")]
    with pytest.raises(StoreError, match=r"^Run .* is there twice: .*/a/.* and .*/b/.*\. Give "):
        make_report(runs)


def test_unfinished_runs_are_named_and_left_out(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, noisy_scores(15, 1), "spos", 0),
        make_run(tmp_path, noisy_scores(15, 2), "spos", 1, status="interrupted"),
        make_run(tmp_path, noisy_scores(15, 3), "spos", 2, status="failed"),
    ]
    report = make_report(runs)
    assert [row.seeds for row in report.rows] == [(0,)]
    names = (f"{runs[1].path.name} (interrupted)", f"{runs[2].path.name} (failed)")
    assert report.unfinished == names
    assert f"Left out, not finished: {', '.join(names)}." in render(report, "markdown")


def test_if_no_run_is_finished_there_is_no_report(tmp_path: Path) -> None:
    run = make_run(tmp_path, noisy_scores(15, 1), status="running")
    with pytest.raises(StoreError, match=r"^None of the runs is finished: .* \(running\)\. Give"):
        make_report([run])
    with pytest.raises(StoreError, match=r"is running, not finished"):
        load_result(run, TRUTH)


def test_the_summary_of_a_record_says_what_the_report_says(tmp_path: Path) -> None:
    folder = make_run(tmp_path, noisy_scores(15, 1))
    summary = summarise_run(folder, TRUTH)
    row = make_report([folder]).rows[0]
    assert summary["tau"] == row.tau.mean
    assert summary["train_loss"] == row.train_loss.mean == 2.0
    assert summary["disturbance"]["recent"]["positive_pd"] == row.positive_pd.mean
    assert summary["probe_share_of_training"] == 0.1
    assert json.loads(json.dumps(summary, allow_nan=False)) is not None


def refuse_constant(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_json_holds_every_figure_in_full(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, _ = paired
    content = json.loads(render(report, "json"), parse_constant=refuse_constant)
    assert set(content) == {"rows", "comparisons", "unfinished"}
    assert content["rows"][0]["tau"]["values"] == list(report.rows[0].tau.values)
    assert content["comparisons"][0]["difference"]["mean"] == report.comparisons[0].difference.mean


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
    report = make_report(runs)
    content = json.loads(render(report, "json"), parse_constant=refuse_constant)
    assert content["rows"][0]["train_loss"]["mean"] is None
    assert content["rows"][0]["mean_pd"]["values"][0] is not None
    assert content["rows"][0]["mean_pd"]["values"][1] is None
    for name in FORMATS:
        assert "nan" not in render(report, name).lower().replace("variance", "")
        assert ",inf" not in render(report, name)


def test_csv_parses_back_to_the_same_figures(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, _ = paired
    records = list(csv.DictReader(io.StringIO(render(report, "csv"))))
    assert [record["kind"] for record in records] == ["strategy"] * 2 + ["difference"] * 4
    for record, row in zip(records, report.rows, strict=False):
        assert record["name"] == row.strategy
        assert record["seeds"] == "0 1 2"
        assert record["truth"] == str(QUERY)
        assert float(record["tau"]) == row.tau.mean
        assert row.tau.interval is not None
        assert (float(record["tau_low"]), float(record["tau_high"])) == row.tau.interval
        assert record["tau_top_10"] == ""
    difference = report.comparisons[0].difference
    assert float(records[2]["tau"]) == difference.mean


def test_markdown_tables_have_as_many_cells_in_every_line(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]],
) -> None:
    report, _ = paired
    blocks = [block for block in render(report, "markdown").split("\n\n") if block[0] == "|"]
    assert len(blocks) == 4
    for block in blocks:
        lines = block.splitlines()
        assert set(lines[1]) <= set("|- ")
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_the_table_for_the_terminal_cuts_nothing_short(
    paired: tuple[Report, dict[tuple[str, int], FloatArray]], capsys: pytest.CaptureFixture[str]
) -> None:
    report, _ = paired
    print_table(report)
    text = capsys.readouterr().out
    for row in report.rows:
        assert f"{row.tau.mean:.3f}" in text
    assert "\u2026" not in text
    assert "Paired differences" in text


@pytest.mark.parametrize(
    ("noise", "other", "verdict"),
    [(40.0, 0.1, "ogd ranks better"), (0.1, 40.0, "ogd ranks worse"), (5.0, 5.0, "no difference")],
)
def test_the_conclusion_in_words_follows_the_interval(
    tmp_path: Path, noise: float, other: float, verdict: str
) -> None:
    runs = [make_run(tmp_path, noisy_scores(noise, s), "spos", s) for s in (0, 1, 2)]
    runs += [make_run(tmp_path, noisy_scores(other, 9 + s), "ogd", s) for s in (0, 1, 2)]
    line = next(
        x
        for x in render(make_report(runs), "markdown").splitlines()
        if "tau +" in x or "tau -" in x
    )
    assert verdict in line
    assert "(over 3 seeds)" in line


def test_disturbance_is_summarised_as_a_loop_over_its_rows_would() -> None:
    table = make_disturbance(0.3)
    rows = table.to_dict("records")
    summary = summarise_disturbance(table)
    gains = [r["loss_before"] - r["loss_after"] for r in rows if r["probe_set"] == "trained"]
    assert summary["progress"] == pytest.approx(sum(gains) / 3, **SAME)
    for probe_set, n in (("recent", 12), ("fixed", 9)):
        for shared in (None, 0, 1, 2):
            chosen = [
                r
                for r in rows
                if r["probe_set"] == probe_set and shared in (None, r["shared_convs"])
            ]
            found = summary[probe_set]
            if shared is not None:
                found = found["by_shared_convs"].get(str(shared), {"n": 0})
            assert found["n"] == len(chosen) <= n
            if not chosen:
                continue
            changes = [r["loss_after"] - r["loss_before"] for r in chosen]
            k = len(chosen)
            expected = {
                "mean_pd": sum(changes) / k,
                "positive_pd": sum(max(change, 0) for change in changes) / k,
                "positive_frac": sum(change > 0 for change in changes) / k,
                "accuracy_change": sum(r["accuracy_after"] - r["accuracy_before"] for r in chosen)
                / k,
                "logit_change": sum(r["logit_change"] for r in chosen) / k,
            }
            assert {key: found[key] for key in expected} == pytest.approx(expected, **SAME)


def test_a_run_without_measured_disturbance_has_no_figures_of_it(tmp_path: Path) -> None:
    assert summarise_disturbance(None) == {}
    assert summarise_disturbance(make_disturbance(0.1).iloc[:0]) == {}
    folder = make_run(tmp_path, noisy_scores(15, 1))
    (folder.path / "disturbance.parquet").unlink()
    row = make_report([folder]).rows[0]
    assert (row.mean_pd.mean, row.progress.mean) == (None, None)
    assert "| - | - | - | - |" in render(make_report([folder]), "markdown")


def test_a_probe_set_without_victims_says_that_it_has_none() -> None:
    table = make_disturbance(0.1)
    summary = summarise_disturbance(table[table["probe_set"] != "recent"])
    assert summary["recent"] == {"n": 0, "by_shared_convs": {}}
    assert summary["fixed"]["n"] == 9


WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch was imported")
sys.meta_path.insert(0, NoTorch())
import harness.config, harness.report, harness.scores, harness.space, harness.stats
import harness.store, harness.truth
from harness.cli.main import main
report = ["report", sys.argv[1], "--json"]
for arguments in (["--help"], ["report", "--help"], report, [*report, "--epochs", "12"]):
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code, end.code
"""


def test_a_report_is_made_without_torch(tmp_path: Path) -> None:
    from harness.truth import find_truth

    make_run(tmp_path, noisy_scores(15, 1), truth=find_truth("tiles"))
    command = [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Measure how well a weight-sharing supernet ranks" in done.stdout
    assert '"strategy": "spos"' in done.stdout
