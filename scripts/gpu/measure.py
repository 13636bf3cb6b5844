"""Time and memory of training steps and of ranking on one device, as ratios taken in one process.

    python -m scripts.gpu.measure --out measured.json [--device cpu --rehearse]

Contenders take turns on the same ten random paths. Times are wall time from an idle device to an
idle device again, so that work that is only queued counts. What is known so far is always in the
file.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.made import PATHS, follow, make_config_of, noise_images
from benchmarks.naive import NaiveStep, naive_batch
from harness.estimators.supernet.measuring import SharedBatch, sum_batch
from harness.execution.machine import prepare_process
from harness.files.atomic import write_atomically
from harness.images.dataset import ImageData
from harness.spaces import load_space
from harness.strategies import load_strategy
from harness.training.loop import Trainer

Size = tuple[int, int, int]
"""Cells, batch and channels."""

TURNS = 4
SIZES = {f"N{cells}-B{batch}": (cells, batch) for cells in (1, 5) for batch in (64, 256)}
RANKED = {f"N{cells}-B{batch}": (cells, batch) for cells in (1, 5) for batch in (250, 1_000)}
AT_ONCE = (1, 2, 4, 8)
PATIENCE_S = 300.0
"""How long to wait for a process that trains beside others, which starts first."""
SEVERAL_S = 3.0
"""How long each number of supernets at once is watched."""


def wait(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed_ms(device: torch.device, work: Callable[[], object]) -> float:
    """Return the wall time of some work, ms."""
    wait(device)
    started = time.perf_counter()
    work()
    wait(device)
    return 1e3 * (time.perf_counter() - started)


def peak_mib(device: torch.device, work: Callable[[], object]) -> float | None:
    """Return how much more memory some work takes at its peak than before it, MiB."""
    if device.type != "cuda":
        return None
    wait(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    wait(device)
    return round((torch.cuda.max_memory_allocated(device) - before) / 2**20, 1)


def make(data: ImageData, cells: int, batch: int, channels: int, **settings: Any) -> Trainer:
    """Make a trainer that trains `PATHS` in turn."""
    shape = {"channels": channels, "cells": cells, "batch_size": batch, "lr": 0.025}
    config = make_config_of({**shape, "schedule": "constant", **settings})
    trainer = Trainer(config, data, load_strategy(config.strategy))
    follow(trainer)
    return trainer


def compare_steps(data: ImageData, cells: int, batch: int, channels: int) -> dict[str, Any]:
    """Time a step of every contender; `each_read` reads its loss at once, as on a CPU."""
    device = data.train.labels.device
    trainers = {
        "float32": make(data, cells, batch, channels),
        "each_read": make(data, cells, batch, channels),
        "bf16": make(data, cells, batch, channels, precision="bf16"),
        "ogd": make(data, cells, batch, channels, strategy="ogd"),
    }
    trainers["each_read"]._read_every = 1
    naive = NaiveStep(trainers["float32"])
    batches = [naive_batch(trainers["float32"], step) for step in range(len(PATHS))]

    def run_naive() -> None:
        for (images, labels), arch in zip(batches, PATHS, strict=True):
            naive(images, labels, arch)

    def run(trainer: Trainer) -> Callable[[], None]:
        return lambda: [trainer.train_step() for _ in PATHS].clear()

    contenders = {"naive": run_naive, **{name: run(t) for name, t in trainers.items()}}
    for work in contenders.values():  # kernels are chosen, buffers made
        work()
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(TURNS):
        for name, work in contenders.items():
            seen[name].append(timed_ms(device, work) / len(PATHS))
    ms = {name: round(statistics.median(values), 3) for name, values in seen.items()}
    return {
        "ms": ms,
        "ratio_to_naive": {name: round(ms[name] / ms["naive"], 3) for name in trainers},
        "spread_ms": {name: [round(min(v), 3), round(max(v), 3)] for name, v in seen.items()},
        "peak_mib": {name: peak_mib(device, work) for name, work in contenders.items()},
    }


def compare_ranking(
    data: ImageData, cells: int, batch: int, channels: int, n: int
) -> dict[str, Any]:
    """Time the scoring of an architecture on one batch: naive, by itself, sharing, in bf16."""
    device = data.train.labels.device
    trainer = make(data, cells, 8, channels)
    network, space = trainer.network, load_space()
    archs = network.order([space.at(key) for key in space.prefix(n)])
    images = data.normalise(data.train.pixels[:batch])
    labels = data.train.labels[:batch]
    naive = NaiveStep(trainer).network
    half = network.to_bf16()
    plain = images.contiguous()

    def share(net: Any, pixels: torch.Tensor) -> Callable[[], None]:
        def work() -> None:
            shared = SharedBatch(net, pixels, labels, sum_batch)
            for arch in archs:
                shared.score(arch)

        return work

    @torch.inference_mode()
    def one_by_one(net: Any, pixels: torch.Tensor) -> None:
        for arch in archs:
            sum_batch(net(pixels, arch), labels)

    works = {
        "naive_ms": lambda: one_by_one(naive, plain),
        "alone_ms": lambda: one_by_one(network, images),
        "shared_ms": share(network, images),
        "shared_bf16_ms": share(half, images.to(torch.bfloat16)),
    }
    for work in works.values():
        work()
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(2):
        for name, work in works.items():
            seen[name].append(timed_ms(device, work) / len(archs))
    found: dict[str, Any] = {name: round(min(values), 3) for name, values in seen.items()}
    return {**found, "archs": n, "peak_mib": peak_mib(device, works["shared_ms"])}


def _train_beside(
    rank: int,
    device: str,
    size: Size,
    turns: Mapping[int, float],
    meet: Any,
    tell: Any,
) -> None:
    prepare_process({"threads": 1})
    cells, batch, channels = size
    trainer = make(noise_images().to(torch.device(device)), cells, batch, channels)
    for _ in PATHS:
        trainer.train_step()
    for at_once, seconds in turns.items():
        wait(trainer.device)
        meet.wait()
        steps, ends = 0, time.perf_counter() + seconds
        while rank < at_once and time.perf_counter() < ends:
            trainer.train_step()
            trainer.log  # noqa: B018 - reads the loss, so that no more than a step is queued
            steps += 1
        tell.put((at_once, steps / seconds))


def compare_several(device: str, size: Size, turns: Mapping[int, float]) -> dict[str, Any]:
    """Train several supernets at once, each in its own process; steps a second of all together."""
    context = multiprocessing.get_context("spawn")
    most = max(turns)
    meet, tell = context.Barrier(most), context.Queue()
    workers = [
        context.Process(
            target=_train_beside, args=(rank, device, size, turns, meet, tell), daemon=True
        )
        for rank in range(most)
    ]
    for worker in workers:
        worker.start()
    told = [tell.get(timeout=PATIENCE_S) for _ in range(most * len(turns))]
    for worker in workers:
        worker.join()
    rates = {n: sum(rate for number, rate in told if number == n) for n in turns}
    alone = rates[min(turns)]
    return {
        "steps_per_s": {str(n): round(rate, 2) for n, rate in rates.items()},
        "throughput": {str(n): round(rate / alone, 2) for n, rate in rates.items()},
    }


def main() -> None:
    """Measure everything, and write after each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rehearse", action="store_true", help="tiny settings")
    given = parser.parse_args()
    prepare_process({"threads": 1})
    data = noise_images().to(torch.device(given.device))
    channels, sizes, turns = 16, SIZES, dict.fromkeys(AT_ONCE, SEVERAL_S)
    ranked, n_archs, several = RANKED, 60, (5, 256)
    if given.rehearse:
        channels, sizes, turns = 2, {"N1-B8": (1, 8)}, {1: 0.2, 2: 0.2}
        ranked, n_archs, several = {"N1-B16": (1, 16)}, 4, (1, 8)
    known: dict[str, Any] = {"steps": {}, "ranking": {}}

    def note() -> None:
        write_atomically(given.out, json.dumps(known, indent=1))

    for name, (cells, batch) in sizes.items():
        known["steps"][name] = compare_steps(data, cells, batch, channels)
        note()
    for name, (cells, batch) in ranked.items():
        known["ranking"][name] = compare_ranking(data, cells, batch, channels, n_archs)
        note()
    known["several"] = compare_several(given.device, (*several, channels), turns)
    note()


if __name__ == "__main__":
    main()
