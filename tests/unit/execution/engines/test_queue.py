"""The order in which an engine starts runs: each after those whose scores it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.execution.conditions import Conditions
from harness.execution.engines.base import Queue
from harness.execution.runner import gather, resolve_all
from harness.settings.run import RunConfig
from tests.tiny import Recorder, tiny_config


def make_configs(out: Path, **settings: Any) -> list[RunConfig]:
    """Resolve the run of a predictor with a supernet among its features, and what it needs."""
    table = {"n": 4, "features": "graf+spos+jacov"}
    asked = [
        tiny_config(estimator="predictor", predictor=table, seed=seed, **settings)
        for seed in (0, 1)
    ]
    conditions = Conditions(out)
    return gather(resolve_all(asked, conditions), conditions)


def test_what_a_run_needs_is_computed_before_it(tmp_path: Path) -> None:
    configs = make_configs(tmp_path)
    assert [(one.method, one.seed) for one in configs] == [
        *(("spos", 0), ("predictor", 0), ("spos", 1), ("predictor", 1)),
    ]
    (alone,) = resolve_all([tiny_config(strategy="spos")], Conditions(tmp_path))
    assert configs[0] == alone


def test_a_run_waits_until_those_that_it_needs_have_ended(tmp_path: Path) -> None:
    spos, predictor, other, second = make_configs(tmp_path)
    queue = Queue([second, predictor, spos, other], Conditions(tmp_path), Recorder())
    assert [queue.next(), queue.next(), queue.next()] == [spos, other, None]
    assert len(queue) == 2
    queue.end(other, None)
    assert [queue.next(), queue.next()] == [second, None]
    queue.end(spos, StoreError("it failed"))  # the predictor then says so itself
    assert queue.next() == predictor
    assert len(queue) == 0
