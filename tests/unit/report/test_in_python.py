"""`harness.evaluate`: figures, what they rest on, and how they are shown."""

from __future__ import annotations

import csv
import doctest
import html.parser
import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

import harness
from harness.errors import DataError, TruthError, UsageError
from harness.estimators import callables
from harness.estimators.baselines import make_baselines
from harness.estimators.loading import load_estimators
from harness.evaluation import choose_truth, evaluate_estimator
from harness.report import EvaluationResult, in_python
from harness.report.rendering import EVALUATION_WRITERS
from harness.spaces import load_space
from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_params
from harness.spaces.nb201.encoding import CONV_3X3, Arch, arch_at, enumerate_archs
from harness.spaces.values import NetworkShape
from harness.stats import METRICS, pearson, populations_of
from harness.truth import TruthTable, default_query, find_truth, make_table
from tests.made_runs import INDICES, N, make_run

POPULATIONS = populations_of(load_space())

TILES = find_truth("tiles")
TRUTH = TILES.mean(default_query("tiles"))
N_TILES = len(TRUTH.value)
RNG = np.random.RandomState(0)
SEEDS = TRUTH.value + 8.0 * RNG.normal(size=(3, len(TRUTH.value)))
HOSTILE = '=cmd|"/c calc"!A1<script>alert(1)</script>\x1b[31m'


def make_frame(**columns: Any) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"nb201_index": TRUTH.keys, "score": scores, "seed": seed, **columns})
        for seed, scores in enumerate(SEEDS)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module", name="result")
def _result() -> EvaluationResult:
    return harness.evaluate(make_frame(), "tiles", label="mine")


@pytest.fixture(scope="module", name="hostile")
def _hostile(tmp_path_factory: pytest.TempPathFactory) -> EvaluationResult:
    path = tmp_path_factory.mktemp("hostile") / "mine.csv"
    make_frame(method=HOSTILE).to_csv(path)
    return harness.evaluate(path, "tiles")


def tau_of(scores: Any, truth: Any) -> float:
    return float(scipy.stats.kendalltau(scores, truth).statistic)


def test_tau_is_the_mean_over_seeds_on_every_architecture(result: EvaluationResult) -> None:
    taus = [tau_of(scores, TRUTH.value) for scores in SEEDS]
    assert result.tau == pytest.approx(np.mean(taus), rel=1e-12)
    tau = result.populations["all"].metrics["tau"]
    assert tau.per_seed == pytest.approx(taus, rel=1e-12)
    assert tau.interval is not None
    assert tau.interval.low < np.mean(taus) < tau.interval.high
    assert (result.figures.n, result.figures.n_seeds) == (N_TILES, 3)


def test_every_metric_is_there_on_every_population_with_its_n(result: EvaluationResult) -> None:
    assert list(result.populations) == list(POPULATIONS)
    for part in result.populations.values():
        assert list(part.metrics) == list(METRICS)
        assert list(part.baselines) == ["params", "flops", "live_params", "live_flops", "random"]
    assert result.populations["top_50"].population.n == N_TILES // 2
    assert result.populations["top_10"].metrics["tau_top_10"].status == "too few"


def test_a_ceiling_a_reference_and_the_causes_of_uncertainty_stand_beside_tau(
    result: EvaluationResult,
) -> None:
    everything = result.populations["all"]
    assert everything.ceiling is not None
    assert everything.reference is not None
    assert everything.components is not None
    assert result.tau is not None
    assert everything.share_of_ceiling == pytest.approx(result.tau / everything.ceiling.tau)
    assert set(everything.components.shares) == {"seeds", "architectures", "truth"}
    assert sum(everything.components.shares.values()) == pytest.approx(1.0)


def test_one_set_of_scores_is_said_to_speak_of_itself_alone() -> None:
    one = harness.evaluate(make_frame()[:N_TILES], "tiles")
    assert "One set of scores (seed 0): figures are of these scores, not of a method" in str(one)
    several = harness.evaluate(make_frame(), "tiles")
    assert "Mean over 3 seeds: 0, 1, 2." in str(several)


def test_baselines_are_tau_of_params_and_of_random_scores(result: EvaluationResult) -> None:
    own = NetworkShape(channels=8, cells=1, image_size=16, image_channels=1, classes=37)
    params = [count_params(arch_at(index), own) for index in TRUTH.keys.tolist()]
    found = result.populations["all"].baselines
    assert found["params"].value == pytest.approx(tau_of(params, TRUTH.value), rel=1e-12)
    assert abs(found["random"].value or 1.0) < 0.1


