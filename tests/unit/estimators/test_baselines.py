"""The free baselines, held to figures that were computed from the published table elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import harness
from harness.estimators.baselines import make_baseline, make_baselines
from harness.spaces import load_space

EVERYTHING = np.arange(15_625)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("params", (0.577, 0.388, 0.085)), ("live_params", (0.654, 0.419, 0.097))],
)
def test_sizes_rank_the_published_table_as_known(
    name: str, expected: tuple[float, ...], data_dir: Path
) -> None:
    found = harness.evaluate(make_baseline(name, EVERYTHING), "cifar10", data_dir=data_dir)
    parts = [found.populations[part] for part in ("all", "top_50", "top_10")]
    taus = [part.metrics["tau"].value for part in parts]
    assert taus == pytest.approx(expected, abs=6e-4)


def test_the_live_part_is_what_is_left_without_dead_edges() -> None:
    space = load_space()
    arch = space.parse("|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|")
    found = make_baselines(np.array([space.key(arch), space.key(space.canonical(arch))]))
    for name in ("params", "flops"):
        (whole, live), counted = found[name], found[f"live_{name}"]
        assert whole > live
        assert counted.tolist() == [live, live]


def test_the_floor_is_the_live_part() -> None:
    assert load_space().floor == "live_params"
