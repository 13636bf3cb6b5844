"""Labels by successive halving, non-uniform and plain."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.errors import UsageError
from harness.estimators.predictors.halving import choose_levels, halve
from harness.estimators.predictors.models.networks import _compare

RNG = np.random.RandomState(0)
LONG = RNG.rand(100)
KNOWN = np.stack([LONG + 0.1 * RNG.rand(100), LONG], axis=1)


def test_levels_halve_from_the_longest_down() -> None:
    assert choose_levels([12, 200], 200) == [12, 200]
    assert choose_levels(range(1, 13), 12) == [1, 3, 6, 12]
    with pytest.raises(UsageError, match="6 epochs or fewer beside that of 12; this table has 12"):
        choose_levels([12], 12)


def test_plain_halving_draws_all_and_trains_the_best_half_on() -> None:
    places, labels = halve(KNOWN, 40, np.random.RandomState(1), None)
    assert len(set(places.tolist())) == 40
    np.testing.assert_array_equal(labels[:, 0], KNOWN[places, 0])
    is_long = np.isfinite(labels[:, 1])
    assert is_long.sum() == 20
    assert labels[is_long, 0].min() >= labels[~is_long, 0].max()
    np.testing.assert_array_equal(labels[is_long, 1], KNOWN[places[is_long], 1])


def test_a_ranker_proposes_all_but_the_first_round() -> None:
    asked = []

    def propose(places: np.ndarray, labels: np.ndarray) -> np.ndarray:
        asked.append((places, labels))
        return LONG

    places, labels = halve(KNOWN, 40, np.random.RandomState(1), propose)
    plain, _ = halve(KNOWN, 40, np.random.RandomState(1), None)
    np.testing.assert_array_equal(places[:10], plain[:10])
    assert [len(own) for own, _ in asked] == [10, 20, 30]
    assert np.isfinite(asked[0][1][:, 1]).sum() == 5
    left = np.setdiff1d(np.arange(100), places[:10])
    assert set(places[10:]) == set(left[np.argsort(-LONG[left])[:30]])
    assert np.isfinite(labels[:, 1]).sum() == 20


def test_what_cannot_be_trained_is_no_label() -> None:
    known = KNOWN.copy()
    known[:50, 1] = np.nan
    places, _ = halve(known, 40, np.random.RandomState(1), None)
    assert places.min() >= 50


def test_a_pair_is_compared_at_the_longest_training_that_both_have() -> None:
    nan = float("nan")
    y = torch.tensor([[5.0, 1.0], [4.0, 2.0], [4.5, nan], [4.5, nan]], dtype=torch.float64)
    expected = [[0.5, 0, 1, 1], [1, 0.5, 0, 0], [0, 1, 0.5, 0.5], [0, 1, 0.5, 0.5]]
    torch.testing.assert_close(_compare(y), torch.tensor(expected, dtype=torch.float64))
