"""Short training as an estimator: what an architecture reaches in a few epochs of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.errors import DivergedError
from harness.estimators.base import (
    Estimator,
    Needs,
    Row,
    Scores,
    Task,
    dead_cells,
    name_rows,
    score_cells,
)
from harness.estimators.classes import class_key, live_classes
from harness.estimators.runs import SCORE_KIND
from harness.estimators.short_training.settings import ShortTrainingSettings
from harness.estimators.short_training.teacher import Teacher
from harness.estimators.short_training.trainings import (
    Training,
    Trainings,
    choose_images,
    make_plan,
)
from harness.images.dataset import ImageData, check_count
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.truth import TruthTable

_WORDS = {
    "accuracy": "validation accuracy",
    "loss": "minus validation loss",
    "sotl": "minus the sum of training losses",
}


class ShortTraining(Estimator):
    """Trains each architecture from scratch for a few epochs.

    Trained is the representative of an architecture's class (`Space.canonical`), so that members of
    a class tie; architectures without a live path are not trained, and rank last. Initial weights
    and batches are the seed's, the same for all. A training that diverges has no score.

    The sum of training losses is that of Ru et al., Speedy Performance Estimation for Neural
    Architecture Search, 2021, arXiv 2006.04492, over all epochs, each the mean of its steps.
    With a teacher this is the low fidelity of MF-KD (`teacher.py`).
    """

    name = "short_training"
    needs = Needs(images=True)
    reads = frozenset({"seed", "split_seed", "train_share"})
    Settings = ShortTrainingSettings
    in_place = True

    @classmethod
    def check(cls, config: RunConfig, truth: TruthTable) -> None:
        """Refuse a teacher that is no architecture.

        Raises:
            ArchError: If it is none.
        """
        teacher = ShortTrainingSettings.of(config).teacher_arch
        if teacher is not None:
            load_space(config.space).parse(teacher)

    @classmethod
    def check_images(cls, config: RunConfig, data: ImageData) -> None:
        """Refuse more images than there are."""
        settings = ShortTrainingSettings.of(config)
        for name, images in (("images", data.train), ("valid_images", data.validation)):
            check_count(f"short_training.{name}", getattr(settings, name) or 0, images, data.name)

    def __init__(self, task: Task) -> None:
        """Read the settings; nothing is trained yet."""
        super().__init__(task)
        self._settings = ShortTrainingSettings.of(task.config)
        self._teacher = Teacher(task, self._settings) if self._settings.teacher else None
        data = choose_images(task, self._settings)
        plan = make_plan(task, self._settings, self._settings.epochs)
        teaching = self._teacher.decides if self._teacher else None
        self._trainings = Trainings(task, plan, data, teaching)
        self._kind = (
            f"{_WORDS[self._settings.measure]} after {self._settings.epochs:,} "
            f"epoch{'s' * (self._settings.epochs > 1)} of {len(data.train):,} images, "
            f"C={plan.shape.channels}, N={plan.shape.cells}"
            f"{'' if plan.seed == task.config.seed else ', seeds of its own'}"
        )
        self._facts: dict[str, Any] = {}
        self._prepare_s = 0.0
        self._found: dict[int, Training] = {}

    def prepare(self) -> None:
        """Train the teacher, if there is one."""
        if self._teacher is None:
            return
        taught = self._teacher.prepare()
        self._prepare_s = taught.seconds
        self._trainings.taught = self._teacher.soften(taught)
        self._facts = {"teacher": self._teacher.name, "teacher_accuracy": taught.accuracy}

    def score(self, keys: Sequence[int]) -> Scores:
        """Train each class once, or take it from a run that shares the trainings.

        Raises:
            Interrupted: If the monitor asked to stop; finished trainings are in the journals.
            DivergedError: If all trainings diverged.
            UsageError: If the space has no networks.
        """
        space, what = load_space(self.task.config.space), self._settings.measure
        found = self._found
        wanted = [key for key in live_classes(space, keys) if key not in found]
        for key, one in self._trainings.find_all(wanted):
            found[key] = one
        if found and all(one.loss is None for one in found.values()):
            raise DivergedError(
                f"All {len(found):,} short trainings diverged. Give a smaller short_training.lr "
                f"than {self._settings.lr:g}."
            )
        of_archs = [found.get(class_key(space, key)) for key in keys]

        def cells(one: Training | None) -> Row:
            if one is None:
                return dead_cells()
            return {**score_cells(one.score(what)), "loss": one.loss, "accuracy": one.accuracy}

        curves = [
            (key, {"epoch": epoch, "train_loss": loss})
            for key, one in zip(keys, of_archs, strict=True)
            for epoch, loss in enumerate((one and one.train_loss) or (), start=1)
        ]
        seconds = ({"seconds": one and one.seconds} for one in of_archs)
        teaching = ", taught" if self._teacher else ""
        return Scores(
            rows={"scores": name_rows(keys, space, map(cells, of_archs))},
            tables={
                "training_losses": name_rows(
                    [key for key, _ in curves], space, (own for _, own in curves)
                ),
                "seconds": name_rows(keys, space, seconds),
            },
            facts={SCORE_KIND: f"{self._kind}{teaching}", **self._facts},
        )

    def cost(self) -> dict[str, float]:
        """Return the seconds of the teacher and of the trainings, as if this run did them all.

        A start that was stopped early may not have come to what an earlier one trained.
        """
        score_s = sum(one.seconds for one in self._found.values())
        score_s = max(round(score_s, 3), self.task.spent.get("score_s", 0.0))
        return {"prepare_s": round(self._prepare_s, 3), "score_s": score_s}
