"""Make the tables of results/few-labels/ from what `harness report --format json` says.

    harness report RUNS... --format json > report.json
    python scripts/few_labels/tables.py report.json [ROW MINUS ...]

Printed is a row for each estimator: mean over label seeds and standard deviation. Then, for each
pair of names that are given, the difference on the same label seed, with a 95% t interval over
label seeds. Names may leave out settings, as in `harness report --estimators`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

from harness.estimators.naming import find_label

COLUMNS = {
    "tau": "tau",
    "leak_free": "leak_free",
    "top half": "tau_top_50",
    "top 10%": "tau_top_10",
    "regret @10": "regret_at_10",
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("pairs", nargs="*", help="ROW MINUS, again and again")
    given = parser.parse_args()
    (section,) = json.loads(given.report.read_text())["sections"]
    rows = {row["estimator"]: row for row in section["leaderboard"] if row["n_labels"]}
    print("| estimator | " + " | ".join(COLUMNS) + " |")
    print("| --- |" + " ---: |" * len(COLUMNS))
    for name, row in rows.items():
        cells = [show(row[key]["per_seed"]) for key in COLUMNS.values()]
        print(f"| `{name}` | {' | '.join(cells)} |")
    for first, second in zip(given.pairs[::2], given.pairs[1::2], strict=True):
        left, right = rows[find_label(first, rows)], rows[find_label(second, rows)]
        cells = [
            show_difference(np.subtract(left[key]["per_seed"], right[key]["per_seed"]))
            for key in COLUMNS.values()
        ]
        print(f"| {first} - {second} | {' | '.join(cells)} |")


def show(values: list[float]) -> str:
    """Write a mean and a standard deviation."""
    return f"{np.mean(values):.3f} +- {np.std(values, ddof=1):.3f}"


def show_difference(values: np.ndarray[Any, Any]) -> str:
    """Write a mean and its t interval."""
    mean, n = values.mean(), len(values)
    half = scipy.stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


if __name__ == "__main__":
    main()
