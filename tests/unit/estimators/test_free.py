"""Free scores as estimators."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.estimators.free import Free
from harness.spaces import load_space
from tests.unit.estimators.zero_cost.test_group import KEYS, make_task

SPACE = load_space()


@pytest.mark.parametrize("name", ["live_params", "random"])
def test_the_scores_are_the_baselines(name: str, tmp_path: Path) -> None:
    estimator = Free(make_task(tmp_path, name))
    estimator.prepare()
    rows = estimator.score(KEYS).rows["scores"]
    expected = [SPACE.baselines[name].score(SPACE.at(key)) for key in KEYS]
    assert [row["score"] for row in rows] == expected
    assert {row["status"] for row in rows} == {"ok"}
    assert estimator.cost() == {}


def test_a_space_without_the_baseline_says_which_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown baseline of space 'nb201' 'live_param'\. Did"):
        Free(make_task(tmp_path, "live_param")).prepare()
