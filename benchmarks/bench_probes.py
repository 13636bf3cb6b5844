"""Probes of disturbance: their share of a run's time at the default cadence.

A measured step evaluates the trained path and two sets of K paths on a batch of held-out images,
before and after. Every one of them is changed by the step: stem, reduction blocks, classifier and
batch norm are shared by all paths, so no result can be carried over, only the work on the images
be kept small. `extra_info` holds the share of the time of `probe_every` steps. Nothing is asserted
about time.
"""

from __future__ import annotations

from collections import defaultdict

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.made import make_trainer, noise_images

PLAIN_STEPS = 24


@pytest.mark.parametrize("where", ["tiles", "C16N1"])
def test_share_of_the_time_at_the_default_cadence(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    torch.set_num_threads(1)
    every = 200 if where == "tiles" else 250  # the presets `quick` of tiles and of CIFAR
    settings = {} if where == "tiles" else {"channels": 16}
    data = None if where == "tiles" else noise_images()
    # measured at every second step here, so that few steps show both; at `every` in a run
    trainer = make_trainer(data, probe_every=2, **settings)
    for _ in range(12):  # the recent paths fill up
        trainer.train_step()
    trainer.timings = defaultdict(float)

    def train() -> None:
        for _ in range(PLAIN_STEPS):
            trainer.train_step()

    benchmark.pedantic(train, rounds=1)
    step_s = trainer.timings["train"] / PLAIN_STEPS
    probe_s = trainer.timings["probe"] / (PLAIN_STEPS // 2)
    share = probe_s / (probe_s + every * step_s)
    with capsys.disabled():
        print(
            f"\n{where}: a measurement takes {probe_s / step_s:.1f} steps' time, "
            f"{100 * share:.1f}% of the time at one in {every} steps"
        )
    benchmark.extra_info.update(
        ratio=round(probe_s / step_s, 2),
        share_pct=round(100 * share, 2),
        probe_ms=round(1e3 * probe_s, 1),
        step_ms=round(1e3 * step_s, 1),
        probe_every=every,
        threads=1,
    )