@pytest.mark.parametrize("channels", [2, 16])
def test_params_and_flops_order_architectures_alike_whatever_the_network(channels: int) -> None:
    shape = NetworkShape(channels, 1, 16, 1, 37)
    baselines = make_baselines(np.arange(15_625))
    ranks = [
        np.unique(v, return_inverse=True)[1] for v in (baselines["params"], baselines["flops"])
    ]
    own = np.unique([count_params(arch, shape) for arch in enumerate_archs()], return_inverse=True)
    np.testing.assert_array_equal(ranks[0], ranks[1])
    np.testing.assert_array_equal(ranks[0], own[1])


def test_a_random_score_is_that_of_the_architecture_whatever_else_is_scored() -> None:
    alone = make_baselines(np.array([7]))["random"]
    assert make_baselines(np.array([3, 7, 9]))["random"][1] == alone[0]


def test_what_has_no_truth_or_lacks_a_seed_is_left_out_and_counted() -> None:
    outside = np.setdiff1d(np.arange(300), TRUTH.keys)[:50]
    more = pd.DataFrame({"nb201_index": outside, "score": np.arange(50.0), "seed": 0})
    more = pd.concat([more, more.assign(seed=1), more.assign(seed=2)])
    frame = pd.concat([make_frame().iloc[1:], more], ignore_index=True)
    result = harness.evaluate(frame, "tiles")
    assert (result.n_scored, result.n_incomplete, result.n_without_truth) == (N_TILES + 50, 1, 50)
    assert result.figures.n == N_TILES - 1
    assert TRUTH.keys[0] not in result.keys
    assert (
        f"Left out of scores ({N_TILES + 50:,} scored): 1 without a score of every seed, 50 "
        "without this truth." in str(result)
    )


def test_bad_rows_are_refused_or_counted_and_said() -> None:
    frame = make_frame()
    frame.loc[7, "score"] = np.inf
    with pytest.raises(DataError, match=f"'score' is infinite in 1 of {3 * N_TILES:,} rows"):
        harness.evaluate(frame, "tiles")
    result = harness.evaluate(frame, "tiles", exclude_bad=True)
    assert "of its scores: 1 infinite score." in str(result)
    assert result.to_dict()["excluded"] == {"infinite score": 1}


def test_lower_is_better_turns_every_sign_and_its_lack_is_suspected(
    result: EvaluationResult,
) -> None:
    loss = make_frame().assign(score=lambda frame: -frame["score"])
    turned = harness.evaluate(loss, "tiles", label="mine", lower_is_better=True)
    assert turned.tau == result.tau
    assert turned.estimator.score_kind == "minus column 'score'"
    wrong = harness.evaluate(loss, "tiles")
    assert wrong.tau == pytest.approx(-(result.tau or 0.0), rel=1e-12)
    floor = wrong.populations["all"].baselines["live_params"].value
    asked = "Is lower better in these scores? If so, give lower_is_better=True. scores has tau -0."
    (line,) = [line for line in wrong.words if line.startswith(asked)]
    assert line.endswith(f"], while live_params reaches {floor:.3f}.")
    back = harness.evaluate(make_frame(), "tiles", lower_is_better=True)
    asked = "Is higher better in these scores? If so, leave out --lower-is-better"
    assert sum(line.startswith(asked) for line in back.words) == 1
    assert not any(line.startswith("Is ") for line in turned.words)


def test_a_negative_tau_that_may_be_chance_raises_no_question() -> None:
    noise = make_frame().assign(score=np.random.RandomState(1).normal(size=len(make_frame())))
    results = [harness.evaluate(noise.assign(score=s * noise["score"]), "tiles") for s in (1, -1)]
    assert min(result.tau or 0.0 for result in results) < 0
    assert not any("Is lower better" in str(result) for result in results)


def test_seeds_without_a_common_architecture_are_told_instead_of_the_truth() -> None:
    frame = make_frame()[: len(TRUTH.keys)]
    frame["seed"] = np.arange(len(frame)) % 2
    reason = r"^The 2 seeds of 'scores' have no scored architecture in common \(seed 0: \d+, seed"
    with pytest.raises(TruthError, match=reason):
        harness.evaluate(frame, "tiles")
    with pytest.raises(TruthError, match=reason):
        harness.compare({"scores": frame}, "tiles")


