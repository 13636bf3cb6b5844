"""Trace tau over a training, by both readouts, on architectures that no table reports.

    python scripts/ogd_study/trace.py constant --out results/ogd-study/tuning \
        --set schedule=constant --set augment=false

Trains one supernet on CIFAR-10 (seed 100, `--set` as for `harness run`) and scores the last 250
architectures of the permutation every `--every` steps, each time on another 250 validation images,
by the shared classifier and by a readout refitted to each path. `<name>.csv` has tau over all of
them and over their better half, of the latest moment and of the mean score of the latest 4, 12 and
16. `--ema` scores an exponential average of the weights, `--grow-at` begins with one cell a stage,
`--still` scores the last weights on more batches, a row each. For tuning alone:
nothing is resumed, and no run folder is made.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from harness.estimators.classes import class_key, distinct_classes
from harness.estimators.supernet.measuring import EvaluationImages, SharedBatch
from harness.estimators.supernet.readout import both_readouts
from harness.execution.runner import resolve_config
from harness.files.atomic import write_atomically
from harness.images import load_run_images
from harness.images.dataset import ImageData, fixed_subset
from harness.settings.layers import make_config, parse_assignments
from harness.settings.run import READOUTS, RunConfig
from harness.spaces import load_space
from harness.spaces.nb201.encoding import N_ARCHS, sample_indices
from harness.stats import kendall_tau, top_share
from harness.strategies import load_strategy
from harness.supernet.base import SuperNet
from harness.training.allocation import keep_freed_memory
from harness.training.loop import Trainer
from harness.truth import default_query, find_truth

SEED = 100
N_RANKED = 250
MOMENTS = (1, 4, 12, 16)
BASE = {
    "dataset": "cifar10",
    "preset": "quick",
    "seed": SEED,
    "precision": "bf16",
    "probe_every": 0,
    "rank_every": 0,
    "loss_every": 0,
}

Scores = dict[str, npt.NDArray[np.float64]]


class Moment(NamedTuple):
    """How the architectures did after some step.

    Attributes:
        scores: By readout, one an architecture; higher is better.
        accuracy: Mean accuracy of the paths by the shared classifier, 0 to 1.
    """

    scores: Scores
    accuracy: float


def main() -> None:
    """Train, and write the table anew every thousand steps."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", help="of the run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--every", type=int, default=250, help="steps between two moments")
    parser.add_argument("--grow-at", type=int, help="step up to which each stage has one cell")
    parser.add_argument("--ema", type=float, default=0.0, help="decay; 0 scores the latest weights")
    parser.add_argument("--still", type=int, default=0, help="moments more of the last weights")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    keep_freed_memory()
    truth = find_truth("cifar10", args.data_dir)
    config = resolve_config(make_config(BASE, parse_assignments(args.set)), truth)
    data = load_run_images(config, args.data_dir)
    known = truth.mean(default_query("cifar10")).by_index()
    ranked = sample_indices(N_RANKED, N_ARCHS - N_RANKED)
    y = np.array([known[index] for index in ranked])
    moments: list[Moment] = []
    rows: list[dict[str, Any]] = []
    first = config if args.grow_at is None else config.model_copy(update={"cells": 1})
    trainer = Trainer(first, data, load_strategy(config.strategy))
    images = _ranking_images(data)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.name}.csv"
    how = {"every": args.every, "grow_at": args.grow_at, "ema": args.ema, "set": " ".join(args.set)}
    average = _average(trainer, args.ema)
    while trainer.step < config.steps:
        if trainer.step == args.grow_at:
            trainer = _grow(trainer, config, data)
            average = _average(trainer, args.ema)
        trainer.train_step()
        average.update_parameters(trainer.network)
        if trainer.step % args.every == 0:
            moments.append(_score(average, images, len(moments), ranked))
        if trainer.step % 1_000 == 0:
            _add_row(rows, {"step": trainer.step, **_summarise(moments, y), **how}, path)
    for _ in range(args.still):
        moments.append(_score(average, images, len(moments), ranked))
        _add_row(rows, {"step": trainer.step, **_summarise(moments, y), **how}, path)


def _add_row(rows: list[dict[str, Any]], row: dict[str, Any], path: Path) -> None:
    rows.append(row)
    table = pd.DataFrame(rows)
    write_atomically(path, lambda part: table.to_csv(part, index=False, float_format="%.4f"))


def _average(trainer: Trainer, decay: float) -> AveragedModel:
    """An average over the steps to come; it begins with the weights after the first of them."""
    return AveragedModel(trainer.network, multi_avg_fn=get_ema_multi_avg_fn(decay))


def _grow(small: Trainer, config: RunConfig, data: ImageData) -> Trainer:
    """Go on with more cells, each a copy of the one that its stage had; momentum starts anew."""
    large = Trainer(config, data, load_strategy(config.strategy))
    known = small.network.state_dict()
    for name, weight in large.network.state_dict().items():
        if name.startswith("cells."):
            _, position, rest = name.split(".", 2)
            name = f"cells.{int(position) // config.cells}.{rest}"
        weight.copy_(known[name])
    large.step = small.step
    return large


def _ranking_images(data: ImageData) -> EvaluationImages:
    chosen = fixed_subset(data.validation, max(MOMENTS) * 250, 0, "tune")
    return EvaluationImages(data, chosen, 250).to_bf16()


def _score(
    average: AveragedModel, images: EvaluationImages, moment: int, ranked: Sequence[int]
) -> Moment:
    space, network = load_space(), cast(SuperNet, average.module)
    headless, sum_both = both_readouts(network.to_bf16())
    batch, labels = images.batches[moment % len(images.batches)]
    shared = SharedBatch(headless, batch, labels, sum_both)
    archs = network.order(distinct_classes(space, ranked))
    sums = {space.key(arch): shared.score(arch) for arch in archs}
    found = [sums[class_key(space, index)] for index in ranked]
    return Moment(
        {
            "shared": np.array([-each.shared.loss for each in found]),
            "refitted": np.array([-each.refitted.loss for each in found]),
        },
        sum(each.shared.correct for each in found) / (len(found) * len(labels)),
    )


def _summarise(moments: Sequence[Moment], y: npt.NDArray[np.float64]) -> dict[str, Any]:
    row: dict[str, Any] = {"mean_accuracy": np.mean([each.accuracy for each in moments[-4:]])}
    half = top_share(y, 0.5)
    for readout in READOUTS:
        for n in MOMENTS:
            if n <= len(moments):
                x = np.mean([each.scores[readout] for each in moments[-n:]], axis=0)
                row[f"tau_{readout}_{n}"] = kendall_tau(x, y).value
                row[f"top_half_{readout}_{n}"] = kendall_tau(x[half], y[half]).value
    return row


if __name__ == "__main__":
    main()
