"""The frozen, validated configuration of a run, and the run's name.

A name ends in two hashes, one of the training and one of the ranking. Runs with the same training
share the first, so that a trained supernet is found and ranked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from harness.settings.dotted import flatten, merge, nest
from harness.settings.stored import former_name, former_settings, former_sha256, modernise
from harness.spaces import DEFAULT, load_space

Readout = Literal["shared", "refitted"]
"""The classifier that all paths share, or one fitted to each path."""

READOUTS: tuple[Readout, ...] = get_args(Readout)


class RunConfig(BaseModel):
    """Everything that decides the numbers of one run.

    Besides these fields it holds tables: settings of the strategy as plain values, which the
    strategy's `Settings` class checks when a run is made. A stored run can therefore be read
    without importing its strategy.

    Attributes:
        space: Search space, a registered name or `package.module:Class`.
        dataset: Image data set to train and rank on; of one's own images, the name that their
            content gives them.
        images: Where one's own images are, which `dataset` may be given as too.
        strategy: Training strategy, a registered name or `package.module:Class`.
        seed: The run's seed; initial weights, paths and batches depend on it alone.
        preset: The preset that the settings started from; for information only.
        channels: Channels C of the first stage.
        cells: Cells N per stage.
        steps: Training steps.
        batch_size: Images per step.
        lr: Peak learning rate.
        schedule: `cosine` anneals `lr` to zero, `constant` keeps it.
        momentum: Momentum of SGD.
        weight_decay: L2 penalty on the weights of the path.
        clip_norm: Largest norm of a step's gradient, before momentum and weight decay; 0 for no
            limit. (NAS-Bench-201's own search code clips at 5 too.)
        precision: Number format of the activations and gradients of a training step: `float32` or
            `bf16` (weights, their updates, and all measurements stay float32).
        bn_sync: Whether ranks that train one supernet together normalise with the statistics of
            the whole batch, as a single process does; if not, each rank uses its own part.
        augment: Whether training images are cropped and flipped, where the data set allows it.
        split_seed: Seed of the split into training and validation images.
        train_share: Share of the images to train on, where the data set has no split of its own;
            the others are for ranking. NAS-Bench-201's search split uses half.
        probe_every: Steps between two measurements of disturbance; 0 for none.
        probe_paths: Paths K in each of the two probe sets.
        probe_images: Held-out images that disturbance is measured on.
        rank_every: Steps between two rankings during training; 0 for none.
        rank_every_archs: Architectures in those rankings.
        loss_every: Steps between two measurements of the training loss over fixed architectures,
            in addition to those at rankings and at the end; 0 for none. Disturbance is compared at
            equal training loss, which is interpolated between these measurements.
        rank_images: Validation images to rank on; with `until_tau_se`, the maximum.
        rank_batch: Images per batch when ranking; batch norm depends on it.
        rank_precision: Number format of the cells of ranked paths: `float32`, or `bf16`, which
            falls back to float32 where the two rank a sample differently.
        rank_readout: What turns a path's features into a score: the classifier that all paths
            `shared`, by its mean loss, or one `refitted` to the path, by its mean squared
            leave-one-out error (see `readout`). The scores by the other readout are stored too.
        rank_snapshots: Snapshots of the weights to rank with, including the final weights; each
            batch of ranking images is scored with another snapshot. 1: the final weights only.
        snapshot_every: Steps between two snapshots; by default they are spread over the last 40%
            of the steps. With a single snapshot it has no effect, and stays at its default.
        until_tau_se: Rank on more and more batches of images until the standard error of tau that
            is due to the images is at most this; None: use all `rank_images`.
        bn_mode: Batch norm when ranking: the `batch`'s own statistics, or `recalibrated` for each
            architecture on fixed training batches.
        recalibration_images: Training images to recalibrate on.
        n_archs: Architectures to rank, the first of the canonical permutation; None: as many as
            the truth table has without a gap.
        rank_offset: Architectures of the permutation to skip in all rankings, so that settings are
            not tuned on the architectures that are reported.
        archs: Canonical strings of the architectures to rank, where they are a list of one's own;
            `n_archs` is then their number. Small rankings during training are not of these.
        train_loss_archs: Fixed architectures that the training loss is averaged over.
        train_loss_images: Fixed training images for that loss.
        checkpoint_every: Steps between two checkpoints.
        device: Where to compute.
        threads: CPU threads; None: one, or what the run began with.
        estimator: What scores the architectures. `supernet` reads every setting here; others
            name those that they read, and the rest are neither stored nor part of the name.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, dict[str, Any] | None] = Field(init=False)
    _stored_as: str | None = PrivateAttr(None)

    space: str = DEFAULT
    dataset: str = "tiles"
    images: str | None = None
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
    archs: tuple[str, ...] | None = None
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
        """The tables of the strategy's settings, by name."""
        return {k: v for k, v in (self.model_extra or {}).items() if v is not None}

    def with_tables(self, tables: Mapping[str, Mapping[str, Any]]) -> RunConfig:
        """Return the same run with other tables."""
        return RunConfig(**self.model_dump(include=set(RunConfig.model_fields)), **tables)

    def ranked_keys(self) -> tuple[int, ...]:
        """Return the architectures that a resolved run ranks, by `Space.key`."""
        space = load_space(self.space)
        if self.archs is None:
            return space.prefix(self.n_archs or 1, self.rank_offset)
        return tuple(space.key(space.parse(text)) for text in self.archs)

    @property
    def ends_in_small_ranking(self) -> bool:
        """Whether the final ranking takes the place of a small one after the last step."""
        return self.rank_snapshots == 1 and self.until_tau_se is None and self.archs is None

    def reading(self, read: Collection[str]) -> RunConfig:
        """Return the same run without the settings that it does not read: they have defaults."""
        return RunConfig(**self.model_dump(include={*read, *self.tables}))

    def stored(self) -> dict[str, Any]:
        """Return the settings of a resolved run that it reads: they are stored with it."""
        return self.model_dump(exclude_unset=True)

    @property
    def training_sha256(self) -> str:
        """Hash of the settings of the training, including its measurements."""
        return hash_settings(self._dump(exclude=NO_NUMBERS | RANKING))

    @property
    def ranking_sha256(self) -> str:
        """Hash of the settings of the ranking with a trained supernet."""
        return hash_settings(self._dump(include=RANKING))

    @property
    def sha256(self) -> str:
        """Hash of all settings that affect numbers, in hexadecimal."""
        return hash_settings({"training": self.training_sha256, "ranking": self.ranking_sha256})

    def _dump(self, **which: Any) -> dict[str, Any]:
        settings = self.model_dump(**which)
        return {key: value for key, value in settings.items() if LATER.get(key, ...) != value}

    @property
    def method(self) -> str:
        """What is judged: the strategy that trained the supernet, or another estimator."""
        return self.strategy if self.estimator == "supernet" else self.estimator

    @property
    def label(self) -> str:
        """The method; of an estimator with a table of its name, such as `predictor(n=32, ...)`."""
        own = self.tables.get(self.method)
        if self.estimator == "supernet" or not own:
            return self.method
        return f"{self.method}({', '.join(f'{key}={value}' for key, value in own.items())})"

    @property
    def name(self) -> str:
        """The name, also of the folder: data set, method, seed, training hash, ranking hash."""
        space = "" if self.space == DEFAULT else f"{self.space}-"
        shown = "".join(
            x if x.isalnum() or x in "-_" else "-" for x in f"{space}{self.dataset}-{self.method}"
        )
        return f"{shown}-s{self.seed}-{self.training_sha256[:8]}-{self.ranking_sha256[:8]}"

    @property
    def run_id(self) -> str:
        """Name of the run's folder: `name`, or the former name that it is stored under."""
        return self._stored_as or self.name

    def stored_as(self, run_id: str) -> RunConfig:
        """Return the same run under the name of its folder."""
        same = self.model_copy()
        same._stored_as = run_id
        return same

    @property
    def former_names(self) -> list[str]:
        """Names that the run may be stored under from before names had two hashes."""
        return [former_name(settings) for settings in self._former_settings()]

    @property
    def former_hashes(self) -> list[str]:
        """Hashes that a checkpoint or a baseline of such a stored run may have."""
        return [former_sha256(settings) for settings in self._former_settings()]

    def _former_settings(self) -> Iterator[dict[str, Any]]:
        """Yield the settings that it may be stored with, which then named its threads too."""
        if self.archs is not None:
            return
        younger = {"images", "archs"}
        for threads in dict.fromkeys((self.threads, None, 1)):
            yield from former_settings({**self.model_dump(exclude=younger), "threads": threads})

    def to_toml(self) -> str:
        """Return the stored settings as TOML; `load_config_file` reads it. None is left out."""
        settings = flatten(self.stored())
        nested: dict[str, Any] = {}
        for key, value in settings.items():
            if value is not None:
                nested = merge(nested, nest(key, value))
        return tomli_w.dumps(nested)


