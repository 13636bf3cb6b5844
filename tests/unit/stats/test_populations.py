"""The best by truth."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import UsageError
from harness.stats import top_share


def test_the_top_half_of_an_odd_number_holds_the_median() -> None:
    assert top_share([5.0, 1.0, 3.0], 0.5).tolist() == [True, False, True]


def test_those_tied_with_the_last_one_are_in() -> None:
    assert top_share([1.0, 2.0, 2.0, 2.0, 3.0], 0.4).tolist() == [False, True, True, True, True]


def test_the_whole_share_is_everybody() -> None:
    assert top_share(np.arange(10.0), 1.0).all()


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, float("nan")])
def test_shares_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(UsageError, match="above 0 and up to 1"):
        top_share([1.0, 2.0], share)


def test_an_empty_population_is_refused() -> None:
    with pytest.raises(UsageError, match="not empty"):
        top_share([], 0.5)