def test_no_architecture_with_both_a_score_and_a_truth_is_an_error() -> None:
    outside = np.setdiff1d(np.arange(300), TRUTH.keys)
    with pytest.raises(TruthError, match=r"None of the .* that 'scores' scores .* has a truth"):
        harness.evaluate({int(i): float(i) for i in outside}, "tiles")


def test_few_or_constant_scores_give_words_instead_of_numbers() -> None:
    few = harness.evaluate(make_frame()[:29], "tiles")
    assert few.tau is None
    assert "(29 architectures): scores too few architectures (30 are enough)." in str(few)
    json.loads(EVALUATION_WRITERS["json"]([few]))
    EVALUATION_WRITERS["csv"]([few])


def test_the_data_set_has_to_be_said_and_why() -> None:
    with pytest.raises(UsageError, match=r"a score file does not say .* Give --dataset"):
        harness.evaluate(make_frame())
    with pytest.raises(UsageError, match=r"Unknown data set .* 'tils'\. Did you mean 'tiles'"):
        harness.evaluate(make_frame(), "tils")
    with pytest.raises(TruthError, match="no rows for tiles test, 13 epochs"):
        harness.evaluate(make_frame(), "tiles", epochs=13)
    with pytest.raises(UsageError, match="Unknown truth policy 'best'"):
        harness.evaluate(make_frame(), "tiles", policy="best")


def test_runs_know_their_data_set_and_are_replicas_over_seeds(tmp_path: Path) -> None:
    scores = np.random.RandomState(1).normal(size=N)
    for seed in (0, 1):
        make_run(tmp_path, scores, "spos", seed, truth=TILES)
    result = harness.evaluate(tmp_path)
    assert result.truth.query == default_query("tiles")
    assert result.figures.n_seeds == 2
    order = np.argsort(INDICES)
    truth = TRUTH.value[np.isin(TRUTH.keys, INDICES)]
    assert result.tau == pytest.approx(tau_of(scores[order], truth), rel=1e-12)
    assert "Batch norm when ranking: 'batch'" in str(result)


def test_another_table_than_the_runs_were_ranked_against_is_said(tmp_path: Path) -> None:
    other = make_table(TILES.rows.assign(accuracy=TILES.rows["accuracy"] / 2), "other", {})
    make_run(tmp_path, np.random.RandomState(1).normal(size=N), truth=TILES)
    assert "another truth table" not in str(harness.evaluate(tmp_path))
    assert "ranked against another truth table" in str(harness.evaluate(tmp_path, truth=other))


def make_transfer_table() -> TruthTable:
    rows = TILES.rows.assign(dataset="cifar100", epochs=200)
    return make_table(rows, "transfer", {})


def test_a_table_of_one_s_own_is_taken_and_a_transfer_is_said(tmp_path: Path) -> None:
    table = make_transfer_table()
    result = harness.evaluate(make_frame(), truth=table)
    assert str(result.truth.query) == "cifar100 test, 200 epochs, mean of trials"
    assert result.truth.table == "transfer"
    make_run(tmp_path, np.random.RandomState(1).normal(size=N), truth=TILES)
    assert "was trained on tiles: this is transfer to another data set" in str(
        harness.evaluate(tmp_path, truth=table)
    )
    both = pd.concat([TILES.rows, table.rows])
    with pytest.raises(UsageError, match="there are several: cifar100, tiles"):
        harness.evaluate(make_frame(), truth=make_table(both, "both", {}))


def test_a_policy_of_one_trial_is_held_to_that_trial() -> None:
    query = default_query("tiles")
    trials = TILES.trials(query)
    result = harness.evaluate(make_frame(), "tiles", policy="trial=1")
    expected = np.mean([tau_of(s, trials.value[:, 1].round(6)) for s in SEEDS])
    assert result.tau == pytest.approx(expected, rel=1e-12)
    assert "trial 1" in str(result)


def test_a_function_is_called_for_the_architectures_that_have_the_truth() -> None:
    seen: list[int] = []

    def score(arch: Arch) -> int:
        seen.append(arch.nb201_index)
        return arch.count_op(CONV_3X3)

    result = harness.evaluate(score, dataset="tiles")
    assert seen == TRUTH.keys.tolist()
    expected = [arch_at(index).count_op(CONV_3X3) for index in seen]
    assert result.tau == pytest.approx(tau_of(expected, TRUTH.value), rel=1e-12)
    assert result.estimator.label == "score"


