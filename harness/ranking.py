"""Ranking: score architectures with the trained supernet's weights, each equivalence class once.

The score is minus the mean loss on a fixed set of validation images; accuracy stands beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.config import RunConfig
from harness.errors import Interrupted
from harness.evaluation import EvaluationImages, PathScore, evaluate_path
from harness.images.dataset import ImageData, fixed_subset
from harness.journal import Journal
from harness.monitor import Monitor, Progress, SilentMonitor
from harness.scores import STATUS_FAILED, STATUS_OK
from harness.space.nb201 import Arch, arch_at, sample_indices
from harness.supernet.network import SuperNet
from harness.training import TrainingLog

FLUSH_EVERY_S = 1.0


class Ranker:
    """Scores architectures, always on the same images, whatever the run's seed."""

    def __init__(self, config: RunConfig, data: ImageData, monitor: Monitor | None = None) -> None:
        """Choose the images.

        Args:
            config: The run's configuration.
            data: The images, on the device of the supernet.
            monitor: Can stop an evaluation during training.
        """
        self.config = config
        self._monitor = monitor or SilentMonitor()
        chosen = fixed_subset(data.validation, config.rank_images, config.split_seed, "rank")
        self.images = EvaluationImages(data, chosen, config.rank_batch)
        self.recalibrate_on: EvaluationImages | None = None
        if config.bn_mode == "recalibrated":
            chosen = fixed_subset(
                data.train, config.recalibration_images, config.split_seed, "recalibrate"
            )
            self.recalibrate_on = EvaluationImages(data, chosen, config.rank_batch)
        chosen = fixed_subset(data.train, config.train_loss_images, config.split_seed, "loss")
        self._loss_images = EvaluationImages(data, chosen, config.rank_batch)

    def score(self, network: SuperNet, arch: Arch) -> PathScore:
        """Score one architecture on the ranking images."""
        return evaluate_path(network, arch, self.images, self.recalibrate_on)

    def rank(
        self,
        network: SuperNet,
        indices: Sequence[int],
        journal: Journal,
        monitor: Monitor,
    ) -> list[dict[str, Any]]:
        """Score architectures, going on from what the journal has.

        Args:
            network: The trained supernet.
            indices: `nb201_index` of the architectures.
            journal: Where the scores of classes are appended as they come.
            monitor: Told the progress; can stop the ranking.

        Returns:
            One row an architecture, in the order of `indices`, in the schema of a score file.

        Raises:
            Interrupted: If the monitor asked to stop; what was scored is in the journal.
        """
        done = {row["class_index"]: row for row in journal.rows}
        classes = list(dict.fromkeys(class_index(index) for index in indices))
        pending: list[dict[str, Any]] = []
        flushed = time.monotonic()
        for position, index in enumerate(classes, start=1):
            if index in done:
                continue
            score = self.score(network, arch_at(index))
            finite = math.isfinite(score.loss)
            done[index] = {
                "class_index": index,
                "loss": score.loss if finite else None,
                "accuracy": score.accuracy if finite else None,
            }
            pending.append(done[index])
            stop = monitor.should_stop()
            if stop or time.monotonic() - flushed > FLUSH_EVERY_S:
                journal.append(pending)
                pending, flushed = [], time.monotonic()
            monitor.progress(Progress(self.config.run_id, "rank", position, len(classes)))
            if stop and position < len(classes):
                raise Interrupted(f"Stopped after {position:,} of {len(classes):,} classes.")
        journal.append(pending)
        return [_score_row(index, done[class_index(index)]) for index in indices]

    def evaluate(self, network: SuperNet, step: int, log: TrainingLog) -> None:
        """Log the training loss over fixed architectures, and a small ranking where it is due.

        The small ranking serves the plot of tau over training; after the last step the full
        ranking replaces it.

        Raises:
            Interrupted: If the monitor asked to stop; nothing is logged then.
        """
        config = self.config
        losses = []
        for index in sample_indices(config.train_loss_archs):
            self._check_stop(step)
            losses.append(evaluate_path(network, arch_at(index), self._loss_images).loss)
        ranked = sample_indices(config.rank_every_archs)
        if not config.rank_every or step % config.rank_every or step == config.steps:
            ranked = ()
        scores: dict[int, PathScore] = {}
        for known in dict.fromkeys(class_index(index) for index in ranked):
            self._check_stop(step)
            scores[known] = self.score(network, arch_at(known))
        log.add("curve", {"step": step, "train_loss": sum(losses) / len(losses)})
        for index in ranked:
            loss, accuracy = scores[class_index(index)]
            row = {"step": step, "nb201_index": index, "loss": loss, "accuracy": accuracy}
            log.add("interim_scores", row)

    def _check_stop(self, step: int) -> None:
        if self._monitor.should_stop():
            raise Interrupted(f"Stopped in the evaluation after step {step:,}.")


def class_index(nb201_index: int) -> int:
    """Return the index of the representative of an architecture's equivalence class."""
    return arch_at(nb201_index).representative.nb201_index


def count_classes(indices: Iterable[int]) -> int:
    """Count the equivalence classes among architectures."""
    return len({class_index(index) for index in indices})


def open_journal(path: Path, config: RunConfig, weights_sha256: str) -> Journal:
    """Open the journal of a ranking, tied to the settings and to the weights ranked with.

    Args:
        path: The file.
        config: The run's configuration.
        weights_sha256: Hash of the supernet's weights.

    Returns:
        The journal.

    Raises:
        DataError: If the file is of other settings or other weights.
    """
    return Journal(path, {"config_sha256": config.sha256, "weights_sha256": weights_sha256})


def _score_row(index: int, class_row: dict[str, Any]) -> dict[str, Any]:
    loss = class_row["loss"]
    return {
        "nb201_index": index,
        "arch_str": str(arch_at(index)),
        "score": None if loss is None else -loss,
        "loss": loss,
        "accuracy": class_row["accuracy"],
        "status": STATUS_FAILED if loss is None else STATUS_OK,
    }
