"""How the ratios of the newest stored run differ from those stored before it.

    python -m benchmarks.compare

Times on a machine with other work on it change by more than code does; a ratio to a reference that
took turns with it hardly does. Each benchmark of the newest run is held against the last earlier
run on the same machine that had it, so a run of some benchmarks can be compared too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

STORAGE = Path(__file__).resolve().parent / ".benchmarks"


class Change(NamedTuple):
    """A ratio of one benchmark, then and now.

    Attributes:
        benchmark: Its name, and which of its ratios, if it has several.
        then: The ratio of the last earlier run that had it, or None.
        now: The ratio of the newest run.
        stored: Day of that earlier run, or nothing.
    """

    benchmark: str
    then: float | None
    now: float
    stored: str


def find_runs(storage: Path) -> list[Path]:
    """Find the stored runs of the machine that the newest is of, newest first."""
    every = sorted(storage.glob("*/*.json"), key=lambda path: path.stat().st_mtime)
    return sorted(every[-1].parent.glob("*.json"), reverse=True) if every else []


def read_ratios(run: dict[str, Any]) -> dict[str, float]:
    """Return the ratios of a stored run by benchmark (and by their own name)."""
    return {
        " ".join([benchmark["name"].removeprefix("test_"), *name]): value
        for benchmark in run["benchmarks"]
        for name, value in _ratios_of(benchmark["extra_info"])
    }


def _ratios_of(info: dict[str, Any]) -> Iterator[tuple[list[str], float]]:
    for key, value in info.items():
        if key == "ratios":
            yield from (([name], ratio) for name, ratio in value.items())
        elif key == "ratio" or key.startswith("ratio_"):
            yield [part for part in [key.removeprefix("ratio").lstrip("_")] if part], value


def compare(runs: list[dict[str, Any]]) -> list[Change]:
    """Compare the first of some runs, newest first, with the others."""
    newest, *earlier = runs
    known: dict[str, tuple[float, str]] = {}
    for run in reversed(earlier):
        known |= {name: (value, run["datetime"][:10]) for name, value in read_ratios(run).items()}
    return [
        Change(name, then, now, stored)
        for name, now in read_ratios(newest).items()
        for then, stored in [known.get(name, (None, ""))]
    ]


def render(changes: list[Change]) -> str:
    """Write changes as a table."""
    width = max(len(change.benchmark) for change in changes)
    lines = [f"{'ratio to the reference':{width}}      then       now   change  then was"]
    for name, then, now, stored in changes:
        change = f"{100 * (now / then - 1):+7.1f}%" if then else f"{'new':>8}"
        before = f"{then:9.3f}" if then is not None else f"{'':9}"
        lines.append(f"{name:{width}} {before} {now:9.3f} {change}  {stored}".rstrip())
    return "\n".join(lines)


def main() -> None:
    """Print the table of the newest stored run."""
    runs = [json.loads(path.read_text()) for path in find_runs(STORAGE)]
    changes = compare(runs) if runs else []
    print(render(changes) if changes else f"No ratio is stored in {STORAGE}. Try: make bench")


if __name__ == "__main__":
    main()
