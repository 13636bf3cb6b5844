"""Everything said of a ranking, and of the difference of two, in one call each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.errors import UsageError
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.stats import (
    METRICS,
    compare_scores,
    compute_metric,
    concordance_by_gap,
    evaluate_scores,
    kendall_tau,
    modelled_ceiling,
    one_seed_reference,
    populations_of,
    select_population,
    top_share,
)

POPULATIONS = populations_of(load_space())
FloatArray = npt.NDArray[np.float64]
Case = dict[str, Any]


def make_case(n: int, n_seeds: int = 2, n_trials: int = 3) -> Case:
    """Scores of a sample of the space whose truth grows with convolutions."""
    rng = np.random.RandomState(0)
    index = np.array(sample_indices(n))
    convs = np.array([len(arch_at(i).live_conv_edges) for i in index])
    true = 70.0 + 3.0 * convs + rng.standard_normal(n)
    trials = true[:, None] + 0.3 * rng.standard_normal((n, n_trials))
    trials[rng.uniform(size=n) < 0.3, -1] = np.nan if n_trials > 1 else 75.0
    return {
        "keys": index,
        "scores": true + 2.0 * rng.standard_normal((n_seeds, n)),
        "trials": trials,
        "truth": np.nanmean(trials, axis=1).round(6),
    }


def test_every_population_has_every_metric_of_its_own_members() -> None:
    case = make_case(400)
    found = evaluate_scores(**case)
    assert (found.n, found.n_seeds) == (400, 2)
    assert list(found.populations) == list(POPULATIONS)
    for name, part in found.populations.items():
        mask = select_population(name, case["keys"], case["truth"], load_space()).mask
        assert list(part.metrics) == list(METRICS)
        assert part.population.n == mask.sum()
        for metric in ("tau", "precision_at_10", "regret_at_10"):
            values = [
                compute_metric(metric, row[mask], case["truth"][mask]).value
                for row in case["scores"]
            ]
            result = part.metrics[metric]
            if result.value is None:
                assert None in values
            else:
                assert result.value == pytest.approx(np.mean([v or 0.0 for v in values]))


def test_reference_and_ceiling_are_of_the_same_population() -> None:
    case = make_case(600)
    parts = evaluate_scores(**case, populations=["all", "live", "top_50"]).populations
    live = select_population("live", case["keys"], case["truth"], load_space()).mask
    best = top_share(case["truth"], 0.5)
    for name, trials, share, mask in (
        ("all", case["trials"], None, None),
        ("live", case["trials"][live], None, live),
        ("top_50", case["trials"], 0.5, best),
    ):
        part = parts[name]
        assert part.reference == one_seed_reference(trials, share)
        assert part.ceiling is not None
        assert part.ceiling == modelled_ceiling(case["trials"], case["truth"], mask)
        tau = part.metrics["tau"].value
        assert tau is not None
        assert part.share_of_ceiling == pytest.approx(tau / part.ceiling.tau)
        assert part.attenuation is not None
        assert tau < part.attenuation.tau < 1.0


def test_baselines_stand_beside_on_the_same_population() -> None:
    case = make_case(300)
    convs = np.array([len(arch_at(i).live_conv_edges) for i in case["keys"]], dtype=float)
    parts = evaluate_scores(**case, baselines={"convs": convs, "constant": np.zeros(300)})
    best = top_share(case["truth"], 0.5)
    beside = parts.populations["top_50"].baselines
    expected = kendall_tau(convs[best], case["truth"][best]).value
    assert beside["convs"].value == pytest.approx(expected)
    assert beside["constant"].status == "undefined"


def test_the_gap_curve_is_over_all_and_averages_seeds() -> None:
    case = make_case(200)
    found = evaluate_scores(**case, populations=["live"])
    assert found.gap_curve == concordance_by_gap(case["scores"], case["truth"])


def test_components_hold_the_noise_of_the_truth_where_there_are_trials() -> None:
    case = make_case(300)
    parts = evaluate_scores(**case, populations=["all"]).populations["all"].components
    assert parts is not None
    assert set(parts.shares) == {"seeds", "architectures", "truth"}
    bare = evaluate_scores(**case | {"trials": None}, populations=["all"]).populations["all"]
    assert bare.components is not None
    assert bare.components.truth_se is None
    assert bare.reference is bare.ceiling is bare.attenuation is bare.share_of_ceiling is None


@pytest.mark.parametrize("n_trials", [1, 2])
def test_one_trial_has_no_noise_model_and_two_have(n_trials: int) -> None:
    case = make_case(300, n_trials=n_trials)
    case["trials"] = np.round(case["trials"], 3)
    case["truth"] = np.nanmean(case["trials"], axis=1)
    part = evaluate_scores(**case, populations=["all"]).populations["all"]
    assert (part.ceiling is None) == (n_trials == 1)
    assert part.components is not None
    assert (part.components.truth_se is None) == (n_trials == 1)


def test_a_truth_of_one_trial_says_so_and_has_the_lower_ceiling() -> None:
    case = make_case(400)
    mean = evaluate_scores(**case, populations=["all"]).populations["all"].ceiling
    case["truth"] = case["trials"][:, 0]
    with pytest.raises(UsageError, match="n_behind"):
        evaluate_scores(**case)
    one = evaluate_scores(**case, n_behind=np.ones(400, dtype=int), populations=["all", "live"])
    for part in one.populations.values():
        assert part.ceiling is not None
        assert mean is not None
        assert part.ceiling.tau < mean.tau


def test_a_single_row_is_one_seed_and_the_same_seed_gives_the_same() -> None:
    case = make_case(200)
    flat = evaluate_scores(**case | {"scores": case["scores"][0]})
    row = evaluate_scores(**case | {"scores": case["scores"][:1]})
    assert flat.n_seeds == 1
    assert flat.to_dict() == row.to_dict()


@pytest.mark.parametrize("n", [1, 20, 60, 400])
def test_the_dictionary_is_json_at_any_size(n: int) -> None:
    case = make_case(n)
    found = evaluate_scores(**case, baselines={"zero": np.zeros(n)})
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["n"] == n
    assert set(record["populations"]) == set(POPULATIONS)
    status = record["populations"]["all"]["metrics"]["tau"]["status"]
    assert status == ("ok" if n >= 30 else "too few")
    other = case["scores"] - 1.0
    compared = compare_scores(case["keys"], case["scores"], other, case["trials"], case["truth"])
    json.dumps(compared.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"scores": np.zeros((2, 49))}, "n is 50 here"),
        ({"scores": np.zeros((0, 50))}, "n is 50 here"),
        ({"scores": np.full((2, 50), np.nan)}, "100 of the scores are missing"),
        ({"trials": np.zeros((49, 3))}, r"must be \[n, trial\]"),
        ({"trials": np.zeros(50)}, r"must be \[n, trial\]"),
        ({"trials": np.full((50, 2), np.nan)}, "50 of 50 architectures have no training"),
        ({"trials": np.full((50, 2), np.inf)}, "infinite"),
        ({"trials": np.zeros((50, 2))}, "differs from the mean of its trainings"),
        ({"truth": np.full(50, np.nan)}, "truths are missing"),
        ({"keys": np.zeros(50, dtype=int)}, "more than once"),
        ({"populations": ["al"]}, "Did you mean 'all'"),
        ({"baselines": {"flops": np.zeros(3)}}, "The baseline 'flops' have the shape"),
        ({"n_behind": np.full(50, 9)}, "numbers of trainings|Numbers of trainings"),
    ],
)
def test_what_does_not_fit_is_refused(changed: Case, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        evaluate_scores(**make_case(50) | changed)


def compare(case: Case, first: FloatArray, second: FloatArray, **more: Any) -> Any:
    rest = {name: value for name, value in case.items() if name != "scores"}
    return compare_scores(first=first, second=second, **rest, **more)


def test_a_planted_reversal_is_told_and_mirrored() -> None:
    case = make_case(1500, n_seeds=3)
    truth, rng = case["truth"], np.random.RandomState(1)
    # One knows who is bad and nothing of the best; the other knows the best only.
    tail = np.minimum(truth, np.quantile(truth, 0.5)) + 0.5 * rng.standard_normal((3, 1500))
    head = np.maximum(truth, np.quantile(truth, 0.7)) + 0.5 * rng.standard_normal((3, 1500))
    found = compare(case, tail, head, names=("tail", "head"), populations=["all", "top_10"])
    assert found.verdict.is_reversed
    assert found.verdict.winners == {"all": "tail", "top_10": "head"}
    mirrored = compare(case, head, tail, names=("head", "tail"), populations=["all", "top_10"])
    assert mirrored.verdict.winners == found.verdict.winners
    for place in ("all", "top_10"):
        there, back = found.differences[place]["tau"], mirrored.differences[place]["tau"]
        assert there.value == pytest.approx(-(back.value or 0.0))


def test_equal_methods_differ_nowhere() -> None:
    case = make_case(300)
    found = compare(case, case["scores"], case["scores"])
    assert set(found.verdict.winners.values()) == {None}
    assert found.differences["all"]["tau"].value == 0.0
    assert found.components["all"].total_se == 0.0


def test_a_paired_difference_is_known_better_than_two_taus() -> None:
    case = make_case(300)
    other = case["scores"] + 0.3 * np.random.RandomState(1).standard_normal((2, 300))
    found = compare(case, case["scores"], other, populations=["all"]).components["all"]
    alone = evaluate_scores(**case, populations=["all"]).populations["all"].components
    assert found is not None
    assert alone is not None
    assert found.architectures_se < 0.5 * alone.architectures_se
    assert found.truth_se < alone.truth_se


def test_unpaired_seeds_and_equal_names_are_refused() -> None:
    case = make_case(50)
    with pytest.raises(UsageError, match="2 seeds of 'first' and 1 of 'second'"):
        compare(case, case["scores"], case["scores"][:1])
    with pytest.raises(UsageError, match="two different names"):
        compare(case, case["scores"], case["scores"], names=("a", "a"))
    with pytest.raises(UsageError, match="at least one population"):
        compare(case, case["scores"], case["scores"], populations=[])
