"""The regression gate: what passes, what fails, what is left open, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from harness.check import (
    EXIT_INCONCLUSIVE,
    CheckResult,
    Finding,
    Outcome,
    Snapshot,
    check_estimators,
    describe,
    describe_finding,
    load_baseline,
    parse_rules,
    save_baseline,
    verdict,
)
from harness.errors import MismatchError, TruthError, UsageError
from harness.estimators.matrix import BoolArray, ScoreMatrix
from harness.evaluation import choose_truth, evaluate_together
from tests.check_cases import (
    SEEDS,
    FloatArray,
    N,
    draw_scores,
    keep,
    make_estimator,
    make_own_table,
    make_records,
    make_truth,
)

CHOSEN, SIGNAL = make_truth()
TRUTH = CHOSEN.truth.value
SCORES = draw_scores(SIGNAL)
BASE = make_estimator(CHOSEN, SCORES)
BASELINE = keep(CHOSEN, BASE)


def check(
    new: ScoreMatrix, *rules: str, baseline: Snapshot = BASELINE, **options: Any
) -> CheckResult:
    return check_estimators(baseline, [new], CHOSEN, parse_rules(rules), **options)


def find(new: ScoreMatrix, *rules: str, baseline: Snapshot = BASELINE, **options: Any) -> Finding:
    (finding,) = check(new, *rules, baseline=baseline, **options).findings
    return finding


def estimate(
    scores: FloatArray, seeds: tuple[int | None, ...] = SEEDS, **fields: Any
) -> ScoreMatrix:
    return make_estimator(CHOSEN, scores, seeds, **fields)


def taus(scores: FloatArray) -> list[float]:
    return [float(scipy.stats.kendalltau(row, TRUTH).statistic) for row in scores]


def test_identical_scores_pass_whatever_the_margin() -> None:
    for rule in ("tau:0.02", "tau:0", "tau_top_half:0", "tau_top_20:0", "spearman:0"):
        finding = find(BASE, rule)
        assert finding.outcome is Outcome.PASS
        assert (finding.difference, finding.low, finding.high) == (0.0, 0.0, 0.0)
        assert finding.baseline == finding.new


def test_a_monotone_change_of_scores_passes() -> None:
    assert find(estimate(np.exp(SCORES)), "tau:0").outcome is Outcome.PASS


def test_scores_in_another_order_of_seeds_are_the_same_scores() -> None:
    order = [3, 1, 4, 0, 2]
    finding = find(estimate(SCORES[order], tuple(order)), "tau:0")
    assert (finding.outcome, finding.is_paired) == (Outcome.PASS, True)


def test_scores_that_went_through_the_file_pass(tmp_path: Any) -> None:
    save_baseline(BASELINE, tmp_path / "b.json")
    loaded = load_baseline(tmp_path / "b.json")
    assert loaded != BASELINE  # the scores are shorter
    for rule in ("tau:0", "spearman:0", "tau_top_half:0"):
        finding = find(BASE, rule, baseline=loaded)
        assert (finding.outcome, finding.difference) == (Outcome.PASS, 0.0)


def test_regret_of_few_seeds_that_went_through_the_file_passes(tmp_path: Any) -> None:
    few = estimate(SCORES[:3], (0, 1, 2))
    save_baseline(keep(CHOSEN, few), tmp_path / "b.json")
    loaded = load_baseline(tmp_path / "b.json")
    finding = find(few, "regret_at_10:0.2", baseline=loaded)
    assert (finding.outcome, finding.difference, finding.high) == (Outcome.PASS, 0.0, 0.0)
    other = estimate(draw_scores(SIGNAL, (0, 1, 2), own=1), (0, 1, 2))
    assert find(other, "regret_at_10:0.2", baseline=loaded).outcome is Outcome.INCONCLUSIVE


def test_one_seed_on_all_architectures_is_compared_exactly_and_says_so() -> None:
    index, rng = np.arange(15_625), np.random.RandomState(0)
    signal = rng.standard_normal(len(index))
    table = make_own_table(index, 60.0 + 5.0 * signal, "whole")
    chosen = choose_truth("tiles", "test", 12, truth=table)
    old, new = (
        make_estimator(chosen, signal[None] + noise * rng.standard_normal((1, len(index))), (0,))
        for noise in (0.8, 0.9)
    )
    checked = check_estimators(keep(chosen, old), [new], chosen, parse_rules(["tau:0.01"]))
    (finding,) = checked.findings
    assert finding.low == finding.high == finding.difference
    assert finding.outcome is Outcome.FAIL
    assert "exactly, as all architectures are scored" in " ".join(finding.notes)


def test_shuffled_scores_are_caught() -> None:
    shuffled = np.random.RandomState(0).permutation(SCORES.T).T
    finding = find(estimate(shuffled))
    assert finding.outcome is Outcome.FAIL
    assert finding.difference == pytest.approx(np.mean(taus(SCORES)) - np.mean(taus(shuffled)))
    assert finding.new == pytest.approx(np.mean(taus(shuffled)))


def test_reversed_scores_are_caught() -> None:
    assert find(estimate(-SCORES)).outcome is Outcome.FAIL


def test_a_harmful_strength_is_caught_and_a_helpful_one_passes() -> None:
    harmed = estimate(draw_scores(SIGNAL, noise=1.4, own=1))
    finding = find(harmed)
    assert finding.outcome is Outcome.FAIL
    assert finding.low is not None
    assert finding.low > 0.02
    assert finding.visible is not None
    helped = estimate(draw_scores(SIGNAL, noise=0.3, own=1))
    assert find(helped).outcome is Outcome.PASS


def test_a_collapsed_supernet_is_a_regression_and_not_a_gap() -> None:
    scores = SCORES.copy()
    scores[2] = 0.5
    finding = find(estimate(scores))
    assert (finding.outcome, finding.new, finding.difference) == (Outcome.FAIL, None, None)
    assert "All scores of a seed of the new side are equal" in describe_finding(finding)


def test_worse_within_the_margin_passes() -> None:
    noisier = SCORES + 0.05 * np.random.RandomState(1).standard_normal(SCORES.shape)
    finding = find(estimate(noisier), "tau:0.05")
    assert finding.outcome is Outcome.PASS
    assert finding.high is not None
    assert 0 < finding.high <= 0.05


def test_what_cannot_be_told_is_inconclusive_and_says_what_could_be_seen() -> None:
    result = check(estimate(draw_scores(SIGNAL, own=1)), "tau:0.02")
    (finding,) = result.findings
    assert finding.outcome is result.outcome is Outcome.INCONCLUSIVE
    assert (result.exit_code(), result.exit_code(strict=True)) == (0, EXIT_INCONCLUSIVE)
    assert finding.low is not None
    assert finding.high is not None
    assert finding.visible is not None
    assert finding.low < 0.02 < finding.high < finding.visible
    text = describe_finding(finding)
    assert f"would detect a D of {finding.visible:.3f} in 8 of 10 cases" in text
    assert verdict(result).startswith("INCONCLUSIVE: 'spos' (tau:0.02) may or may not")


def test_exit_codes_follow_the_worst_finding() -> None:
    shuffled = estimate(SCORES[:, ::-1])
    for result, code in ((check(BASE), 0), (check(shuffled), 1)):
        assert {result.exit_code(strict) for strict in (False, True)} == {code}
    both = check(estimate(draw_scores(SIGNAL, own=1)), "tau:0.0", "spearman:0.9")
    assert [f.outcome for f in both.findings] == [Outcome.INCONCLUSIVE, Outcome.PASS]
    assert both.exit_code(strict=True) == EXIT_INCONCLUSIVE
    assert "together they do so more often" in " ".join(describe(both))


def test_other_seeds_are_compared_without_pairs() -> None:
    others = (7, 8, 9, 10, 11)
    finding = find(estimate(draw_scores(SIGNAL, others, own=1), others))
    assert not finding.is_paired
    assert "compared as independent" in " ".join(finding.notes)
    paired = find(estimate(draw_scores(SIGNAL, own=1)))
    assert paired.is_paired
    assert not paired.notes


def test_seeds_that_one_side_lacks_are_named() -> None:
    finding = find(estimate(SCORES[:3], (0, 1, 2)))
    assert finding.outcome is Outcome.PASS
    notes = " ".join(finding.notes)
    assert "left out because one side lacks them: 3 of the baseline, 4 of the baseline" in notes
    assert "Only 3 seeds, fewer than the 5 expected" in notes


def test_fewer_seeds_than_expected_are_labelled_and_not_refused() -> None:
    new = estimate(draw_scores(SIGNAL, own=1))
    assert not find(new).notes
    assert "Only 5 seeds, fewer than the 6 expected" in find(new, min_seeds=6).notes[0]


def test_one_seed_compares_supernets_over_architectures_and_says_so() -> None:
    baseline = keep(CHOSEN, estimate(SCORES[:1], (0,)))
    harmed = estimate(draw_scores(SIGNAL, (0,), noise=1.6, own=1), (0,))
    finding = find(harmed, baseline=baseline)
    assert finding.is_single
    assert finding.outcome is Outcome.FAIL
    assert "over architectures only; this does not speak of the method" in " ".join(finding.notes)
    assert find(estimate(SCORES[:1], (0,)), "tau:0", baseline=baseline).outcome is Outcome.PASS


def test_scores_without_a_seed_are_one_seed() -> None:
    baseline = keep(CHOSEN, estimate(SCORES[:1], (None,)))
    finding = find(estimate(SCORES[:1], (None,)), baseline=baseline)
    assert finding.is_single
    assert "one unknown seed" in describe_finding(finding)


def test_a_side_of_one_other_seed_says_what_it_assumes() -> None:
    finding = find(estimate(draw_scores(SIGNAL, (9,), own=1), (9,)))
    assert not finding.is_single
    assert "assumed to vary between seeds as the other does" in " ".join(finding.notes)
    assert finding.low is not None


def test_a_top_of_too_few_architectures_is_refused() -> None:
    with pytest.raises(UsageError, match=r"within the top 10% of truth, which is 20 of the 200"):
        check(BASE, "tau_top_10:0.1")


# Disturbance and training loss


def make_run(own: int = 0, factor: float = 1.0, **fields: Any) -> ScoreMatrix:
    rng = np.random.RandomState(own)
    pd = factor * np.exp(0.05 * rng.standard_normal(5)) * 0.002 * np.arange(1, 6)
    given: dict[str, Any] = {"positive_pd": pd, "progress": [0.01] * 5, "train_loss": [1.8] * 5}
    records = make_records(SEEDS, **(given | fields))
    return estimate(SCORES, source="run", records=records, bn_mode="batch", dataset="tiles")


RUNS = keep(CHOSEN, make_run())


@pytest.mark.parametrize(
    ("factor", "outcome"),
    [(1.0, Outcome.PASS), (0.5, Outcome.PASS), (1.15, Outcome.INCONCLUSIVE), (1.5, Outcome.FAIL)],
)
def test_more_disturbance_is_worse(factor: float, outcome: Outcome) -> None:
    finding = find(make_run(1, factor), "positive_pd:10%", baseline=RUNS)
    assert finding.outcome is outcome
    old, new = (np.log(m.figures["positive_pd"]) for m in (*RUNS.methods, *keep_one(1, factor)))
    assert finding.difference == pytest.approx(math.expm1(float((new - old).mean())))
    assert finding.baseline == pytest.approx(math.exp(float(old.mean())))
    assert "progress 0.0100 -> 0.0100, training loss 1.8000 -> 1.8000" in " ".join(finding.notes)


def keep_one(own: int, factor: float) -> Any:
    return keep(CHOSEN, make_run(own, factor)).methods


def test_a_margin_in_nats_is_not_a_share() -> None:
    new = make_run(train_loss=[1.9, 1.9, 1.9, 1.9, 1.91])
    finding = find(new, "train_loss:0.05", baseline=RUNS)
    assert finding.outcome is Outcome.FAIL
    assert finding.difference == pytest.approx(0.102)
    assert find(new, "train_loss:0.2", baseline=RUNS).outcome is Outcome.PASS


def test_no_disturbance_at_all_passes_where_nothing_changed() -> None:
    still = make_run(positive_pd=[0.0] * 5)
    finding = find(still, "positive_pd:10%", baseline=keep(CHOSEN, still))
    assert (finding.outcome, finding.difference) == (Outcome.PASS, 0.0)
    with pytest.raises(UsageError, match="a share of zero is undefined"):
        check(still, "positive_pd:10%", baseline=RUNS)


def test_a_figure_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="needs positive_pd of every seed, which 'spos'"):
        check(BASE, "positive_pd:10%")


def test_one_seed_of_a_figure_is_inconclusive_unless_nothing_changed() -> None:
    one, other = (
        estimate(SCORES[:1], (0,), source="run", records=make_records((0,), train_loss=[loss]))
        for loss in (1.8, 2.8)
    )
    finding = find(other, "train_loss:0.1", baseline=keep(CHOSEN, one))
    assert (finding.outcome, finding.low, finding.visible) == (Outcome.INCONCLUSIVE, None, None)
    assert "One seed on each side does not show how train_loss varies" in finding.notes[0]
    assert "[unknown]" in describe_finding(finding)
    assert find(one, "train_loss:0", baseline=keep(CHOSEN, one)).outcome is Outcome.PASS


# What is refused


@pytest.mark.parametrize(
    ("fields", "both"),
    [
        ({"bn_mode": "recalibrated"}, "batch norm mode 'batch' .* 'recalibrated'"),
        ({"bn_mode": None}, "batch norm mode 'batch' in the baseline and unknown"),
        ({"score_kind": "minus column 'loss'"}, "score 'column 'score'' .* 'minus column 'loss''"),
        ({"dataset": "cifar10"}, "image data set 'tiles' .* 'cifar10'"),
    ],
)
def test_scores_made_in_another_way_are_refused_and_both_are_said(
    fields: dict[str, Any], both: str
) -> None:
    baseline = keep(CHOSEN, estimate(SCORES, bn_mode="batch", dataset="tiles"))
    new = estimate(SCORES, **({"bn_mode": "batch", "dataset": "tiles"} | fields))
    with pytest.raises(MismatchError, match=f"'spos' has {both}"):
        check(new, baseline=baseline)


def test_another_truth_table_is_refused_and_both_are_said() -> None:
    other, _ = make_truth(seed=1)
    with pytest.raises(MismatchError, match="The baseline was judged by tiles test") as caught:
        check_estimators(BASELINE, [BASE], other, parse_rules([]))
    for table in (CHOSEN.table, other.table):
        assert table.sha256[:12] in str(caught.value)


def test_another_query_of_the_same_table_is_refused() -> None:
    other = CHOSEN._replace(query=replace(CHOSEN.query, policy="trial=0"))
    with pytest.raises(MismatchError, match=r"epochs, mean .* is tiles test, 12 epochs, trial 0"):
        check_estimators(BASELINE, [BASE], other, parse_rules([]))


def test_the_same_table_under_another_name_is_the_same_truth() -> None:
    renamed, _ = make_truth(name="renamed")
    result = check_estimators(BASELINE, [BASE], renamed, parse_rules([]))
    assert result.outcome is Outcome.PASS


def test_other_architectures_are_refused_unless_common_ones_are_asked_for() -> None:
    scores = SCORES.copy()
    scores[1, :50] = np.nan  # a seed that lacks some takes them out for all
    with pytest.raises(
        MismatchError, match=r"on 200 architectures in the baseline and on 150 .*; 150 are in both"
    ):
        check(estimate(scores))
    finding = find(estimate(scores), "tau:0", take_common=True)
    assert (finding.outcome, finding.n) == (Outcome.PASS, 150)
    assert "On the 150 common architectures of 200 and 150." in finding.notes
    expected = np.mean([scipy.stats.kendalltau(r[50:], TRUTH[50:]).statistic for r in SCORES])
    assert finding.baseline == pytest.approx(expected)


def test_a_baseline_of_fewer_architectures_is_another_population_too() -> None:
    few = estimate(SCORES[:, :60], keys=CHOSEN.truth.keys[:60])
    with pytest.raises(MismatchError, match=r"on 60 architectures .* and on 200"):
        check(BASE, baseline=keep(CHOSEN, few))


def test_hardly_any_common_architectures_are_refused_even_if_asked_for() -> None:
    index = CHOSEN.truth.keys
    sides = [
        estimate(SCORES[:, place], keys=index[place]) for place in (slice(0, 110), slice(90, N))
    ]
    with pytest.raises(MismatchError, match="20 are in both, and a check needs 30 or more"):
        check(sides[1], baseline=keep(CHOSEN, sides[0]), take_common=True)


# Several methods


def test_methods_are_matched_by_label_whatever_their_order() -> None:
    others = [estimate(SCORES[:, ::-1], label="ogd"), BASE]
    baseline = keep(CHOSEN, *others)
    result = check_estimators(baseline, others[::-1], CHOSEN, parse_rules([]))
    assert [f.label for f in result.findings] == ["ogd", "spos"]
    assert result.outcome is Outcome.PASS


def test_missing_and_extra_methods_are_named_and_a_missing_one_does_not_pass() -> None:
    baseline = keep(CHOSEN, BASE, estimate(SCORES, label="ogd"))
    new = [BASE, estimate(SCORES, label="fairnas")]
    result = check_estimators(baseline, new, CHOSEN, parse_rules([]))
    assert (result.missing, result.extra) == (("ogd",), ("fairnas",))
    assert result.outcome is Outcome.INCONCLUSIVE
    assert (result.exit_code(), result.exit_code(strict=True)) == (0, EXIT_INCONCLUSIVE)
    text = " ".join(describe(result))
    assert "'ogd' of the baseline is missing, so not checked" in text
    assert "Not in the baseline, so not checked: 'fairnas'." in text


def test_a_missing_method_is_named_beside_a_regression() -> None:
    baseline = keep(CHOSEN, BASE, estimate(SCORES, label="ogd"))
    result = check(estimate(-SCORES), baseline=baseline)
    assert result.exit_code() == 1
    assert "Also, 'ogd' of the baseline is missing, so not checked." in describe(result)


def test_no_method_in_common_is_refused() -> None:
    with pytest.raises(MismatchError, match="the baseline has 'spos', what is checked has 'mine'"):
        check(estimate(SCORES, label="mine"))


def test_two_rankings_of_the_same_supernets_are_said_to_be_that_and_paired() -> None:
    records = make_records(SEEDS, train_loss=[2.0] * 5)
    baseline = keep(CHOSEN, replace(BASE, records=records))
    source = {"run_id": records[4].run_id, "started": records[4].started}
    again = records[4].model_copy(update={"run_id": "again", "ranking": {"source": source}})
    other = make_records((9,), train_loss=[2.0])
    new = estimate(draw_scores(SIGNAL, (4, 9), own=1), (4, 9), records=(again, *other))
    finding = find(new, baseline=baseline)
    assert (finding.baseline_seeds, finding.new_seeds) == ((4,), (4,))
    notes = " ".join(finding.notes)
    assert "1 of the 1 seeds have the same weights on both sides" in notes
    assert "two sets of scores are compared" not in notes


def test_what_the_runs_were_made_with_is_named_where_it_differs(tmp_path: Any) -> None:
    def made(cpu: str, torch: str) -> ScoreMatrix:
        update = {"environment": {"cpu": cpu}, "execution": {"torch": torch}}
        records = make_records(SEEDS)
        return replace(BASE, records=tuple(r.model_copy(update=update) for r in records))

    save_baseline(keep(CHOSEN, made("AMD", "2.13+cpu")), tmp_path / "b.json")
    baseline = load_baseline(tmp_path / "b.json")
    finding = find(made("Intel", "2.13+cu130"), baseline=baseline)
    text = "The two sides were made with different CPU (AMD / Intel), torch (2.13+cpu / 2.13+cu130)"
    assert any(text in note for note in finding.notes)
    assert not find(made("AMD", "2.13+cpu"), baseline=baseline).notes[1:]


def test_other_settings_are_named() -> None:
    baseline = keep(CHOSEN, estimate(SCORES, settings_sha256="1" * 64))
    finding = find(estimate(SCORES, settings_sha256="2" * 64), baseline=baseline)
    assert finding.outcome is Outcome.PASS
    assert "The settings of the runs differ from those of the baseline" in finding.notes[0]


def test_a_baseline_of_an_earlier_version_names_the_kind_of_score_in_former_words() -> None:
    before = "minus mean validation loss over 4 moments of training"
    now = "minus mean validation loss over 4 checkpoints"
    baseline = keep(CHOSEN, estimate(SCORES, score_kind=before))
    assert find(estimate(SCORES, score_kind=now), baseline=baseline).outcome is Outcome.PASS


# Estimators that were fitted to labels


def fit(
    scores: FloatArray, first: int = 0, seeds: tuple[int, ...] = SEEDS, **fields: Any
) -> tuple[ScoreMatrix, list[BoolArray]]:
    """An estimator whose seeds know 40 architectures each, and which these are, [n] each."""
    places = [np.arange(first + 20 * row, first + 20 * row + 40) % N for row in range(len(seeds))]
    known = [np.isin(np.arange(N), own) for own in places]
    seen = tuple(BASE.keys[own] for own in known)
    return estimate(np.where(known, np.nan, scores), seeds, fitted_on=seen, **fields), known


def mean_tau(scores: FloatArray, *known: list[BoolArray]) -> float:
    """Mean over seeds, each on what none of the sides knows."""
    taus = []
    for row, *masks in zip(scores, *known, strict=True):
        rest = ~np.logical_or.reduce(masks)
        taus.append(scipy.stats.kendalltau(row[rest], TRUTH[rest]).statistic)
    return float(np.mean(taus))


def test_each_label_seed_is_judged_on_what_neither_side_was_fitted_to() -> None:
    noisy = draw_scores(SIGNAL, noise=1.4, own=1)
    old, known = fit(SCORES)
    new, other = fit(noisy, first=30)
    finding = find(new, "tau:0.02", baseline=keep(CHOSEN, old))
    assert (finding.outcome, finding.n) == (Outcome.FAIL, 130)  # 40 labels a side, 10 of both
    assert finding.baseline == pytest.approx(mean_tau(SCORES, known, other))
    assert finding.new == pytest.approx(mean_tau(noisy, known, other))
    assert "judged on 130 of 200 architectures, those that neither" in " ".join(finding.notes)


def test_a_check_says_of_a_predictor_what_a_report_says(tmp_path: Any) -> None:
    old, _ = fit(SCORES)
    new, _ = fit(draw_scores(SIGNAL, noise=1.4, own=1), first=30, label="new")
    (pair,) = evaluate_together([old, new], CHOSEN, baseline="spos").pairs
    reported = pair.comparison.differences["all"]
    save_baseline(keep(CHOSEN, old), tmp_path / "b.json")  # null where a seed has no score
    baseline = load_baseline(tmp_path / "b.json")
    rules = ("tau:0", "tau_top_half:0", "regret_at_10:0")
    findings = check(replace(new, label="spos"), *rules, baseline=baseline).findings
    for finding, name in zip(findings, ("tau", "tau_top_50", "regret_at_10"), strict=True):
        assert finding.baseline is not None
        assert finding.new is not None
        own = (finding.new, finding.difference, finding.baseline)
        gain = finding.new - finding.baseline if name.startswith("regret") else -own[1]
        assert gain == pytest.approx(reported[name].value)


def test_a_predictor_against_itself_passes() -> None:
    own, _ = fit(SCORES)
    for rule in ("tau:0", "spearman:0", "regret_at_10:0"):
        assert find(own, rule, baseline=keep(CHOSEN, own)).outcome is Outcome.PASS


def test_other_label_seeds_are_judged_on_what_none_was_fitted_to() -> None:
    old, known = fit(SCORES[:2], seeds=(0, 1))
    new, other = fit(SCORES[2:4], first=60, seeds=(2, 3))
    finding = find(new, "tau:0", baseline=keep(CHOSEN, old))
    assert (finding.is_paired, finding.n) == (False, 80)
    common = [np.logical_or.reduce([*known, *other])] * 2
    assert finding.baseline == pytest.approx(mean_tau(SCORES[:2], common))


def test_a_baseline_keeps_no_score_of_a_label() -> None:
    own, known = fit(SCORES)
    (taken,) = keep(CHOSEN, own).methods
    assert taken.nb201_index == tuple(BASE.keys.tolist())
    assert [[s is None for s in row] for row in taken.scores] == np.array(known).tolist()
    assert taken.tau[0] == pytest.approx(mean_tau(SCORES[:1], known[:1]), abs=1e-6)
    with pytest.raises(TruthError, match=r"has 20 architectures .* a check needs 30"):
        keep(CHOSEN, replace(own, fitted_on=(own.keys[:180], *own.fitted_on[1:])))


# Regret


def place_best(*at: int, seeds: tuple[int, ...] = SEEDS) -> ScoreMatrix:
    """Scores whose highest are what is truly best after the first k, one k a seed."""
    order = np.argsort(-TRUTH)
    scores = np.tile(TRUTH, (len(at), 1))
    for row, k in zip(scores, at, strict=True):
        row[order[:k]] -= 1000.0
    return estimate(scores, seeds)


def regret(k: int) -> float:
    ordered = -np.sort(-TRUTH)
    return float(ordered[0] - ordered[k])


def test_regret_that_grew_in_every_seed_is_a_regression() -> None:
    before, after = (0, 1, 0, 2, 0), (30, 35, 40, 30, 60)
    old, new = place_best(*before), place_best(*after)
    finding = find(new, "regret_at_10:0.5", baseline=keep(CHOSEN, old))
    worse = sorted(regret(b) - regret(a) for a, b in zip(before, after, strict=True))
    assert finding.outcome is Outcome.FAIL
    assert (finding.low, finding.difference, finding.high) == pytest.approx(tuple(worse[::2]))
    assert finding.new == pytest.approx(np.mean([regret(k) for k in after]))
    text = describe_finding(finding)
    assert f"margin 0.500 accuracy points, {N} architectures" in text
    assert "D is the median over seeds" in text
    assert find(old, "regret_at_10:0", baseline=keep(CHOSEN, new)).outcome is Outcome.PASS


def test_regret_that_grew_in_some_seeds_is_inconclusive() -> None:
    new = place_best(0, 0, 0, 0, 60)
    baseline = keep(CHOSEN, place_best(0, 0, 0, 0, 0))
    assert find(new, "regret_at_10:0.5", baseline=baseline).outcome is Outcome.INCONCLUSIVE
    enough = f"regret_at_10:{regret(60) + 0.1:.3f}"
    assert find(new, enough, baseline=baseline).outcome is Outcome.PASS


def test_regret_without_five_common_seeds_has_no_bounds() -> None:
    baseline = keep(CHOSEN, place_best(0, 0, 0, 0, seeds=SEEDS[:4]))
    few = find(place_best(9, 9, 9, 9, seeds=SEEDS[:4]), "regret_at_1:0", baseline=baseline)
    assert (few.outcome, few.low, few.visible) == (Outcome.INCONCLUSIVE, None, None)
    assert "Bounds need five common seeds." in few.notes[0]
    others = find(place_best(9, 9, seeds=(8, 9)), "regret_at_1:0", baseline=baseline)
    assert (others.outcome, others.low) == (Outcome.INCONCLUSIVE, None)
    assert "No bounds of regret without common seeds" in others.notes[0]


def test_a_margin_of_regret_that_nothing_can_exceed_is_refused() -> None:
    most = float(TRUTH.max() - TRUTH.min())
    with pytest.raises(UsageError, match=rf"everything pass: .* is {most:.4g} accuracy points"):
        check(BASE, f"regret_at_10:{most + 0.001:.3f}")


def test_regret_counts_labels_as_known() -> None:
    scores = -np.tile(TRUTH, (5, 1))  # the worst first
    own, known = fit(scores)
    finding = find(own, "regret_at_10:0", baseline=keep(CHOSEN, own))
    best = [max(TRUTH[mask].max(), np.sort(TRUTH[~mask])[9]) for mask in known]
    assert finding.baseline == pytest.approx(np.mean(TRUTH.max() - np.array(best)))
