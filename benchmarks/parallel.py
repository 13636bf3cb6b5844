"""Two ranks of one thread against one process of one thread and of two: wall time of a step.

    python -m benchmarks.parallel

All train the same paths on the same batches, some steps each in turn, so that a change of the
machine's load meets all. Wall time counts here, so it wants an idle machine with two cores or more;
`cpu` is the CPU time of all processes, which a busy machine changes little.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.training.loop import Trainer

PLACES: dict[str, dict[str, Any]] = {
    "tiles": {},
    "C16N1": {"channels": 16, "cells": 1},
    "C16N5": {"channels": 16, "cells": 5},
}
"""Settings beyond the defaults of `harness run`; `tiles` trains on tiles, the others on noise in
the sizes of CIFAR-10."""

CONTENDERS = {
    "1 process": (1, 1),
    "2 ranks": (2, 1),
    "2 ranks, own BN": (2, 1),
    "2 threads": (1, 2),
}
"""By name: processes, and threads of each."""

_trainer: Trainer


def _start(rank: int, size: int, threads: int, store: str, settings: dict[str, Any]) -> None:
    """Prepare a worker process: it is one rank of one contender."""
    global _trainer
    import torch
    import torch.distributed as dist

    from benchmarks.made import make_config_of, noise_images
    from harness.distributed.ranks import Ranks
    from harness.images.tiles import load_tiles
    from harness.strategies import load_strategy
    from harness.training.allocation import keep_freed_memory
    from harness.training.loop import Trainer

    torch.set_num_threads(threads)
    keep_freed_memory()
    if size > 1:
        file = dist.FileStore(store, size)
        dist.init_process_group("gloo", store=file, rank=rank, world_size=size)
    config = make_config_of(settings)
    data = noise_images() if "channels" in settings else load_tiles()
    _trainer = Trainer(config, data, load_strategy(config.strategy), Ranks(rank, size))


def _train(steps: int) -> tuple[float, float]:
    """Train some steps; return wall and CPU seconds of each, on average."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        _trainer.train_step()
    return (time.perf_counter() - wall) / steps, (time.process_time() - cpu) / steps


def measure(place: str, strategy: str, rounds: int, steps: int) -> dict[str, dict[str, float]]:
    """Return median milliseconds a step, wall and CPU, of every contender."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        pools: dict[str, list[ProcessPoolExecutor]] = {}
        for name, (size, threads) in CONTENDERS.items():
            settings = {**PLACES[place], "strategy": strategy, "bn_sync": "own BN" not in name}
            store = str(Path(folder) / name.replace(" ", "-"))
            pools[name] = [
                stack.enter_context(
                    ProcessPoolExecutor(1, context, _start, (rank, size, threads, store, settings))
                )
                for rank in range(size)
            ]
        for turn in range(rounds + 1):
            for name, ranks in pools.items():
                futures = [pool.submit(_train, steps) for pool in ranks]
                walls, cpus = zip(*(future.result() for future in futures), strict=True)
                if turn:  # the first time is not counted: kernels are chosen, buffers made
                    found[name].append((max(walls), sum(cpus)))
    return {
        name: {
            kind: 1e3 * statistics.median(values)
            for kind, values in zip(("wall_ms", "cpu_ms"), zip(*times, strict=True), strict=True)
        }
        for name, times in found.items()
    }


def main() -> None:
    """Measure and print, a JSON object for every place and strategy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", default=",".join(PLACES))
    parser.add_argument("--strategies", default="spos,ogd")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=10, help="of a contender before the next")
    asked = parser.parse_args()
    for place in asked.places.split(","):
        for strategy in asked.strategies.split(","):
            found = measure(place, strategy, asked.rounds, asked.steps)
            base = found["1 process"]["wall_ms"]
            print(json.dumps({"place": place, "strategy": strategy}))
            for name, times in found.items():
                text = ", ".join(f"{kind} {value:.1f}" for kind, value in times.items())
                print(f"  {name:16} {text}, {base / times['wall_ms']:.2f} times as fast")


if __name__ == "__main__":
    main()
