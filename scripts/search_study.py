"""Run the searches of results/search, and print its tables: what a ranking is worth to a searcher.

python scripts/search_study.py --run    # search, into results/search/regret.csv; then print
python scripts/search_study.py          # print
python scripts/search_study.py FOLDER   # print the comparisons of results/nago, from its folder
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from harness.estimators.loading import load_estimators
from harness.evaluation import choose_truth
from harness.report.figure import Figure, make_series
from harness.report.markup import Block, block_to_markdown
from harness.report.plots import save_figures
from harness.search.folder import EVALUATIONS
from harness.search.judging import CHECKPOINTS, FloatArray, Row
from harness.search.preparing import Asked
from harness.search.problem import ROUNDING
from harness.search.searching import search
from harness.spaces import load_space
from harness.stats.contrasts import holm, paired_contrast
from harness.stats.intervals import over_seeds

RESULTS = Path(__file__).parents[1] / "results"
FILE = RESULTS / "search" / "regret.csv"
BUDGET, SEEDS, PRIMARY = 100, tuple(range(20)), 50
PLACES = tuple(n for n in CHECKPOINTS if n <= BUDGET)

FULL = ("ogd-study/full/cifar10-*", "leaderboard/cifar10-*-s0-*-6f9fa060")
"""Run folders of all architectures."""

BOTH = ("live_params", "jacov", "spos", "live_params+jacov")
ORDERS = (*BOTH, "ogd", "nwot", "synflow")
"""Estimators that are searched from, and those whose order is judged."""


FIRST_DRAWN = 10
"""Earlier, what was found first decides, and its regret would set the scale of the figure."""

_SIZE = " (n=15,625)"
"""Part of a combination's name."""


def run_all() -> None:
    """Search with every method and seed, and write the regret after some numbers of trainings."""
    folders = [folder for pattern in FULL for folder in sorted(RESULTS.glob(pattern))]
    given = load_estimators(folders).estimators
    chosen = choose_truth("cifar10", space=load_space())
    frames: dict[str, pd.DataFrame] = {}
    for start in (None, *ORDERS):
        algorithms = ("evolution", "tpe") if start is None or start in BOTH else ("order",)
        asked = Asked(
            load_space(),
            algorithms,
            budget=BUDGET,
            seeds=SEEDS,
            chosen=chosen,
            given=given,
            start_from=start,
        )
        judged = search(asked).judged
        assert judged is not None, "there is a truth"
        for row in judged.rows:
            frames.setdefault(row.label, _tabulate(row))
        print(f"{start}: done", file=sys.stderr, flush=True)
    FILE.parent.mkdir(exist_ok=True)
    pd.concat(frames.values()).round(4).to_csv(FILE, index=False)


def _tabulate(row: Row) -> pd.DataFrame:
    figures = {str(n): row.figures(n) for n in PLACES}
    return pd.DataFrame({"method": row.label.replace(_SIZE, ""), "seed": row.seeds, **figures})


def print_tables() -> Iterator[str]:
    """Yield the lines of the tables."""
    table = pd.read_csv(FILE)
    seeds = {str(name): rows for name, rows in table.groupby("method", sort=False)}
    order = sorted(seeds, key=lambda name: seeds[name][str(PRIMARY)].mean())
    rows = [
        (name, *(_write(seeds[name][str(n)].tolist(), n == PRIMARY) for n in PLACES))
        for name in order
    ]
    headings = ("method", *(f"@{n}" for n in PLACES))
    title = f"Regret, accuracy points, mean of {len(SEEDS)} seeds, after k trainings"
    yield from block_to_markdown(Block(title, headings, rows))
    yield from block_to_markdown(_compare(seeds))


def _write(figures: list[float], with_interval: bool) -> str:
    mean, ends = float(np.mean(figures)), over_seeds(figures, (0.0, np.inf))
    if not with_interval or ends is None or np.ptp(figures) == 0.0:
        return f"{mean:.2f}"
    return f"{mean:.2f} [{ends.low:.2f}, {ends.high:.2f}]"


def _compare(seeds: dict[str, pd.DataFrame]) -> Block:
    """Make the table of the primary comparisons."""
    both = {name: f"evolution from {name} (10)" for name in BOTH}
    pairs = [(own, it) for name, own in both.items() for it in ("evolution", f"order from {name}")]
    regret = {name: rows[str(PRIMARY)].to_numpy() for name, rows in seeds.items()}
    return _contrast(regret, pairs, "both", "starting helps")


def _contrast(
    regret: dict[str, FloatArray], pairs: Sequence[tuple[str, str]], of: str, below: str
) -> Block:
    """Compare regret, by method and [seed], of pairs of methods, with p-values by Holm."""
    found = [paired_contrast(regret[own] - regret[other]) for own, other in pairs]
    adjusted = holm([each.p for each in found])
    rows = [
        (
            *pair,
            f"{each.mean:+.2f} [{each.low:+.2f}, {each.high:+.2f}]",
            f"{p:.3f}" if p >= 0.0005 else "< 0.001",
        )
        for pair, each, p in zip(pairs, found, adjusted, strict=True)
    ]
    title = f"Primary: difference of regret after {PRIMARY} trainings, below 0: {below}"
    return Block(title, (of, "minus", "difference [95%]", "p (Holm)"), rows, texts=2)


def print_hyperband(folder: Path) -> Iterator[str]:
    """Yield the lines of the primary comparisons of the search of generators.

    Args:
        folder: That of the search that has them (`harness search --space nago`).
    """
    table = pd.read_csv(folder / EVALUATIONS)
    table["paid"] = table.groupby(["method", "seed"])["spent"].cumsum()
    known = table[table["paid"] <= PRIMARY + ROUNDING]
    last = known.groupby(["method", "seed"])["figure"].last().unstack()
    regret = {str(name): last.loc[name].to_numpy() for name in last.index}
    pairs = [("tpe-hyperband", "random"), ("tpe-hyperband", "tpe")]
    yield from block_to_markdown(_contrast(regret, pairs, "Hyperband", "Hyperband helps"))


def draw(folder: Path) -> None:
    """Draw regret against trainings, from ten on, of some of the methods."""
    table = pd.read_csv(FILE)
    orders = ("order from live_params", "order from spos", "evolution from spos (10)")
    places = [n for n in PLACES if n >= FIRST_DRAWN]
    series = []
    for name in ("random", "evolution", "tpe", *orders):
        rows = table[table["method"] == name]
        figures = [rows[str(n)].tolist() for n in places]
        ends = [over_seeds(each, (0.0, np.inf)) for each in figures]
        series.append(make_series(name, places, [float(np.mean(f)) for f in figures], ends))
    figure = Figure(
        "regret",
        "Regret against trainings",
        "NAS-Bench-201, CIFAR-10: accuracy points below the best of 15,625. Lines: mean over 20 "
        "seeds; bands: its 95% interval.",
        "trainings",
        "regret, accuracy points",
        tuple(series),
        is_x_log=True,
    )
    save_figures([figure], {each.label: place for place, each in enumerate(series)}, folder)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [] | ["--run"] as asked:
            if asked:
                run_all()
                draw(FILE.parent)
            print("\n".join(print_tables()))
        case [folder]:
            print("\n".join(print_hyperband(Path(folder))))
        case _:
            sys.exit(__doc__)
