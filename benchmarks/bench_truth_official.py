"""The mean accuracy of every architecture of an official file: the table against the package.

Both get the same synthetic file of 400 architectures. The package, `nas_201_api`, loads it whole
with torch (with the allowlist that makes that safe) and is asked architecture by architecture, in
both of its ways; the harness opens the table that it imported from it once. Run
`pytest benchmarks/bench_truth_official.py -s`: the last test prints the ratios, an architecture, of
this run. No time is ever compared with another machine's.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from nas_201_api import NASBench201API
from pytest_benchmark.fixture import BenchmarkFixture

from harness.truth import TruthQuery, TruthTable, load_table, save_table
from harness.truth.importers.importing import import_truth
from tests.published_files import make_results, write_official

N_ARCHS = 400
QUERY = TruthQuery("cifar10", "test", 200)
ALLOWED = [np._core.multiarray.scalar, np.dtype, np.dtypes.Float64DType, OrderedDict, set]

FloatArray = np.ndarray[tuple[int], np.dtype[np.float64]]


class Files(NamedTuple):
    """The same results twice.

    Attributes:
        official: As the benchmark's authors publish them.
        table: As the harness imported them.
        import_s: What the import took, seconds.
    """

    official: Path
    table: Path
    import_s: float


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Write the file, and import it."""
    folder = tmp_path_factory.mktemp("official")
    official, table = folder / "official.pth", folder / "truth.parquet"
    write_official(official, make_results(N_ARCHS))
    start = time.perf_counter()
    save_table(import_truth(official), table)
    return Files(official, table, time.perf_counter() - start)


@pytest.fixture(scope="module")
def api(files: Files) -> NASBench201API:
    """The package, with the file loaded."""
    return open_api(files)


def open_api(files: Files) -> NASBench201API:
    """Load as the package does, through what torch 2.6 and later needs for that."""
    with torch.serialization.safe_globals(ALLOWED):
        content = torch.load(files.official, map_location="cpu", weights_only=True)
    return NASBench201API(content, verbose=False)


def ask_for_info(api: NASBench201API) -> FloatArray:
    """Ask the package for averages, which it works out with much else."""
    infos = (api.get_more_info(i, "cifar10", hp="200", is_random=False) for i in range(N_ARCHS))
    return np.array([info["test-accuracy"] for info in infos])


def ask_by_index(api: NASBench201API) -> FloatArray:
    """Ask the package for all trials of one data set, and average them."""
    means = []
    for index in range(N_ARCHS):
        trials = api.query_by_index(index, "cifar10", hp="200")
        means.append(np.mean([trial.get_eval("ori-test")["accuracy"] for trial in trials.values()]))
    return np.array(means)


def ask_table(table: TruthTable) -> FloatArray:
    """Ask the harness for all means at once."""
    return table.mean(QUERY).value


def open_and_ask_table(files: Files) -> FloatArray:
    """Open the table and ask it."""
    return ask_table(load_table(files.table))


@pytest.mark.parametrize("ask", [ask_for_info, ask_by_index], ids=lambda ask: ask.__name__)
def test_query_package(
    benchmark: BenchmarkFixture,
    files: Files,
    api: NASBench201API,
    ask: Callable[[NASBench201API], FloatArray],
) -> None:
    """Time the package once loaded, and check that the harness gives the same means."""
    benchmark.group = f"query of {N_ARCHS} architectures"
    means = benchmark.pedantic(ask, args=(api,), rounds=2)
    np.testing.assert_allclose(means, open_and_ask_table(files), rtol=0, atol=1e-6)


def test_query_table(benchmark: BenchmarkFixture, files: Files) -> None:
    """Time the harness once its table is open."""
    benchmark.group = f"query of {N_ARCHS} architectures"
    benchmark(ask_table, load_table(files.table))


def test_open_and_query_table(benchmark: BenchmarkFixture, files: Files) -> None:
    """Time the harness from the file on."""
    benchmark.group = f"open and query {N_ARCHS} architectures"
    benchmark(open_and_ask_table, files)


def test_ratios(files: Files, api: NASBench201API) -> None:
    """Print how much longer the package takes, an architecture, in this run."""
    table = load_table(files.table)
    ours = shortest_s(lambda: ask_table(table), 20)
    ours_opened = shortest_s(lambda: open_and_ask_table(files), 20)
    theirs = min(shortest_s(partial(ask, api), 1) for ask in (ask_for_info, ask_by_index))
    theirs_opened = theirs + shortest_s(lambda: open_api(files), 1)
    for what, package_s, harness_s in (
        ("query", theirs, ours),
        ("open and query", theirs_opened, ours_opened),
        ("open and query, with the import", theirs_opened, files.import_s + ours_opened),
    ):
        print(
            f"\n{what}: package {package_s / N_ARCHS * 1e6:,.1f} us, harness "
            f"{harness_s / N_ARCHS * 1e6:,.2f} us an architecture; ratio "
            f"{package_s / harness_s:,.1f}"
        )
    assert theirs > ours
    assert theirs_opened > ours_opened


def shortest_s(run: Callable[[], object], rounds: int) -> float:
    """Time a call several times, and return the shortest."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)
