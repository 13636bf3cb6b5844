"""Every metric of the registry: against a naive reference, and held to the same laws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats as scipy_stats

from harness.errors import UsageError
from harness.stats import METRICS, Method, compute_metric, top_share

FloatArray = npt.NDArray[np.float64]
Reference = Callable[[FloatArray, FloatArray], float]

# References sum the same terms in another order.
TOLERANCE = 1e-10


def naive_tau(score: FloatArray, truth: FloatArray) -> float:
    agreement = untied_x = untied_y = 0
    for i in range(len(score)):
        for j in range(i):
            agreement += np.sign(score[i] - score[j]) * np.sign(truth[i] - truth[j])
            untied_x += score[i] != score[j]
            untied_y += truth[i] != truth[j]
    return float(agreement / np.sqrt(untied_x * untied_y))


def naive_weighted_tau(score: FloatArray, truth: FloatArray) -> float:
    order = sorted(range(len(score)), key=lambda i: (truth[i], score[i]), reverse=True)
    weight = {item: 1 / (rank + 1) for rank, item in enumerate(order)}
    agreement = untied_x = untied_y = 0.0
    for i in range(len(score)):
        for j in range(i):
            w = weight[i] + weight[j]
            agreement += w * np.sign(score[i] - score[j]) * np.sign(truth[i] - truth[j])
            untied_x += w * (score[i] != score[j])
            untied_y += w * (truth[i] != truth[j])
    return float(agreement / np.sqrt(untied_x * untied_y))


def naive_spearman(score: FloatArray, truth: FloatArray) -> float:
    def ranks(side: FloatArray) -> list[float]:
        return [sum(side < v) + (sum(side == v) + 1) / 2 for v in side]

    return float(np.corrcoef(ranks(score), ranks(truth))[0, 1])


def within(share: float) -> Reference:
    def tau(score: FloatArray, truth: FloatArray) -> float:
        best = top_share(truth, share)
        return naive_tau(score[best], truth[best])

    return tau


def naive_precision(share: float) -> Reference:
    def precision(score: FloatArray, truth: FloatArray) -> float:
        k = top_share(np.arange(float(len(score))), share).sum()
        cut = sorted(score)[-k]
        sure, tied = score > cut, score == cut
        best = top_share(truth, share)
        return float((best[sure].sum() + (k - sure.sum()) * best[tied].mean()) / k)

    return precision


def drawn_best(k: int, of: Callable[[FloatArray, float], float]) -> Reference:
    """No ties at the cut in these tests; those are enumerated in the tests of the top k."""

    def best(score: FloatArray, truth: FloatArray) -> float:
        return of(truth, max(truth[np.argsort(-score)[:k]]))

    return best


REFERENCES: dict[str, Reference] = {
    "tau": naive_tau,
    "weighted_tau": naive_weighted_tau,
    "spearman": naive_spearman,
    "pearson": lambda score, truth: float(np.corrcoef(score, truth)[0, 1]),
    **{f"tau_top_{round(100 * s)}": within(s) for s in (0.5, 0.2, 0.1, 0.01)},
    **{f"precision_at_{round(100 * s)}": naive_precision(s) for s in (0.01, 0.05, 0.1)},
    **{
        f"best_rank_at_{k}": drawn_best(k, lambda truth, found: 1 + sum(truth > found))
        for k in (1, 10, 100)
    },
    **{
        f"regret_at_{k}": drawn_best(k, lambda truth, found: max(truth) - found)
        for k in (1, 10, 100)
    },
}


def make_ranking(n: int, is_tied: bool) -> tuple[FloatArray, FloatArray]:
    rng = np.random.RandomState(0)
    truth = (94 - rng.gamma(2.0, 3.0, n)).round(1 if is_tied else 6)
    scores = truth + 2 * rng.standard_normal(n)
    return scores.round(0) if is_tied else scores, truth


def test_every_metric_has_a_reference() -> None:
    assert set(REFERENCES) == set(METRICS)


# The tests of the top k enumerate the orders of tied scores.
CASES = [
    (name, is_tied)
    for name in METRICS
    for is_tied in (False, True)
    if not (is_tied and name.startswith(("best_rank", "regret")))
]


@pytest.mark.parametrize(("name", "is_tied"), CASES)
def test_a_metric_equals_its_naive_reference(name: str, is_tied: bool) -> None:
    # Large enough for 30 in the top share that the metric is over, and no larger.
    n = 3100 if name.startswith("precision") or name == "tau_top_1" else 350
    score, truth = make_ranking(n, is_tied)
    found = compute_metric(name, score, truth)
    assert found.status == "ok"
    assert found.value == pytest.approx(REFERENCES[name](score, truth), abs=TOLERANCE)


def test_metrics_that_scipy_has_equal_scipys_on_the_whole_space() -> None:
    score, truth = make_ranking(15_625, is_tied=True)
    for name, expected in {
        "tau": scipy_stats.kendalltau(score, truth).statistic,
        "weighted_tau": scipy_stats.weightedtau(truth, score, rank=None).statistic,
        "spearman": scipy_stats.spearmanr(score, truth).statistic,
        "pearson": scipy_stats.pearsonr(score, truth).statistic,
    }.items():
        assert compute_metric(name, score, truth).value == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("name", METRICS)
def test_fewer_than_thirty_architectures_are_too_few(name: str) -> None:
    for n in (0, 1, 29):
        found = compute_metric(name, np.arange(float(n)), np.arange(float(n)))
        assert (found.value, found.status, found.influence) == (None, "too few", None)


@pytest.mark.parametrize(
    ("name", "n", "n_left"),
    [
        ("precision_at_10", 290, 29),
        ("precision_at_1", 2900, 29),
        ("tau_top_50", 58, 29),
        ("tau_top_1", 2900, 29),
        ("best_rank_at_100", 100, 100),
        ("regret_at_100", 100, 100),
    ],
)
def test_a_small_top_is_too_few_however_many_there_are_in_all(
    name: str, n: int, n_left: int
) -> None:
    score, truth = make_ranking(n, is_tied=False)
    found = compute_metric(name, score, truth)
    assert (found.value, found.status, found.n) == (None, "too few", n_left)


@pytest.mark.parametrize("name", METRICS)
def test_a_constant_score_is_undefined_or_a_random_choice(name: str) -> None:
    _, truth = make_ranking(4000, is_tied=False)
    found = compute_metric(name, np.zeros(4000), truth)
    if name.startswith(("precision", "best_rank", "regret")):
        assert found.status == "ok"
        assert found.value is not None
    else:
        assert (found.value, found.status) == (None, "undefined")


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_score_is_as_good_as_can_be_and_a_monotone_map_does_not_matter(name: str) -> None:
    score, truth = make_ranking(4000, is_tied=False)
    metric = METRICS[name]
    assert metric.limits is not None
    ideal = metric.limits[0] if metric.is_lower_better else metric.limits[1]
    assert compute_metric(name, truth, truth).value == pytest.approx(ideal, abs=TOLERANCE)
    mapped = compute_metric(name, np.exp(score / 50.0), truth).value
    if name != "pearson":
        assert mapped == compute_metric(name, score, truth).value


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_what_its_method_of_interval_needs(name: str) -> None:
    metric = METRICS[name]
    found = compute_metric(name, *make_ranking(4000, is_tied=True))
    assert (found.influence is not None) == (metric.method is Method.INFLUENCE)
    assert (metric.replicates is not None) == (metric.method is Method.BOOTSTRAP)
    assert metric.title
    assert metric.definition


def test_an_unknown_metric_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'spearman'"):
        compute_metric("spearmann", np.arange(40.0), np.arange(40.0))


def test_missing_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="missing or infinite"):
        compute_metric("tau", np.full(40, np.nan), np.arange(40.0))
