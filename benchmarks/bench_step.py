"""One training step of the supernet, against the naive one on the same paths and images.

What is timed is the harness's own step (`Trainer.train_step`: batch, augmentation, log) on fixed
random paths; the naive step is given its batch for nothing. All take turns, on one thread each, as
`harness run` works. `extra_info` holds the ratios to naive: the aim is 1/3 or less. Nothing is
asserted about time.
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.made import PATHS, follow, make_trainer, median_by, noise_images, take_turns
from benchmarks.naive import NaiveStep, naive_batch

pytestmark = pytest.mark.usefixtures("one_thread")

ROUNDS_PER_PATH = 3
C16 = {"channels": 16, "lr": 0.025, "clip_norm": 0.0, "schedule": "constant"}


@pytest.mark.parametrize("cells", [1, 5], ids=lambda cells: f"C16N{cells}")
def test_step_on_random_paths(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], cells: int
) -> None:
    data = noise_images()
    float32 = make_trainer(data, cells=cells, **C16)
    bf16 = make_trainer(data, cells=cells, precision="bf16", **C16)
    naive = NaiveStep(float32)
    for trainer in (float32, bf16):
        follow(trainer)
    batches = [naive_batch(float32, step) for step in range(len(PATHS))]

    def run_naive(step: int) -> None:
        place = step % len(PATHS)
        naive(*batches[place], PATHS[place])

    contenders = {
        "naive": run_naive,
        "float32": lambda _: float32.train_step(),
        "bf16": lambda _: bf16.train_step(),
    }
    take_turns(contenders, range(len(PATHS)))  # kernels are chosen in the first passes
    steps = range(len(PATHS) * ROUNDS_PER_PATH)
    seconds = benchmark.pedantic(take_turns, args=(contenders, steps), rounds=1)
    keys = [step % len(PATHS) for step in steps]
    ms = {name: median_by(values, keys) for name, values in seconds.items()}
    ratios = {name: round(ms[name] / ms["naive"], 3) for name in ("float32", "bf16")}
    with capsys.disabled():
        print(f"\nC=16, N={cells}: naive {ms['naive']:.0f} ms a step", end="")
        for name, ratio in ratios.items():
            print(f"; {name} {ms[name]:.0f} ms, ratio {ratio:.3f}", end="")
        print()
    benchmark.extra_info.update(
        {f"{name}_ms_per_step": round(value, 1) for name, value in ms.items()},
        ratio=ratios["float32"],
        ratio_bf16=ratios["bf16"],
        threads=1,
        batch_size=float32.config.batch_size,
        paths=[arch.nb201_index for arch in PATHS],
    )


@pytest.mark.parametrize("where", ["tiles", "C16N1", "C16N5"])
def test_ogd_step_against_a_plain_one(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    if where == "tiles":  # the defaults of `harness run`
        data, settings, steps = None, {}, 160
    else:
        cells = int(where.removeprefix("C16N"))
        data, settings, steps = noise_images(), {"channels": 16, "cells": cells}, 80 // cells
    trainers = {
        "plain": make_trainer(data, **settings),
        "covariance": make_trainer(
            data, strategy="ogd", ogd={"projector": "covariance"}, **settings
        ),
        "rls": make_trainer(data, strategy="ogd", ogd={"projector": "rls"}, **settings),
    }
    contenders = {name: lambda _, t=t: t.train_step() for name, t in trainers.items()}
    take_turns(contenders, range(20))  # most layers have been met, and their P exists
    seconds = benchmark.pedantic(take_turns, args=(contenders, range(steps)), rounds=1)
    # the mean, not the median: a refresh in some of the steps is part of the cost
    ms = {name: 1e3 * float(np.mean(values)) for name, values in seconds.items()}
    ratios = {name: round(ms[name] / ms["plain"], 3) for name in ("covariance", "rls")}
    with capsys.disabled():
        print(
            f"\n{where}: plain {ms['plain']:.1f} ms a step; OGD's ratio to it: "
            + ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())
        )
    benchmark.extra_info.update(
        {f"{name}_ms_per_step": round(value, 2) for name, value in ms.items()},
        ratio=ratios["covariance"],
        ratio_rls=ratios["rls"],
        threads=1,
    )
