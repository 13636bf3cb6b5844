"""Try orders without labels where settings are chosen, away from what is reported.

    python scripts/try_two_stages.py TABLE --first live_params+jacov+spos
    python scripts/try_two_stages.py TABLE --first live_params+jacov --second jacov+zen --share 0.3

`--second` and `--share` may be given again: each re-orders the best of the order before it.

TABLE is the public zero_cost_cifar10.csv of NAS-Bench-Suite-Zero. `jacov`, `nwot`, `synflow` and
`spos` are the stored scores of seed 0 on CIFAR-10's images, other names columns of the table;
`jacov*` is the mean rank of both. `12-epochs` is the published accuracy after 12 epochs on half of
the training images (`cifar10-valid`, validation), mean of trials. Printed is tau on all, the top
half and the best tenth against the truth of CIFAR-10 and CIFAR-100 (test, 200 epochs, mean of
trials), mean over three blocks of 1,000 architectures after the first 12,000 of the canonical
permutation.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from try_predictor import OFFSET, STORED, read_stored

from harness.estimators.matrix import FloatArray, IntArray
from harness.estimators.naming import parse_terms
from harness.spaces import load_space
from harness.stats import kendall_tau
from harness.stats.combination import Component, rank_together
from harness.stats.correlation import dense_ranks, mean_ranks
from harness.stats.populations import top_share
from harness.truth import TruthQuery, default_query, find_truth

SPACE = load_space()
BLOCK = 1_000


TWELVE = TruthQuery("cifar10-valid", "valid", 12)


def read_table(path: Path) -> Callable[[str, IntArray], FloatArray]:
    """Return what reads scores by name; an architecture has those of its class."""
    table = pd.read_csv(path)
    keys = [SPACE.key(SPACE.identity(SPACE.parse(text))) for text in table["net_str"]]
    twelve = find_truth("cifar10").mean(TWELVE)
    by_class = table.drop(columns=["net", "net_str"]).set_axis(keys)

    def read(name: str, archs: IntArray) -> FloatArray:
        if name == "jacov*":
            both = [read_stored("jacov", archs), read_column("jacov", archs)]
            return sum((mean_ranks(dense_ranks(one)) for one in both), np.zeros(len(archs)))
        if name == "12-epochs":
            return twelve.value[np.searchsorted(twelve.keys, archs)]
        if name == "live_params":
            own = SPACE.baselines[name].score
            return np.array([own(SPACE.at(key)) for key in archs.tolist()], dtype=np.float64)
        return read_stored(name, archs) if name in STORED else read_column(name, archs)

    def read_column(name: str, archs: IntArray) -> FloatArray:
        classes = [SPACE.key(SPACE.identity(SPACE.at(key))) for key in archs.tolist()]
        column = by_class[name]
        return column.reindex(classes).fillna(column.min() - 1).to_numpy()

    return read


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--first", required=True)
    parser.add_argument("--second", action="append", default=[])
    parser.add_argument("--share", action="append", default=[], type=float)
    given = parser.parse_args()
    read, stages = read_table(given.table), list(zip(given.second, given.share, strict=True))
    print(given.first + "".join(f", best {share} by {second}" for second, share in stages))
    for dataset in ("cifar10", "cifar100"):
        truth, figures = find_truth(dataset).mean(default_query(dataset)), []
        for start in range(OFFSET, OFFSET + 3 * BLOCK, BLOCK):
            keys = np.array(SPACE.prefix(BLOCK, start), dtype=np.int64)
            score = combine(given.first, keys, read)
            for second, share in stages:
                top = score >= np.sort(score)[-round(share * BLOCK)]
                score[top] = score.max() + combine(second, keys[top], read)
            reached = truth.value[np.searchsorted(truth.keys, keys)]
            parts = [top_share(reached, part) for part in (1.0, 0.5, 0.1)]
            figures.append([kendall_tau(score[part], reached[part]).value for part in parts])
        means = np.mean(np.array(figures, dtype=np.float64), axis=0)
        print(f"  {dataset}: " + " / ".join(f"{one:.3f}" for one in means), flush=True)


def combine(text: str, keys: IntArray, read: Callable[[str, IntArray], FloatArray]) -> FloatArray:
    """Return the sum of ln(rank) of a combination."""
    terms = parse_terms(text, set())
    components = [Component(term.name, read(term.name, keys)) for term in terms]
    dead = [not SPACE.is_live(SPACE.at(key)) for key in keys.tolist()]
    ranks = rank_together(keys, components, dead)
    combined: FloatArray = ranks.combine([term.weight for term in terms])[0]
    return combined


if __name__ == "__main__":
    main()
