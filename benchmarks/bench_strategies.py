"""One training step of every strategy, against one of plain path sampling.

All take turns, on one thread each. The ratio says what a step costs, not what a path costs: that
of a strategy that trains several paths a step is to be divided by their number, printed beside it.
Nothing is asserted about time.
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.made import make_trainer, noise_images, take_turns
from harness.strategies import REGISTRY

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = {
    "ogd-covariance": {"strategy": "ogd", "ogd": {"projector": "covariance"}},
    "ogd-nullspace": {"strategy": "ogd", "ogd": {"projector": "nullspace"}},
}
"""Strategies beside the registered ones with their defaults."""

WARM_STEPS = 30
"""Most layers have been met, and their P exists."""


@pytest.mark.parametrize(("where", "steps"), [("tiles", 100), ("C16N1", 40)])
def test_step_of_every_strategy_against_a_plain_one(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], where: str, steps: int
) -> None:
    data, size = (None, {}) if where == "tiles" else (noise_images(), {"channels": 16})
    chosen = {name: {"strategy": name} for name in REGISTRY} | SETTINGS
    trainers = {name: make_trainer(data, **size, **own) for name, own in chosen.items()}
    contenders = {name: lambda _, t=t: t.train_step() for name, t in trainers.items()}
    take_turns(contenders, range(WARM_STEPS))
    seconds = benchmark.pedantic(take_turns, args=(contenders, range(steps)), rounds=1)
    # the mean, not the median: a refresh in some of the steps is part of the cost
    ms = {name: 1e3 * float(np.mean(values)) for name, values in seconds.items()}
    ratios = {name: round(value / ms["spos"], 3) for name, value in ms.items()}
    paths = {name: t.log.tables["steps"]["n_paths"][-1] for name, t in trainers.items()}
    with capsys.disabled():
        print(f"\n{where}: spos {ms['spos']:.1f} ms a step; ratios to it (paths a step):")
        for name, ratio in ratios.items():
            print(f"  {name} {ratio:.2f} ({paths[name]:.0f})")
    benchmark.extra_info.update(ratios=ratios, threads=1)
