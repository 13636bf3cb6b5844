"""Growth up to a space of 423,624 architectures, NAS-Bench-101, against n log n.

CPU seconds of opening a truth table, tau with its influence values, an evaluation with all metrics
and free scores, and a report's page, on a quarter, a sixteenth and a sixty-fourth of the space and
all of it. `extra_info` holds the growth from the size before, over that of n log n: 1 where it is
the same. Nothing is asserted about time. Needs no real data; the order of the cells is made once
(a minute) and kept in the user's cache folder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import harness
from harness.report.page import render_page
from harness.spaces import load_space
from harness.spaces.lookup import name_archs
from harness.stats import kendall_tau
from harness.truth import TruthTable, load_table, make_table, save_table

SPACE = load_space("nb101")
SIZES = [423_624 // 64, 423_624 // 16, 423_624 // 4, 423_624]
N_IMAGES = 9_984

seconds: dict[tuple[str, int], float] = {}


@cache
def make_truth(n: int) -> TruthTable:
    """Make a truth of the first n architectures of the canonical permutation."""
    keys = np.array(SPACE.prefix(n))
    right = np.random.RandomState(0).gamma(2, 300, n).clip(0, 8_000).round()
    rows = pd.DataFrame(name_archs(keys, SPACE)).assign(
        dataset="cifar10",
        split="test",
        epochs=108,
        trial=0,
        seed=-1,
        accuracy=100 * (1 - right / N_IMAGES),
    )
    return make_table(rows, "made", {}, space=SPACE)


@cache
def make_file(n: int, folder: Path) -> Path:
    """Write the table, to be opened."""
    path = folder / f"truth-{n}.parquet"
    save_table(make_truth(n), path)
    return path


@cache
def make_scores(n: int) -> pd.Series[float]:
    """Make scores that rank the truth with noise, by architecture."""
    trials = make_truth(n).rows
    noise = np.random.RandomState(1).normal(0, 3, n)
    return pd.Series(trials["accuracy"].to_numpy() + noise, index=trials["arch"].astype(str))


def open_table(n: int, folder: Path) -> object:
    """Open the table and verify its content hash."""
    return load_table(make_file(n, folder), SPACE)


def tau(n: int, _folder: Path) -> object:
    """Compute tau and all influence values."""
    return kendall_tau(make_scores(n).to_numpy(), make_truth(n).rows["accuracy"].to_numpy())


def evaluate(n: int, _folder: Path) -> object:
    """Read scores by string, and compute every figure with its interval."""
    return harness.evaluate(make_scores(n), make_truth(n), space=SPACE)


def page(n: int, _folder: Path) -> object:
    """Compare scores with the floor, and write the page."""
    report = harness.compare({"scores": make_scores(n)}, truth=make_truth(n), space=SPACE)
    return len(render_page(report))


CASES: tuple[Callable[[int, Path], object], ...] = (open_table, tau, evaluate, page)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scale")


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("call", CASES, ids=lambda call: call.__name__)
def test_growth(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    call: Callable[[int, Path], object],
    n: int,
) -> None:
    make_file(n, folder), make_scores(n)
    call(SIZES[0], folder)  # first calls import
    before = time.process_time()
    benchmark.pedantic(call, args=(n, folder), rounds=1, iterations=1)
    cpu_s = time.process_time() - before
    seconds[call.__name__, n] = cpu_s
    growth = math.nan
    if (call.__name__, n // 4) in seconds:
        expected = 4 * math.log(n) / math.log(n // 4)
        growth = cpu_s / seconds[call.__name__, n // 4] / expected
    with capsys.disabled():
        print(
            f"\n{call.__name__}, n = {n:,}: {cpu_s:.2f} CPU seconds, growth to n log n {growth:.2f}"
        )
    benchmark.extra_info.update(cpu_s=round(cpu_s, 2), growth=round(growth, 2))
