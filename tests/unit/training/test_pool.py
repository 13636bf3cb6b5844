"""Processes that compute: what they return, what they do not hear, and their end."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest
import torch

from harness.training.pool import compute_all


def add(more: int, given: torch.Tensor, job: int) -> tuple[float, int, int]:
    return float(given.sum()) + job + more, torch.get_num_threads(), os.getpid()


def hear_signals(given: None, job: int) -> int:
    os.kill(os.getpid(), job)
    return job


def say_who_and_sleep(given: None, job: float) -> int:
    time.sleep(job)
    return os.getpid()


def fail(given: None, job: str) -> None:
    raise ValueError(job)


def test_each_job_is_computed_on_one_thread_elsewhere() -> None:
    found = list(compute_all(partial(add, 100), torch.ones(3), iter(range(5)), 2))
    assert sorted(value for value, _, _ in found) == [103.0, 104.0, 105.0, 106.0, 107.0]
    assert {threads for _, threads, _ in found} == {1}
    assert os.getpid() not in {pid for _, _, pid in found}


def test_what_a_terminal_sends_to_all_is_left_to_the_parent() -> None:
    sent = [signal.SIGINT, signal.SIGTERM]
    assert sorted(compute_all(hear_signals, None, sent, 1)) == sorted(sent)


def test_what_is_under_way_is_given_up_when_the_generator_is_closed() -> None:
    """Or this would take ten minutes."""
    working = compute_all(say_who_and_sleep, None, [0.0, 600.0, 600.0], 1)
    pid = next(working)
    working.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_error_comes_out() -> None:
    with pytest.raises(ValueError, match="no such"):
        list(compute_all(fail, None, ["no such"], 1))
