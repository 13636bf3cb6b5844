"""Try a predictor where settings are chosen: on CIFAR-100's truth, away from what is reported.

    python scripts/try_predictor.py --model forest+gp --features graf
    python scripts/try_predictor.py --model forest+gp-top --features graf+spos --prior jacov+spos
    python scripts/try_predictor.py --model forest --features layers --encodings 16 --labels 32,128

Printed is tau (test, 200 epochs, mean of trials) over the architectures without a label, and over
their best tenth, mean over label seeds. Architectures are the 3,625 after the first 12,000 of the
canonical permutation, so of one label seed the labels are those that a run of them draws.
`jacov`, `nwot`, `synflow` and `spos` are the stored scores of seed 0 on CIFAR-10's images.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from harness.estimators.matrix import FloatArray, IntArray
from harness.estimators.predictors.features import (
    draw_encodings,
    make_prior,
    make_table,
    read_features,
    read_prior,
)
from harness.estimators.predictors.models import model_seed, predict, read_models
from harness.estimators.predictors.settings import PredictorSettings
from harness.estimators.runs import load_run
from harness.runs.folder import RunFolder
from harness.seeding import make_rng
from harness.spaces import load_space
from harness.stats import kendall_tau
from harness.stats.populations import top_share
from harness.truth import default_query, find_truth

RESULTS = Path(__file__).parents[1] / "results"
STORED = {
    "spos": "ogd-study/full/cifar10-spos-s0-*",
    **{name: f"leaderboard/cifar10-{name}-s0-*-6f9fa060" for name in ("jacov", "nwot", "synflow")},
}
OFFSET = 12_000


def read_stored(name: str, keys: IntArray) -> FloatArray:
    """Return stored scores of some architectures, dead ones below all others."""
    (path,) = RESULTS.glob(STORED[name])
    folder = RunFolder(path)
    scores: FloatArray = load_run(folder, folder.read_record()).scores_of(keys)[0]
    return scores


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default=PredictorSettings().model)
    parser.add_argument("--features", default=PredictorSettings().features)
    parser.add_argument("--prior")
    parser.add_argument("--encodings", type=int, default=1)
    parser.add_argument("--labels", default="32,128,512")
    parser.add_argument("--seeds", default="100,101,102,103,104,105,106,107")
    given = parser.parse_args()
    space = load_space()
    assert space.size is not None
    keys = np.array(space.prefix(space.size - OFFSET, OFFSET), dtype=np.int64)
    truth = find_truth("cifar100").mean(default_query("cifar100"))
    accuracy = truth.value[np.searchsorted(truth.keys, keys)]
    names = read_features(given.features, space, nests=True)
    table = make_table(names, keys, space, lambda name: read_stored(name, keys))
    trusted = read_prior(given.prior, space, nests=True)
    prior = (
        make_prior(trusted, keys, space, lambda name: read_stored(name, keys)) if trusted else None
    )
    models, seeds = read_models(given.model), [int(seed) for seed in given.seeds.split(",")]
    started, shown = time.process_time(), []
    for n in map(int, given.labels.split(",")):
        figures = []
        for seed in seeds:
            places = make_rng(seed, "labels").permutation(len(keys))[:n]
            encodings = draw_encodings(names, table, places, keys, space, given.encodings)
            own = (table.values, places, accuracy[places], model_seed(seed), prior, encodings)
            rest = np.setdiff1d(np.arange(len(keys)), places)
            scores, reached = predict(models, *own)[rest], accuracy[rest]
            best = top_share(reached, 0.1)
            figures.append(
                [kendall_tau(scores[part], reached[part]).value for part in (reached > -1, best)]
            )
        tau, top = np.mean(np.array(figures, dtype=np.float64), axis=0)
        shown.append(f"{n}: {tau:.3f}, best tenth {top:.3f}")
    seconds = time.process_time() - started
    print(f"{given.model} from {given.features}, prior {given.prior}, encodings {given.encodings}")
    print(f"  {'; '.join(shown)} ({len(seeds)} label seeds, {seconds:.0f} CPU s)", flush=True)


if __name__ == "__main__":
    main()
