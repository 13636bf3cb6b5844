"""What a run's supernet is scored on, and the small evaluations during training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from harness.errors import Interrupted
from harness.estimators.classes import class_key, distinct_classes
from harness.estimators.supernet.measuring import (
    BatchSums,
    EvaluationImages,
    PathScore,
    SharedBatch,
    SumBatch,
    evaluate_path,
    mean_score,
    sum_batch,
)
from harness.estimators.supernet.readout import choose_readout
from harness.estimators.supernet.spread import Spread, score_all
from harness.images.dataset import ImageData, fixed_subset
from harness.monitor import Monitor, SilentMonitor
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.supernet.base import SuperNet
from harness.training.log import TrainingLog


class Ranker:
    """Scores architectures on images that depend on the split seed, not on the run's seed.

    `evaluate` is called during training; the final ranking is `final_ranking.FinalRanking`.
    """

    def __init__(
        self,
        config: RunConfig,
        data: ImageData,
        monitor: Monitor | None = None,
        spread: Spread = score_all,
    ) -> None:
        """Choose the images.

        Args:
            config: The run's configuration.
            data: The images, on the device of the supernet.
            monitor: Told the progress of the final ranking; can stop it and any evaluation.
            spread: Scores the architectures of the final ranking, here or elsewhere.
        """
        self.config = config
        self.space = load_space(config.space)
        self.monitor = monitor or SilentMonitor()
        self.spread = spread
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

    def evaluate(self, network: SuperNet, step: int, log: TrainingLog) -> None:
        """Log the training loss over fixed architectures, and a small ranking where it is due.

        The small ranking serves the plot of tau over training. After the last step the full
        ranking replaces it, unless that one averages snapshots, stops early or is of a list.

        Raises:
            Interrupted: If the monitor asked to stop; nothing is logged then.
        """
        config = self.config
        fixed = self.space.prefix(config.train_loss_archs)
        known = self._score_all(network, sum_batch, fixed, self._loss_images, None, step)
        losses = [known[class_key(self.space, key)].loss for key in fixed]
        ranked = self.space.prefix(config.rank_every_archs, config.rank_offset)
        is_last = step == config.steps
        is_replaced = config.ends_in_small_ranking
        if not config.rank_every or (is_replaced if is_last else step % config.rank_every):
            ranked = ()
        readout = choose_readout(network, config.rank_readout)
        scores = self._score_all(*readout, ranked, self.images, self.recalibrate_on, step)
        log.add("curve", {"step": step, "train_loss": sum(losses) / len(losses)})
        column = self.space.index_column or "arch_key"
        for key in ranked:
            loss, accuracy = scores[class_key(self.space, key)]
            row = {"step": step, column: key, "loss": loss, "accuracy": accuracy}
            log.add("interim_scores", row)

    def _score_all(
        self,
        network: SuperNet,
        sum_of: SumBatch[BatchSums],
        keys: Sequence[int],
        images: EvaluationImages,
        recalibrate_on: EvaluationImages | None,
        step: int,
    ) -> dict[int, PathScore]:
        """Score the classes of some architectures, by `class_key`; the same bits as one by one.

        Where each batch is normalised by itself, what paths share is computed once per batch.
        """
        archs = network.order(distinct_classes(self.space, keys))
        if not archs:
            return {}
        if recalibrate_on is not None:
            scores = {}
            for arch in archs:
                self._check_stop(step)
                score = evaluate_path(network, arch, images, recalibrate_on, sum_of)
                scores[self.space.key(arch)] = score
            return scores
        sums: defaultdict[int, list[BatchSums]] = defaultdict(list)
        for batch in images.batches:
            shared = SharedBatch(network, *batch, sum_of)
            for arch in archs:
                self._check_stop(step)
                sums[self.space.key(arch)].append(shared.score(arch))
        return {key: mean_score(found, images.n_images) for key, found in sums.items()}

    def _check_stop(self, step: int) -> None:
        if self.monitor.should_stop():
            raise Interrupted(f"Stopped in the evaluation after step {step:,}.")
