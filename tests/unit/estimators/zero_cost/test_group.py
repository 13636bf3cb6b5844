"""Proxies as estimators: shared work, null scores, interruptions, memory."""

from __future__ import annotations

import gc
import weakref
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock

from harness.errors import DataError, Interrupted, StoreError, UsageError
from harness.estimators import load_estimator
from harness.estimators.base import Scores, Task
from harness.estimators.nested import complete
from harness.estimators.sharing import N_BUCKETS
from harness.estimators.standalone import make_clock
from harness.estimators.zero_cost import REGISTRY
from harness.estimators.zero_cost.group import Group
from harness.estimators.zero_cost.jacov import Jacov
from harness.estimators.zero_cost.meter import Meter
from harness.estimators.zero_cost.passes import Batch, Passes, Use
from harness.images.dataset import BatchSampler
from harness.monitor import Monitor, SilentMonitor
from harness.seeding import derive_seed
from harness.spaces import NetworkShape, load_space
from harness.spaces.nb201.space import NB201
from harness.supernet.base import Networks
from harness.testing.tiny import tiny_config, tiny_data
from tests.tiny import Stopping, tiny_task

SPACE = load_space()
FOLDER = Group.family
KEYS = SPACE.prefix(12)
TABLE = {"channels": 2, "cells": 1, "batch_size": 8}


def make_task(
    out: Path,
    name: str,
    beside: tuple[str, ...] = (),
    monitor: Monitor | None = None,
    **settings: Any,
) -> Task:
    config = tiny_config(estimator=name, zero_cost={**TABLE, **settings})
    return tiny_task(config, out, monitor=monitor, beside=beside)


def score(task: Task, keys: tuple[int, ...] = KEYS) -> Scores:
    estimator = load_estimator(task.config.estimator)(task)
    estimator.prepare()
    return estimator.score(keys)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, tuple[str, ...]]]:
    """The architectures that were measured, each with the proxies."""
    seen: list[tuple[int, tuple[str, ...]]] = []
    measure = Group._measure

    def watch(self: Group, arch: Any, without: Any) -> Any:
        found = measure(self, arch, without)
        seen.append((SPACE.key(arch), tuple(found.values)))
        return found

    monkeypatch.setattr(Group, "_measure", watch)
    return seen


def test_runs_of_one_command_measure_each_class_once_for_all(
    tmp_path: Path, measured: list[tuple[int, tuple[str, ...]]]
) -> None:
    names = ("jacov", "synflow", "nwot")
    together = {name: score(make_task(tmp_path, name, names)).rows["scores"] for name in names}
    live = {SPACE.canonical(SPACE.at(key)) for key in KEYS if SPACE.is_live(SPACE.at(key))}
    assert sorted(key for key, _ in measured) == sorted(map(SPACE.key, live))
    assert {found for _, found in measured} == {names}
    for name in names:
        assert score(make_task(tmp_path / name, name)).rows["scores"] == together[name]


def test_a_proxy_that_is_asked_for_later_is_added(
    tmp_path: Path, measured: list[tuple[int, tuple[str, ...]]]
) -> None:
    score(make_task(tmp_path, "jacov"))
    n_before = len(measured)
    score(make_task(tmp_path, "nwot", ("jacov",)))
    assert {found for _, found in measured[n_before:]} == {("nwot",)}
    score(make_task(tmp_path, "jacov", ("nwot",)))
    assert len(measured) == 2 * n_before


def test_a_free_score_of_another_space_may_be_asked_for_beside(tmp_path: Path) -> None:
    space = load_space("macro")
    config = tiny_config(space="macro", estimator="jacov", zero_cost=TABLE)
    found = score(tiny_task(config, tmp_path, beside=(space.floor,)), space.prefix(2))
    assert [row["status"] for row in found.rows["scores"]] == ["ok", "ok"]


def test_other_settings_share_nothing(tmp_path: Path) -> None:
    score(make_task(tmp_path, "jacov"))
    score(make_task(tmp_path, "jacov", batch_size=9))
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


def test_a_score_is_the_mean_of_draws_of_weights_and_images(tmp_path: Path) -> None:
    data, shape, arch = tiny_data(), tiny_data().network_shape(2, 1), SPACE.at(KEYS[0])
    sampler, expected = BatchSampler(data, 8, 0, augment=False), []
    for n, seed in enumerate((0, derive_seed(0, "draw", 1), derive_seed(0, "draw", 2))):
        network = SPACE.networks(shape).standalone(arch, [seed])
        batches = (Batch(*sampler.batch(2 * n)), Batch(*sampler.batch(2 * n + 1)))
        expected.append(Jacov.measure(Passes(network, *batches, seed, Jacov.uses)))
    assert len(set(expected)) == 3
    for draws in (1, 3):
        found = score(make_task(tmp_path, "jacov", draws=draws), KEYS[:1])
        assert found.rows["scores"][0]["score"] == pytest.approx(np.mean(expected[:draws]))
        assert ("mean of 3 draws" in found.facts["score_kind"]) == (draws == 3)


