"""The published NAS-Bench-201 table: figures that the import and the statistics must reproduce.

Sources of the numbers: the table itself and its description (shared data folder's README), Dong &
Yang, 2020, arXiv 2001.00326; rank correlations were computed once with scipy. Taus of published
supernets (0.485, 0.551, 0.713) are not among them: they need those supernets' scores.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_flops, count_params
from harness.spaces.nb201.encoding import N_ARCHS, Arch, enumerate_archs
from harness.spaces.values import NetworkShape
from harness.stats import (
    ceiling,
    evaluate_scores,
    kendall_tau,
    modelled_ceiling,
    one_seed_reference,
    top_share,
)
from harness.truth import TruthQuery, TruthTable, load_table, make_table, save_table

pytestmark = pytest.mark.realdata

C10_VALID = TruthQuery("cifar10-valid", "valid", 200)
C10_TEST = TruthQuery("cifar10", "test", 200)
C100_TEST = TruthQuery("cifar100", "test", 200)
IN16_TEST = TruthQuery("ImageNet16-120", "test", 200)


@pytest.fixture(scope="module")
def table(data_dir: Path) -> TruthTable:
    return load_table(data_dir / "nb201" / "truth_rows.parquet")


@pytest.mark.parametrize(
    ("query", "best", "index"),
    [
        (C10_VALID, 91.606667, 6111),
        (C10_TEST, 94.373333, 6111),
        (C100_TEST, 73.513333, 9930),
        (IN16_TEST, 47.311111, 857),
    ],
    ids=str,
)
def test_the_best_means_are_the_published_ones(
    table: TruthTable, query: TruthQuery, best: float, index: int
) -> None:
    truth = table.mean(query)
    assert len(truth.keys) == N_ARCHS
    assert truth.value.max() == best
    assert truth.keys[truth.value.argmax()] == index


def test_the_best_of_cifar10_test_is_tied_to_the_last_digit(table: TruthTable) -> None:
    truth = table.mean(C10_TEST)
    assert truth.keys[truth.value == truth.value.max()].tolist() == [6111, 13714]


def test_there_are_as_many_rows_trials_and_architectures_as_published(table: TruthTable) -> None:
    assert len(table.columns) == 327_831
    assert table.n_archs == N_ARCHS
    groups = {(g.dataset, g.split, g.epochs): g for g in table.groups()}
    assert len(groups) == 12
    for (dataset, _, epochs), group in groups.items():
        assert group.n_archs == N_ARCHS
        ragged = {1: 2225, 2: 5439, 3: 7961} if dataset == "cifar10" else {2: 7456, 3: 8169}
        assert group.trials == (ragged if epochs == 200 else {1: N_ARCHS})


def test_a_row_is_known_by_its_trial_since_an_unknown_seed_repeats(table: TruthTable) -> None:
    columns = table.columns
    rows = columns.where("cifar10", "test", 200)
    unknown = columns.key[rows[columns.seed[rows] == -1]]
    sizes = np.unique(unknown, return_counts=True)[1]
    # 2,433 architectures lack one of the seeds, and which one is not known; 208 have two such rows.
    assert (len(sizes), int((sizes == 2).sum())) == (2433, 208)


@pytest.mark.parametrize(
    ("policy", "n_missing"),
    [
        *(("mean", 0), ("trial=0", 0), ("trial=1", 2225), ("trial=2", 7664)),
        *(("seed=777", 2433), ("seed=888", 2433), ("seed=999", 7664)),
    ],
)
def test_every_policy_says_how_many_architectures_lack_it(
    table: TruthTable, policy: str, n_missing: int
) -> None:
    truth = table.select(TruthQuery("cifar10", "test", 200, policy))
    assert truth.n_missing == n_missing
    assert len(truth.keys) == N_ARCHS - n_missing


def test_architectures_with_three_trials_are_worse_than_average(table: TruthTable) -> None:
    truth = table.mean(C10_TEST)
    # 85.2 against 87.1 percent: a reference on them is not one of all architectures.
    assert truth.value[truth.n_trials == 3].mean() < truth.value.mean() - 1.5


@pytest.mark.parametrize(
    ("query", "tau", "n_archs"),
    [
        (C10_VALID, 0.925, 8169),
        (C10_TEST, 0.920, 7961),
        (C100_TEST, 0.912, 8169),
        (IN16_TEST, 0.923, 8169),
    ],
    ids=str,
)
def test_the_one_seed_references_are_the_known_ones(
    table: TruthTable, query: TruthQuery, tau: float, n_archs: int
) -> None:
    reference = one_seed_reference(table.trials(query).value)
    assert reference is not None
    # The known values hold out the first trial only; which one moves them by up to 0.002.
    assert reference.tau == pytest.approx(tau, abs=0.002)
    assert (reference.n_archs, reference.n_trials) == (n_archs, 3)


@pytest.mark.parametrize(
    ("query", "tau"),
    [(C10_VALID, 0.925), (C10_TEST, 0.920), (C100_TEST, 0.912), (IN16_TEST, 0.923)],
    ids=str,
)
def test_the_first_trial_ranks_the_two_others_as_well_as_is_known(
    table: TruthTable, query: TruthQuery, tau: float
) -> None:
    trials = table.trials(query).value
    three = trials[np.isfinite(trials).all(axis=1)]
    value = kendall_tau(three[:, 0], three[:, 1:].mean(axis=1).round(6)).value
    # Known to three decimals; CIFAR-10's test gives 0.9194 here, the others agree to the last one.
    assert value == pytest.approx(tau, abs=0.0007)


def test_validation_ranks_test_as_is_known_and_fresh_noise_would_bias_it_down(
    table: TruthTable,
) -> None:
    valid, test = table.mean(C10_VALID).value, table.mean(C10_TEST).value
    assert kendall_tau(valid, test).value == pytest.approx(0.8925, abs=5e-5)
    # The known value under noise, 0.8886, is of a noise that is not stated; this model's adds up
    # to 0.8831. Either way an interval from noisy copies of a noisy truth would miss its estimate.
    trials = table.trials(C10_TEST).value
    n_trials = np.isfinite(trials).sum(axis=1)
    se = np.sqrt(ceiling._seed_variance(trials, n_trials, test) / n_trials)
    noisy = test + se * np.random.RandomState(0).standard_normal(N_ARCHS)
    assert (kendall_tau(valid, noisy).value or 1.0) < 0.8925 - 0.003


@pytest.mark.parametrize("count", [count_params, count_flops])
def test_size_alone_reaches_the_known_tau(
    table: TruthTable, count: Callable[[Arch, NetworkShape], int]
) -> None:
    truth = table.mean(C10_TEST)
    sizes = [count(arch, BENCHMARK_SHAPES["cifar10"]) for arch in enumerate_archs()]
    found = evaluate_scores(range(N_ARCHS), sizes, None, truth.value, populations=["all"])
    metrics = found.populations["all"].metrics
    # Known to the decimals given, of which the last may be rounded.
    assert metrics["tau"].value == pytest.approx(0.577, abs=0.0005)
    assert metrics["tau_top_50"].value == pytest.approx(0.39, abs=0.005)
    assert metrics["tau_top_10"].value == pytest.approx(0.085, abs=0.0005)
    assert metrics["tau"].interval is None


@pytest.mark.parametrize(
    ("dataset", "split", "tau"),
    [
        ("cifar10-valid", "cifar10", 0.594),
        ("cifar100", "cifar100", 0.645),
        ("ImageNet16-120", "ImageNet16-120", 0.6436),
    ],
)
def test_short_trainings_reach_the_known_tau(
    table: TruthTable, dataset: str, split: str, tau: float
) -> None:
    short = table.mean(TruthQuery(dataset, "valid", 12)).value
    full = table.mean(TruthQuery(split, "test", 200)).value
    assert kendall_tau(short, full).value == pytest.approx(tau, abs=0.0005)


def test_tau_of_the_whole_table_equals_scipys(table: TruthTable) -> None:
    x, y = table.mean(C10_VALID).value, table.mean(C10_TEST).value
    expected = scipy_stats.kendalltau(x, y).statistic
    assert kendall_tau(x, y).value == pytest.approx(expected, abs=1e-12)


def test_the_top_half_of_cifar10_includes_its_ties(table: TruthTable) -> None:
    assert top_share(table.mean(C10_TEST).value, 0.5).sum() == 7816


@pytest.mark.parametrize("query", [C10_VALID, C10_TEST, C100_TEST, IN16_TEST], ids=str)
def test_the_noise_model_predicts_the_one_seed_reference_of_every_data_set(
    table: TruthTable, query: TruthQuery
) -> None:
    trials = table.trials(query).value
    n_trials = np.isfinite(trials).sum(axis=1)
    observed = np.nansum(trials, axis=1) / n_trials
    variance = ceiling._seed_variance(trials, n_trials, observed)
    edges, cumulative = ceiling._posterior(observed, np.sqrt(variance / n_trials) + 1e-6)
    rng = np.random.RandomState(0)
    predicted = []
    for _ in range(2):
        true = ceiling._draw_true(edges, cumulative, rng)[:, None]
        three = true + np.sqrt(variance)[:, None] * rng.standard_normal((N_ARCHS, 3))
        reference = one_seed_reference(three[n_trials == 3])
        assert reference is not None
        predicted.append(reference.tau)
    actual = one_seed_reference(trials)
    assert actual is not None
    # The model is too low by 0.003, 0.002, 0.004 and 0.0055 in this order.
    assert np.mean(predicted) == pytest.approx(actual.tau, abs=0.007)


@pytest.mark.parametrize(("share", "tolerance"), [(1.0, 0.005), (0.5, 0.015), (0.1, 0.04)])
def test_the_noise_model_predicts_the_one_seed_reference(
    table: TruthTable, share: float, tolerance: float
) -> None:
    # The only check that real data allow: three trials simulated by the model must agree among
    # themselves as well as the three real ones do, overall and among the best.
    trials = table.trials(C10_TEST).value
    n_trials = np.isfinite(trials).sum(axis=1)
    observed = np.nanmean(trials, axis=1)
    variance = ceiling._seed_variance(trials, n_trials, observed)
    edges, cumulative = ceiling._posterior(observed, np.sqrt(variance / n_trials) + 1e-6)
    rng = np.random.RandomState(0)
    true = ceiling._draw_true(edges, cumulative, rng)
    noise = np.sqrt(variance)[:, None] * rng.standard_normal((N_ARCHS, 3))
    taus = []
    for three in (trials, true[:, None] + noise):
        dense = three[n_trials == 3]
        others = dense[:, 1:].mean(axis=1)
        chosen = top_share(others, share)
        taus.append(kendall_tau(dense[chosen, 0], others[chosen]).value or 0.0)
    # Tau of all 7,961 scatters by 0.001; of some 4,000 by 0.005; of some 800 by 0.015.
    assert taus[1] == pytest.approx(taus[0], abs=tolerance)


def test_the_ceiling_of_a_mean_of_three_is_the_known_one(table: TruthTable) -> None:
    trials = table.trials(C10_TEST).value
    three = trials[np.isfinite(trials).all(axis=1)]
    found = modelled_ceiling(three, draws=3)
    assert found is not None
    assert found.tau == pytest.approx(0.96, abs=0.005)


@pytest.mark.parametrize(
    ("share", "known"), [(None, 0.948), (0.5, 0.857), (0.1, 0.676)], ids=["all", "half", "10%"]
)
def test_the_ceiling_is_well_under_one_among_the_best(
    table: TruthTable, share: float | None, known: float
) -> None:
    trials = table.trials(C10_TEST).value
    (found,) = ceiling.modelled_ceilings(trials, None, (share,), draws=3)
    assert found is not None
    # Regression values of this model, with the scatter of three draws.
    assert found.tau == pytest.approx(known, abs=0.008)


def test_the_whole_table_makes_the_round_trip(table: TruthTable, tmp_path: Path) -> None:
    save_table(table, tmp_path / "truth.parquet")
    loaded = load_table(tmp_path / "truth.parquet")
    assert loaded.sha256 == table.sha256
    assert len(loaded.rows) == 327_831
    assert loaded.rows.equals(table.rows)


def test_shuffled_rows_make_the_same_table(table: TruthTable) -> None:
    shuffled = make_table(table.rows.sample(frac=1, random_state=0), "shuffled", {})
    assert shuffled.sha256 == table.sha256
