"""The one training loop, for every strategy: SGD on the paths of each step, exactly resumable.

The loop owns zero_grad, backward and step (`sgd.py`); a strategy calls none of them.

Several ranks can train one supernet: each computes an equal part of every batch, gradients are
averaged before they are used, and all ranks then take the same step.
"""

from __future__ import annotations

import math
import operator
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.distributed.ranks import ALONE, Ranks
from harness.errors import DivergedError, Interrupted, MismatchError, RankError
from harness.images.dataset import BatchSampler, ImageData
from harness.monitor import CHECKPOINT, Event, Monitor, Progress
from harness.seeding import derive_seed, make_rng
from harness.settings.run import RunConfig
from harness.spaces import Architecture, Grid, load_space
from harness.strategies import strategy_settings
from harness.strategies.base import Context, Strategy, WeightedPath
from harness.supernet.base import SuperNet
from harness.supernet.norm import DistributedNorm, Norm, batch_norm
from harness.supernet.patches import LayerInput
from harness.supernet.weights import hash_weights
from harness.training.checkpoint import (
    check_state,
    load_checkpoint,
    refuse_misfits,
    save_checkpoint,
)
from harness.training.disturbance import DisturbanceMeter
from harness.training.log import TrainingLog
from harness.training.sgd import Sgd, learning_rate
from harness.training.snapshots import save_snapshot, snapshot_steps


class StepRow(NamedTuple):
    """What is logged of every step.

    Attributes:
        step: Counted from 0.
        path_index: Key of the (first) trained path.
        n_paths: Paths that the step trained.
        loss: Their weighted training loss before the step, nats.
        lr: Learning rate.
    """

    step: int
    path_index: int
    n_paths: int
    loss: float
    lr: float


READ_EVERY = 20
"""Steps after which losses are read from a GPU. Reading waits until the GPU has done all its work,
and leaves it idle while the next step is prepared. From a CPU losses are read at once."""

Evaluator = Callable[[SuperNet, int, TrainingLog], None]
"""Called after steps that are due, and after the last. It adds its results to the log, among them a
row of table `curve`; if it raises `Interrupted`, it has added nothing."""


