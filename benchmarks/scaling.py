"""Time and memory of a training step, and of ranking, against what they grow with.

    python -m benchmarks.scaling
    python -m benchmarks.scaling --axis ranked      that one anew, beside what is stored

A step is measured against channels, cells, image size and batch; ranking, as a run does it, against
the number of architectures. Each point is a process of its own, so that its peak memory is its own.
Results go to `benchmarks/scaling.csv`, the plot to `benchmarks/scaling.png` (if matplotlib is
installed).
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BASE = {"channels": 16, "cells": 1, "size": 32, "batch": 64}
AXES = {
    "channels": [4, 8, 16, 32],
    "cells": [1, 2, 3, 5],
    "size": [8, 16, 32],
    "batch": [16, 32, 64, 128],
    "ranked": [10, 30, 100, 300],
}
PRECISIONS = {axis: ("float32",) if axis == "ranked" else ("float32", "bf16") for axis in AXES}
STEPS = 12
RANK_IMAGES = 100
HERE = Path(__file__).resolve().parent
COLUMNS = ("axis", "value", "precision", "cpu_ms", "peak_mb")

Found = dict[str, float]


def measure_step(channels: int, cells: int, size: int, batch: int, precision: str) -> Found:
    """Train some random paths in this process; return milliseconds a step and peak megabytes."""
    import torch

    from benchmarks.made import make_trainer, median_by, noise_images, take_turns

    torch.set_num_threads(1)
    trainer = make_trainer(
        noise_images(size, n=4 * batch),
        channels=channels,
        cells=cells,
        batch_size=batch,
        precision=precision,
    )
    run = {"step": lambda _: trainer.train_step()}
    take_turns(run, range(STEPS // 3))
    seconds = take_turns(run, range(STEPS))["step"]
    # different paths: their mean, which is a path's expected time
    return {"cpu_ms": round(median_by(seconds, range(STEPS)), 2), "peak_mb": peak_mb()}


def measure_ranking(
    channels: int, cells: int, size: int, batch: int, precision: str, ranked: int
) -> Found:
    """Rank some architectures in this process; return milliseconds in all and peak megabytes."""
    import torch

    from benchmarks.made import make_trainer, noise_images
    from harness.estimators.supernet.final_ranking import FinalRanking
    from harness.estimators.supernet.journal import open_journal
    from harness.estimators.supernet.ranker import Ranker
    from harness.spaces.nb201.encoding import sample_indices

    torch.set_num_threads(1)
    images = {"rank_images": RANK_IMAGES, "rank_batch": RANK_IMAGES, "rank_precision": precision}
    data = noise_images(size, n=4 * batch)
    trainer = make_trainer(data, channels=channels, cells=cells, **images)
    ranker = Ranker(trainer.config, data)
    with tempfile.TemporaryDirectory() as folder:
        journal = open_journal(Path(folder) / "journal", trainer.config, "none")
        started = time.process_time()
        FinalRanking(ranker, [trainer.network], sample_indices(ranked), journal).rank()
        cpu_ms = 1e3 * (time.process_time() - started)
    return {"cpu_ms": round(cpu_ms, 2), "peak_mb": peak_mb()}


def peak_mb() -> float:
    """Return the most megabytes that this process has held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def measure_apart(point: dict[str, int | str]) -> Found:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling", "--point", json.dumps(point)]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    found: Found = json.loads(done.stdout)
    return found


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw time (logarithmic) and memory against each axis (logarithmic)."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, places = plt.subplots(2, len(AXES), figsize=(15, 5), layout="constrained")
    for column, axis in enumerate(AXES):
        for place, quantity in zip(places[:, column], COLUMNS[3:], strict=True):
            for precision in PRECISIONS[axis]:
                chosen = [r for r in rows if r["axis"] == axis and r["precision"] == precision]
                x, y = [r["value"] for r in chosen], [r[quantity] for r in chosen]
                draw = place.loglog if quantity == COLUMNS[3] else place.semilogx
                draw(x, y, marker="o", label=precision)
            place.set_xticks(AXES[axis], [str(value) for value in AXES[axis]])
            place.minorticks_off()
            place.set_xlabel("architectures ranked" if axis == "ranked" else axis)
            if quantity == COLUMNS[4]:
                place.set_ylim(bottom=0)
    places[0, 0].set_ylabel("CPU ms a step")
    places[0, -1].set_ylabel("CPU ms in all")
    places[1, 0].set_ylabel("peak memory, MB")
    places[0, 0].legend()
    figure.suptitle("One thread; other settings C=16, N=1, 32x32, batch 64; ranking on 100 images")
    figure.savefig(path, dpi=90)


def measure_axis(axis: str) -> list[dict[str, Any]]:
    """Measure every point of an axis, each in a process of its own."""
    rows: list[dict[str, Any]] = []
    for value in AXES[axis]:
        for precision in PRECISIONS[axis]:
            found = measure_apart({**BASE, axis: value, "precision": precision})
            rows.append({"axis": axis, "value": value, "precision": precision, **found})
    return rows


def read_table(path: Path) -> list[dict[str, Any]]:
    """Read the stored points."""
    with path.open(newline="") as file:
        return [
            {k: v if k in ("axis", "precision") else float(v) for k, v in row.items()}
            for row in csv.DictReader(file)
        ]


def write_table(rows: list[dict[str, Any]], path: Path) -> None:
    """Store points."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**row, "value": f"{row['value']:g}"} for row in rows)


def main() -> None:
    """Measure the points asked for, write the table, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--point", help="measure one point and print it as JSON")
    parser.add_argument("--plot-only", action="store_true", help="draw from the stored table")
    parser.add_argument("--axis", choices=AXES, help="measure one axis; keep what is stored else")
    asked = parser.parse_args()
    table = HERE / "scaling.csv"
    if asked.point:
        point = json.loads(asked.point)
        print(json.dumps((measure_ranking if "ranked" in point else measure_step)(**point)))
        return
    if not asked.plot_only:
        rows = [r for r in read_table(table) if r["axis"] != asked.axis] if asked.axis else []
        for axis in [asked.axis] if asked.axis else AXES:
            rows += measure_axis(axis)
            write_table(rows, table)  # an interrupted measurement keeps what it has
    plot(read_table(table), HERE / "scaling.png")


if __name__ == "__main__":
    main()
