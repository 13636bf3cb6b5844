"""The scores of a run's supernet: the small ones during training, and the ranking at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from harness.errors import Interrupted
from harness.estimators.supernet.classes import class_key, distinct_classes
from harness.estimators.supernet.measuring import (
    BatchSums,
    EvaluationImages,
    PathScore,
    SharedBatch,
    SumBatch,
    add_up,
    evaluate_path,
    sum_batch,
)
from harness.estimators.supernet.readout import choose_readout
from harness.estimators.supernet.rounds import Goal
from harness.estimators.supernet.spread import Spread
from harness.estimators.supernet.work import Ranking, Work
from harness.files.journal import Journal
from harness.images.dataset import ImageData, fixed_subset
from harness.monitor import Monitor, SilentMonitor
from harness.settings.run import RunConfig
from harness.spaces import Architecture, load_space
from harness.supernet.base import SuperNet
from harness.training.log import TrainingLog


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
        self.space = load_space(config.space)
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

    def score(self, network: SuperNet, arch: Architecture) -> PathScore:
        """Score one architecture on the ranking images, in float32."""
        network, sum_of = choose_readout(network, self.config.rank_readout)
        return evaluate_path(network, arch, self.images, self.recalibrate_on, sum_of)

    def rank(
        self,
        networks: Sequence[SuperNet],
        keys: Sequence[int],
        journal: Journal,
        monitor: Monitor,
        goal: Goal | None = None,
        spread: Spread | None = None,
    ) -> Ranking:
        """Score architectures, resuming from what the journal has.

        Args:
            networks: The supernet at one or more checkpoints; the batches of images are scored
                with one after the other of them, in turn.
            keys: The architectures.
            journal: Where the scores of classes are appended as they come.
            monitor: Told the progress; can stop the ranking.
            goal: How well tau is to be known; None: use all images.
            spread: Scores architectures elsewhere, the same to the last bit; None: here.

        Returns:
            The scores, and their provenance.

        Raises:
            Interrupted: If the monitor asked to stop; what was scored is in the journal.
        """
        work = Work(
            self.config,
            self.images,
            self.recalibrate_on,
            networks,
            keys,
            journal,
            monitor,
            spread,
        )
        return work.rank(goal)

    def evaluate(self, network: SuperNet, step: int, log: TrainingLog) -> None:
        """Log the training loss over fixed architectures, and a small ranking where it is due.

        The small ranking serves the plot of tau over training. After the last step the full
        ranking replaces it, unless that one averages snapshots or stops early.

        Raises:
            Interrupted: If the monitor asked to stop; nothing is logged then.
        """
        config = self.config
        fixed = self.space.prefix(config.train_loss_archs)
        known = self._score_all(network, sum_batch, fixed, self._loss_images, None, step)
        losses = [known[class_key(self.space, key)].loss for key in fixed]
        ranked = self.space.prefix(config.rank_every_archs, config.rank_offset)
        is_replaced = config.rank_snapshots == 1 and config.until_tau_se is None
        is_last = step == config.steps
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
        """Score the classes of some architectures, by `class_key`; as `score` does, bit for bit.

        What they share is computed once a batch, where batches are normalised by themselves.
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
        return {key: add_up(found, images.n_images) for key, found in sums.items()}

    def _check_stop(self, step: int) -> None:
        if self._monitor.should_stop():
            raise Interrupted(f"Stopped in the evaluation after step {step:,}.")