NO_NUMBERS = frozenset({"preset", "images", "checkpoint_every", "device", "threads"})
"""Settings that do not define the result: the preset's name, where the images of `dataset` are, and
how the run is executed. Devices and threads change the rounding; the record has both, and a run
never changes them midway."""

SHARED = NO_NUMBERS | {"space", "dataset", "estimator", "n_archs", "rank_offset", "archs"}
"""Settings that every estimator reads: what is scored, where, and by which truth it is judged."""

WATCHING = frozenset(
    {
        *("probe_every", "probe_paths", "probe_images", "loss_every"),
        *("rank_every", "rank_every_archs", "train_loss_archs", "train_loss_images"),
    }
)
"""Settings of measurements during training. Weights and final scores do not depend on them."""

RANKING = frozenset(
    {
        *("n_archs", "rank_offset", "archs"),
        *("rank_images", "rank_batch", "rank_precision", "rank_readout", "rank_snapshots"),
        *("snapshot_every", "until_tau_se", "bn_mode", "recalibration_images"),
    }
)
"""Settings of the final ranking; all others are of the training."""

LATER: dict[str, Any] = {"estimator": "supernet", "archs": None}
"""Settings younger than names with two hashes, and the value that earlier runs had. At that value a
setting is left out of the hashes, so that those runs keep their names."""


def hash_settings(settings: Mapping[str, Any]) -> str:
    """Hash settings, in hexadecimal; their order does not matter."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
