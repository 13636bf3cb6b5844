"""Time and memory of a training step against channels, cells, image size and batch.

    python -m benchmarks.scaling

Each point is a process of its own, so that its peak memory is its own. Results go to
`benchmarks/scaling.csv`, the plot to `benchmarks/scaling.png` (if matplotlib is installed).
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
from pathlib import Path

BASE = {"channels": 16, "cells": 1, "size": 32, "batch": 64}
AXES = {
    "channels": [4, 8, 16, 32],
    "cells": [1, 2, 3, 5],
    "size": [8, 16, 32],
    "batch": [16, 32, 64, 128],
}
PRECISIONS = ("float32", "bf16")
STEPS = 12
HERE = Path(__file__).resolve().parent
COLUMNS = ("axis", "value", "precision", "cpu_ms_per_step", "peak_mb")


def measure(channels: int, cells: int, size: int, batch: int, precision: str) -> dict[str, float]:
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
    cpu_ms = median_by(seconds, range(STEPS))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_ms_per_step": round(cpu_ms, 2), "peak_mb": round(peak_mb, 1)}


def measure_apart(point: dict[str, int | str]) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling", "--point", json.dumps(point)]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def plot(rows: list[dict[str, object]], path: Path) -> None:
    """Draw time (logarithmic) and memory against each axis (logarithmic)."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, places = plt.subplots(2, len(AXES), figsize=(12, 5), sharey="row", layout="constrained")
    for column, axis in enumerate(AXES):
        for place, quantity in zip(places[:, column], COLUMNS[3:], strict=True):
            for precision in PRECISIONS:
                chosen = [r for r in rows if r["axis"] == axis and r["precision"] == precision]
                x, y = [r["value"] for r in chosen], [r[quantity] for r in chosen]
                draw = place.loglog if quantity == COLUMNS[3] else place.semilogx
                draw(x, y, marker="o", label=precision)
            place.set_xticks(AXES[axis], [str(value) for value in AXES[axis]])
            place.minorticks_off()
            place.set_xlabel(axis)
    places[0, 0].set_ylabel("CPU ms a step")
    places[1, 0].set_ylabel("peak memory, MB")
    places[0, 0].legend()
    figure.suptitle("One thread; other settings C=16, N=1, 32x32, batch 64")
    figure.savefig(path, dpi=90)


def main() -> None:
    """Measure every point, write the table, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--point", help="measure one point and print it as JSON")
    parser.add_argument("--plot-only", action="store_true", help="draw from the stored table")
    asked = parser.parse_args()
    table = HERE / "scaling.csv"
    if asked.point:
        print(json.dumps(measure(**json.loads(asked.point))))
        return
    if not asked.plot_only:
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for axis, values in AXES.items():
                for value in values:
                    for precision in PRECISIONS:
                        point = {**BASE, axis: value, "precision": precision}
                        row = {"axis": axis, "value": value, "precision": precision}
                        writer.writerow({**row, **measure_apart(point)})
                        file.flush()
    with table.open(newline="") as file:
        rows: list[dict[str, object]] = [
            {k: v if k in ("axis", "precision") else float(v) for k, v in row.items()}
            for row in csv.DictReader(file)
        ]
    plot(rows, HERE / "scaling.png")


if __name__ == "__main__":
    main()
