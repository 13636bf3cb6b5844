"""What a second worker costs the first: CPU seconds of the same runs, one at a time and two.

    python -m benchmarks.workers [ROUNDS]

Two smoke runs of `tiles`, in one process one after the other and in two at once, in turn. The
ratio of their CPU seconds is the efficiency of two workers, as far as they share caches, memory and
the start of processes; what waiting for a core costs is not in it, so that it can be measured on
a machine that other work shares.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile

RUNS = ("run", "--preset", "smoke", "--strategies", "spos", "--seeds", "0,1", "--json")


def cpu_s(jobs: int) -> float:
    """Return the CPU seconds of both runs and of all their processes."""
    with tempfile.TemporaryDirectory() as out:
        child = os.fork()
        if child == 0:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            command = [sys.executable, "-m", "harness", *RUNS, "--jobs", str(jobs), "--out", out]
            os.execv(sys.executable, command)
        _, status, usage = os.wait4(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        return usage.ru_utime + usage.ru_stime


def main() -> None:
    n_rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(n_rounds):
        for jobs, seconds in found.items():
            seconds.append(cpu_s(jobs))
            print(json.dumps({"jobs": jobs, "cpu_s": round(seconds[-1], 1)}), flush=True)
    one, two = (statistics.median(seconds) for seconds in found.values())
    print(json.dumps({"one_cpu_s": one, "two_cpu_s": two, "efficiency": round(one / two, 3)}))


if __name__ == "__main__":
    main()
