"""Opening the published table and taking its means, against pandas on the file it came from.

The plain way reads the rows with `pandas.read_parquet` and averages with `groupby`; it checks
nothing, while ours verifies the content hash. The two take turns, so that a change of the
machine's load meets both. `extra_info` holds the ratio of the best times, ours to plain, and that
to the first opening, which checks every row. Nothing is asserted about time. Needs no real data:
the table is of the published one's size.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.spaces.nb201.encoding import N_ARCHS
from harness.truth import TruthQuery, TruthTable, load_table, save_table
from harness.truth.columns import Columns, Labels, all_accuracies

FloatArray = npt.NDArray[np.float64]

QUERY = TruthQuery("cifar10", "test", 200)
DATASETS = ("ImageNet16-120", "cifar10", "cifar10-valid", "cifar100")
KEYS = [(dataset, split) for dataset in range(len(DATASETS)) for split in range(2)][:7]
ROUNDS = 15


def make_table() -> TruthTable:
    """Make 15,625 architectures x 7 keys x 3 trials: 328,125 rows, as the published table has."""
    index, key, trial = (part.reshape(-1) for part in np.indices((N_ARCHS, len(KEYS), 3)))
    rng = np.random.RandomState(0)
    true = 94 - rng.gamma(2.0, 4.0, N_ARCHS).clip(0, 84)
    accuracy = true[index] + rng.standard_normal(index.shape) / 3
    dataset, split = np.array(KEYS, dtype=np.int8).T
    columns = Columns(
        key=index.astype(np.int16),
        dataset=Labels(dataset[key], DATASETS),
        split=Labels(split[key], ("test", "valid")),
        epochs=np.full(len(index), 200, dtype=np.int16),
        trial=trial.astype(np.int32),
        seed=777 + 111 * trial.astype(np.int64),
        value=accuracy.clip(0, 100).round(2),
        metric=all_accuracies(len(index)),
    )
    return TruthTable("synthetic", columns, {})


def harness_means(path: Path) -> FloatArray:
    """Open the harness's file, verify it, and average."""
    return load_table(path).mean(QUERY).value


def plain_means(path: Path) -> FloatArray:
    """Read all rows with pandas and average those that are wanted."""
    rows = pd.read_parquet(path)
    wanted = rows[
        (rows["dataset"] == QUERY.dataset)
        & (rows["split"] == QUERY.split)
        & (rows["epochs"] == QUERY.epochs)
    ]
    means = wanted.groupby("nb201_index")["accuracy"].mean()
    return np.asarray(means.to_numpy(), dtype=np.float64)


def test_means_of_a_table_of_the_published_size(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = make_table()
    ours, rows = tmp_path / "truth.parquet", tmp_path / "truth_rows.parquet"
    save_table(table, ours)
    # As rows to import come: strings, not dictionaries.
    table.rows.astype({"arch_str": str, "dataset": str, "split": str}).to_parquet(rows)
    # The two must say the same, or there is nothing to compare: ours are rounded to 1e-6.
    np.testing.assert_allclose(harness_means(ours), plain_means(rows), atol=1e-6)
    first_ms = 1e3 * min(timed(harness_means, rows) for _ in range(3))
    plain_s: list[float] = []
    ours_s: list[float] = []

    def take_turn() -> tuple[tuple[Path], dict[str, object]]:
        plain_s.append(timed(plain_means, rows))
        return (ours,), {}

    def run_ours(path: Path) -> None:
        ours_s.append(timed(harness_means, path))

    benchmark.pedantic(run_ours, setup=take_turn, rounds=ROUNDS, iterations=1)
    ours_ms, plain_ms = 1e3 * min(ours_s), 1e3 * min(plain_s)
    with capsys.disabled():
        print(
            f"\n{len(table.columns):,} rows: {ours_ms:.0f} ms to open, verify and average; ratio "
            f"to pandas {ours_ms / plain_ms:.3f}, to the first opening {ours_ms / first_ms:.3f}"
        )
    benchmark.extra_info.update(
        ratio=round(ours_ms / plain_ms, 3),
        ratio_to_first=round(ours_ms / first_ms, 3),
        ours_ms=round(ours_ms, 1),
        plain_ms=round(plain_ms, 1),
        ours_bytes=ours.stat().st_size,
        plain_bytes=rows.stat().st_size,
    )


def timed(function: Callable[[Path], FloatArray], path: Path) -> float:
    """Return the seconds that one call took."""
    start = time.perf_counter()
    function(path)
    return time.perf_counter() - start
