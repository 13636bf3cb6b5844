"""The simulation behind docs/explanation/scaling.md: what can be said of a schedule without it."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.study_costs import START_S, Work, simulate

WORK = Work("x", 64, 100.0, 0.0, starts=True, lost_frac=0.1, driver_s=0.0, end_s=7.0)


@pytest.mark.parametrize("n_workers", [1, 4, 64])
def test_equal_tasks_without_failures_take_their_share(n_workers: int) -> None:
    found = simulate(WORK, n_workers, 0.0)
    assert found.wall_s == pytest.approx(64 / n_workers * (100.0 + START_S) + 7.0)
    assert (found.busy_s, found.tail_s, found.retries) == (6_400.0, pytest.approx(0.0), 0)


def test_the_longest_task_and_the_driver_bound_what_workers_can_do() -> None:
    uneven = dataclasses.replace(WORK, spread=1.0)
    found = simulate(uneven, 64, 0.0)
    assert found.tail_s > 100.0
    assert found.busy_s / 64 < found.wall_s / 2
    slow_driver = dataclasses.replace(WORK, driver_s=10.0)
    assert simulate(slow_driver, 64, 0.0).wall_s >= 640.0


def test_a_failure_costs_what_lies_since_the_last_checkpoint_and_a_start() -> None:
    found = simulate(WORK, 1, 0.2)
    assert found.retries > 5
    most = found.retries * (0.1 * 100.0 + START_S)
    extra = found.wall_s - simulate(WORK, 1, 0.0).wall_s
    assert 0.0 < extra <= most + 1e-6
