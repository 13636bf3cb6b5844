"""Reports of six runs and of thirteen files, against plain taus; and how fast commands begin.

The plain way reads the same score files and truth rows with pandas and calls scipy's `kendalltau`:
of six runs on each run alone, of thirteen files on every population, and on both sides of every
difference. It has no intervals, ceilings or other metrics. `extra_info` holds the ratio of
the medians, ours to plain, and the growth from the smaller size. The command on thirteen files is a
process of its own, imports included, in CPU seconds. A start of the command is held
against `python -c pass`. Nothing is asserted about time.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.stats import kendalltau

from benchmarks.bench_truth import make_table
from harness.cli.main import cli
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.stats import populations_of, select_population
from harness.truth import TruthTable, default_query, save_table
from tests import made_runs

SIZES = [1_000, 15_625]
RUNS = [("spos", 0), ("spos", 1), ("spos", 2), ("ogd", 0), ("ogd", 1), ("ogd", 2)]
ROUNDS = 3

small_s: dict[str, float] = {}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[TruthTable, Path]:
    """A table of the published size, and the data folder that it is in."""
    table, folder = make_table(), tmp_path_factory.mktemp("data")
    (folder / "nb201").mkdir()
    save_table(table, folder / "nb201" / "truth.parquet")
    return table, folder


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@pytest.mark.parametrize("n", SIZES)
def test_report_of_six_runs(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    truth: tuple[TruthTable, Path],
    n: int,
) -> None:
    table, data_dir = truth
    indices = np.array(sample_indices(n))
    monkeypatch.setattr(made_runs, "INDICES", indices)
    mean = table.mean(default_query("cifar10"))
    true = pd.Series(mean.value, index=mean.keys)[indices].to_numpy()
    for place, (strategy, seed) in enumerate(RUNS):
        scores = true + np.random.RandomState(place).standard_normal(n)
        made_runs.make_run(
            tmp_path, scores, strategy, seed, truth=table, dataset="cifar10", n_archs=n
        )
    rows = tmp_path / "truth_rows.parquet"
    table.rows.astype({"arch_str": str, "dataset": str, "split": str}).to_parquet(rows)

    def report() -> None:
        arguments = ["report", str(tmp_path), "--format", "json", "--data-dir", str(data_dir)]
        result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output

    def plain() -> None:
        frame = pd.read_parquet(rows)
        query = default_query("cifar10")
        wanted = frame[(frame["dataset"] == query.dataset) & (frame["split"] == query.split)]
        known = wanted.groupby("nb201_index")["accuracy"].mean()
        for path in tmp_path.glob("*/scores.parquet"):
            scored = pd.read_parquet(path)
            kendalltau(scored["score"], known[scored["nb201_index"]])

    report(), plain()  # first calls import
    plain_s: list[float] = []
    ours_s: list[float] = []

    def take_turn() -> None:
        plain_s.append(timed(plain))

    benchmark.pedantic(
        lambda: ours_s.append(timed(report)), setup=take_turn, rounds=ROUNDS, iterations=1
    )
    ours, ratio = statistics.median(ours_s), statistics.median(ours_s) / statistics.median(plain_s)
    growth = ours / small_s.setdefault("report", ours)
    with capsys.disabled():
        print(
            f"\nreport of 6 runs, n = {n:,}: {ours:.2f} s, ratio to plain {ratio:.2f}, "
            f"{growth:.1f} times that of n = {SIZES[0]:,}"
        )
    benchmark.extra_info.update(ratio=round(ratio, 2), growth=round(growth, 2), seconds=ours)


@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_thirteen_files(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    truth: tuple[TruthTable, Path],
    command: str,
) -> None:
    table, data_dir = truth
    space, mean = load_space(), table.mean(default_query("cifar10"))
    keys = np.array([key for key in mean.keys if space.canonical(arch_at(key)) == arch_at(key)])
    true = pd.Series(mean.value, index=mean.keys)[keys]
    names = [str(arch_at(key)) for key in keys]
    paths = [tmp_path / f"proxy{number}.csv" for number in range(13)]
    for number, path in enumerate(paths):
        scores = true + (1 + number) * np.random.RandomState(number).standard_normal(len(keys))
        pd.DataFrame({"arch_str": names, "score": scores}).to_csv(path, index=False)
    masks = [select_population(name, keys, true, space).mask for name in populations_of(space)]

    options = ["--dataset", "cifar10", "--format", "json", "--data-dir", str(data_dir)]
    call = [sys.executable, "-m", "harness", command, *map(str, paths), *options]

    def ours() -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def plain() -> None:
        started = time.process_time()
        by_name = pd.Series(true.to_numpy(), index=names)
        files = [pd.read_csv(path, index_col="arch_str")["score"] for path in paths]
        each = files if command == "evaluate" else [*files, *files[1:], *files[:1] * 12]
        for scores, mask in itertools.product(each, masks):
            kendalltau(scores[mask], by_name[scores.index[mask]])
        plain_s.append(time.process_time() - started)

    ours_s: list[float] = []
    plain_s: list[float] = []
    ours(), plain()  # files come into the cache, first calls import
    ours_s.clear(), plain_s.clear()
    benchmark.pedantic(ours, setup=plain, rounds=ROUNDS, iterations=1)
    cpu_s = statistics.median(ours_s)
    ratio = cpu_s / statistics.median(plain_s)
    with capsys.disabled():
        n = f"{len(keys):,}"
        print(f"\n{command} of 13 files, n = {n}: {cpu_s:.2f} CPU seconds, ratio {ratio:.2f}")
    benchmark.extra_info.update(ratio=round(ratio, 2), cpu_s=cpu_s)


@pytest.mark.parametrize("arguments", ["--help", "run --help", "report --help"])
def test_start_of_a_command(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    ours_s: list[float] = []
    bare_s: list[float] = []

    def start(*command: str) -> float:
        return timed(
            lambda: subprocess.run(
                [sys.executable, *command], check=True, stdout=subprocess.DEVNULL
            )
        )

    command = ("-m", "harness", *arguments.split())
    start(*command)  # files come into the cache

    def take_turn() -> None:
        bare_s.append(start("-c", "pass"))

    benchmark.pedantic(
        lambda: ours_s.append(start(*command)), setup=take_turn, rounds=7, iterations=1
    )
    ours, bare = min(ours_s), min(bare_s)
    with capsys.disabled():
        print(f"\nharness {arguments}: {1e3 * ours:.0f} ms, ratio to bare Python {ours / bare:.1f}")
    benchmark.extra_info.update(ratio=round(ours / bare, 2), ours_ms=round(1e3 * ours))