def test_several_estimators_are_not_one_result() -> None:
    frame = pd.concat([make_frame(method="a"), make_frame(method="b")])
    with pytest.raises(UsageError, match="of 2 estimators \\('a', 'b'\\); a result is of one"):
        harness.evaluate(frame, "tiles")


def test_results_are_the_same_every_time() -> None:
    first, second = (harness.evaluate(make_frame(), "tiles").to_dict() for _ in range(2))
    assert first == second


def test_json_is_whole_and_strict(result: EvaluationResult) -> None:
    (content,) = json.loads(EVALUATION_WRITERS["json"]([result]))["evaluations"]
    assert content["populations"]["all"]["metrics"]["tau"]["value"] == result.tau
    assert content["truth"]["query"] == {
        "dataset": "tiles",
        "split": "test",
        "epochs": 12,
        "policy": "mean",
        "metric": "accuracy",
    }
    assert content["truth"]["sha256"] == TILES.sha256
    assert content["populations"]["all"]["n"] == N_TILES


def test_csv_has_every_figure_in_full_precision(result: EvaluationResult) -> None:
    rows = list(csv.DictReader(io.StringIO(EVALUATION_WRITERS["csv"]([result]))))
    for name, part in result.populations.items():
        for metric, figure in part.metrics.items():
            (row,) = [r for r in rows if (r["population"], r["figure"]) == (name, metric)]
            assert row["status"] == figure.status
            assert row["value"] == ("" if figure.value is None else repr(figure.value))
            assert int(row["n"]) == figure.n
    (tau,) = [row for row in rows if (row["population"], row["figure"]) == ("all", "tau")]
    assert tau["interval_over"] == "seeds and architectures"
    figures = {row["figure"] for row in rows}
    assert {"ceiling", "one_seed_reference", "tau_of_params", "tau_se_truth"} <= figures


