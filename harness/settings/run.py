"""What a run is: a frozen, validated configuration, and the name that it gives the run.

A name has two parts of a hash each: the training, and the ranking on it. Runs of one training have
the first in common, so that a trained supernet is found again for another ranking.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from harness.settings.dotted import flatten, merge, nest
from harness.settings.stored import former_name, former_settings, former_sha256, modernise
from harness.spaces import DEFAULT

Readout = Literal["shared", "refitted"]
"""The supernet's classifier, or one of each path's own."""

READOUTS: tuple[Readout, ...] = get_args(Readout)


class RunConfig(BaseModel):
    """Everything that decides the numbers of one run.

    Besides these fields it holds tables: settings of the strategy, as plain values that the
    strategy's own class checks when a run is made. So a stored run can be read without importing
    what made it.

    Attributes:
        space: Search space, a registered name or `package.module:Class`.
        dataset: Image data set to train and rank on.
        strategy: Training strategy, a registered name or `package.module:Class`.
        seed: The run's seed; initial weights, paths and batches depend on it alone.
        preset: The preset that the settings started from, for the reader.
        channels: Channels C of the first stage.
        cells: Cells N a stage.
        steps: Training steps.
        batch_size: Images a step.
        lr: Peak learning rate.
        schedule: `cosine` anneals `lr` to zero, `constant` leaves it.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty on the weights of the path.
        clip_norm: Largest norm of a step's gradient, before momentum and weight decay; 0 for no
            limit. (NAS-Bench-201's own search code clips at 5 too.)
        precision: Numbers that activations and gradients of a training step are computed in:
            `float32`, or `bf16` (weights, their updates, and everything measured stay float32).
        bn_sync: Whether several ranks that train one supernet normalise with the statistics of the
            whole batch, as one process does, or each with those of its part of it.
        augment: Whether training images are cropped and flipped, where the data set allows it.
        split_seed: Seed of the split into training and validation images.
        train_share: Share of the images that is trained on, where the data set has no split of its
            own; architectures are ranked on others. Half is NAS-Bench-201's split for searching.
        probe_every: Steps between two measurements of disturbance; 0 for none.
        probe_paths: Paths K in each of the two probe sets.
        probe_images: Held-out images that disturbance is measured on.
        rank_every: Steps between two rankings during training; 0 for none.
        rank_every_archs: Architectures in those rankings.
        loss_every: Steps between two measurements of the training loss over fixed architectures,
            beside those at rankings and at the end; 0 for none. Disturbance is compared at equal
            training loss, which is read off between them.
        rank_images: Validation images that architectures are ranked on; with `until_tau_se`, the
            most.
        rank_batch: Images a batch when ranking, which matters to batch norm.
        rank_precision: Numbers that the cells of the ranked paths are computed in: `float32`, or
            `bf16`, which is given up where the two rank a sample differently.
        rank_readout: What turns a ranked path's features into a score: the classifier that all
            paths `shared`, by its mean loss, or one `refitted` to the path, by its mean squared
            leave-one-out error (see `readout`). The other's scores are kept beside.
        rank_snapshots: Moments of training whose weights are ranked with, the end among them; each
            batch of ranking images is scored with the weights of another. 1: the final ones alone.
        snapshot_every: Steps between two such moments; where it is not given, they are spread over
            the last 40% of the steps. With one moment it means nothing, and stays at its default.
        until_tau_se: Rank on batch after batch of images until the standard error of tau that
            comes from the images is no larger than this; None: on all `rank_images`.
        bn_mode: Batch norm when ranking: the `batch`'s own statistics, or `recalibrated` for each
            architecture on fixed training batches.
        recalibration_images: Training images for that.
        n_archs: Architectures ranked, the first of the canonical permutation; None: as many as
            the truth table has from the start of the permutation.
        rank_offset: Architectures of the permutation to pass over, in all rankings: settings are
            tuned on others than those that are reported.
        train_loss_archs: Fixed architectures over which training loss is compared.
        train_loss_images: Fixed training images on which it is.
        checkpoint_every: Steps between two checkpoints.
        device: Where to compute.
        threads: CPU threads; None: resolved when the run starts, and stored.
        estimator: What scores the architectures; every setting here is read by `supernet`.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, dict[str, Any] | None] = Field(init=False)
    _stored_as: str | None = PrivateAttr(None)

    space: str = DEFAULT
    dataset: str = "tiles"
    strategy: str = "spos"
    seed: int = Field(0, ge=0)
    preset: str = "quick"
    channels: int = Field(8, ge=1)
    cells: int = Field(1, ge=1)
    steps: int = Field(3_000, ge=1)
    batch_size: int = Field(64, ge=2)
    lr: float = Field(0.1, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    clip_norm: float = Field(5.0, ge=0)
    precision: Literal["float32", "bf16"] = "float32"
    bn_sync: bool = True
    augment: bool = True
    split_seed: int = Field(0, ge=0)
    train_share: float = Field(0.5, ge=0.01, le=0.99)
    probe_every: int = Field(200, ge=0)
    probe_paths: int = Field(5, ge=1)
    probe_images: int = Field(128, ge=2)
    rank_every: int = Field(0, ge=0)
    rank_every_archs: int = Field(100, ge=1)
    loss_every: int = Field(0, ge=0)
    rank_images: int = Field(1_000, ge=2)
    rank_batch: int = Field(250, ge=2)
    rank_precision: Literal["float32", "bf16"] = "float32"
    rank_readout: Readout = "shared"
    rank_snapshots: int = Field(1, ge=1)
    snapshot_every: int = Field(100, ge=1)
    until_tau_se: float | None = Field(None, gt=0)
    bn_mode: Literal["batch", "recalibrated"] = "batch"
    recalibration_images: int = Field(512, ge=2)
    n_archs: int | None = Field(None, ge=1)
    rank_offset: int = Field(0, ge=0)
    train_loss_archs: int = Field(64, ge=1)
    train_loss_images: int = Field(256, ge=2)
    checkpoint_every: int = Field(500, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = Field(None, ge=1)
    estimator: str = "supernet"

    @model_validator(mode="before")
    @classmethod
    def _modernise(cls, given: Any) -> Any:
        return modernise(given) if isinstance(given, Mapping) else given

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """The tables of settings, by name."""
        return {k: v for k, v in (self.model_extra or {}).items() if v is not None}

    def with_tables(self, tables: Mapping[str, Mapping[str, Any]]) -> RunConfig:
        """Return the same run with these tables instead of its own."""
        return RunConfig(**self.model_dump(include=set(RunConfig.model_fields)), **tables)

    @property
    def training_sha256(self) -> str:
        """Hash of what decides the training, and what is measured on its way."""
        return hash_settings(self._dump(exclude=NO_NUMBERS | RANKING))

    @property
    def ranking_sha256(self) -> str:
        """Hash of what decides the ranking with a trained supernet."""
        return hash_settings(self._dump(include=RANKING))

    @property
    def sha256(self) -> str:
        """Hash of all settings that decide numbers, in hexadecimal."""
        return hash_settings({"training": self.training_sha256, "ranking": self.ranking_sha256})

    def _dump(self, **which: Any) -> dict[str, Any]:
        settings = self.model_dump(**which)
        return {key: value for key, value in settings.items() if LATER.get(key, ...) != value}

    @property
    def name(self) -> str:
        """Name for people and for folders: what the run is of, its training and its ranking."""
        space = "" if self.space == DEFAULT else f"{self.space}-"
        method = self.strategy if self.estimator == "supernet" else self.estimator
        shown = "".join(
            x if x.isalnum() or x in "-_" else "-" for x in f"{space}{self.dataset}-{method}"
        )
        return f"{shown}-s{self.seed}-{self.training_sha256[:8]}-{self.ranking_sha256[:8]}"

    @property
    def run_id(self) -> str:
        """Name of the run's folder: `name`, or the one that it was stored under before."""
        return self._stored_as or self.name

    def stored_as(self, run_id: str) -> RunConfig:
        """Return the same run, known by the name that its folder has."""
        same = self.model_copy()
        same._stored_as = run_id
        return same

    @property
    def former_names(self) -> list[str]:
        """Names that the run may have been stored under before names had two parts."""
        return [former_name(settings) for settings in former_settings(self.model_dump())]

    @property
    def former_hashes(self) -> list[str]:
        """Hashes that a checkpoint or a baseline of such a run may have."""
        return [former_sha256(settings) for settings in former_settings(self.model_dump())]

    def to_toml(self) -> str:
        """Return the settings as TOML; `load_config_file` reads it back. None is left out."""
        settings = flatten(self.model_dump())
        nested: dict[str, Any] = {}
        for key, value in settings.items():
            if value is not None:
                nested = merge(nested, nest(key, value))
        return tomli_w.dumps(nested)


NO_NUMBERS = frozenset({"preset", "checkpoint_every", "device", "threads"})
"""Settings that decide no number: where the others come from, and how the run is executed. Devices
and threads differ by rounding; the record says which computed, and no run changes them midway."""

WATCHING = frozenset(
    {
        *("probe_every", "probe_paths", "probe_images", "loss_every"),
        *("rank_every", "rank_every_archs", "train_loss_archs", "train_loss_images"),
    }
)
"""Settings of what is measured during training. No weight or final score depends on them."""

RANKING = frozenset(
    {
        *("n_archs", "rank_offset", "rank_images", "rank_batch", "rank_precision", "rank_readout"),
        *("rank_snapshots", "snapshot_every", "until_tau_se", "bn_mode", "recalibration_images"),
    }
)
"""Settings of the ranking at the end; the others are of the training."""

LATER: dict[str, Any] = {"estimator": "supernet"}
"""Settings that are younger than names of two parts, with the value that earlier runs had: it is
left out of the hashes, so that such a run keeps its name."""


def hash_settings(settings: Mapping[str, Any]) -> str:
    """Hash settings, in hexadecimal, whatever their order."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
