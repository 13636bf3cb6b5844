"""What large studies would take on 1, 8 and 64 workers: a simulation, from measured unit costs.

    python -m benchmarks.study_costs

Tasks are given to whichever worker is free first (list scheduling, in the order of their names, as
`harness run` and its kin do). Every number that goes in is below, with where it was measured;
nothing here was run on more than two workers.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

WORKERS = (1, 8, 64)
START_S = 3.5
"""CPU seconds until a new process has imported torch and its images: half of what two processes
more cost in `python -m benchmarks.workers`."""


@dataclass(frozen=True)
class Work:
    """A large piece of work.

    Attributes:
        title: What it is.
        n: Tasks.
        mean_s: Mean CPU seconds of one.
        spread: Standard deviation of its logarithm.
        starts: Whether each task starts a process, as a run of `harness run` does.
        lost_frac: Mean share of a task that a failure throws away: half of what lies between two
            checkpoints.
        driver_s: What the driver does by itself for each task: starting, watching, its record.
        end_s: What is done once at the end, by one process: the report, the table.
    """

    title: str
    n: int
    mean_s: float
    spread: float
    starts: bool
    lost_frac: float
    driver_s: float
    end_s: float


@dataclass(frozen=True)
class Outcome:
    """A simulated schedule.

    Attributes:
        wall_s: From the first start to the end of the report.
        busy_s: Useful seconds of all workers.
        tail_s: From the first worker that has nothing more to do to the last one's end.
        retries: Tasks that failed and were begun again.
    """

    wall_s: float
    busy_s: float
    tail_s: float
    retries: int


def simulate(work: Work, n_workers: int, failure_rate: float, seed: int = 0) -> Outcome:
    """Schedule the tasks of a work.

    Args:
        work: What is to be done.
        n_workers: Workers, each with a core of its own.
        failure_rate: Chance that an attempt is killed; it is then taken up again, by whoever is
            free, from its last checkpoint.
        seed: Of the durations and failures.

    Returns:
        What it took.
    """
    rng = np.random.RandomState(seed)
    # a mean of 1, whatever the spread
    drawn = np.exp(rng.normal(-(work.spread**2) / 2, work.spread, work.n))
    queue = list((work.mean_s * drawn).tolist())
    free = [0.0 if work.starts else START_S] * n_workers
    heapq.heapify(free)
    driver = 0.0
    retries = 0
    position = 0
    while position < len(queue):
        duration = queue[position]
        position += 1
        driver = max(driver, heapq.heappop(free)) + work.driver_s  # one task at a time
        begin = driver + (START_S if work.starts else 0.0)
        end = begin + duration
        if rng.uniform() < failure_rate:
            at = rng.uniform()
            end = begin + at * duration
            queue.append(duration * min(1.0, (1 - at) + work.lost_frac))
            retries += 1
        heapq.heappush(free, end)
    wall = max(free)
    return Outcome(wall + work.end_s, work.mean_s * float(drawn.sum()), wall - min(free), retries)


STUDY = Work(
    "study: 1,000 runs, tiles, quick",
    n=1_000,
    mean_s=97.0,  # results/ogd-study/tiles: 93 (spos) and 101 s (ogd), 10 runs each, two at a time
    spread=0.37,  # the same: 63 to 168 s
    starts=True,
    lost_frac=0.08,  # a checkpoint every 500 of 3,000 steps: half of a sixth
    driver_s=0.05,
    end_s=91.0,  # benchmarks/README.md: a report of 1,000 runs
)
CIFAR = Work(
    "study: 1,000 runs, CIFAR-10, quick",
    n=1_000,
    mean_s=1_532.0,  # results/ogd-study/cifar10: 1,468 (spos) and 1,596 s (ogd), 3 runs each
    spread=0.05,
    starts=True,
    lost_frac=0.025,  # every 500 of 10,000
    driver_s=0.05,
    end_s=91.0,
)
TRUTH = Work(
    "truth: 100,000 architectures, tiles",
    n=100_000,
    mean_s=13.3,  # results/LOG.md: 23,904 s for 1,800 trainings of the bundled table
    spread=0.5,
    starts=False,
    lost_frac=1.0,  # a training that is killed is begun again
    driver_s=0.01,
    end_s=10.0,
)


def main() -> None:
    print("| work | failures | workers | wall | efficiency | tail | retries |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for work in (STUDY, CIFAR, TRUTH):
        for rate in (0.0, 0.02):
            for n_workers in WORKERS:
                found = simulate(work, n_workers, rate)
                efficiency = found.busy_s / n_workers / found.wall_s
                print(
                    f"| {work.title} | {rate:.0%} | {n_workers} | {_time(found.wall_s)} | "
                    f"{efficiency:.3f} | {_time(found.tail_s)} | {found.retries:,} |"
                )


def _time(seconds: float) -> str:
    if seconds >= 48 * 3600:
        return f"{seconds / 86_400:.1f} d"
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