class Parser(html.parser.HTMLParser):
    """Collects the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"scope"}
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


SHOWN = '=cmd|"/c calc"!A1<script>alert(1)</script>\\x1b[31m'


def test_a_notebook_shows_names_from_files_as_text(hostile: EvaluationResult) -> None:
    parser = Parser()
    parser.feed(hostile._repr_html_())
    assert set(parser.tags) == {
        *("div", "p", "small", "table", "caption", "thead", "tbody", "tr", "th", "td")
    }
    assert SHOWN in parser.text


def test_a_spreadsheet_gets_no_formula_from_a_file(hostile: EvaluationResult) -> None:
    rows = list(csv.reader(io.StringIO(EVALUATION_WRITERS["csv"]([hostile]))))
    assert {row[0] for row in rows[1:]} == {f"'{SHOWN}"}
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "@")), cell
        assert not cell.startswith("-") or float(cell) < 0


def test_markdown_shows_names_from_files_as_text(hostile: EvaluationResult) -> None:
    text = EVALUATION_WRITERS["markdown"]([hostile, hostile])
    assert "<script" not in text
    assert '=cmd\\|"/c calc"!A1&lt;script&gt;' in text
    lines = text.replace("\\|", "").splitlines()
    for line, following in itertools.pairwise(lines):
        if line.startswith("|") and following.startswith("|"):
            assert line.count("|") == following.count("|"), line


@pytest.mark.parametrize("name", EVALUATION_WRITERS)
def test_every_form_is_printable_line_by_line(name: str, hostile: EvaluationResult) -> None:
    for line in EVALUATION_WRITERS[name]([hostile]).splitlines():
        assert line.isprintable(), line
    for line in str(hostile).splitlines():
        assert line.isprintable(), line


def test_results_on_different_architectures_say_that_they_do_not_compare(
    result: EvaluationResult,
) -> None:
    other = harness.evaluate(make_frame()[:100], "tiles", label="other")
    warning = "judged on different architectures"
    assert warning in EVALUATION_WRITERS["markdown"]([result, other])
    assert warning not in EVALUATION_WRITERS["markdown"]([result, result])


def test_text_shows_population_and_n_with_every_tau(result: EvaluationResult) -> None:
    lines = str(result).splitlines()
    assert lines[0].startswith(
        f"Kendall tau against {result.truth.query} ({N_TILES} architectures): mine "
        f"{result.tau:.3f} ["
    )
    (row,) = [line for line in lines if line.startswith("top_50 ")]
    assert row.split()[1] == str(N_TILES // 2)
    few = str(harness.evaluate(make_frame()[:200], "tiles")).splitlines()
    (row,) = [line for line in few if line.startswith("top_10 ")]
    assert row.split()[1:4] == ["20", "too", "few"]


@pytest.mark.parametrize("module", [in_python, callables])
def test_the_examples_of_the_docstrings_are_true(module: Any) -> None:
    outcome = doctest.testmod(module)
    assert (outcome.failed, outcome.attempted > 1) == (0, True)


def test_an_attribute_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'evaluat'"):
        harness.evaluat  # type: ignore[attr-defined]  # noqa: B018
    assert {"evaluate", "load_estimators", "from_callable"} <= set(dir(harness))


@pytest.mark.realdata
def test_parameter_counts_of_the_whole_space_have_their_known_taus(data_dir: Path) -> None:
    shape = BENCHMARK_SHAPES["cifar10"]
    scores = {str(arch): count_params(arch, shape) for arch in enumerate_archs()}
    result = harness.evaluate(scores, "cifar10", data_dir=data_dir)
    taus = {name: result.populations[name].metrics["tau"] for name in ("all", "top_50", "top_10")}
    # The design's table of facts: 0.577 overall, 0.39 in the top half, 0.09 in the top 10%.
    assert taus["all"].value == pytest.approx(0.577, abs=5e-4)
    assert taus["top_50"].value == pytest.approx(0.39, abs=5e-3)
    assert taus["top_10"].value == pytest.approx(0.09, abs=6e-3)
    assert (taus["all"].n, taus["top_50"].n) == (15_625, 7_816)
    assert taus["all"].interval is None  # the whole space, one set of scores: nothing is left


@pytest.mark.realdata
def test_every_published_data_set_can_be_the_truth(data_dir: Path) -> None:
    for dataset in ("cifar10-valid", "cifar100", "ImageNet16-120"):
        chosen = choose_truth(dataset, data_dir=data_dir)
        assert (chosen.query.dataset, chosen.query.epochs) == (dataset, 200)
        assert len(chosen.truth.keys) == len(chosen.trials.value) == 15_625


def test_estimators_that_were_loaded_are_evaluated_one_by_one(tmp_path: Path) -> None:
    pd.concat([make_frame(method="a"), make_frame(method="b")]).to_csv(tmp_path / "mine.csv")
    chosen = choose_truth("tiles")
    loaded = load_estimators([tmp_path / "mine.csv"])
    results = [evaluate_estimator(estimator, chosen) for estimator in loaded.estimators]
    assert [result.estimator.label for result in results] == ["a", "b"]
    assert results[0].tau == results[1].tau


def test_a_truth_may_be_given_as_numbers() -> None:
    frame = make_frame()[:N_TILES]
    archs = [str(arch_at(index)) for index in frame["nb201_index"].tolist()]
    by_arch = dict(zip(archs, np.linspace(10, 90, len(frame)), strict=True))
    scores = {arch: -value for arch, value in by_arch.items()}
    result = harness.evaluate(scores, by_arch)
    assert result.tau == pytest.approx(-1.0)
    assert (result.figures.n, result.truth.query.dataset) == (len(frame), "given")
    with pytest.raises(DataError, match="accuracy"):
        harness.evaluate(scores, dict.fromkeys(by_arch, 1000000.0))


@pytest.mark.parametrize("make", [lambda values: dict(enumerate(values)), pd.Series])
def test_mere_row_numbers_of_scores_and_truth_are_taken_for_the_published_order_with_a_note(
    make: Any,
) -> None:
    rng = np.random.RandomState(0)
    numbers, accuracies = make(rng.permutation(100)), make(rng.uniform(50, 90, 100))
    said = "column 'index' was taken for places in the published order, though it could number"
    for scores, truth in (
        (numbers, accuracies),
        (numbers, TILES),
        (lambda arch: arch.nb201_index, accuracies),
    ):
        result = harness.evaluate(scores, truth, dataset=None)
        named = [f"the {k}: {said}" in str(result) for k in ("scores", "truth")]
        assert named == [not callable(scores), truth is accuracies]
    report = harness.compare({"mine": numbers}, truth=accuracies)
    assert f"the scores: {said}" in str(report)
    assert f"the truth: {said}" in str(report)
    whole = pd.Series(rng.permutation(15_625))
    assert said not in str(harness.evaluate(whole, "tiles"))


def test_scores_in_memory_are_compared_by_name_alone() -> None:
    frame = make_frame()
    function = lambda arch: arch.nb201_index  # noqa: E731
    for scores in (frame, frame["score"], [frame], [function], function, 3):
        with pytest.raises(UsageError, match=r"by name, such as harness.compare\(\{'mine': scores"):
            harness.compare(scores, "tiles")  # type: ignore[arg-type]


def test_a_missing_accuracy_of_a_truth_is_refused_or_left_out_and_counted() -> None:
    truth = {key: 50.0 + key / 7 for key in range(10, 60)} | {3: None}
    scores = {key: float(key) for key in truth}
    with pytest.raises(DataError, match=r"the truth: column 'accuracy' is missing.*exclude_bad"):
        harness.evaluate(scores, truth)
    result = harness.evaluate(scores, truth, exclude_bad=True)
    assert (result.tau, result.figures.n) == (1.0, 50)
    assert "Left out of the truth: 1 no score." in str(result)
    report = harness.compare({"mine": scores}, truth=truth, exclude_bad=True)
    assert "Left out of the truth: 1 no score." in str(report)


def test_arch_form_tells_how_to_read_a_truth_by_digits_too() -> None:
    rng = np.random.RandomState(0)
    archs = [arch_at(key) for key in rng.choice(15_625, 60, replace=False).tolist()]
    ops = {
        str(tuple(arch.ops)): acc for arch, acc in zip(archs, rng.uniform(50, 90, 60), strict=True)
    }
    by_string = dict(zip(map(str, archs), ops.values(), strict=True))
    with pytest.raises(DataError, match=r"the truth: .* in 2 forms .*arch_form=.*ops, naslib"):
        harness.evaluate(by_string, ops)
    assert harness.evaluate(ops, ops, arch_form="ops").tau == 1.0
    assert harness.compare({"mine": ops}, truth=ops, arch_form="ops").sections[0].evaluations
    assert harness.evaluate(ops, by_string, arch_form="ops").tau == 1.0
    assert harness.evaluate(by_string, ops, arch_form="ops").tau == 1.0
    with pytest.raises(TruthError, match="None of the 60 architectures"):
        harness.evaluate(by_string, ops, arch_form="naslib")
    with pytest.raises(UsageError, match="Unknown form of architectures 'naslip'"):
        harness.evaluate(by_string, ops, arch_form="naslip")


@pytest.mark.parametrize("make", [dict, pd.Series])
def test_a_truth_of_fractions_is_refused_and_the_same_in_percent_has_the_right_regret(
    make: Any,
) -> None:
    archs = range(100)
    scores = {arch: (arch * 37) % 100 for arch in archs}
    fractions = make({arch: 0.5 + arch / 250 for arch in archs})
    with pytest.raises(
        TruthError, match=r"the truth: no accuracy is above 1.*Multiply them by 100"
    ):
        harness.evaluate(scores, fractions)
    percent = make({arch: 50.0 + arch / 2.5 for arch in archs})
    best_10 = sorted(archs, key=scores.__getitem__)[-10:]
    expected = 50.0 + 99 / 2.5 - max(percent[arch] for arch in best_10)
    result = harness.evaluate(scores, percent)
    regret = result.populations["all"].metrics["regret_at_10"].value
    assert regret == pytest.approx(expected)
    assert expected > 0.3


def test_seeds_with_the_same_scores_are_told() -> None:
    frame = make_frame()[:N_TILES]
    twice = pd.concat([frame.assign(seed=seed) for seed in (0, 1)])
    assert any("exactly the same scores" in line for line in harness.evaluate(twice, "tiles").words)


def test_huge_scores_have_the_same_pearson() -> None:
    rng = np.random.RandomState(0)
    x, y = rng.normal(size=(2, 1_000))
    expected = scipy.stats.pearsonr(x + y, y).statistic
    for scale in (1e-300, 1.0, 1e307):
        assert pearson((x + y) * scale, y).value == pytest.approx(expected, rel=1e-9)
