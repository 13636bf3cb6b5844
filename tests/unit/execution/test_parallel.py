"""What the first rank tells of a run; the others are played by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.distributed.launch import Launch
from harness.distributed.ranks import Ranks
from harness.errors import Interrupted, RankError, UsageError
from harness.execution.conditions import Conditions
from harness.execution.parallel import run_on_ranks
from tests.tiny import Recorder, tiny_config

LAUNCH = Launch(rank=0, size=2, local_rank=0, local_size=2)
CONFIG = tiny_config(n_archs=3, threads=1)


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first rank meet nobody, and do all by itself."""

    @contextmanager
    def join(*_: object) -> Iterator[Ranks]:
        yield Ranks()

    monkeypatch.setattr("harness.execution.parallel.join", join)


def events_of(monitor: Recorder) -> list[str]:
    assert len({event.run_id for event in monitor.events}) == 1
    return [event.kind for event in monitor.events]


def test_a_run_of_ranks_is_told_as_one_of_an_engine_is(tmp_path: Path) -> None:
    stopped, finished, again = Recorder(stop_after=2), Recorder(), Recorder()
    with pytest.raises(Interrupted):
        run_on_ranks(CONFIG, LAUNCH, Conditions(tmp_path), stopped)
    assert events_of(stopped) == ["started", "checkpoint", "interrupted"]
    assert "Stopped" in stopped.events[-1].facts["reason"]
    (folder,) = run_on_ranks(CONFIG, LAUNCH, Conditions(tmp_path), finished).finished
    assert events_of(finished) == ["started", "checkpoint", "ranked", "finished"]
    tau = folder.read_record().summary["tau"]
    assert finished.events[-1].facts == {"computed": True, "tau": tau}
    run_on_ranks(CONFIG, LAUNCH, Conditions(tmp_path), again)
    assert events_of(again) == ["finished"]
    assert again.events[-1].facts == {"computed": False, "tau": tau}


def test_ranks_that_do_not_come_are_a_failed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(*_: object) -> None:
        raise RankError("Another rank is gone.")

    monkeypatch.setattr("harness.execution.parallel.join", join)
    monitor = Recorder()
    with pytest.raises(RankError):
        run_on_ranks(CONFIG, LAUNCH, Conditions(tmp_path), monitor)
    assert events_of(monitor) == ["started", "failed"]
    assert monitor.events[-1].facts == {"reason": "Another rank is gone."}


def test_an_estimator_that_trains_nothing_is_refused_before_anybody_waits(tmp_path: Path) -> None:
    config = tiny_config(estimator="jacov", n_archs=3)
    with pytest.raises(UsageError, match=r"'jacov' trains none\. Run the same command without"):
        run_on_ranks(config, LAUNCH, Conditions(tmp_path), Recorder())
    assert list(tmp_path.iterdir()) == []
