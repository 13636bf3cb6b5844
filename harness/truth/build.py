"""A truth table of one's own: train architectures from scratch and write down their accuracy.

Rows are appended to a journal as trainings finish, so a killed build loses at most the trainings
that were under way; the same command resumes with what is missing. Each training is single
threaded and draws everything from its own seed, so the rows do not depend on the number of
workers or on their order. The missing seeds of an architecture are trained side by side, as
grouped convolutions.

Of each training the validation accuracy and the mean training loss of every epoch are kept. In the
table, the accuracies are rows of fewer epochs: what this training had reached by then, at a
learning rate that was still high. The losses are in a file of their own, `<name>.losses.csv`.

Nothing is shared between architectures, not even between the members of an equivalence class:
with affine batch norm they are different networks. `share_classes` gives that up for speed.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from harness import provenance
from harness.errors import DivergedError
from harness.files.atomic import write_atomically
from harness.files.journal import Journal
from harness.files.locks import hold_lock
from harness.images import load_images
from harness.images.dataset import ImageData
from harness.monitor import Slowdown
from harness.spaces import DEFAULT, Architecture, Space, load_space
from harness.spaces.lookup import arch_columns, keys_of_rows, name_archs
from harness.training.from_scratch import Recipe, measure, train
from harness.training.pool import Pool, compute_all
from harness.truth import NOTES_KEY, TruthTable, make_table, save_table
from harness.truth.costs import COST
from harness.truth.profile import SHAPE

MAX_STACKED = 4
"""Seeds of an architecture that are trained side by side; more would gain no more."""

_COURSES = ("accuracies", "losses")
"""What a row of the journal has of every epoch, [epoch]."""

_MEASURED = ("split", "accuracy", "cost_s")

FEW_STEPS, FEW_TESTED = 100, 200
"""Steps of a training, and test images, below which a table says that there were few."""

OnTraining = Callable[[int, int], None]
Notice = Callable[[str], None]


@dataclass(frozen=True)
class Protocol:
    """How each architecture is trained from scratch; stored with the table.

    Attributes:
        dataset: Image data set; of one's own images, the name that their content gives them.
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

    @classmethod
    def of(cls, space: Space, dataset: str = "tiles") -> Protocol:
        """Return how a space's architectures are trained unless told otherwise."""
        known = {field.name for field in fields(cls)}
        own = {key: value for key, value in space.built.items() if key in known}
        return cls(**own, dataset=dataset)

    @property
    def recipe(self) -> Recipe:
        """What the training loop is told of it."""
        return Recipe(self.epochs, self.batch_size, self.max_lr, self.momentum, self.weight_decay)


class Job(NamedTuple):
    """One training to be done: an architecture, by its key, and a seed."""

    key: int
    seed: int


class Stack(NamedTuple):
    """Trainings of one architecture, by its key, that are done side by side."""

    key: int
    seeds: tuple[int, ...]


class Trained(NamedTuple):
    """What a worker made of a stack.

    Attributes:
        rows: Of all its trainings.
        wall_s: Seconds that they took.
        cpu_s: Seconds of processor time that they took.
    """

    rows: list[dict[str, Any]]
    wall_s: float
    cpu_s: float


def train_from_scratch(
    arch: Architecture, seeds: Sequence[int], protocol: Protocol, data: ImageData, space: Space
) -> list[dict[str, Any]]:
    """Train one architecture once for each seed, side by side, and score the networks.

    The trainings share nothing but the computation, which takes less time than one after the
    other (`benchmarks/bench_truth_build.py`); together with others or alone, a training differs
    by the rounding of its convolutions.

    Args:
        arch: The architecture.
        seeds: Seeds of the trainings.
        protocol: How.
        data: The images.
        space: The architecture's space.

    Returns:
        One row a seed and split ("valid", "test") with the accuracy in percent, after the last
        epoch; `cost_s` is the training's share of the processor time, seconds, that all took:
        other work on the machine does not count. The row of the validation images also has their
        accuracy after each epoch, `accuracies`, and the mean training loss of each, `losses`,
        nats, [epoch].

    Raises:
        DivergedError: If a loss is no longer finite.
    """
    started = time.process_time()
    shape = data.network_shape(protocol.channels, protocol.cells)
    network = space.networks(shape).standalone(arch, seeds)
    accuracies: list[list[float]] = []

    def evaluate() -> None:
        accuracies.append(measure(network, data, data.validation).accuracy)

    losses = train(network, seeds, protocol.recipe, data, evaluate)
    for seed, loss in zip(seeds, losses[-1].tolist(), strict=True):
        if not math.isfinite(loss):
            raise DivergedError(
                f"Training {space.format(arch)} with seed {seed} ended at a loss of {loss}, and "
                "would again: what a training gives follows from its seed. Give another seed, or "
                "architectures without this one; what is done stays in the journal."
            )
    cost_s = (time.process_time() - started) / len(seeds)
    names = {name: cells[0] for name, cells in name_archs([space.key(arch)], space).items()}
    own = {**names, "dataset": data.name, "epochs": protocol.epochs, "cost_s": round(cost_s, 3)}
    tested = None if data.test is None else measure(network, data, data.test).accuracy
    rows = []
    for place, seed in enumerate(seeds):
        course = [of_epoch[place] for of_epoch in accuracies]
        trained = {**own, "trial": seed, "seed": seed}
        kept = {"accuracies": course, "losses": losses[:, place].tolist()}
        rows.append({**trained, "split": "valid", "accuracy": course[-1], **kept})
        if tested is not None:
            rows.append({**trained, "split": "test", "accuracy": tested[place]})
    return rows


