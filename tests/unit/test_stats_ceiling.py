"""The one-seed reference and the modelled ceiling, held to simulations whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from harness.errors import UsageError
from harness.stats import kendall_tau, modelled_ceiling, one_seed_reference, top_share

FloatArray = npt.NDArray[np.float64]


def simulate(n: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Draw true accuracies like the published ones, and 1 to 3 trials of each."""
    rng = np.random.RandomState(seed)
    bad_tail = rng.uniform(size=n) < 0.3
    true = np.where(bad_tail, rng.uniform(10, 85, n), 94 - rng.gamma(2.0, 2.0, n))
    sd = np.exp(np.interp(true, [10, 85, 94], np.log([3.0, 1.0, 0.2])))
    trials = true[:, None] + sd[:, None] * rng.standard_normal((n, 3))
    trials[rng.uniform(size=n) < 0.5, 2] = np.nan
    trials[rng.uniform(size=n) < 0.15, 1] = np.nan
    return true, np.clip(trials, 0, 100)


# The simulated tau itself scatters by about 0.002 overall and, with 400 architectures in the
# top 10%, by about 0.015; the model's own error comes on top.
@pytest.mark.parametrize(("share", "tolerance"), [(None, 0.005), (0.5, 0.01), (0.1, 0.03)])
def test_the_modelled_ceiling_is_the_tau_of_the_true_accuracies(
    share: float | None, tolerance: float
) -> None:
    gaps = []
    for seed in range(2):
        true, trials = simulate(4000, seed)
        observed = np.nanmean(trials, axis=1)
        chosen = np.ones(4000, dtype=bool) if share is None else top_share(observed, share)
        actual = kendall_tau(true[chosen], observed[chosen]).value
        ceiling = modelled_ceiling(trials, share, draws=10)
        assert actual is not None
        assert ceiling is not None
        gaps.append(ceiling - actual)
    assert abs(np.mean(gaps)) < tolerance


def test_a_sample_of_architectures_has_nearly_the_same_ceiling() -> None:
    _, trials = simulate(4000, 0)
    whole, part = modelled_ceiling(trials, draws=5), modelled_ceiling(trials[:400], draws=5)
    assert whole is not None
    # 400 architectures: tau itself scatters by 0.006.
    assert part == pytest.approx(whole, abs=0.02)


def test_the_ceiling_falls_as_the_population_narrows() -> None:
    _, trials = simulate(2000, 1)
    ceilings = [modelled_ceiling(trials, share, draws=5) or 0.0 for share in (None, 0.5, 0.1)]
    assert ceilings == sorted(ceilings, reverse=True)


def test_the_ceiling_of_noiseless_truth_is_one() -> None:
    accuracy = np.repeat(np.linspace(10, 90, 300)[:, None], 2, axis=1)
    assert modelled_ceiling(accuracy, draws=3) == pytest.approx(1.0, abs=1e-3)


def test_the_same_seed_gives_the_same_ceiling() -> None:
    _, trials = simulate(300, 2)
    assert modelled_ceiling(trials, seed=5, draws=3) == modelled_ceiling(trials, seed=5, draws=3)
    assert modelled_ceiling(trials, seed=5, draws=3) != modelled_ceiling(trials, seed=6, draws=3)


def test_without_repeated_trials_there_is_neither_ceiling_nor_reference() -> None:
    single = np.arange(100.0)[:, None]
    assert modelled_ceiling(single) is None
    assert one_seed_reference(single) is None


def test_too_few_architectures_have_neither_ceiling_nor_reference() -> None:
    _, trials = simulate(29, 3)
    assert modelled_ceiling(trials) is None
    assert one_seed_reference(trials) is None


def test_too_few_architectures_in_the_top_share_have_no_ceiling() -> None:
    _, trials = simulate(200, 3)
    assert modelled_ceiling(trials, share=0.1) is None


def test_the_reference_is_the_mean_tau_of_a_trial_against_the_others() -> None:
    _, trials = simulate(500, 4)
    dense = trials[np.isfinite(trials).all(axis=1)]
    taus = [
        kendall_tau(dense[:, trial], np.delete(dense, trial, axis=1).mean(axis=1)).value
        for trial in range(3)
    ]
    reference = one_seed_reference(trials)
    assert reference is not None
    assert reference.tau == pytest.approx(np.mean([tau for tau in taus if tau is not None]))
    assert (reference.n_archs, reference.n_trials) == (len(dense), 3)


def test_the_reference_does_not_mind_which_trial_numbers_an_architecture_has() -> None:
    _, trials = simulate(300, 5)
    dense = trials[np.isfinite(trials).all(axis=1)]
    spread = np.full((len(dense), 5), np.nan)
    spread[::2, [0, 1, 2]], spread[1::2, [1, 3, 4]] = dense[::2], dense[1::2]
    assert one_seed_reference(spread) == one_seed_reference(dense)


def test_equal_accuracies_everywhere_have_no_reference() -> None:
    assert one_seed_reference(np.full((50, 2), 10.0)) is None


@pytest.mark.parametrize("call", [one_seed_reference, modelled_ceiling])
def test_other_shapes_are_refused(call: Callable[[FloatArray], object]) -> None:
    with pytest.raises(UsageError, match=r"must be \[arch, trial\]"):
        call(np.arange(40.0))


def test_no_draws_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 1 is needed"):
        modelled_ceiling(np.ones((40, 2)), draws=0)
