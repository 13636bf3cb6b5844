"""A thousand run folders in one report: how long it takes, and how much memory.

    python -m benchmarks.many_runs RUN OUT [--n 1000] [--groups 10] [--make-only]

The folders are **fabricated** from one real run: its files, with other seeds and learning rates in
their settings, and its scores with noise of a tenth of their spread. They are runs in form only,
and what a report says of them means nothing. Times are CPU seconds of the whole command, imports
included; the memory is the largest of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np

from harness.runs.folder import RunFolder
from harness.scores import load_scores, save_scores
from harness.settings.run import RunConfig

FABRICATED = "fabricated by benchmarks.many_runs: not a run"
COMMANDS = {
    "table": (),
    "json": ("--format", "json"),
    "csv": ("--format", "csv"),
    "page": ("--html", "report.html"),
}


def fabricate(run: Path, out: Path, n: int, n_groups: int) -> None:
    """Make folders that look like runs.

    Args:
        run: The folder of a finished run.
        out: Where to make them.
        n: How many.
        n_groups: Different learning rates among them; each has the seeds from 0.
    """
    real = RunFolder(run).read_record()
    scores = load_scores(run / "scores.parquet")
    spread = float(scores["score"].std())
    for number in range(n):
        seed, group = divmod(number, n_groups)
        settings = {**real.config, "seed": seed, "lr": real.config["lr"] * (1 + group / 100)}
        config = RunConfig(**settings)
        folder = RunFolder(out / config.run_id)
        shutil.copytree(run, folder.path, ignore=shutil.ignore_patterns("*.pt", ".*", "config.*"))
        noise = np.random.RandomState(number).normal(size=len(scores))
        made = scores.assign(score=scores["score"] + 0.1 * spread * noise)
        made["loss"] = -made["score"]
        save_scores(made, folder.path / "scores.parquet")
        changes = {"run_id": config.run_id, "config": config.model_dump(), "reason": FABRICATED}
        folder.write_record(real.model_copy(update=changes))


def measure(out: Path, name: str, more: tuple[str, ...]) -> dict[str, float | str]:
    """Make a report in a process of its own; CPU seconds, and mebibytes at most."""
    arguments = [str(out.parent / a) if a.endswith(".html") else a for a in more]
    with (out.parent / f"report.{name}").open("wb") as file:
        child = os.fork()
        if child == 0:
            os.dup2(file.fileno(), 1)
            os.execv(sys.executable, [sys.executable, "-m", "harness", "report", out, *arguments])
        _, status, usage = os.wait4(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    pages = [out.parent / argument for argument in more if argument.endswith(".html")]
    written = pages[0] if pages else out.parent / f"report.{name}"
    return {
        "what": name,
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mib": round(usage.ru_maxrss / 1024),
        "written_mb": round(written.stat().st_size / 1e6, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--n", type=int, default=1_000)
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--make-only", action="store_true")
    parser.add_argument("--only", choices=COMMANDS)
    options = parser.parse_args()
    if not options.out.exists():
        options.out.mkdir(parents=True)
        fabricate(options.run, options.out, options.n, options.groups)
        print(f"{options.n} folders in {options.out}: {FABRICATED}", flush=True)
    if not options.make_only:
        for name, more in COMMANDS.items():
            if options.only in (None, name):
                print(json.dumps(measure(options.out, name, more)), flush=True)


if __name__ == "__main__":
    main()
