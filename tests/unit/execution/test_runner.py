"""Many runs: what is given twice is done once, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.estimators.free import Free
from harness.execution.conditions import Conditions
from harness.execution.inputs import load_inputs
from harness.execution.runner import gather, resolve_all
from harness.settings.run import SHARED, RunConfig
from tests.tiny import tiny_config

UNREAD = {"lr": 0.3, "steps": 9, "strategy": "ogd", "bn_mode": "recalibrated", "batch_size": 7}


def test_a_run_that_is_given_twice_is_done_once_and_the_order_is_kept() -> None:
    first, second = tiny_config(seed=1), tiny_config(seed=0)
    conditions = Conditions(Path("out"))
    resolved = gather(resolve_all([first, second, first], conditions), conditions)
    assert [config.seed for config in resolved] == [1, 0]


def test_two_runs_whose_folder_would_be_one_are_refused_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configs, conditions = [tiny_config(lr=0.1), tiny_config(lr=0.2)], Conditions(Path("out"))
    # what a collision of the hash's first digits looks like
    monkeypatch.setattr(RunConfig, "run_id", property(lambda _: "tiles-spos-s0-00000000"))
    with pytest.raises(UsageError, match=r"stored as tiles-spos-s0-00000000: lr = 0\.1 and 0\.2\."):
        gather(resolve_all(configs, conditions), conditions)


def resolve(**settings: Any) -> RunConfig:
    """Resolve one run."""
    (resolved,) = resolve_all([tiny_config(**settings)], Conditions(Path("out")))
    return resolved


@pytest.mark.parametrize("name", ["jacov", "synflow", "live_params"])
@pytest.mark.parametrize("key", UNREAD)
def test_what_an_estimator_does_not_read_is_neither_stored_nor_in_the_name(
    name: str, key: str
) -> None:
    run, other = resolve(estimator=name), resolve(estimator=name, **{key: UNREAD[key]})
    assert (run.run_id, run.sha256) == (other.run_id, other.sha256)
    assert key not in other.stored()
    assert RunConfig(**other.stored()) == other
    assert resolve(**{key: UNREAD[key]}).run_id != resolve().run_id  # a supernet reads it


@pytest.mark.parametrize(
    ("change", "readers"),
    [
        ({"seed": 1}, ["jacov"]),
        ({"split_seed": 1}, ["jacov"]),
        ({"train_share": 0.7}, ["jacov"]),
        ({"zero_cost": {"batch_size": 9}}, ["jacov"]),
        ({"n_archs": 5}, ["jacov", "live_params"]),
        ({"rank_offset": 5}, ["jacov", "live_params"]),
    ],
)
def test_what_an_estimator_reads_is_in_the_name(change: dict[str, Any], readers: list[str]) -> None:
    for name in ("jacov", "live_params"):
        is_other = resolve(estimator=name, **change).run_id != resolve(estimator=name).run_id
        assert is_other == (name in readers)


def test_an_estimator_of_ones_own_reads_all_unless_it_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = "tests.unit.execution.test_runner:Own"
    assert resolve(estimator=own).stored().keys() == RunConfig.model_fields.keys()
    monkeypatch.setattr(Own, "reads", frozenset({"lr"}))
    assert resolve(estimator=own).stored().keys() == SHARED | {"lr"}
    monkeypatch.setattr(Own, "reads", frozenset({"learning_rate"}))
    with pytest.raises(UsageError, match=r"Own', `reads`: Unknown setting 'learning_rate'\."):
        resolve(estimator=own)


class Own(Free):
    """An estimator of a user's own."""

    reads = None


@pytest.mark.parametrize("key", ["batch_size", "rank_images", "recalibration_images"])
def test_only_an_estimator_that_reads_a_number_of_images_is_held_to_it(key: str) -> None:
    settings = {key: 1_000_000, "rank_batch": 2}
    load_inputs(tiny_config(estimator="jacov", **settings), None)
    with pytest.raises(UsageError, match=rf"^{key} = 1,000,000 was given; 'tiles' has only"):
        load_inputs(tiny_config(**settings), None)