def build_truth(
    journal_path: Path,
    protocol: Protocol,
    archs: Sequence[int],
    seeds: Sequence[int],
    workers: int,
    on_training: OnTraining = lambda done, total: None,
    space: Space | None = None,
    notice: Notice = lambda message: None,
    images: ImageData | None = None,
    compute: Pool = compute_all,
) -> list[dict[str, Any]]:
    """Train what is missing and return the rows that were asked for.

    Args:
        journal_path: Where rows are appended as they come.
        protocol: How to train.
        archs: Keys of the architectures, in the order in which to train them.
        seeds: Seeds of each architecture.
        workers: Processes, each with one thread.
        on_training: Called with (done, total) at the start and after each training.
        space: The space of the architectures; `DEFAULT` unless given.
        notice: Called with what a person should read.
        images: One's own images (`harness.images.own`); those of the protocol unless given.
        compute: Where trainings are computed: in processes here, unless told otherwise.

    Returns:
        The rows of these architectures and seeds, in the order in which they were finished;
        what else the journal holds stays in it.

    Raises:
        DataError: If the journal is damaged or of another protocol.
        DivergedError: If a training ends at a loss that is not a number.
        LockedError: If another process is building into the same journal.
        StoreError: If its folder cannot be written to.
    """
    space = space or load_space()
    header = asdict(protocol) | ({} if space.name == DEFAULT else {"space": space.name})
    lock = journal_path.with_name(f"{journal_path.name}.lock")
    with hold_lock(lock, f"building into {journal_path}", "--out file"):
        journal = Journal(journal_path, header)
        done = {_job_of(row, space) for row in journal.rows}
        asked = {Job(key, seed) for key in archs for seed in seeds}
        stacks = _stack_missing(archs, seeds, done)
        n_done = len(asked & done)
        on_training(n_done, len(asked))
        slowdown = Slowdown(is_one_thread=True)
        data = images or load_images(protocol.dataset)
        for rows, wall_s, cpu_s in _train_all(stacks, protocol, workers, space, data, compute):
            journal.append(rows)
            n_new = len({row["seed"] for row in rows})
            n_done += n_new
            on_training(n_done, len(asked))
            if factor := slowdown.add(wall_s, cpu_s, n_new):
                notice(
                    f"Trainings take {factor:.1f} times as long as on an idle core, probably "
                    "since other work uses this machine. Fewer --workers or an idle machine is "
                    "faster; the rows are the same."
                )
        return [row for row in journal.rows if _job_of(row, space) in asked]


def _job_of(row: Mapping[str, Any], space: Space) -> Job:
    return Job(space.key(space.parse(row[arch_columns(space).text])), row["seed"])


def _stack_missing(
    archs: Sequence[int], seeds: Sequence[int], done: Collection[Job]
) -> list[Stack]:
    """Put what is missing of each architecture together, a few seeds at a time."""
    stacks = []
    for key in archs:
        missing = [seed for seed in seeds if Job(key, seed) not in done]
        for start in range(0, len(missing), MAX_STACKED):
            stacks.append(Stack(key, tuple(missing[start : start + MAX_STACKED])))
    return stacks


