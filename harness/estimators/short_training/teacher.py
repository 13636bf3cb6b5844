"""The teacher of MF-KD: one architecture, trained for longer, whose answers the others learn from.

Reference: Trofimov, Klyuchnikov, Salnikov, Filippov & Burnaev, Multi-fidelity Neural Architecture
Search with Knowledge Distillation, 2020, arXiv 2006.08341. Only its abstract could be read: which
loss, weight and temperature it settled on are not known here. The loss is that of Hinton et al.
(`SoftLabels`), and alpha = 0.5 and T = 4 are our choice. The teacher answers once for each image,
without augmentation. The paper's search (co-kriging over fidelities) is not part of this.
"""

from __future__ import annotations

import base64
import math
import time
from typing import Any, NamedTuple

import numpy as np
import torch

from harness.errors import DataError, DivergedError, Interrupted, LockedError
from harness.estimators.base import Row, Task
from harness.estimators.sharing import WAIT_S
from harness.estimators.short_training.settings import ShortTrainingSettings
from harness.estimators.short_training.trainings import (
    Trainings,
    choose_images,
    describe,
    make_plan,
)
from harness.estimators.standalone import make_clock, make_standalone
from harness.files.journal import Journal
from harness.files.locks import hold_lock
from harness.images.dataset import iterate_batches
from harness.monitor import Progress
from harness.settings.run import hash_settings
from harness.spaces import Architecture, Space, load_space
from harness.training.from_scratch import EVALUATION_BATCH, SoftLabels, measure, train
from harness.training.threads import one_thread

N_CANDIDATES = 1_000
"""First architectures of the canonical permutation, of which one is the teacher."""


class Taught(NamedTuple):
    """What a teacher gives.

    Attributes:
        logits: Of the training images, float32, [image, class].
        accuracy: On the validation images, percent.
        seconds: What its training took; on a CPU those of the processor.
    """

    logits: torch.Tensor
    accuracy: float
    seconds: float


class Teacher:
    """The teacher of a run's short trainings; runs that share it train it once."""

    def __init__(self, task: Task, settings: ShortTrainingSettings) -> None:
        """Choose it; nothing is trained yet.

        Raises:
            ArchError: If `teacher_arch` names no architecture.
        """
        self._task = task
        self._settings = settings
        self._data = choose_images(task, settings)
        self._plan = make_plan(task, settings, settings.teacher_epochs)
        space = load_space(task.config.space)
        given = settings.teacher_arch
        self._arch = _choose(space) if given is None else space.parse(given)
        self.name = space.format(self._arch)

    @property
    def decides(self) -> dict[str, Any]:
        """What decides its part of the loss, for a header."""
        settings = self._settings
        return {
            "arch": self.name,
            "epochs": settings.teacher_epochs,
            "alpha": settings.alpha,
            "temperature": settings.temperature,
        }

    def prepare(self) -> Taught:
        """Train it, or read what another run trained.

        Raises:
            Interrupted: If the monitor asked to stop; its training begins anew.
            DivergedError: If its training diverges.
            DataError: If its file is damaged.
            StoreError: If its file cannot be written.
        """
        header = {**describe(self._task, self._plan, self._data), "arch": self.name}
        folder = self._task.folder.path.parent / Trainings.family
        path = folder / f"teacher-{hash_settings(header)[:8]}.jsonl"
        while True:
            try:
                with hold_lock(path.with_suffix(".lock"), "training a teacher", "--out folder"):
                    journal = Journal(path, header)
                    if not journal.rows:
                        journal.append([_write(self._train())])
                    return _read(journal, len(self._data.train), self._data.classes)
            except LockedError:
                self._report(0)
                time.sleep(WAIT_S)

    def soften(self, taught: Taught) -> SoftLabels:
        """Return its answers with their part in the loss."""
        device = self._data.train.labels.device
        settings = self._settings
        return SoftLabels(taught.logits.to(device), settings.alpha, settings.temperature)

    def _train(self) -> Taught:
        data, plan, done = self._data, self._plan, 0
        space, device = load_space(plan.space), data.train.labels.device
        clock = make_clock(device)

        def count() -> None:
            nonlocal done
            done += 1
            self._report(done)

        with one_thread():
            started = clock()
            network = make_standalone(
                space, plan.shape, self._arch, plan.seed, ShortTrainingSettings.table
            ).to(device)
            train(network, [plan.seed], plan.recipe, data, count)
            accuracy = measure(network, data, data.validation).accuracy[0]
            network.eval()
            with torch.no_grad():
                batches = iterate_batches(data, data.train, EVALUATION_BATCH)
                logits = torch.cat([network(images)[:, 0] for images, _ in batches])
            seconds = clock() - started
        if not torch.isfinite(logits).all():
            raise DivergedError(
                f"The training of the teacher {self.name} diverged. Give a smaller "
                f"short_training.lr than {plan.recipe.max_lr:g}, or another teacher_arch."
            )
        return Taught(logits, accuracy, seconds)

    def _report(self, done: int) -> None:
        monitor, total = self._task.monitor, self._settings.teacher_epochs
        monitor.progress(Progress(self._task.config.run_id, "train", done, total))
        if monitor.should_stop() and done < total:
            raise Interrupted(f"Stopped after {done:,} of {total:,} epochs of the teacher.")


def _choose(space: Space) -> Architecture:
    """Return the best candidate by the space's floor, a free score."""
    n = N_CANDIDATES if space.size is None else min(N_CANDIDATES, space.size)
    score = space.baselines[space.floor].score
    return max(map(space.at, space.prefix(n)), key=score)


def _write(taught: Taught) -> Row:
    logits = base64.b64encode(taught.logits.cpu().numpy().astype("<f4").tobytes()).decode()
    return {"logits": logits, "accuracy": taught.accuracy, "seconds": taught.seconds}


def _read(journal: Journal, n_images: int, classes: int) -> Taught:
    try:
        (row,) = journal.rows
        values = np.frombuffer(base64.b64decode(row["logits"], validate=True), dtype="<f4")
        logits = torch.from_numpy(values.reshape(n_images, classes).copy())
        taught = Taught(logits, float(row["accuracy"]), float(row["seconds"]))
        if not logits.isfinite().all():
            raise ValueError("not all of them are finite")
        if not (0 <= taught.accuracy <= 100 and 0 <= taught.seconds < math.inf):
            raise ValueError(f"accuracy {taught.accuracy}, seconds {taught.seconds}")
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise DataError(
            f"{journal.path} does not hold a teacher's answers to {n_images:,} images ({error}). "
            "Remove it and run the same command again: the teacher is trained anew."
        ) from error
    return taught
