"""Everything that only a GPU can answer, in one command of bounded time: docs/how-to/gpus.md.

    python -m scripts.gpu.check --out FOLDER [--seconds 530] [--device cpu --rehearse]

The parts are processes of their own, each with a time limit, so that a crash or a hang of one costs
no other. What is known so far is always in FOLDER/check.json.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.files.atomic import write_atomically

FILE_MIB = 16
"""Largest file that is worth bringing back from a borrowed machine."""
TESTS_S, MEASURE_S, CLOSING_S = 110.0, 120.0, 15.0
"""Time limits of the tests and of the measurements, and what is kept for collecting results."""
STOPPING_S = 4.0
"""How long a command that is asked to stop has to do so."""
STARTING_S = 12.0
"""A process's imports, loading of images and start of the GPU."""
IMAGES_PER_RANKING, SNAPSHOTS, RANK_BATCH, ARCHS = 4_000, 4, 1_000, 1_000
CLASSES = 0.8
"""Share of the architectures of a random sample that are computed; the others share a class."""
MOST_STEPS = 24_250
"""Steps of the preset `paper`: 250 epochs of half of CIFAR-10's images."""


class Check:
    """One session on a machine: its clock, its folder and what is known so far."""

    def __init__(self, out: Path, device: str, seconds: float, rehearse: bool) -> None:
        self.out = out
        self.runs = Path(tempfile.mkdtemp(prefix="harness-gpu-runs-"))  # `out` has few files
        self.device = device
        self.rehearse = rehearse
        self.ends = time.monotonic() + seconds
        self.known: dict[str, Any] = {"device": device, "rehearsal": rehearse}
        self.log = out / "log.txt"
        self.log.touch()

    def left(self) -> float:
        """Return the seconds left, less those for collecting results."""
        return self.ends - time.monotonic() - CLOSING_S

    def note(self, **facts: Any) -> None:
        """Add what has become known, and write all of it."""
        self.known.update(facts)
        write_atomically(self.out / "check.json", json.dumps(self.known, indent=1))

    def run(self, commands: Sequence[Sequence[str]], limit_s: float) -> list[int | None]:
        """Run commands side by side.

        Returns:
            Their exit codes, None for one that was ended at the limit.
        """
        # a rehearsal is of the sequence, on a machine of any speed
        limit_s = self.left() if self.rehearse else min(limit_s, self.left())
        ends = time.monotonic() + max(1.0, limit_s)
        with self.log.open("a") as log:
            processes = [
                subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
                for command in commands
            ]
        codes: list[int | None] = []
        for process in processes:
            try:
                codes.append(process.wait(max(0.1, ends - time.monotonic())))
            except subprocess.TimeoutExpired:
                codes.append(None)
        for number, patience_s in ((signal.SIGINT, STOPPING_S), (signal.SIGKILL, None)):
            late = [process for process in processes if process.poll() is None]
            for process in late:
                os.killpg(process.pid, number)  # with the processes that it started
            for process in late:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience_s)
        return codes

    def run_tests(self) -> None:
        """Run the tests marked `cuda`; in a rehearsal, one of their twins."""
        chosen = ["-k", "cropped"] if self.rehearse else ["-m", "cuda"]
        parallel = ["-n", "8"] if importlib.util.find_spec("xdist") and not self.rehearse else []
        started, before = time.monotonic(), self.log.stat().st_size
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/cuda"]
        command += ["-W", "default"]  # another torch than the tests' own warns of other things
        (code,) = self.run([[*command, *chosen, *parallel]], TESTS_S)
        said = self.log.read_bytes()[before:].decode(errors="replace").strip().splitlines()
        seconds = round(time.monotonic() - started, 1)
        self.note(tests={"exit": code, "last_line": said[-1:], "seconds": seconds})

    def measure(self) -> None:
        """Measure steps, memory, ranking and several supernets at once."""
        path = self.out / "measured.json"
        command = [sys.executable, "-m", "scripts.gpu.measure", "--device", self.device]
        command += ["--out", str(path), *(["--rehearse"] if self.rehearse else [])]
        (code,) = self.run([command], MEASURE_S)
        found = json.loads(path.read_text()) if path.exists() else {}
        self.note(measured={"exit": code, **found})

    def experiment(self) -> None:
        """Train `spos` and `ogd` at N=5 and at N=1 on as many images, and rank by them."""
        measured = self.known.get("measured", {})
        data = Path(os.environ.get("HARNESS_DATA", ""))
        batches = (data / "cifar-10-batches-bin" / f"data_batch_{n}.bin" for n in range(1, 6))
        has_cifar = all(batch.exists() for batch in batches)
        settings = experiment_settings(self.rehearse, has_cifar)
        plan = plan_steps(measured, self.left() - STARTING_S, settings["batch_size"])
        steps = 20 if self.rehearse else plan["steps"]
        settings["steps"] = steps
        settings["snapshot_every"] = max(1, steps // 10)
        settings["checkpoint_every"] = steps
        commands = [
            experiment_command(self.device, self.runs, strategy, cells, settings)
            for cells in (5, 1)
            for strategy in ("spos", "ogd")
        ]
        self.note(experiment={"plan": plan, "settings": settings})
        started = time.monotonic()
        together = [commands] if plan["at_once"] > 1 else [[command] for command in commands]
        codes = [code for group in together for code in self.run(group, self.left())]
        self.note(
            experiment={
                "plan": plan,
                "settings": settings,
                "exit": codes,
                "seconds": round(time.monotonic() - started, 1),
                "runs": read_summaries(self.runs),
            }
        )

    def collect(self) -> None:
        """Pack the run folders, without weights, into one file."""
        packed = self.out / "runs.tar.gz"
        with tarfile.open(packed, "w:gz") as archive:
            archive.add(self.runs, "runs", filter=lambda m: None if m.name.endswith(".pt") else m)
        size = packed.stat().st_size / 2**20
        self.note(packed_mib=round(size, 2), too_large=size > FILE_MIB)


def experiment_settings(rehearse: bool, has_cifar: bool) -> dict[str, Any]:
    """Return what all runs of the experiment share: tuned on CIFAR-10 (results/ogd-study/)."""
    common = {"schedule": "constant", "augment": False, "rank_readout": "refitted"}
    if rehearse:
        small = {"dataset": "tiles", "channels": 2, "batch_size": 8, "n_archs": 5}
        return {**common, **small, "rank_images": 32, "rank_batch": 16, "rank_snapshots": 2}
    dataset: dict[str, Any] = {"dataset": "cifar10", "train_share": 0.9}
    return {
        **common,
        **(dataset if has_cifar else {"dataset": "tiles"}),
        "channels": 16,
        "batch_size": 256,
        "n_archs": ARCHS,
        "rank_images": IMAGES_PER_RANKING if has_cifar else 2_000,
        "rank_batch": RANK_BATCH,
        "rank_snapshots": SNAPSHOTS,
    }


def experiment_command(
    device: str, runs: Path, strategy: str, cells: int, settings: Mapping[str, Any]
) -> list[str]:
    """Return the command that trains and ranks one supernet, in its own process."""
    command = [sys.executable, "-m", "harness", "run", "--device", device, "--out", str(runs)]
    command += ["--strategies", strategy, "--seeds", "0", "--jobs", "1"]
    command += ["--preset", "smoke", "--dataset", str(settings["dataset"])]
    quiet = {"probe_every": 0, "rank_every": 0, "loss_every": 0, "cells": cells}
    for key, value in {**settings, **quiet}.items():
        if key != "dataset":
            command += ["--set", f"{key}={json.dumps(value) if isinstance(value, bool) else value}"]
    return command


def plan_steps(measured: Mapping[str, Any], left_s: float, batch: int) -> dict[str, Any]:
    """Choose how many steps fit into the time left, and how many runs at a time.

    All four runs make as many steps, so that they see as many images.

    Args:
        measured: What `scripts.gpu.measure` found; without a figure a slow machine is assumed.
        left_s: Seconds for training and ranking.
        batch: Images a step.
    """
    steps, ranking = measured.get("steps", {}), measured.get("ranking", {})
    several = measured.get("several", {})
    ms = [
        steps.get(f"N{cells}-B{batch}", {}).get("ms", {}).get(name, 100.0)
        for cells in (5, 1)
        for name in ("float32", "ogd")
    ]
    batches = IMAGES_PER_RANKING / RANK_BATCH
    rank_s = [
        ranking.get(f"N{cells}-B{RANK_BATCH}", {}).get("shared_ms", 50.0)
        * (ARCHS * CLASSES * batches / 1e3)
        for cells in (5, 1)
    ]
    gain = several.get("throughput", {}).get("4", 1.0)
    at_once = 4 if gain > 1.2 else 1
    seconds = 0.7 * max(0.0, left_s) * (gain if at_once > 1 else 1.0)
    free = seconds - 2 * sum(rank_s)
    fitting = int(1e3 * free / sum(ms))
    return {
        "steps": max(200, min(MOST_STEPS, fitting)),
        "fitting": fitting,
        "ms_per_step": ms,
        "ranking_s": rank_s,
        "at_once": at_once,
        "left_s": round(left_s, 1),
    }


def read_summaries(runs: Path) -> dict[str, Any]:
    """Return the status, summary and seconds of each run."""
    found = {}
    for path in sorted(runs.glob("*/record.json")):
        record = json.loads(path.read_text())
        found[path.parent.name] = {
            key: record.get(key) for key in ("status", "reason", "summary", "timings", "ranking")
        }
    return found


def main() -> int:
    """Do all parts; return 0 if every one ended well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("gpu-check"))
    parser.add_argument("--seconds", type=float, default=530.0)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--rehearse", action="store_true", help="all parts with tiny settings")
    given = parser.parse_args()
    import torch

    if given.device == "cuda" and not torch.cuda.is_available():
        print("torch finds no CUDA device. Rehearse with --device cpu --rehearse.", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    check = Check(given.out, given.device, given.seconds, given.rehearse)
    card = torch.cuda.get_device_name() if given.device == "cuda" else platform.processor()
    check.note(card=card, torch=torch.__version__, python=platform.python_version())
    for part in (check.run_tests, check.measure, check.experiment, check.collect):
        try:
            part()
        except Exception as error:
            check.note(**{f"{part.__name__}_error": f"{type(error).__name__}: {error}"})
    print(json.dumps(check.known, indent=1))
    codes = [check.known.get(part, {}).get("exit") for part in ("tests", "measured")]
    codes += check.known.get("experiment", {}).get("exit", [None])
    return int(any(code != 0 for code in codes))


if __name__ == "__main__":
    raise SystemExit(main())