def test_a_mean_of_which_one_draw_is_missing_does_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = cycle([1.0, float("nan"), 1.0, 3.0])
    monkeypatch.setattr(load_estimator("jacov"), "measure", lambda passes: next(numbers))
    rows = score(make_task(tmp_path, "jacov", draws=2)).rows["scores"]
    assert {(row["score"], row["status"]) for row in rows} == {(None, "failed"), (2.0, "ok")}


def test_a_run_of_one_draw_keeps_the_name_that_it_has_without_the_setting() -> None:
    tables: list[dict[str, int]] = [TABLE, {**TABLE, "draws": 1}, {**TABLE, "draws": 2}]
    configs = [tiny_config(estimator="jacov", zero_cost=table) for table in tables]
    without, one, two = [complete(config).name for config in configs]
    assert without == one != two


def test_an_interrupted_run_resumes_and_measures_nothing_twice(
    tmp_path: Path, measured: list[tuple[int, tuple[str, ...]]]
) -> None:
    with pytest.raises(Interrupted, match=r"^Stopped after 4 of"):
        score(make_task(tmp_path, "jacov", monitor=Stopping(3)))
    resumed = score(make_task(tmp_path, "jacov")).rows["scores"]
    n_measured = len(measured)
    assert n_measured == len({key for key, _ in measured})
    assert score(make_task(tmp_path / "whole", "jacov")).rows["scores"] == resumed


def test_an_interrupted_run_knows_the_seconds_that_it_took(tmp_path: Path) -> None:
    costs = []
    for monitor in (Stopping(5), Stopping(0), SilentMonitor()):
        spent = {"score_s": costs[-1]} if costs else {}
        task = replace(make_task(tmp_path, "jacov", monitor=monitor), spent=spent)
        estimator = load_estimator("jacov")(task)
        with suppress(Interrupted):
            estimator.score(KEYS)
        costs.append(estimator.cost()["score_s"])
    assert 0 < costs[0] == costs[1] < costs[2]


def test_classes_tie_and_what_has_no_live_path_is_null(tmp_path: Path) -> None:
    dead = SPACE.key(SPACE.parse("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"))
    with_dead_edge = SPACE.parse(
        "|none~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|avg_pool_3x3~2|"
    )
    same = (SPACE.key(with_dead_edge), SPACE.key(SPACE.canonical(with_dead_edge)))
    for name in ("nwot", "l2_norm", "fisher"):
        rows = score(make_task(tmp_path, name), (dead, *same)).rows["scores"]
        assert (rows[0]["score"], rows[0]["status"]) == (None, "dead")
        assert rows[1]["score"] == rows[2]["score"] is not None


def test_a_number_that_does_not_exist_is_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = cycle([float("inf"), 1.0])
    monkeypatch.setattr(load_estimator("jacov"), "measure", lambda passes: next(numbers))
    rows = score(make_task(tmp_path, "jacov")).rows["scores"]
    assert {(row["score"], row["status"]) for row in rows} == {(None, "failed"), (1.0, "ok")}


def test_a_number_that_no_network_has_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_estimator("jacov"), "measure", lambda passes: float("nan"))
    with pytest.raises(UsageError, match=r"^'jacov' has no number for any of 12 networks of space"):
        score(make_task(tmp_path, "jacov"))


class Bare(NB201):
    """A space without networks."""

    name = "bare"

    def networks(self, shape: NetworkShape) -> Networks:
        raise NotImplementedError


def test_a_space_without_networks_is_told_so(tmp_path: Path) -> None:
    task = make_task(tmp_path, "nwot")
    config = task.config.model_copy(update={"space": f"{__name__}:Bare"})
    with pytest.raises(UsageError, match=r"'nwot' measures stand-alone networks, and space 'bare'"):
        score(replace(task, config=config))


@pytest.mark.parametrize("number", [3, np.float32(3), torch.tensor(3)])
def test_a_number_of_any_type_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: object
) -> None:
    monkeypatch.setattr(load_estimator("jacov"), "measure", lambda passes: number)
    first = score(make_task(tmp_path, "jacov")).rows["scores"]
    assert {row["score"] for row in first} == {3.0}
    assert score(make_task(tmp_path, "jacov")).rows["scores"] == first