class Trainer:
    """One supernet in training under one strategy.

    Attributes:
        network: The supernet.
        strategy: How it is trained.
        step: Steps done.
        loss: The last training loss that was read; None before the first.
        timings: Seconds spent, by part: train, probe, evaluate, checkpoint.
    """

    def __init__(
        self,
        config: RunConfig,
        data: ImageData,
        strategy_class: type[Strategy],
        ranks: Ranks = ALONE,
    ) -> None:
        """Prepare step 0.

        Args:
            config: The run's configuration.
            data: The images, on the device to train on.
            strategy_class: The strategy.
            ranks: The processes that train this supernet. Only the first measures, saves and
                evaluates; the others follow it.
        """
        self.config = config
        self.ranks = ranks
        self.device = data.train.labels.device
        self.space = load_space(config.space)
        networks = self.space.networks(data.network_shape(config.channels, config.cells))
        self.network = networks.supernet(config.seed).to(self.device)
        self.sampler = BatchSampler(data, config.batch_size, config.seed, config.augment)
        self.weights: dict[str, Tensor] = dict(self.network.named_parameters())
        context = Context(
            self.space,
            config.seed,
            config.steps,
            self.sampler.batches_per_epoch,
            strategy_settings(config),
            self.network.searchable,
            self.network.groups,
        )
        self.strategy = strategy_class(context, self.weights)
        self.meter = DisturbanceMeter(config, data)
        self.loss: float | None = None
        self._log = TrainingLog()
        self._unread: list[tuple[StepRow, Architecture, Tensor]] = []
        self._read_every = 1 if self.device.type == "cpu" else READ_EVERY
        self.timings: defaultdict[str, float] = defaultdict(float)
        self.step = 0
        self._bf16 = config.precision == "bf16"
        self._sgd = Sgd(config, self.weights)
        synced = ranks.size > 1 and config.bn_sync
        self._norm: Norm = DistributedNorm(ranks) if synced else batch_norm
        self._strides = self.network.strides

    def run(self, folder: Path, monitor: Monitor, evaluate: Evaluator) -> None:
        """Train to the last step, from the newest checkpoint if there is one.

        Args:
            folder: The run's folder, for checkpoints.
            monitor: Told the progress; can stop the run, which saves a checkpoint first.
            evaluate: Called every `rank_every` and every `loss_every` steps, and after the last.

        Raises:
            Interrupted: If the monitor asked to stop.
            DivergedError: If the loss is no longer finite.
            CheckpointError: If the checkpoint does not fit this training.
            MismatchError: If the checkpoint was made with other settings.
            StoreError: If a checkpoint cannot be saved.
            RankError: If another rank exited, or its weights differ.
        """
        self._restore(folder, monitor)
        config, run_id = self.config, self.config.run_id
        kept = set(snapshot_steps(config)[:-1])  # the last step's are the final weights
        self._evaluate_if_due(folder, evaluate)  # the last start may have been stopped during one
        while self.step < config.steps:
            self.train_step()
            if self.step in kept and self.ranks.is_first:
                self._catch_up()  # weights after a step that diverged are not kept
                with self._timed("checkpoint"):
                    save_snapshot(folder, self.step, self.network.state_dict())
            self._evaluate_if_due(folder, evaluate)
            stop = self.ranks.any(monitor.should_stop())
            if stop or self.step % config.checkpoint_every == 0 or self.step == config.steps:
                self._save(folder)
                monitor.event(Event(run_id, CHECKPOINT, {"step": self.step}))
            monitor.progress(Progress(run_id, "train", self.step, config.steps, self.loss))
            if stop and self.step < config.steps:
                raise Interrupted(f"Stopped at step {self.step:,} of {config.steps:,}.")

    def _restore(self, folder: Path, monitor: Monitor) -> None:
        """Load the newest checkpoint, if there is one."""
        found = load_checkpoint(folder, monitor) if self.ranks.is_first else None
        state = self.ranks.broadcast(found)
        if state is None:
            return
        own = (self.config.training_sha256, *self.config.former_hashes)
        if state.get("config_sha256") not in own:
            raise MismatchError(
                f"The checkpoint in {folder} was made with other settings than this run's. Remove "
                "it to train from the start, or give another --out folder."
            )
        with refuse_misfits(folder):
            check_state(state, self.weights, self.config.steps)
            self.load_state_dict(state)

    def _evaluate_if_due(self, folder: Path, evaluate: Evaluator) -> None:
        config = self.config
        due = any(
            every and self.step % every == 0 for every in (config.rank_every, config.loss_every)
        )
        if self.step == 0 or not (due or self.step == config.steps):
            return
        if self.step in self.log.tables.get("curve", {"step": []})["step"]:
            return
        stopped: Interrupted | None = None
        if self.ranks.is_first:
            try:
                with self._timed("evaluate"):
                    evaluate(self.network, self.step, self.log)
                self._log_diagnostics()
            except Interrupted as error:
                stopped = error
        if self.ranks.any(stopped is not None):
            self._save(folder)
            raise stopped or Interrupted(f"Stopped in the evaluation after step {self.step:,}.")

    def _save(self, folder: Path) -> None:
        """Save a checkpoint, if all ranks still hold the same weights."""
        self._catch_up()
        with self._timed("checkpoint"):
            if self.ranks.size > 1:
                self._check_same_weights()
            if self.ranks.is_first:
                save_checkpoint(folder, self.state_dict())

    def _check_same_weights(self) -> None:
        own = hash_weights(self.network)
        if self.ranks.any(own != self.ranks.broadcast(own)):
            raise RankError(
                f"At step {self.step:,} the ranks no longer hold the same weights, and this "
                "checkpoint was not saved. Ranks must run on equal machines, and a strategy "
                "must not depend on a LayerInput's `inputs`, which are one rank's part."
            )

    def _log_diagnostics(self) -> None:
        if diagnostics := self.strategy.diagnostics():
            self.log.add("diagnostics", {"step": self.step, **diagnostics})
        layers = self.strategy.layer_diagnostics()
        for position, name in enumerate(self.weights):  # the log holds numbers only
            if name in layers:
                self.log.add("layers", {"step": self.step, "layer": position, **layers[name]})

    @property
    def log(self) -> TrainingLog:
        """What was measured during training, with all steps done.

        Raises:
            DivergedError: If the loss of one is not finite.
        """
        self._catch_up()
        return self._log

    def train_step(self) -> Tensor:
        """Do one step, with a measurement of disturbance around it where one is due.

        Returns:
            The loss before the step, a float64 scalar on the device; reading it waits for the step.

        Raises:
            DivergedError: If the loss of this step, or on a GPU of one since losses were last
                read, is not finite.
        """
        step, config = self.step, self.config
        paths = self.strategy.sample_paths(step, make_rng(config.seed, "paths", step))
        archs = [path.arch for path in paths]
        due = config.probe_every > 0 and (step + 1) % config.probe_every == 0
        probing = due and self.ranks.is_first
        if probing:
            self._catch_up()
            with self._timed("probe"):
                self.meter.before(self.network, archs)
        with self._timed("train"):
            loss = self._update(step, paths)
        if probing:
            self._catch_up()
            with self._timed("probe"):
                for probe in self.meter.after(self.network, step, archs):
                    self.log.add("disturbance", probe._asdict())
        self.meter.remember(archs)
        self.step += 1
        return loss

    def _update(self, step: int, paths: Sequence[WeightedPath]) -> Tensor:
        # split once the whole batch is augmented, so that its images equal those of one process
        images, labels = map(self.ranks.own_part, self.sampler.batch(step))
        inputs: defaultdict[str, list[LayerInput]] = defaultdict(list)

        def tap(name: str, layer_input: Tensor) -> None:
            stride = self._strides.get(name, 1)
            inputs[name].append(LayerInput(layer_input, self.weights[name], stride, self.ranks))

        losses = []
        for arch, weight in paths:
            tap_or_none = tap if self.strategy.wants_inputs else None
            with torch.autocast(self.device.type, torch.bfloat16, self._bf16):
                logits = self.network(images, arch, self._norm, tap_or_none)
            logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            path_loss = weight * F.cross_entropy(logits, labels)
            path_loss.backward()
            losses.append(path_loss.detach().double())
        loss = self._average(reduce(operator.add, losses))
        lr = learning_rate(self.config, step)
        arch = paths[0].arch
        row = StepRow(step, self.space.key(arch), len(paths), math.nan, lr)
        self._unread.append((row, arch, loss))
        # at the same steps on all ranks; as the first reads more often, no other stops before it
        if (step + 1) % self._read_every == 0:
            self._read_losses()
        self._sgd.step(self.strategy, lr)
        generator = torch.Generator().manual_seed(derive_seed(self.config.seed, "strategy", step))
        with torch.no_grad():
            self.strategy.remember(step, inputs, generator)
        return loss

    def _catch_up(self) -> None:
        """Wait for the steps that a GPU was given, so that their time counts as training."""
        with self._timed("train"):
            self._read_losses()

    def _read_losses(self) -> None:
        """Log the steps whose losses were not read yet; none of them if training diverged."""
        if not self._unread:
            return
        losses: list[float] = torch.stack([loss for *_, loss in self._unread]).tolist()
        for (row, arch, _), loss in zip(self._unread, losses, strict=True):
            self._check_finite(loss, row.step, arch)
        for (row, _, _), loss in zip(self._unread, losses, strict=True):
            self._log.add("steps", row._replace(loss=loss)._asdict())
        self.loss, self._unread = losses[-1], []

    @torch.no_grad()
    def _average(self, loss: Tensor) -> Tensor:
        """Average over ranks the gradients of the path's weights, and the loss."""
        if self.ranks.size == 1:
            return loss
        gradients = [p.grad for p in self.weights.values() if p.grad is not None]
        mean = loss.to(gradients[0].dtype)
        self.ranks.average([*gradients, mean])
        return mean.double()

    def _check_finite(self, loss: float, step: int, arch: Architecture) -> None:
        if not math.isfinite(loss):
            raise DivergedError(
                f"The loss became {loss} at step {step:,} on path {self.space.format(arch)} (index "
                f"{self.space.key(arch)}), strategy '{self.config.strategy}', lr {self.config.lr}, "
                f"seed {self.config.seed}. Try a smaller --set lr=..., or a tighter clip_norm."
            )

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[part] += time.perf_counter() - started

    def state_dict(self) -> dict[str, Any]:
        """Return everything needed to resume exactly."""
        return {
            "config_sha256": self.config.training_sha256,
            "step": self.step,
            "network": self.network.state_dict(),
            "momentum": self._sgd.momentum,
            "strategy": self.strategy.state_dict(),
            "recent": [self.space.format(arch) for arch in self.meter.recent],
            "log": self.log.state_dict(),
            "timings": dict(self.timings),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from a saved state."""
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self._sgd.load_momentum(state["momentum"])
        self.strategy.load_state_dict(state["strategy"])
        self.meter.recent = [self._read_arch(saved) for saved in state["recent"]]
        self._log.load_state_dict(state["log"])
        self._unread = []
        spent = {part: float(seconds) for part, seconds in state["timings"].items()}
        self.timings = defaultdict(float, spent)

    def _read_arch(self, saved: str | Sequence[int]) -> Architecture:
        """Read an architecture of a checkpoint: its string, or its choices in older ones."""
        if isinstance(saved, str):
            return self.space.parse(saved)
        assert isinstance(self.space, Grid), "no older version knew another space"
        return self.space.from_choices(saved)
