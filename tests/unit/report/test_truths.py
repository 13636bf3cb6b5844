"""Rankings held against other truths of their table: each figure is of the truth that it names."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.stats

from harness.cli.report import print_report
from harness.errors import MismatchError, TruthError, UsageError
from harness.estimators.loading import load_estimators
from harness.estimators.matrix import Loaded
from harness.estimators.runs import load_runs
from harness.evaluation import choose_truth, choose_truths, evaluate_estimator
from harness.report import Report, Section, TruthChoice, make_report
from harness.report.rendering import REPORT_WRITERS
from harness.report.training import load_run_training, tau_over_training
from harness.runs.folder import RunFolder
from harness.scores import load_scores, save_scores
from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_params
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.stats import one_seed_reference
from harness.stats.ceiling import modelled_ceilings
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
DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
THREE = [TruthChoice(dataset) for dataset in DATASETS]
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
PLACE = "harness.evaluation.chosen.find_truth"


@pytest.fixture(autouse=True)
def _made_up_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PLACE, lambda *_: TABLE)


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


def make_cifar_run(
    root: Path, strategy: str = "spos", seed: int = 0, **settings: object
) -> RunFolder:
    scores = make_scores(seed + 10 * len(strategy))
    return make_run(root, scores, strategy, seed, truth=TABLE, dataset="cifar10", **settings)


def report_of(runs: Sequence[RunFolder], choices: Sequence[TruthChoice] = ()) -> Report:
    return make_report(load_runs(runs), choices)


def only_section(report: Report) -> Section:
    (section,) = report.sections
    return section


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    """Two strategies of two seeds, trained on CIFAR-10."""
    return [make_cifar_run(tmp_path, name, seed) for name in ("spos", "ogd") for seed in (0, 1)]


@pytest.fixture
def report(runs: list[RunFolder]) -> Report:
    """Their report against three truths."""
    return report_of(runs, THREE)


def test_each_truth_has_a_section_of_its_own_in_the_order_asked_for(report: Report) -> None:
    assert [section.truth.title for section in report.sections] == [
        f"{dataset} test, 200 epochs, mean of trials" for dataset in DATASETS
    ]
    for section in report.sections:
        assert [r.estimator.label for r in section.evaluations] == ["spos", "ogd"]
    assert len(report.trainings) == 2
    assert len(report.training_pairs) == 1  # what hangs on no truth is told once


def test_taus_are_those_of_a_naive_count_against_each_truth(report: Report) -> None:
    for section, dataset in zip(report.sections, DATASETS, strict=True):
        truth = truth_of(dataset)
        best = truth >= np.quantile(truth, 0.5)
        for result in section.evaluations:
            own = [
                make_scores(int(seed or 0) + 10 * len(result.estimator.label))
                for seed in result.estimator.seeds
            ]
            metrics = result.populations["all"].metrics
            assert metrics["tau"].per_seed == pytest.approx([tau_of(s, truth) for s in own], **SAME)
            assert metrics["tau_top_50"].per_seed == pytest.approx(
                [tau_of(s[best], truth[best]) for s in own], **SAME
            )


def test_differences_of_tau_are_against_each_truth(report: Report) -> None:
    for section, dataset in zip(report.sections, DATASETS, strict=True):
        truth = truth_of(dataset)
        differences = [
            tau_of(make_scores(seed + 30), truth) - tau_of(make_scores(seed + 40), truth)
            for seed in (0, 1)
        ]
        found = section.pairs[0].comparison.differences["all"]["tau"].per_seed
        assert found == pytest.approx(differences, **SAME)


def test_reference_ceiling_and_parameters_are_those_of_the_truth(report: Report) -> None:
    archs = [arch_at(index) for index in INDICES.tolist()]
    for section, dataset in zip(report.sections, DATASETS, strict=True):
        part = section.evaluations[0].populations["all"]
        trials = trials_of(dataset)
        assert part.reference == one_seed_reference(trials)
        ceiling = modelled_ceilings(trials)[0]
        assert part.ceiling is not None
        assert ceiling is not None
        assert part.ceiling.tau == pytest.approx(ceiling.tau, abs=0.02)  # of other random draws
        params = [count_params(arch, BENCHMARK_SHAPES[dataset]) for arch in archs]
        expected = tau_of(params, truth_of(dataset))
        assert part.baselines["params"].value == pytest.approx(expected, **SAME)


def test_nothing_said_is_the_runs_own_truth(runs: list[RunFolder]) -> None:
    plain = report_of(runs)
    assert only_section(plain).truth.title == str(default_query("cifar10"))
    assert report_of(runs, [TruthChoice()]).to_dict() == plain.to_dict()
    assert report_of(runs, [TruthChoice("cifar10")]).to_dict() == plain.to_dict()


def test_a_truth_asked_for_twice_is_told_once(runs: list[RunFolder]) -> None:
    twice = report_of(runs, [TruthChoice("cifar100")] * 2)
    assert twice.to_dict() == report_of(runs, [TruthChoice("cifar100")]).to_dict()


@pytest.mark.parametrize(
    ("choice", "query"),
    [
        (TruthChoice(), TruthQuery("cifar10", "test", 200)),
        (TruthChoice("cifar100"), TruthQuery("cifar100", "test", 200)),
        (TruthChoice("cifar100", "valid"), TruthQuery("cifar100", "valid", 200)),
        (TruthChoice("cifar10-valid"), TruthQuery("cifar10-valid", "valid", 200)),
        (TruthChoice(epochs=12), TruthQuery("cifar10", "test", 12)),
        (TruthChoice(policy="trial=0"), TruthQuery("cifar10", "test", 200, "trial=0")),
    ],
)
def test_what_is_left_open_is_filled_in_and_what_is_said_stays(
    runs: list[RunFolder], choice: TruthChoice, query: TruthQuery
) -> None:
    ((chosen, _),) = choose_truths(load_estimators([runs[0].path]).estimators, [choice])
    assert chosen.query == query


@pytest.mark.parametrize(
    "choice",
    [
        TruthChoice("cifar100", "train"),
        TruthChoice("cifar100", epochs=90),
        TruthChoice("cifar100", "valid", 12),
    ],
)
def test_a_truth_that_the_table_lacks_is_refused_with_what_it_has(
    runs: list[RunFolder], choice: TruthChoice
) -> None:
    with pytest.raises(
        TruthError,
        match=r"^The truth table 'made up' has no rows for cifar100 .*\. It has: .*"
        r"cifar100 test, 200 epochs \(60 architectures\); .* Ask for one of these\.$",
    ):
        report_of(runs, [choice])


@pytest.mark.parametrize("name", ["cifar1000", "imagenet16-120"])
def test_an_unknown_data_set_is_refused(runs: list[RunFolder], name: str) -> None:
    with pytest.raises(UsageError, match=rf"^Unknown data set .* '{name}'\. .*Available: "):
        report_of(runs, [TruthChoice(name)])


def test_an_unknown_policy_is_refused(runs: list[RunFolder]) -> None:
    with pytest.raises(UsageError, match=r"^Unknown truth policy 'median'\. Available: mean, tri"):
        report_of(runs, [TruthChoice("cifar100", policy="median")])


@pytest.mark.parametrize(("policy", "trial"), [("trial=2", 2), ("seed=999", 2), ("trial=0", 0)])
def test_a_policy_that_leaves_architectures_out_shows_in_n(
    runs: list[RunFolder], policy: str, trial: int
) -> None:
    rows = ROWS[(ROWS["dataset"] == "cifar100") & (ROWS["split"] == "test")]
    single = rows[rows["trial"] == trial].set_index("nb201_index")["accuracy"]
    has = np.isin(INDICES, single.index)
    made = report_of(runs, [TruthChoice("cifar100", policy=policy)])
    section = only_section(made)
    assert len(section.keys) == has.sum() == len(single)
    tau = section.evaluations[0].populations["all"].metrics["tau"]
    expected = tau_of(make_scores(40)[has], single.loc[INDICES[has]])
    assert tau.per_seed[0] == pytest.approx(expected, **SAME)
    assert section.pairs[0].comparison.n == tau.n
    left_out = f"Left out of spos (60 scored): {N - len(single)} without this truth."
    assert (left_out in made.words) == (trial > 0)


def test_the_ceiling_of_single_trainings_is_lower_than_that_of_their_mean(
    runs: list[RunFolder],
) -> None:
    mean, single = (
        only_section(report_of(runs, [TruthChoice("cifar100", policy=policy)]))
        .evaluations[0]
        .populations["all"]
        .ceiling
        for policy in ("mean", "trial=0")
    )
    assert mean is not None
    assert single is not None
    assert single.tau < mean.tau


def test_one_trial_an_architecture_gives_neither_reference_nor_ceiling(
    runs: list[RunFolder],
) -> None:
    made = report_of(runs, [TruthChoice(epochs=12)])
    part = only_section(made).evaluations[0].populations["all"]
    assert (part.reference, part.ceiling) == (None, None)
    assert part.metrics["tau"].value is not None
    assert "ceiling is" not in " ".join(made.words)


def test_taus_over_training_follow_the_truth(tmp_path: Path) -> None:
    folder = make_cifar_run(tmp_path, rank_snapshots=1)
    losses = np.random.RandomState(3).uniform(1, 2, size=50)
    first = list(sample_indices(50))  # what preset quick ranks on the way
    interim = pd.DataFrame({"step": 1, "nb201_index": first, "loss": losses})
    folder.write_table("interim_scores", interim)
    run = load_run_training(folder, folder.read_record())
    for choice in THREE:
        truth = truth_of(choice.dataset or "")
        on_the_way, at_the_end = tau_over_training(run, truth.to_dict())
        assert on_the_way["tau"] == pytest.approx(tau_of(-losses, truth.loc[first]), **SAME)
        final = tau_of(make_scores(40)[:50], truth.loc[first])
        assert at_the_end["tau"] == pytest.approx(final, **SAME)
        assert (on_the_way["n"], at_the_end["n"]) == (50, 50)


def taus_at_the_end(loaded: Loaded) -> list[float | None]:
    section = only_section(make_report(loaded))
    return [seed[-1]["tau"] for label in section.taus for seed in section.taus[label]]


def test_tau_over_training_ends_by_the_readout_that_it_began_with(tmp_path: Path) -> None:
    folder = make_cifar_run(tmp_path, rank_snapshots=1)
    other = load_scores(folder.path / "scores.parquet")
    save_scores(
        other.assign(score=other["loss"], loss=-other["loss"]),
        folder.path / "scores_refitted.parquet",
    )
    own, refitted = (load_runs([folder], readout) for readout in (None, "refitted"))
    assert own.estimators[0].score[0, 0] == -refitted.estimators[0].score[0, 0]
    first = list(sample_indices(50))
    expected = tau_of(make_scores(40)[:50], truth_of("cifar10").loc[first])
    for loaded in (own, refitted):
        assert taus_at_the_end(loaded) == pytest.approx([expected], **SAME)


@pytest.mark.parametrize("settings", [{"rank_snapshots": 2}, {"until_tau_se": 0.01}])
def test_a_final_ranking_of_other_weights_or_images_ends_no_curve(
    tmp_path: Path, settings: dict[str, float]
) -> None:
    folder = make_run(tmp_path, make_scores(40), truth=TABLE, dataset="cifar10", **settings)
    assert taus_at_the_end(load_runs([folder])) == [None]
    first = list(sample_indices(50))
    losses = np.random.RandomState(3).uniform(1, 2, size=50)
    interim = pd.DataFrame({"step": 2, "nb201_index": first, "loss": losses})
    folder.write_table("interim_scores", interim)
    expected = tau_of(-losses, truth_of("cifar10").loc[first])
    assert taus_at_the_end(load_runs([folder])) == pytest.approx([expected], **SAME)


def test_another_table_is_refused_whatever_truth_of_it_is_asked_for(tmp_path: Path) -> None:
    other = make_table(ROWS.assign(accuracy=ROWS["accuracy"] / 2), "other", {})
    run = make_run(tmp_path, make_scores(0), truth=other, dataset="cifar10")
    with pytest.raises(MismatchError, match=rf"was ranked against truth {other.sha256[:12]}"):
        report_of([run], [TruthChoice("cifar100")])


def test_another_table_that_is_named_is_used_and_told(tmp_path: Path) -> None:
    from harness.truth import save_table

    other = make_table(ROWS.assign(accuracy=ROWS["accuracy"] / 2), "other", {})
    path = tmp_path / "mine.parquet"
    save_table(other, path)
    run = make_cifar_run(tmp_path)
    made = report_of([run], [TruthChoice("cifar10", table=str(path))])
    assert f"table {only_section(made).truth.table} ({other.sha256[:12]})" in " ".join(made.words)
    assert f"spos was ranked against another truth table ({TABLE.sha256[:12]})." in made.words


def test_scores_of_none_of_the_architectures_with_truth_are_told(tmp_path: Path) -> None:
    scores = np.full(N, np.nan)
    alone = ROWS["nb201_index"].isin(INDICES[::14].tolist())  # those of a single trial
    scores[::14] = 1.0
    assert set(ROWS[alone & (ROWS["dataset"] == "cifar100")]["trial"]) == {0}
    run = make_run(tmp_path, scores, truth=TABLE, dataset="cifar10")
    with pytest.raises(
        TruthError, match=r"^No architecture has a score of all estimators and a truth .* 'spos' 5"
    ):
        report_of([run], [TruthChoice("cifar100", policy="seed=999")])


def test_sizes_of_an_unknown_data_sets_networks_are_those_of_any(tmp_path: Path) -> None:
    rows = ROWS[(ROWS["dataset"] == "cifar100") & (ROWS["split"] == "test")]
    svhn = make_table(rows.assign(dataset="svhn"), "of one's own", {})
    run = load_runs([make_cifar_run(tmp_path)]).estimators[0]
    own, other = (
        evaluate_estimator(run, choose_truth(name, "test", 200, truth=table))
        for table, name in ((svhn, "svhn"), (TABLE, "cifar100"))
    )
    for name in ("params", "flops"):
        mine, known = (r.populations["all"].baselines[name].value for r in (own, other))
        assert mine == known is not None


def test_every_format_names_the_truth_beside_every_ranking_figure(report: Report) -> None:
    titles = [section.truth.title for section in report.sections]
    content = json.loads(REPORT_WRITERS["json"](report))
    assert [s["truth"]["query"]["dataset"] for s in content["sections"]] == list(DATASETS)
    records = list(csv.DictReader(io.StringIO(REPORT_WRITERS["csv"](report))))
    for record in records:
        assert bool(record["truth"]) == (
            record["kind"] in ("estimator", "added value", "difference")
        )
    assert list(dict.fromkeys(r["truth"] for r in records if r["truth"])) == titles
    for name in ("markdown", "latex"):
        text = REPORT_WRITERS[name](report)
        for title in titles:
            for block in ("Leaderboard", "Tau by population", "Paired differences", "Uncertainty"):
                assert re.search(rf"{block}[^\n]*, against {re.escape(title)}", text)


def test_in_a_narrow_terminal_intervals_go_below_their_figures(
    report: Report, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # so that rich takes the output for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    print_report(report, full=True)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    tables = [line for line in lines if line.startswith(("\u2502", "\u2503", "\u2514"))]
    assert max(map(len, tables)) <= 120
    for section in report.sections:
        for result in section.evaluations:
            tau = result.populations["all"].metrics["tau"]
            assert any(f"{tau.value:.3f} +- " in line for line in tables)


def test_every_conclusion_in_words_stands_below_its_truth(report: Report) -> None:
    words = list(report.words)
    for section in report.sections:
        start = next(
            i
            for i, x in enumerate(words)
            if x.startswith(f"Kendall tau against {section.truth.title}")
        )
        assert words[start + 1].startswith("spos adds")
        assert words[start + 2].startswith("ogd adds")
        assert ", ogd minus spos (" in words[start + 3]
        assert any(line.startswith(f"Truth: {section.truth.title}, table") for line in words)
    transfers = [line for line in words if line.endswith("transfer to another data set.")]
    assert len(transfers) == 4  # of two supernets to two other data sets


def test_runs_on_other_images_are_held_against_their_own_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(dataset: str, *_: object) -> TruthTable:
        return TABLE if dataset == "cifar10" else tiles

    rows = ROWS[(ROWS["dataset"] == "cifar100") & (ROWS["split"] == "test")]
    tiles = make_table(rows.assign(dataset="tiles", epochs=12), "of tiles", {})
    monkeypatch.setattr(PLACE, find)
    runs = [make_cifar_run(tmp_path), make_run(tmp_path, make_scores(0), truth=tiles)]
    titles = {section.truth.title for section in report_of(runs).sections}
    # A name that one section knows is looked for there; a name that none knows is refused.
    named = make_report(load_runs(runs), estimators=["all", "live_params+spos (tiles)"])
    assert [[e.label.partition(" (n=")[0] for e in s.evaluations] for s in named.sections] == [
        *(["spos (cifar10)"], ["spos (tiles)", "live_params+spos (tiles)"])
    ]
    with pytest.raises(
        UsageError, match=r"'spos \(tile\)'.* a section each, .*one data set at a t"
    ):
        make_report(load_runs(runs), estimators=["all", "live_params+spos (tile)"])
    with pytest.raises(UsageError, match=r"Unknown floor 'x'.* judge all by one truth"):
        make_report(load_runs(runs), floor="x")
    assert titles == {str(default_query("cifar10")), str(default_query("tiles"))}
    # Asked for one truth, all are held against it: a supernet of tiles may rank for cifar100.
    made = report_of(runs, [TruthChoice("cifar100")])
    assert [len(section.evaluations) for section in made.sections] == [2]
    assert "trained on tiles: this is transfer to another data set." in " ".join(made.words)


def test_a_file_beside_runs_on_several_data_sets_has_to_name_its_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ROWS[(ROWS["dataset"] == "cifar100") & (ROWS["split"] == "test")]
    tiles = make_table(rows.assign(dataset="tiles", epochs=12), "of tiles", {})
    monkeypatch.setattr(PLACE, lambda dataset, *_: TABLE if dataset == "cifar10" else tiles)
    make_cifar_run(tmp_path / "runs")
    make_run(tmp_path / "runs", make_scores(0), truth=tiles)
    file = tmp_path / "mine.csv"
    pd.DataFrame({"nb201_index": INDICES, "score": make_scores(5)}).to_csv(file, index=False)
    loaded = load_estimators([tmp_path / "runs", file])
    with pytest.raises(
        UsageError, match=r"^There are runs on .*is to judge 'mine'\. Name it with --truth-d"
    ):
        make_report(loaded)
    assert len(make_report(loaded, [TruthChoice("cifar10")]).sections) == 1
