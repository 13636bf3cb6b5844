"""The trainings of a run, done once for all runs that differ in nothing but the score."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from harness.estimators.base import Row, Task
from harness.estimators.sharing import SharedWork, describe_task
from harness.estimators.short_training.settings import Measure, ShortTrainingSettings
from harness.estimators.standalone import choose_shape, make_clock, make_standalone
from harness.files.images import is_own_name
from harness.images.dataset import ImageData, ImageSet, fixed_subset
from harness.seeding import derive_seed
from harness.spaces import NetworkShape, load_space
from harness.training.from_scratch import Recipe, SoftLabels, measure, train
from harness.training.pool import compute_all
from harness.training.threads import one_thread
from harness.truth.costs import is_one_training

VALID_IMAGES = 2_000
"""Validation images unless told otherwise, where there are so many."""

_FORMAT = 1


class Training(NamedTuple):
    """What one training showed.

    Attributes:
        train_loss: Mean loss of each epoch's steps, as it was minimised, nats, [epoch]; None where
            the training diverged, as are the next two.
        loss: Mean cross-entropy of the validation images after the last epoch, nats.
        accuracy: Theirs, percent.
        seconds: What it took; on a CPU those of the processor, on which other work has no effect.
    """

    train_loss: list[float] | None
    loss: float | None
    accuracy: float | None
    seconds: float

    def score(self, what: Measure) -> float | None:
        """Return the score, higher is better; None where the training diverged."""
        if self.train_loss is None or self.loss is None:
            return None
        scores = {"accuracy": self.accuracy, "loss": -self.loss, "sotl": -sum(self.train_loss)}
        return scores[what]


@dataclass(frozen=True)
class Plan:
    """How a worker trains an architecture, besides the images.

    Attributes:
        space: As `load_space` takes it.
        shape: Size of the network.
        recipe: Its training.
        seed: Of its initial weights, batches and augmentation. Where the harness builds the truth,
            it is none that the truth's trainings have, which are small: an estimator that repeated
            them would know their chance.
    """

    space: str
    shape: NetworkShape
    recipe: Recipe
    seed: int


class Lesson(NamedTuple):
    """What all architectures are trained and measured on.

    Attributes:
        data: The chosen images.
        taught: A teacher's answers to the training images.
    """

    data: ImageData
    taught: SoftLabels | None


def make_plan(task: Task, settings: ShortTrainingSettings, epochs: int) -> Plan:
    """Return how a run trains for a number of epochs."""
    recipe = Recipe(
        epochs,
        settings.batch_size,
        settings.lr,
        warmup=settings.warmup,
        augment=settings.augment,
        precision=settings.precision,
    )
    shape = choose_shape(task, settings.channels, settings.cells)
    seed = task.config.seed
    if is_one_training(task.truth) or is_own_name(task.config.dataset):
        seed = derive_seed(seed, "short trainings")
    return Plan(task.config.space, shape, recipe, seed)


def choose_images(task: Task, settings: ShortTrainingSettings) -> ImageData:
    """Return the images to train on and to measure."""
    data, seed = task.data, task.config.seed

    def draw(name: str, images: ImageSet, wanted: int) -> ImageSet:
        return images if wanted == len(images) else fixed_subset(images, wanted, seed, name)

    valid = settings.valid_images or min(VALID_IMAGES, len(data.validation))
    return replace(
        data,
        train=draw("images", data.train, settings.images or len(data.train)),
        validation=draw("valid_images", data.validation, valid),
        test=None,
    )


def describe(task: Task, plan: Plan, data: ImageData) -> dict[str, Any]:
    """Return all that decides the numbers of a training but a teacher, for a header."""
    return {
        "format": _FORMAT,
        **describe_task(task),
        "images": [len(data.train), len(data.validation)],
        "shape": asdict(plan.shape),
        "recipe": asdict(plan.recipe),
        "seed": plan.seed,
    }


class Trainings(SharedWork[Training]):
    """The short trainings of the architectures of a run."""

    family = "short_training"
    rows = "short trainings"

    def __init__(
        self, task: Task, plan: Plan, data: ImageData, teaching: Mapping[str, Any] | None
    ) -> None:
        """Take a run's task; nothing is computed yet.

        Args:
            task: The run.
            plan: How to train.
            data: The images, as `choose_images` returns them.
            teaching: What decides the part of a teacher, if there is one.
        """
        super().__init__(task, {**describe(task, plan, data), "teaching": teaching})
        self._plan = plan
        self._data = data
        self._space = load_space(task.config.space)
        self.taught: SoftLabels | None = None

    def read(self, row: Mapping[str, Any]) -> tuple[int, Training] | None:
        """Read a row of a journal."""
        match row:
            case {
                "key": int(key),
                "train_loss": list() | None as train_loss,
                "loss": float() | None as loss,
                "accuracy": float() | None as accuracy,
                "seconds": float(seconds),
            } if len({train_loss is None, loss is None, accuracy is None}) == 1:
                if all(isinstance(value, float) for value in train_loss or ()):
                    return key, Training(train_loss, loss, accuracy, seconds)
        return None

    def write(self, key: int, one: Training) -> Row:
        """Make a row of a journal."""
        return {"key": key, **one._asdict()}

    def compute(
        self, missing: Iterable[tuple[int, Training | None]]
    ) -> Generator[tuple[int, Training], None, None]:
        """Train here, or in as many processes as the run has threads."""
        lesson = Lesson(self._data, self.taught)
        jobs = ((key, self._space.format(self._space.at(key))) for key, _ in missing)
        workers = self._task.config.threads or 1
        if workers == 1 or self._data.train.labels.device.type != "cpu":
            for job in jobs:
                yield train_one(self._plan, lesson, job)
            return
        with closing(compute_all(partial(train_one, self._plan), lesson, jobs, workers)) as done:
            yield from done


def train_one(plan: Plan, lesson: Lesson, job: tuple[int, str]) -> tuple[int, Training]:
    """Train an architecture, which is named by its key and its string."""
    key, text = job
    space, data = load_space(plan.space), lesson.data
    device = data.train.labels.device
    clock = make_clock(device)
    with one_thread():
        started = clock()
        network = make_standalone(
            space, plan.shape, space.parse(text), plan.seed, ShortTrainingSettings.table
        ).to(device)
        losses = train(network, [plan.seed], plan.recipe, data, taught=lesson.taught)
        found = measure(network, data, data.validation)
        seconds = round(clock() - started, 3)
    train_loss, loss = losses[:, 0].tolist(), found.loss[0]
    if all(map(math.isfinite, (*train_loss, loss))):
        return key, Training(train_loss, loss, found.accuracy[0], seconds)
    return key, Training(None, None, None, seconds)
