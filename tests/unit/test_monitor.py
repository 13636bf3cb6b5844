"""What is told while work goes on: pieces done; slowdowns, by either measure of what is usual."""

from __future__ import annotations

import pytest

from harness.monitor import Slowdown, Ticks


def feed(slowdown: Slowdown, n: int, wall_s: float, cpu_s: float = 0.0) -> list[float]:
    factors = [slowdown.add(wall_s, cpu_s) for _ in range(n)]
    return [factor for factor in factors if factor is not None]


def test_one_thread_is_slow_from_the_start_where_it_waits_for_its_core() -> None:
    assert feed(Slowdown(is_one_thread=True), 40, 1.0, 0.2) == [pytest.approx(5.0)]
    assert feed(Slowdown(is_one_thread=True), 40, 1.0, 0.5) == []


def test_other_work_is_slow_where_it_was_faster_before() -> None:
    slowdown = Slowdown(is_one_thread=False)
    assert feed(slowdown, 40, 1.0) == []
    assert feed(slowdown, 40, 2.5) == []
    assert feed(slowdown, 40, 5.0) == [pytest.approx(5.0)]


def test_a_slowdown_is_told_once_and_again_after_it_was_over() -> None:
    slowdown = Slowdown(is_one_thread=True)
    assert len(feed(slowdown, 200, 1.0, 0.1)) == 1
    assert feed(slowdown, 40, 1.0, 0.5) == []  # better, but not over
    assert feed(slowdown, 40, 1.0, 0.1) == []
    assert feed(slowdown, 40, 1.0, 1.0) == []
    assert len(feed(slowdown, 40, 1.0, 0.1)) == 1


def test_a_window_has_enough_units_and_takes_long_enough() -> None:
    assert feed(Slowdown(is_one_thread=True), Slowdown.MIN_UNITS - 1, 9.0, 0.1) == []
    short = Slowdown.MIN_S / 100
    assert feed(Slowdown(is_one_thread=True), 99, short, 0.1 * short) == []
    assert len(feed(Slowdown(is_one_thread=True), 101, short, 0.1 * short)) == 1
    assert Slowdown(is_one_thread=True).add(40.0, 4.0, 20) == pytest.approx(10.0)


def test_what_is_done_between_units_now_and_then_is_left_out() -> None:
    slowdown = Slowdown(is_one_thread=False)
    for _ in range(5):
        assert feed(slowdown, 19, 1.0) == []
        assert feed(slowdown, 1, 500.0) == []  # such as an evaluation


def test_pieces_are_counted_from_none_to_all() -> None:
    told: list[tuple[int, int]] = []
    tick = Ticks(lambda done, total: told.append((done, total)), 2)
    tick()
    tick()
    assert told == [(0, 2), (1, 2), (2, 2)]
