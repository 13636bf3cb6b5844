"""Runs on a Ray cluster are those of the local engine bit for bit, whatever happens to it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.execution.conditions import Conditions
from harness.execution.engines.ray import RayEngine
from harness.monitor import CHECKPOINT, Event
from tests.e2e.processes import check_same_bits, finish, start, wait_for
from tests.ray.conftest import NODE, make_cluster
from tests.studies import BASE, MIDDLING, write_study
from tests.tiny import Recorder

pytestmark = pytest.mark.filterwarnings(
    # Ray leaves files and sockets of its own to the garbage collector.
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

TWO = '[grid]\nstrategy = ["spos", "ogd"]\n'
ONE = "[grid]\nseed = [0]\n"
RANKED = BASE.replace("n_archs = 3", "n_archs = 40").replace(
    "rank_images = 16", "rank_images = 500"
)


class Meddler(Recorder):
    """Does something once, when a run has come to its first checkpoint."""

    def __init__(self, meddle: Callable[[str], None]) -> None:
        super().__init__()
        self._meddle: Callable[[str], None] | None = meddle

    def event(self, event: Event) -> None:
        super().event(event)
        if event.kind == CHECKPOINT and self._meddle is not None:
            meddle, self._meddle = self._meddle, None
            meddle(event.run_id)


def kinds(monitor: Recorder) -> list[str]:
    return [event.kind for event in monitor.events]


def test_two_nodes_at_once_give_the_bits_of_the_local_engine(
    cluster: Any, local: Any, tmp_path: Path
) -> None:
    configs, reference = local(BASE, TWO)
    monitor = Recorder()
    engine = RayEngine(cluster.address)
    assert engine.run(configs, Conditions(tmp_path, study=True), monitor) == []
    assert {"checkpoint", "ranked"} <= set(kinds(monitor))
    assert {progress.run_id for progress in monitor.seen} == {c.run_id for c in configs}
    for config in configs:
        check_same_bits(tmp_path / config.run_id, reference / config.run_id)
        log = (tmp_path / "logs" / f"{config.run_id}.log").read_text()
        assert log.splitlines()[-1].endswith(" finished")
    assert engine.run(configs, Conditions(tmp_path, study=True), Recorder()) == []


def test_a_ranking_spread_over_workers_and_results_sent_home_are_the_same_bits(
    cluster: Any, local: Any, tmp_path: Path
) -> None:
    configs, reference = local(RANKED, ONE)
    engine = RayEngine(cluster.address, fetch=True, rank_workers=2)
    monitor = Recorder()
    assert engine.run(configs, Conditions(tmp_path, study=True), monitor) == []
    (config,) = configs
    check_same_bits(tmp_path / config.run_id, reference / config.run_id)
    assert "ranked: n_archs 40" in (tmp_path / "logs" / f"{config.run_id}.log").read_text()


NESTED = """
[[run]]
estimator = "predictor"
n_archs = 12
predictor = {n = 4, model = "forest", features = "graf+spos"}
"""


@pytest.mark.parametrize("fetch", [False, True])
def test_a_run_comes_after_the_one_that_it_needs_and_gets_its_scores(
    cluster: Any, local: Any, tmp_path: Path, fetch: bool
) -> None:
    configs, reference = local(BASE, NESTED)
    engine = RayEngine(cluster.address, fetch=fetch)
    assert engine.run(configs, Conditions(tmp_path, study=True), Recorder()) == []
    assert [config.method for config in configs] == ["spos", "predictor"]
    for name in (config.run_id for config in configs):
        found, expected = (
            pd.read_parquet(root / name / "scores.parquet") for root in (tmp_path, reference)
        )
        pd.testing.assert_frame_equal(found, expected)


def _kill_worker(run_id: str) -> None:
    """Kill the process that works on a run: Ray titles it with the task's name."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes()
        except OSError:
            continue
        if title.startswith(f"ray::{run_id}".encode()):
            os.kill(int(path.parent.name), signal.SIGKILL)
            return
    raise AssertionError(f"no worker of {run_id}")


@pytest.mark.slow
@pytest.mark.parametrize("fetch", [False, True])
def test_a_worker_that_is_killed_is_replaced_and_the_run_goes_on_from_its_checkpoint(
    cluster: Any, local: Any, tmp_path: Path, fetch: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs, reference = local(MIDDLING, ONE)
    monitor = Meddler(_kill_worker)
    engine = RayEngine(cluster.address, fetch=fetch)
    assert engine.run(configs, Conditions(tmp_path, study=True), monitor) == []
    (retried,) = (event for event in monitor.events if event.kind == "retried")
    assert retried.facts["attempt"] == 2
    assert "WorkerCrashedError" in retried.facts["reason"]
    check_same_bits(tmp_path / configs[0].run_id, reference / configs[0].run_id)
    if not fetch:
        log = (tmp_path / "logs" / f"{configs[0].run_id}.log").read_text()
        _, _, second = log.split("started: ")
        first_step = next(line for line in second.splitlines() if " train " in line).split()[2]
        assert int(first_step) > 2


@pytest.mark.slow
def test_a_run_that_loses_its_worker_again_and_again_fails_with_its_reason(
    cluster: Any, local: Any, tmp_path: Path
) -> None:
    configs, _ = local(MIDDLING, ONE)
    engine = RayEngine(cluster.address, retries=0)
    monitor = Meddler(_kill_worker)
    (failure,) = engine.run(configs, Conditions(tmp_path, study=True), monitor)
    assert "lost its worker 1 times" in str(failure.error)
    record = json.loads((tmp_path / configs[0].run_id / "record.json").read_text())
    assert record["status"] == "failed"
    assert "WorkerCrashedError" in record["reason"]


@pytest.mark.slow
def test_a_node_that_goes_is_replaced_by_one_that_comes(local: Any, tmp_path: Path) -> None:
    configs, reference = local(MIDDLING, TWO)
    cluster = make_cluster(0, 1)
    try:
        (node,) = cluster.worker_nodes

        def replace(_run_id: str) -> None:
            cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(**NODE)

        monitor = Meddler(replace)
        engine = RayEngine(cluster.address)
        assert engine.run(configs, Conditions(tmp_path, study=True), monitor) == []
        assert "retried" in kinds(monitor)
        for config in configs:
            check_same_bits(tmp_path / config.run_id, reference / config.run_id)
    finally:
        cluster.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_is_killed_or_stopped_goes_on_by_the_same_command(
    cluster: Any, local: Any, tmp_path: Path, number: signal.Signals
) -> None:
    configs, reference = local(MIDDLING, TWO)
    study = write_study(tmp_path, TWO, MIDDLING)
    command = ("sweep", study, "--out", tmp_path / "out", "--engine", "ray")
    command = (*command, "--address", cluster.address)
    process = start(*command)
    wait_for(lambda: list(tmp_path.glob("out/*/checkpoint.pt")), process)
    process.send_signal(number)
    code, _, err = finish(process)
    assert code == (130 if number == signal.SIGINT else -number), err
    assert "Traceback" not in err
    code, _, err = finish(start(*command))
    assert code == 0, err
    for config in configs:
        check_same_bits(tmp_path / "out" / config.run_id, reference / config.run_id)


def test_no_cluster_at_the_address_is_told(local: Any, tmp_path: Path) -> None:
    from harness.errors import UsageError

    configs, _ = local(BASE, TWO)
    with pytest.raises(UsageError, match="No Ray cluster at 127"):
        RayEngine("127.0.0.1:1").run(configs, Conditions(tmp_path), Recorder())
