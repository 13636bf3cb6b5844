"""One display: bars on a terminal, lines elsewhere, and the time left on both."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from harness.cli.monitors import RunsMonitor, SignalledMonitor, StudyMonitor
from harness.cli.progress import SHARE, Display, Speed, counted, show_share
from harness.monitor import FAILED, FINISHED, STARTED, WAITING, Event, Progress
from harness.settings.layers import make_config

STEPS = counted("steps")


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_without_a_terminal_each_piece_of_work_has_a_line_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    display = Display()
    for clock[0], done in ((100.0, 10), (105.0, 20), (180.0, 50), (181.0, 52)):
        display.update("a", STEPS, done, 300)
    display.update("b", STEPS, 1, 1_000, "loss 1.5")
    assert lines_of(capsys) == [
        "a: 10/300 steps",
        "a: 50/300 steps, 0.5 steps/s, 8 min left",
        "b: 1/1,000 steps, loss 1.5",
    ]


def test_speed_counts_from_what_was_there_and_again_when_work_begins_anew() -> None:
    speed = Speed()
    assert speed.measure("a", 50, 10.0) == 0.0
    assert speed.measure("a", 70, 20.0) == pytest.approx(2.0)
    assert speed.measure("a", 40, 30.0) == 0.0  # from a checkpoint
    assert speed.measure("a", 50, 40.0) == pytest.approx(1.0)


def test_what_was_begun_quietly_is_told_only_if_it_takes_long(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with show_share("evaluating") as watch:
        for clock[0], done in ((101.9, 10), (102.0, 18), (161.9, 20), (162.0, 45)):
            watch(done, 90)
    display = Display()
    display.begin("reading", SHARE)
    clock[0] += 2.0
    display.update("reading", SHARE, 9, 90)
    # What was done first says nothing of what is left of uneven work.
    assert lines_of(capsys) == ["evaluating: 20%", "evaluating: 50%", "reading: 10%, 18 s left"]


def test_on_a_terminal_bars_stand_below_the_headline_and_can_go() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with Display(lambda: "2 of 3 \x1b[31mdone", console=console) as display:
        display.update("gone", STEPS, 1, 2)
        display.update("[bold]stays", STEPS, 3, 4, "a [word]")
        display.remove("gone")
    *_, headline, bar, _ = screen.getvalue().splitlines()
    assert "2 of 3 ?[31mdone" in headline
    assert "[bold]stays" in bar
    assert "3/4 steps, a [word]" in bar


def test_a_run_is_told_as_soon_as_a_phase_ends(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    monitor = RunsMonitor()
    monitor.progress(Progress("r", "train", 1, 20, 2.25))
    clock[0] += 5.0
    monitor.progress(Progress("r", "train", 10, 20, 2.0))
    monitor.progress(Progress("r", "train", 20, 20, 1.5))
    clock[0] += 1.0
    monitor.progress(Progress("r", "rank", 8, 8, detail="600 archs"))
    assert lines_of(capsys) == [
        "r: train 1/20 steps, loss 2.250",
        "r: train 20/20 steps, loss 1.500, 3.8 steps/s, 0 s left",
        "r: rank 8/8 evaluations, 600 archs",
    ]


def test_a_quiet_monitor_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with SignalledMonitor(quiet=True) as monitor:
        monitor.notice("hello")
        monitor.progress(Progress("r", "train", 1, 20))
    assert lines_of(capsys) == []


def test_a_study_is_told_as_a_whole(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    configs = [make_config({"preset": "smoke", "seed": seed}, {}) for seed in range(3)]
    a, b, c = (config.run_id for config in configs)
    with StudyMonitor("mine", configs) as monitor:
        monitor.event(Event(a, STARTED, {}))
        monitor.progress(Progress(a, "train", 0, 10))
        monitor.progress(Progress(a, "rank", 10, 10))  # no line of its own
        monitor.event(Event(a, FINISHED, {}))
        monitor.event(Event(b, FAILED, {"reason": "no\nluck"}))
        monitor.event(Event(c, WAITING, {}))
        clock[0] += 60.0
        monitor.progress(Progress(c, "train", 1, 10))
    assert lines_of(capsys) == [
        "mine: 0 of 3 done, 1 running, 2 waiting",
        f"{b} failed: no",
        "luck",
        f"{c}: waiting for another process that works on it.",
        "mine: 1 of 3 done, 1 elsewhere, 1 failed, about 54 s left",
        "mine: 1 of 3 done, 1 elsewhere, 1 failed, about 54 s left",
    ]
