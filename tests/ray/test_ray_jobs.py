"""Trainings on a Ray cluster are those of processes here, whatever happens to a worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.cli.engine_options import open_pool
from harness.errors import DivergedError, UsageError, WorkerError
from harness.execution.engines.ray import jobs
from harness.execution.engines.ray.connecting import connected
from harness.execution.engines.ray.jobs import compute_on_ray, count_cpus
from harness.search.objectives import Trained
from harness.spaces import load_space
from harness.training.pool import Pool, compute_all
from harness.truth.build import Protocol

pytestmark = pytest.mark.filterwarnings(
    # Ray leaves files and sockets of its own to the garbage collector.
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def add(more: int, given: int, job: int) -> int:
    return given + job + more


def diverge(given: None, job: int) -> None:
    raise DivergedError(f"Training {job} diverged.") from ValueError()


def time_it(given: None, job: int) -> tuple[float, float]:
    started = time.time()
    time.sleep(0.3)
    return started, time.time()


def crash(given: None, job: int) -> None:
    raise KeyError("no such op")


def die_at_first(given: Path, job: int) -> int:
    marker = given / str(job)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def die(given: None, job: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def connection(cluster: Any) -> Iterator[str]:
    with connected(cluster.address):
        yield cluster.address


def test_every_job_is_computed_once(connection: str) -> None:
    assert count_cpus() == 2
    assert sorted(compute_on_ray(partial(add, 100), 10, iter(range(9)), 2)) == list(range(110, 119))


@pytest.mark.slow
def test_no_more_run_at_a_time_than_were_asked_for(connection: str) -> None:
    spans = sorted(compute_on_ray(time_it, None, range(3), 1))
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


def test_a_bug_comes_out_as_it_is(connection: str) -> None:
    with pytest.raises(KeyError, match="no such op"):
        list(compute_on_ray(crash, None, [7], 1))


def test_a_lost_job_is_computed_again(connection: str, tmp_path: Path) -> None:
    assert list(compute_on_ray(die_at_first, tmp_path, [7], 1)) == [7]


@pytest.mark.slow
def test_a_job_that_is_lost_too_often_says_what_to_do(
    connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RETRIES", 0)
    with pytest.raises(WorkerError, match=r"lost its worker: .*the same command again"):
        list(compute_on_ray(die, None, [7], 1))


def test_what_a_job_raised_comes_out(connection: str) -> None:
    with pytest.raises(DivergedError, match=r"^Training 3 diverged\.$"):
        list(compute_on_ray(diverge, None, [3], 1))


def test_trainings_of_a_search_are_the_same_there(cluster: Any, tmp_path: Path) -> None:
    space = load_space()

    def measure(compute: Pool, name: str) -> list[float]:
        (tmp_path / name).mkdir()
        protocol = Protocol(channels=2, epochs=1)
        objective = Trained(space, protocol, (1,), tmp_path / name, 2, compute)
        return [one.value for one in objective.evaluate(space.prefix(1), 1, seed=0)]

    with open_pool("ray", cluster.address, None) as (compute, workers):
        assert (compute, workers) == (compute_on_ray, 2)
        assert measure(compute, "ray") == measure(compute_all, "here")


def test_a_cluster_that_is_not_there_is_refused() -> None:
    with (
        pytest.raises(UsageError, match=r"No Ray cluster at 127\.0\.0\.1:1"),
        open_pool("ray", "127.0.0.1:1", None),
    ):
        pass