def test_seconds_are_kept_as_if_each_were_alone(tmp_path: Path) -> None:
    task = make_task(tmp_path, "jacov", ("nwot",))
    estimator = load_estimator("jacov")(task)
    scores = estimator.score(KEYS)
    by_class = {
        SPACE.canonical(SPACE.at(key)): row["seconds"]
        for key, row in zip(KEYS, scores.tables["seconds"], strict=True)
        if row["seconds"] is not None
    }
    assert all(seconds > 0 for seconds in by_class.values())
    assert scores.facts["measured_with"] == ["nwot"]
    assert estimator.cost()["score_s"] == pytest.approx(sum(by_class.values()), abs=1e-3)


class Releasing(SilentMonitor):
    """Gives a lock back when it is told that nothing more can be done."""

    def __init__(self, lock: FileLock) -> None:
        self.lock = lock

    def progress(self, progress: Any) -> None:
        if progress.done == self.n_free:
            self.lock.release()

    n_free = -1


def test_a_bucket_that_another_run_holds_is_left_for_last(tmp_path: Path) -> None:
    whole = score(make_task(tmp_path, "nwot")).rows["scores"]
    (folder,) = (tmp_path / FOLDER).iterdir()
    live = {
        SPACE.key(SPACE.canonical(SPACE.at(key))) for key in KEYS if SPACE.is_live(SPACE.at(key))
    }
    held = max(live) % N_BUCKETS
    lock = FileLock(folder / f"{held:02}.lock")
    lock.acquire()
    monitor = Releasing(lock)
    monitor.n_free = sum(key % N_BUCKETS != held for key in live)
    assert score(make_task(tmp_path, "nwot", monitor=monitor)).rows["scores"] == whole


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match=rf"The folder .*{FOLDER}.* cannot be used: .* --out"):
        score(make_task(tmp_path, "jacov"))


@pytest.mark.parametrize(
    "row",
    [
        '{"key": 1}',
        '{"key": 1, "values": {"jacov": "a"}, "seconds": {"jacov": 0.1}}',
        '{"key": 1, "values": {"jacov": 1.0}, "seconds": 0.1}',
        '{"key": 1, "values": {"jacov": 1.0}, "seconds": {"nwot": 0.1}}',
    ],
)
def test_a_foreign_row_is_refused_by_file_and_line(tmp_path: Path, row: str) -> None:
    score(make_task(tmp_path, "jacov"))
    journal = next((tmp_path / FOLDER).rglob("*.jsonl"))
    journal.write_text(journal.read_text(encoding="utf-8") + row + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line \d+: .* is not a row of measured proxies"):
        score(make_task(tmp_path, "jacov"))


def test_two_batches_must_be_there(tmp_path: Path) -> None:
    task = make_task(tmp_path, "jacov", batch_size=49)
    with pytest.raises(UsageError, match=r"batch_size = 49 .* 96 training images\. Give 48 or"):
        Jacov.check_images(task.config, task.data)


def test_a_network_is_let_go_when_it_is_measured() -> None:
    proxies = [load_estimator(name) for name in REGISTRY]
    uses = frozenset(Use)
    generator = torch.Generator().manual_seed(0)
    batch = Batch(torch.randn(4, 1, 16, 16, generator=generator), torch.arange(4))
    network = SPACE.networks(tiny_data().network_shape(2, 1)).standalone(SPACE.at(6111), [0])
    passes = Passes(network, batch, batch, 0, uses)
    for proxy in proxies:
        proxy.measure(passes)
    kept = [weakref.ref(passes._seen), weakref.ref(passes._forward[1])]
    del passes, network
    gc.collect()
    assert [ref() for ref in kept] == [None, None]


def test_second_derivatives_are_charged_to_grasp_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    derive, n_derived = torch.autograd.grad, [0]

    def count(*args: Any, **options: Any) -> Any:
        n_derived[0] += 1
        return derive(*args, **options)

    monkeypatch.setattr(torch.autograd, "grad", count)
    meter = Meter(lambda: float(n_derived[0]))  # counts derivations instead of seconds
    batch = Batch(torch.randn(4, 1, 16, 16), torch.arange(4))
    network = SPACE.networks(tiny_data().network_shape(2, 1)).standalone(SPACE.at(6111), [0])
    passes = Passes(network, batch, batch, 0, {Use.CURVATURE}, meter)
    charged = {
        name: meter.charge(load_estimator(name).measure, passes)[1] for name in ("snip", "grasp")
    }
    assert charged == {"snip": 1.0, "grasp": 2.0}


def test_a_gpus_seconds_are_read_when_it_has_done_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert make_clock(cpu)() > 0.0
    assert waited == []
    assert make_clock(gpu)() > 0.0
    assert waited == [gpu]
