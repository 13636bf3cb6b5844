"""A truth table of one's own: train architectures from scratch and write down their accuracy.

Rows are appended to a journal as trainings finish, so a killed build loses at most the trainings
that were under way; the same command goes on with what is missing. Each training is single
threaded and draws everything from its own seed, so the rows do not depend on the number of
workers or on their order.

Nothing is shared between architectures, not even between the members of an equivalence class:
with affine batch norm they are different networks.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
import torch.nn.functional as F
from filelock import FileLock, Timeout

from harness import provenance
from harness.errors import DivergedError, LockedError
from harness.images import load_images
from harness.images.dataset import BatchSampler, ImageData, ImageSet, iterate_batches
from harness.journal import Journal
from harness.space.nb201 import arch_at, sample_indices
from harness.supernet.network import StandaloneNetwork
from harness.truth import TruthTable, make_table, save_table

EVALUATION_BATCH = 1_000


@dataclass(frozen=True)
class Protocol:
    """How each architecture is trained from scratch; stored with the table.

    Attributes:
        dataset: Image data set.
        channels: Channels C of the first stage.
        cells: Cells N a stage.
        epochs: Passes over the training images.
        batch_size: Images a step.
        max_lr: Peak of the one-cycle learning rate schedule.
        momentum: Nesterov momentum.
        weight_decay: L2 penalty on all parameters.
    """

    dataset: str = "tiles"
    channels: int = 8
    cells: int = 1
    epochs: int = 12
    batch_size: int = 64
    max_lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4


class Training(NamedTuple):
    """One training to be done: an architecture and a seed."""

    nb201_index: int
    seed: int


def train_from_scratch(
    training: Training, protocol: Protocol, data: ImageData
) -> list[dict[str, Any]]:
    """Train one architecture and score it.

    Args:
        training: Which one, and its seed.
        protocol: How.
        data: The images.

    Returns:
        One row a split ("valid", "test") with the accuracy in percent, after the last epoch.

    Raises:
        DivergedError: If the loss is no longer finite.
    """
    started = time.perf_counter()
    arch = arch_at(training.nb201_index)
    shape = data.network_shape(protocol.channels, protocol.cells)
    network = StandaloneNetwork(arch, shape, training.seed)
    sampler = BatchSampler(data, protocol.batch_size, training.seed, augment=True)
    n_steps = protocol.epochs * sampler.batches_per_epoch
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=protocol.max_lr,
        momentum=protocol.momentum,
        nesterov=True,
        weight_decay=protocol.weight_decay,
        foreach=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, protocol.max_lr, total_steps=n_steps, cycle_momentum=False
    )
    for step in range(n_steps):
        images, labels = sampler.batch(step)
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    if not torch.isfinite(loss):
        raise DivergedError(f"Training {arch} with seed {training.seed} ended at a loss of {loss}.")
    network.eval()
    cost_s = time.perf_counter() - started
    splits = {"valid": data.validation, "test": data.test}
    return [
        {
            "nb201_index": training.nb201_index,
            "arch_str": str(arch),
            "dataset": data.name,
            "split": split,
            "epochs": protocol.epochs,
            "trial": training.seed,
            "seed": training.seed,
            "accuracy": _accuracy_pct(network, data, images),
            "cost_s": round(cost_s, 3),
        }
        for split, images in splits.items()
        if images is not None
    ]


@torch.no_grad()
def _accuracy_pct(network: StandaloneNetwork, data: ImageData, images: ImageSet) -> float:
    correct = sum(
        int((network(batch).argmax(dim=1) == labels).sum())
        for batch, labels in iterate_batches(data, images, EVALUATION_BATCH)
    )
    return 100 * correct / len(images)


def build_truth(
    journal_path: Path,
    protocol: Protocol,
    n_archs: int,
    seeds: Sequence[int],
    workers: int,
    on_training: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Train what is missing and return the rows that were asked for.

    Args:
        journal_path: Where rows are appended as they come.
        protocol: How to train.
        n_archs: The first this many architectures of the canonical permutation.
        seeds: Seeds of each architecture.
        workers: Processes, each with one thread.
        on_training: Called with (done, total) after each training.

    Returns:
        The rows of these architectures and seeds, in the order in which they were finished;
        what else the journal holds stays in it.

    Raises:
        DataError: If the journal is damaged or of another protocol.
        DivergedError: If a training ends at a loss that is not a number.
        LockedError: If another process is building into the same journal.
    """
    try:
        with FileLock(f"{journal_path}.lock", timeout=0):
            journal = Journal(journal_path, asdict(protocol))
            done = {Training(row["nb201_index"], row["seed"]) for row in journal.rows}
            wanted = [Training(i, seed) for i in sample_indices(n_archs) for seed in seeds]
            asked = set(wanted)
            missing = [training for training in wanted if training not in done]
            first = len(wanted) - len(missing) + 1
            for n_done, rows in enumerate(_train_all(missing, protocol, workers), start=first):
                journal.append(rows)
                on_training(n_done, len(wanted))
            return [
                row for row in journal.rows if Training(row["nb201_index"], row["seed"]) in asked
            ]
    except Timeout as error:
        raise LockedError(
            f"Another process is building into {journal_path}. Wait for it, or give another file."
        ) from error


def build_table(
    path: Path,
    protocol: Protocol,
    n_archs: int,
    seeds: Sequence[int],
    workers: int,
    on_training: Callable[[int, int], None] = lambda done, total: None,
) -> TruthTable:
    """Build what is missing and write the table of all rows, with where they came from.

    Args:
        path: The Parquet file; the journal is `<name>.rows.jsonl` beside it.
        protocol: How to train.
        n_archs: The first this many architectures of the canonical permutation.
        seeds: Seeds of each architecture.
        workers: Processes, each with one thread.
        on_training: Called with (done, total) after each training.

    Returns:
        The table.

    Raises:
        HarnessError: As `build_truth`; StoreError if the table cannot be written.
    """
    journal = path.with_suffix(".rows.jsonl")
    rows = pd.DataFrame(build_truth(journal, protocol, n_archs, seeds, workers, on_training))
    machine = provenance.environment()
    metadata = {
        "protocol": json.dumps(asdict(protocol)),
        "images_sha256": load_images(protocol.dataset).sha256,
        "source": json.dumps(provenance.commit()),
        "environment": json.dumps(machine),
        "finished": provenance.now(),
        "cost_cpu_s": str(round(rows.groupby(["nb201_index", "seed"])["cost_s"].first().sum())),
    }
    table = make_table(rows, f"nb201-{protocol.dataset}", metadata)
    save_table(table, path)
    return table


def _train_all(
    trainings: Sequence[Training], protocol: Protocol, workers: int
) -> Iterator[list[dict[str, Any]]]:
    """Train in a pool, handing out a few trainings ahead, so that a stop is quick."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (os.getpid(),)) as pool:
        waiting = iter(trainings)
        running: set[Future[list[dict[str, Any]]]] = set()
        while True:
            for training in waiting:
                running.add(pool.submit(_train_one, training, protocol))
                if len(running) > workers:
                    break
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()


def _start_worker(parent: int) -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """End this worker when its parent is gone: a pool's workers outlive a killed parent."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _train_one(training: Training, protocol: Protocol) -> list[dict[str, Any]]:
    return train_from_scratch(training, protocol, load_images(protocol.dataset))
