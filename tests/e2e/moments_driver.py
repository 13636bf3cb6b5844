"""Kill a command at random moments, look at what it left, go on; to the end, and over again.

Usage: python -m tests.e2e.moments_driver OUT SEED N -- ARGUMENTS

Imports are done once and every attempt is a fork, so that each moment is one of work: training,
ranking, saving, writing a report. OUT in the arguments stands for a folder below OUT, a new one
each time a command came to its end. After each kill everything that lies there is read: it has to
be whole, and a later checkpoint may not be older than one that was seen. Prints a JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import sklearn.datasets  # noqa: F401 - as torch, imported once for all forks

from harness.files.journal import Journal
from harness.runs.folder import RunFolder
from harness.scores import load_scores
from harness.training.checkpoint import load_checkpoint
from tests.e2e.crash_driver import attempt
from tests.tiny import Recorder


def check_whole(folder: Path) -> int:
    """Read every file below a folder but temporary ones; return the steps of the checkpoint."""
    step = 0
    for path in folder.rglob("*"):
        match path.suffix:
            case _ if path.name.startswith("."):
                continue
            case ".json":
                RunFolder(path.parent).read_record()
            case ".parquet":
                load_scores(path) if path.stem == "scores" else pd.read_parquet(path)
            case ".html":
                assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
            case ".svg":
                ElementTree.parse(path)
            case ".pdf":
                assert path.read_bytes().rstrip().endswith(b"%%EOF")
            case ".jsonl":
                copy = path.with_name(".copy")  # opening a journal cuts off a half-written line
                copy.write_bytes(path.read_bytes())
                header = copy.read_bytes().partition(b"\n")[0].rpartition(b" #")[0]
                Journal(copy, json.loads(header or b"{}"))
                copy.unlink()
            case ".pt" if path.stem == "checkpoint":
                monitor = Recorder()
                state = load_checkpoint(path.parent, monitor)
                assert state is not None
                assert monitor.notices == []
                step = max(step, state["step"])
    return step


def attempt_for(arguments: list[str], seconds: float) -> int:
    """Run a command in a fork and kill it after some time; return its exit status."""
    child = os.fork()
    if child == 0:
        os._exit(attempt_inside(arguments))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def attempt_inside(arguments: list[str]) -> int:
    """Run a command in this process."""
    from harness.cli.main import main

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        main(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 98
    finally:
        sys.stderr.flush()
    return 99


def drive(out: Path, seed: int, n: int, arguments: list[str]) -> dict[str, object]:
    """Kill a command at n moments; return the moments, how each ended, and the folders."""

    def filled(number: int) -> list[str]:
        return [argument.replace("OUT", str(out / str(number))) for argument in arguments]

    started = time.monotonic()
    (out / "0").mkdir()
    assert attempt(filled(0), None) == 0
    whole_s = time.monotonic() - started
    rng = random.Random(seed)
    moments, ends, number, step = [], [], 1, 0
    (out / "1").mkdir()
    while ends.count(-signal.SIGKILL) < n and len(ends) < 10 * n:
        moments.append(round(rng.uniform(0.0, whole_s), 3))
        ends.append(attempt_for(filled(number), moments[-1]))
        found = check_whole(out / str(number))
        assert found >= step, f"step {found} after step {step}"
        step = found
        if ends[-1] == 0:
            number, step = number + 1, 0
            (out / str(number)).mkdir()
    assert attempt(filled(number), None) == 0
    return {"whole_s": whole_s, "moments_s": moments, "ends": ends, "n_folders": number + 1}


if __name__ == "__main__":
    _, folder, seed_text, n_text, _, *rest = sys.argv
    print(json.dumps(drive(Path(folder), int(seed_text), int(n_text), rest)))
