"""The table of how the benchmarks' ratios changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.compare import Change, compare, find_runs, render


def make_run(day: int, **infos: dict[str, Any]) -> dict[str, Any]:
    benchmarks = [{"name": f"test_{name}", "extra_info": info} for name, info in infos.items()]
    return {"datetime": f"2026-01-{day:02}T10:00:00", "benchmarks": benchmarks}


def test_each_ratio_is_held_against_the_last_earlier_run_that_had_it() -> None:
    runs = [
        make_run(3, step={"ratio": 0.3, "ratio_bf16": 0.2, "ms": 7}, report={"ratios": {"a": 2.0}}),
        make_run(2, step={"ratio": 0.4}),
        make_run(1, step={"ratio": 0.6, "ratio_bf16": 0.1}),
    ]
    assert compare(runs) == [
        Change("step", 0.4, 0.3, "2026-01-02"),
        Change("step bf16", 0.1, 0.2, "2026-01-01"),
        Change("report a", None, 2.0, ""),
    ]


def test_the_table_has_then_now_and_change() -> None:
    changes = [Change("step", 0.4, 0.3, "2026-01-02"), Change("report", None, 2.0, "")]
    _, step, report = render(changes).splitlines()
    assert step.split() == ["step", "0.400", "0.300", "-25.0%", "2026-01-02"]
    assert report.split() == ["report", "2.000", "new"]


def test_only_runs_of_the_newest_ones_machine_are_compared(tmp_path: Path) -> None:
    names = ["mine/0001_a.json", "mine/0002_b.json", "other/0009_c.json"]
    for age, name in enumerate([*names[:1], names[2], names[1]]):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(make_run(1)))
        os.utime(path, (age, age))
    assert find_runs(tmp_path) == [tmp_path / names[1], tmp_path / names[0]]
    assert find_runs(tmp_path / "nothing") == []
