"""Rankings held against other truths of their table: each figure is of the truth that it names."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats

from harness.errors import MismatchError, TruthError, UsageError
from harness.report import Report, TruthChoice, make_report, print_table, render
from harness.report.results import load_result
from harness.report.truths import SHAPES, measure_yardsticks
from harness.space.cost import BENCHMARK_SHAPES, count_flops, count_params
from harness.space.nb201 import arch_at, sample_indices
from harness.stats import one_seed_reference
from harness.stats.ceiling import modelled_ceilings
from harness.store import RunFolder
from harness.truth import TruthQuery, TruthTable, default_query, make_table
from tests.made_runs import INDICES, FloatArray, N, make_run

GROUPS = (
    ("cifar10", "test", 200),
    ("cifar10", "test", 12),
    ("cifar10-valid", "valid", 200),
    ("cifar100", "test", 200),
    ("cifar100", "valid", 200),
    ("ImageNet16-120", "test", 200),
)
THREE = [TruthChoice(dataset) for dataset in ("cifar10", "cifar100", "ImageNet16-120")]
SEEDS = (777, 888, 999)
SAME = {"rel": 1e-12, "abs": 1e-12}
"""The same numbers in float64, summed in another order."""


def make_rows() -> pd.DataFrame:
    """Rows that rank otherwise on each data set; at 200 epochs one to three trials, ragged."""
    rows = []
    for number, (dataset, split, epochs) in enumerate(GROUPS):
        rng = np.random.RandomState(number)
        mean = rng.uniform(40, 90, size=N)
        for position, index in enumerate(INDICES.tolist()):
            n_trials = 1 if epochs == 12 else 3 - (position % 7 == 0) - (position % 14 == 0)
            for trial in range(n_trials):
                rows.append(
                    {
                        "nb201_index": index,
                        "arch_str": str(arch_at(index)),
                        "dataset": dataset,
                        "split": split,
                        "epochs": epochs,
                        "trial": trial,
                        "seed": SEEDS[trial],
                        "accuracy": mean[position] + rng.normal() * 0.7,
                    }
                )
    return pd.DataFrame(rows)


ROWS = make_rows()
TABLE = make_table(ROWS, "made up", {})


@pytest.fixture(autouse=True)
def _made_up_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.report.tables.find_truth", lambda dataset, data_dir: TABLE)


def truth_of(dataset: str, split: str = "test", epochs: int = 200) -> pd.Series:
    """Mean accuracy by architecture, in the order of `INDICES`, by pandas."""
    rows = ROWS[(ROWS["dataset"] == dataset) & (ROWS["split"] == split)]
    rows = rows[rows["epochs"] == epochs]
    return rows.groupby("nb201_index")["accuracy"].mean().round(6).loc[INDICES]


def trials_of(dataset: str) -> FloatArray:
    """Test accuracies at 200 epochs, [arch, trial], ascending by index."""
    rows = ROWS[(ROWS["dataset"] == dataset) & (ROWS["split"] == "test") & (ROWS["epochs"] == 200)]
    return rows.pivot(index="nb201_index", columns="trial", values="accuracy").to_numpy()


def tau_of(scores: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    return float(scipy.stats.kendalltau(scores, truth).statistic)


def make_scores(seed: int) -> FloatArray:
    return np.random.RandomState(100 + seed).normal(size=N)


def make_cifar_run(root: Path, strategy: str = "spos", seed: int = 0) -> RunFolder:
    scores = make_scores(seed + 10 * len(strategy))
    return make_run(root, scores, strategy, seed, truth=TABLE, dataset="cifar10")


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    """Two strategies of two seeds, trained on CIFAR-10."""
    return [make_cifar_run(tmp_path, name, seed) for name in ("spos", "ogd") for seed in (0, 1)]


@pytest.fixture
def report(runs: list[RunFolder]) -> Report:
    """Their report against three truths."""
    return make_report(runs, None, THREE)


def test_each_truth_has_rows_of_its_own_in_the_order_asked_for(report: Report) -> None:
    expected = [
        (f"{dataset} test, 200 epochs, mean of trials", strategy)
        for dataset in ("cifar10", "cifar100", "ImageNet16-120")
        for strategy in ("spos", "ogd")
    ]
    assert [(row.truth, row.strategy) for row in report.rows] == expected
    assert {row.dataset for row in report.rows} == {"cifar10"}


def test_taus_are_those_of_a_naive_count_against_each_truth(report: Report) -> None:
    for row in report.rows:
        truth = truth_of(row.truth.split()[0])
        own = [make_scores(seed + 10 * len(row.strategy)) for seed in row.seeds]
        assert row.tau.values == pytest.approx([tau_of(s, truth) for s in own], **SAME)
        best = truth >= np.quantile(truth, 0.5)
        assert row.tau_top_half.values == pytest.approx(
            [tau_of(s[best], truth[best]) for s in own], **SAME
        )
    assert len({row.tau.mean for row in report.rows}) == len(report.rows)


def test_baselines_are_the_truths_own_networks_against_it(report: Report) -> None:
    archs = [arch_at(index) for index in INDICES.tolist()]
    for row in report.rows:
        dataset = row.truth.split()[0]
        shape, truth = BENCHMARK_SHAPES[dataset], truth_of(dataset)
        params = tau_of([count_params(arch, shape) for arch in archs], truth)
        flops = tau_of([count_flops(arch, shape) for arch in archs], truth)
        assert (row.params_tau, row.flops_tau) == pytest.approx((params, flops), **SAME)
    assert len({row.params_tau for row in report.rows}) == 3


def test_reference_and_ceiling_are_those_of_the_truth(report: Report) -> None:
    for row in report.rows:
        trials = trials_of(row.truth.split()[0])
        reference = one_seed_reference(trials)
        ceiling = modelled_ceilings(trials)[0]
        assert reference is not None
        assert ceiling is not None
        assert row.reference == reference._asdict()
        assert row.ceiling == ceiling.tau
        assert row.tau.mean is not None
        assert row.ceiling_share == pytest.approx(row.tau.mean / ceiling.tau, **SAME)
    assert len({row.ceiling for row in report.rows}) == 3


def test_differences_of_tau_are_against_each_truth_and_others_are_told_once(
    report: Report,
) -> None:
    taus = [c for c in report.comparisons if c.metric == "tau"]
    assert [c.truth for c in taus] == [row.truth for row in report.rows if row.strategy == "ogd"]
    for comparison in taus:
        assert comparison.truth is not None
        truth = truth_of(comparison.truth.split()[0])
        differences = [
            tau_of(make_scores(seed + 30), truth) - tau_of(make_scores(seed + 40), truth)
            for seed in (0, 1)
        ]
        assert comparison.difference.values == pytest.approx(differences, **SAME)
    others = [(c.metric, c.truth) for c in report.comparisons if c.metric != "tau"]
    assert others == [("positive_pd", None), ("progress", None), ("train_loss", None)]


def test_nothing_said_is_the_runs_own_truth(runs: list[RunFolder]) -> None:
    plain = make_report(runs)
    assert {row.truth for row in plain.rows} == {str(default_query("cifar10"))}
    assert make_report(runs, None, [TruthChoice()]).to_dict() == plain.to_dict()
    assert make_report(runs, None, [TruthChoice("cifar10")]).to_dict() == plain.to_dict()


def test_a_truth_asked_for_twice_is_told_once(runs: list[RunFolder]) -> None:
    twice = make_report(runs, None, [TruthChoice("cifar100")] * 2)
    assert twice.to_dict() == make_report(runs, None, [TruthChoice("cifar100")]).to_dict()


@pytest.mark.parametrize(
    ("choice", "query"),
    [
        (TruthChoice(), TruthQuery("cifar10", "test", 200)),
        (TruthChoice("cifar100"), TruthQuery("cifar100", "test", 200)),
        (TruthChoice("cifar100", "valid"), TruthQuery("cifar100", "valid", 200)),
        (TruthChoice("cifar10-valid"), TruthQuery("cifar10-valid", "valid", 200)),
        (TruthChoice(epochs=12), TruthQuery("cifar10", "test", 12)),
        (TruthChoice(policy="trial=0"), TruthQuery("cifar10", "test", 200, "trial=0")),
        (
            TruthChoice("cifar100", "test", 12, "seed=777"),
            TruthQuery("cifar100", "test", 12, "seed=777"),
        ),
    ],
)
def test_what_is_left_open_is_filled_in_and_what_is_said_stays(
    choice: TruthChoice, query: TruthQuery
) -> None:
    assert choice.query_for("cifar10", TABLE) == query


@pytest.mark.parametrize(
    "choice",
    [
        TruthChoice("cifar1000"),
        TruthChoice("imagenet16-120"),
        TruthChoice("cifar100", "train"),
        TruthChoice("cifar100", epochs=90),
        TruthChoice("cifar100", "valid", 12),
    ],
)
def test_a_truth_that_the_table_lacks_is_refused_with_what_it_has(
    runs: list[RunFolder], choice: TruthChoice
) -> None:
    asked = choice.query_for("cifar10", TABLE)
    with pytest.raises(
        TruthError,
        match=rf"^The truth table 'made up' has no rows for {asked}\. It has: .*"
        r"cifar100 test, 200 epochs \(60 architectures\); .* Ask for one of these\.$",
    ):
        make_report(runs, None, [choice])


def test_an_unknown_policy_is_refused(runs: list[RunFolder]) -> None:
    with pytest.raises(UsageError, match=r"^Unknown truth policy 'median'\. Available: mean, tri"):
        make_report(runs, None, [TruthChoice("cifar100", policy="median")])


@pytest.mark.parametrize(("policy", "trial"), [("trial=2", 2), ("seed=999", 2), ("trial=0", 0)])
def test_a_policy_that_leaves_architectures_out_shows_in_n(
    runs: list[RunFolder], policy: str, trial: int
) -> None:
    rows = ROWS[(ROWS["dataset"] == "cifar100") & (ROWS["split"] == "test")]
    single = rows[rows["trial"] == trial].set_index("nb201_index")["accuracy"]
    has = np.isin(INDICES, single.index)
    made = make_report(runs, None, [TruthChoice("cifar100", policy=policy)])
    row = made.rows[0]
    assert row.n == has.sum() == len(single)
    assert (row.n < N) == (trial > 0)
    kept = make_scores(40)[has]
    assert row.tau.values[0] == pytest.approx(tau_of(kept, single.loc[INDICES[has]]), **SAME)
    assert made.comparisons[0].n == row.n
    text = render(made, "markdown")
    left_out = f"spos, {row.truth}: 60 ranked, of which {row.n} have a score and a truth."
    assert (left_out in text) == (trial > 0)


def test_the_ceiling_of_single_trainings_is_lower_than_that_of_their_mean(
    runs: list[RunFolder],
) -> None:
    mean, single = (
        make_report(runs, None, [TruthChoice("cifar100", policy=policy)]).rows[0].ceiling
        for policy in ("mean", "trial=0")
    )
    assert mean is not None
    assert single is not None
    assert single < mean


def test_one_trial_an_architecture_gives_neither_reference_nor_ceiling(
    runs: list[RunFolder],
) -> None:
    made = make_report(runs, None, [TruthChoice(epochs=12)])
    assert (made.rows[0].reference, made.rows[0].ceiling) == (None, None)
    assert made.rows[0].tau.mean is not None
    beyond = render(made, "markdown").split("\n\n")[3].splitlines()
    assert all(line.endswith("| - | - |") for line in beyond[2:])


def test_taus_over_training_follow_the_truth(tmp_path: Path) -> None:
    folder = make_cifar_run(tmp_path)
    losses = np.random.RandomState(3).uniform(1, 2, size=50)
    first = list(sample_indices(50))  # what preset quick ranks on the way
    interim = pd.DataFrame({"step": 1, "nb201_index": first, "loss": losses})
    folder.write_table("interim_scores", interim)
    for choice in THREE:
        truth = truth_of(choice.dataset or "").loc[first]
        on_the_way, at_the_end = load_result(folder, TABLE, choice).over_training
        assert on_the_way["tau"] == pytest.approx(tau_of(-losses, truth), **SAME)
        assert at_the_end["tau"] == pytest.approx(tau_of(make_scores(40)[:50], truth), **SAME)
        assert (on_the_way["n"], at_the_end["n"]) == (50, 50)


def test_another_table_is_refused_whatever_truth_is_asked_for(tmp_path: Path) -> None:
    other = make_table(ROWS.assign(accuracy=ROWS["accuracy"] / 2), "other", {})
    run = make_run(tmp_path, make_scores(0), truth=other, dataset="cifar10")
    with pytest.raises(MismatchError, match=rf"was ranked against truth {other.sha256[:12]}"):
        make_report([run], None, [TruthChoice("cifar100")])


def test_scores_of_none_of_the_architectures_with_truth_are_told(tmp_path: Path) -> None:
    scores = np.full(N, np.nan)
    alone = ROWS["nb201_index"].isin(INDICES[::14].tolist())  # those of a single trial
    scores[::14] = 1.0
    assert set(ROWS[alone & (ROWS["dataset"] == "cifar100")]["trial"]) == {0}
    run = make_run(tmp_path, scores, truth=TABLE, dataset="cifar10")
    with pytest.raises(
        TruthError,
        match=r"^None of the 5 architectures that run cifar10-spos-s0-\w+ gave a score has a truth "
        r"for cifar100 test, 200 epochs, seed 999\. Ask for another truth, or rank",
    ):
        make_report([run], None, [TruthChoice("cifar100", policy="seed=999")])


def test_sizes_of_an_unknown_data_sets_networks_are_those_of_the_supernets_own() -> None:
    rows = ROWS[(ROWS["dataset"] == "cifar100") & (ROWS["split"] == "test")]
    svhn = make_table(rows.assign(dataset="svhn"), "of one's own", {})
    indices = np.sort(INDICES)
    (own, other) = (
        measure_yardsticks(table, TruthQuery(name, "test", 200), indices, "cifar10")
        for table, name in ((svhn, "svhn"), (TABLE, "cifar100"))
    )
    assert "svhn" not in SHAPES
    assert own == other


def test_yardsticks_are_measured_once_for_runs_that_share_them(
    runs: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def count(accuracy: FloatArray, *arguments: object, **others: object) -> list[None]:
        calls.append(len(accuracy))
        return [None] * 3

    monkeypatch.setattr("harness.report.truths.modelled_ceilings", count)
    table = make_table(ROWS, "another object with the same rows", {})
    monkeypatch.setattr("harness.report.tables.find_truth", lambda dataset, data_dir: table)
    made = make_report(runs, None, THREE)
    assert calls == [N, N, N]
    assert {row.ceiling for row in made.rows} == {None}


def test_json_csv_and_markdown_name_the_truth_in_every_row(report: Report) -> None:
    truths = [row.truth for row in report.rows]
    content = json.loads(render(report, "json"))
    assert [row["truth"] for row in content["rows"]] == truths
    assert [c["truth"] for c in content["comparisons"]] == [c.truth for c in report.comparisons]
    records = list(csv.DictReader(io.StringIO(render(report, "csv"))))
    assert [r["truth"] for r in records if r["kind"] == "strategy"] == truths
    for record in records:
        assert bool(record["truth"]) == bool(record["tau"])
    ranking, beyond, disturbance, differences = (
        block.splitlines() for block in render(report, "markdown").split("\n\n") if block[0] == "|"
    )
    for table in (ranking, beyond):
        assert [line.split(" | ")[2] for line in table[2:]] == truths
    assert len(disturbance[2:]) == 2
    assert [line.split(" | ")[2] for line in differences[2:]] == [
        c.truth or "-" for c in report.comparisons
    ]


@pytest.mark.parametrize(("columns", "has_column"), [(120, False), (180, True)])
def test_a_narrow_terminal_has_the_truth_in_titles_instead_of_a_column(
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: int,
    has_column: bool,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # so that rich takes the output for a terminal
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table(report)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())  # a long title takes two lines
    headings = [line for line in lines if "top half" in line]
    assert len(headings) == (1 if has_column else 3)
    for line in headings:
        assert ("truth" in line) == has_column
    for truth in dict.fromkeys(row.truth for row in report.rows):
        for title in ("Ranking", "same architectures", "Paired differences"):
            assert (f"{title}, against {truth} " in text) != has_column
    assert "Disturbance and cost, means over seeds \u250f" in text  # no truth is behind it
    for row in report.rows:
        assert any(f"{row.tau.mean:.3f} +- {row.tau.sd:.3f}" in line for line in lines)


def test_every_conclusion_in_words_names_the_truth(report: Report) -> None:
    text = render(report, "markdown")
    for row in report.rows:
        assert f"- cifar10, ogd minus spos, against {row.truth}: tau " in text
        assert f"cifar10 ({row.truth}; BN batch)" in text


def test_the_table_of_a_run_of_another_data_set_is_asked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(dataset: str, data_dir: Path | None) -> TruthTable:
        return TABLE if dataset == "cifar10" else tiles

    rows = ROWS[(ROWS["dataset"] == "cifar100") & (ROWS["split"] == "test")]
    tiles = make_table(rows.assign(dataset="tiles", epochs=12), "of tiles", {})
    monkeypatch.setattr("harness.report.tables.find_truth", find)
    runs = [make_cifar_run(tmp_path), make_run(tmp_path, make_scores(0), truth=tiles)]
    assert len(make_report(runs).rows) == 2
    with pytest.raises(TruthError, match=r"'of tiles' has no rows for cifar100 .* It has: tiles"):
        make_report(runs, None, [TruthChoice("cifar100")])