def build_table(
    path: Path,
    protocol: Protocol,
    n_archs: int,
    seeds: Sequence[int],
    workers: int,
    share_classes: bool = False,
    on_training: OnTraining = lambda done, total: None,
    space: Space | None = None,
    notice: Notice = lambda message: None,
    images: ImageData | None = None,
    compute: Pool = compute_all,
) -> TruthTable:
    """Build what is missing and write the table of all rows, with where they came from.

    The losses of every epoch are those of the architectures that were trained.

    Args:
        path: The Parquet file; the journal is `<name>.rows.jsonl` beside it, the training losses
            are `<name>.losses.csv`.
        protocol: How to train; a batch of more than the training images is all of these.
        n_archs: The first this many architectures of the canonical permutation.
        seeds: Seeds of each architecture.
        workers: Processes, each with one thread.
        share_classes: Train one architecture of each class of `Space.identity`, its
            representative, and give its rows to all members. That may be an approximation: in
            NAS-Bench-201 a convolution that is fed zeros emits a constant under affine batch
            norm, and members' networks draw apart.
        on_training: Called with (done, total) at the start and after each training.
        space: The space of the architectures; `DEFAULT` unless given.
        notice: Called with what a person should read.
        images: As for `build_truth`.
        compute: Likewise.

    Returns:
        The table.

    Raises:
        HarnessError: As `build_truth`; StoreError if the table cannot be written.
    """
    space = space or load_space()
    text = arch_columns(space).text
    asked = space.prefix(n_archs)
    trained = {
        key: space.key(space.identity(space.at(key))) if share_classes else key for key in asked
    }
    distinct = tuple(dict.fromkeys(trained.values()))
    journal = path.with_suffix(".rows.jsonl")
    data = images or load_images(protocol.dataset)
    protocol = replace(protocol, batch_size=min(protocol.batch_size, len(data.train)))
    notes = list(_say_few(protocol, data))
    for note in notes:
        notice(note)
    done = build_truth(
        journal, protocol, distinct, seeds, workers, on_training, space, notice, data, compute
    )
    trainings = {(row[text], row["seed"]): row for row in done}
    n_last_only = sum(row["split"] == "valid" and "accuracies" not in row for row in done)
    if n_last_only:
        notice(
            f"Of {n_last_only:,} trainings only the last epoch is known: an earlier version did "
            "them, which kept no more. To have all, give another --out file."
        )
    machine = provenance.environment()
    metadata = {
        "protocol": json.dumps(asdict(protocol)),
        SHAPE: json.dumps(asdict(data.network_shape(protocol.channels, protocol.cells))),
        "images_sha256": data.sha256,
        "source": json.dumps(provenance.commit()),
        "environment": json.dumps(machine),
        "finished": provenance.now(),
        COST: str(round(sum(row["cost_s"] for row in trainings.values()))),
        "share_classes": json.dumps(share_classes),
        "n_archs_trained": str(len(distinct)),
    }
    if notes:
        metadata[NOTES_KEY] = "\n".join(notes)
    rows = pd.DataFrame([each for row in done for each in _list_epochs(row)])
    if share_classes:
        rows = _give_to_members(rows, trained, space)
    table = make_table(rows, f"{space.name}-{protocol.dataset}", metadata, space=space)
    save_table(table, path)
    losses = pd.DataFrame([each for row in done for each in _list_losses(row)])
    write_atomically(path.with_suffix(".losses.csv"), partial(losses.to_csv, index=False))
    return table


def _say_few(protocol: Protocol, data: ImageData) -> Iterator[str]:
    """Say where trainings are short, or tested on little: then accuracies are much chance."""
    steps = protocol.epochs * max(1, len(data.train) // protocol.batch_size)
    if steps < FEW_STEPS:
        yield (
            f"Trainings have {steps:,} steps of {protocol.batch_size} of {len(data.train):,} "
            "training images: networks may have learned little."
        )
    tested = data.test or data.validation
    if len(tested) < FEW_TESTED:
        yield (
            f"Accuracies are of {len(tested):,} images, so one image is {100 / len(tested):.2g} "
            "points: differences between architectures may be chance, which more --seeds average "
            "out in part."
        )


def _list_epochs(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table that a row of the journal stands for."""
    own = {key: value for key, value in row.items() if key not in _COURSES}
    for epoch, accuracy in enumerate(row.get("accuracies", ())[:-1], start=1):
        yield {**own, "epochs": epoch, "accuracy": accuracy}
    yield own


def _list_losses(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the training loss of each epoch, of a row that has them."""
    own = {key: value for key, value in row.items() if key not in (*_COURSES, *_MEASURED)}
    for epoch, loss in enumerate(row.get("losses", ()), start=1):
        yield {**own, "epochs": epoch, "train_loss": loss}


def _give_to_members(rows: pd.DataFrame, trained: Mapping[int, int], space: Space) -> pd.DataFrame:
    """Give each architecture the rows of the one that was trained in its stead."""
    members = pd.DataFrame({"member": list(trained), "key": list(trained.values())})
    given = members.merge(rows.assign(key=keys_of_rows(rows, space)), on="key")
    return given.assign(**name_archs(given["member"], space))


def _train_all(
    stacks: Sequence[Stack],
    protocol: Protocol,
    workers: int,
    space: Space,
    data: ImageData,
    compute: Pool,
) -> Iterator[Trained]:
    """Train in a pool."""
    # A worker finds the space by its class, and an architecture by its string, which always serves.
    place = f"{type(space).__module__}:{type(space).__qualname__}"
    jobs = ((space.format(space.at(stack.key)), stack.seeds) for stack in stacks)
    train_one = partial(_train_one, place, protocol)
    return compute(train_one, data, jobs, workers)


def _train_one(
    place: str, protocol: Protocol, data: ImageData, job: tuple[str, Sequence[int]]
) -> Trained:
    text, seeds = job
    space = load_space(place)
    wall, cpu = time.perf_counter(), time.process_time()
    rows = train_from_scratch(space.parse(text), seeds, protocol, data, space)
    return Trained(rows, time.perf_counter() - wall, time.process_time() - cpu)
