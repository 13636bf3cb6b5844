"""What a run is: a frozen, validated, hashed configuration, from presets, a TOML file and options.

Precedence, lowest first: field defaults, preset, `--config` file, command line options, `--set`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import tomli_w
from pydantic import Field, ValidationError

from harness.errors import UsageError, unknown_name
from harness.settings.strategies import (
    STRENGTHS,
    TABLES,
    NoveltySettings,
    NsasSettings,
    OgdSettings,
    Settings,
    WplSettings,
)
from harness.spaces.nb201.encoding import N_ARCHS

Readout = Literal["shared", "refitted"]
"""The supernet's classifier, or one of each path's own."""

READOUTS: tuple[Readout, ...] = get_args(Readout)
SPACES = ("nb201",)
IMAGE_DATASETS = ("cifar10", "cifar100", "imagenet16-120", "tiles")


class RunConfig(Settings):
    """Everything that decides the numbers of one run.

    Attributes:
        space: Search space.
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
        ogd: Settings of strategy `ogd` and of its controls; None for strategies without it.
        nsas: Settings of strategy `nsas`; so are `wpl` and `novelty`.
        wpl: See `nsas`.
        novelty: See `nsas`.
    """

    space: str = "nb201"
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
    rank_every_archs: int = Field(100, ge=1, le=N_ARCHS)
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
    n_archs: int | None = Field(None, ge=1, le=N_ARCHS)
    rank_offset: int = Field(0, ge=0, lt=N_ARCHS)
    train_loss_archs: int = Field(64, ge=1, le=N_ARCHS)
    train_loss_images: int = Field(256, ge=2)
    checkpoint_every: int = Field(500, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = Field(None, ge=1)
    ogd: OgdSettings | None = OgdSettings()
    nsas: NsasSettings | None = None
    wpl: WplSettings | None = None
    novelty: NoveltySettings | None = None

    @property
    def sha256(self) -> str:
        """Hash of all settings, in hexadecimal."""
        settings = self.model_dump()
        for key, value in _YOUNGER.items():
            table, _, name = key.rpartition(".")
            place = settings[table] if table else settings
            if place is not None and place[name] == value:
                del place[name]
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def run_id(self) -> str:
        """Name of the run's folder, for people and unique to the settings."""
        strategy = "".join(x if x.isalnum() or x in "-_" else "-" for x in self.strategy)
        return f"{self.dataset}-{strategy}-s{self.seed}-{self.sha256[:8]}"

    def to_toml(self) -> str:
        """Return the settings as TOML; `load_config_file` reads it back. None is left out."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))


_YOUNGER: dict[str, Any] = {
    "loss_every": 0,
    "precision": "float32",
    "bn_sync": True,
    "train_share": 0.5,
    "rank_precision": "float32",
    "rank_readout": "shared",
    "rank_offset": 0,
    "rank_snapshots": 1,
    "snapshot_every": 100,
    "until_tau_se": None,
    "ogd.threshold": 1.0,
    "ogd.strength_end": None,
    "ogd.warmup_frac": 0.0,
    "ogd.layers": "both",
    "nsas": None,
    "wpl": None,
    "novelty": None,
}
"""Settings younger than stored runs, with the value that those had: it is left out of the hash, so
that such a run is still found under its name."""

MIN_ROUNDS = 7
"""Batches of images that `until_tau_se` needs at least: the error is first known after 5, and has
to be small three times in a row."""

EVERY_PRESET: dict[str, Any] = {"rank_readout": "refitted"}
"""Under all presets, and not `RunConfig`'s own: a stored run without the setting had `shared`."""

ROUNDS: dict[str, Any] = {"rank_images": 2_000, "rank_batch": 50}
"""Over the preset, where `until_tau_se` is given: many small batches, and images enough."""

_SMOKE = {
    "steps": 240,
    "checkpoint_every": 60,
    "probe_every": 40,
    "probe_paths": 3,
    "probe_images": 32,
    "rank_every": 80,
    "loss_every": 40,
    "rank_every_archs": 30,
    "rank_images": 64,
    "rank_batch": 64,
    "n_archs": 40,
    "train_loss_archs": 16,
    "train_loss_images": 64,
}
_PAPER = {"channels": 16, "cells": 5, "batch_size": 256, "n_archs": N_ARCHS}

# as tuning found it to rank best on tiles and on CIFAR-10 alike: results/ogd-study/
_TUNED_OGD = {"projector": "rls", "alpha": 0.1}

_CIFAR: dict[str, dict[str, Any]] = {
    "smoke": {**_SMOKE, "channels": 4, "steps": 120, "checkpoint_every": 30, "probe_every": 20},
    # what tuning found to rank best in half an hour: results/ogd-study/
    "quick": {
        "channels": 16,
        "steps": 10_000,
        "schedule": "constant",
        "precision": "bf16",
        "augment": False,
        "train_share": 0.9,
        "ogd": _TUNED_OGD,
        "probe_every": 250,
        "rank_every": 5_000,
        "loss_every": 1_000,
        "rank_every_archs": 50,
        "rank_precision": "bf16",
        "rank_images": 4_000,
        "rank_snapshots": 16,
        "n_archs": 1_000,
    },
    "standard": {
        "channels": 16,
        "cells": 5,
        "steps": 15_000,
        "probe_every": 250,
        "rank_every": 3_000,
        "loss_every": 1_500,
        "rank_images": 500,
        "n_archs": 1_000,
    },
    # 250 epochs of 25,000 images in batches of 256
    "paper": {**_PAPER, "steps": 24_250, "rank_every": 2_425, "rank_images": 5_000},
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tiles": {
        "smoke": {**_SMOKE, "channels": 8},
        # weight decay as tuning found it to rank best: results/ogd-study/
        "quick": {
            "steps": 3_000,
            "weight_decay": 2e-3,
            "ogd": _TUNED_OGD,
            "rank_every": 1_500,
            "rank_every_archs": 50,
            "loss_every": 250,
            "n_archs": 300,
        },
        "standard": {
            "steps": 16_000,
            "rank_every": 2_000,
            "loss_every": 1_000,
            "rank_images": 2_000,
        },
        # 250 epochs of 4,000 images in batches of 256
        "paper": {**_PAPER, "steps": 3_750, "rank_every": 500, "n_archs": None},
    },
    "cifar10": _CIFAR,
    "cifar100": _CIFAR,
    # 250 epochs of 75,850 images in batches of 256
    "imagenet16-120": {
        **_CIFAR,
        "paper": {**_PAPER, "steps": 74_000, "rank_every": 7_400, "rank_images": 5_000},
    },
}
"""Settings by data set and preset name."""


def make_config(*layers: Mapping[str, Any]) -> RunConfig:
    """Merge layers of settings over a preset into a validated configuration.

    Args:
        *layers: Settings, lowest precedence first; tables such as `ogd` are merged key by key.
            `dataset` and `preset` are taken from the highest layer that has them.

    Returns:
        The configuration.

    Raises:
        UsageError: If a name or a key is unknown or a value is not allowed.
    """
    given: dict[str, Any] = {}
    for layer in layers:
        _check_keys(layer)
        given = _merge(given, layer)
    dataset, preset = str(given.get("dataset", "tiles")), str(given.get("preset", "quick"))
    _check_name("space", str(given.get("space", "nb201")), SPACES)
    _check_name("dataset", dataset, IMAGE_DATASETS)
    _check_name("preset", preset, PRESETS[dataset])
    preset_settings: Mapping[str, Any] = {**EVERY_PRESET, **PRESETS[dataset][preset]}
    if given.get("until_tau_se") is not None:
        preset_settings = _merge(preset_settings, ROUNDS)
    merged = _merge(_merge(preset_settings, _implied_projector(given)), given)
    if merged.get("n_archs") == "all":
        merged["n_archs"] = N_ARCHS
    try:
        config = RunConfig(**merged)
    except ValidationError as error:
        raise UsageError(_explain(error)) from error
    config = _spread_snapshots(config, given)
    _check_rounds(config)
    _check_snapshots(config)
    return config


def _implied_projector(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the projector whose strength is given where it is not named itself."""
    table = given.get("ogd")
    if not isinstance(table, Mapping) or "projector" in table:
        return {}
    implied = [projector for projector, strength in STRENGTHS.items() if strength in table]
    if len(implied) > 1:
        names = ", ".join(f"ogd.{STRENGTHS[projector]} ({projector})" for projector in implied)
        raise UsageError(
            f"The strengths of {len(implied)} projectors were given: {names}. Give one of them, or "
            "name the ogd.projector."
        )
    return {"ogd": {"projector": implied[0]}} if implied else {}


def _spread_snapshots(config: RunConfig, given: Mapping[str, Any]) -> RunConfig:
    """Fit the preset's moments of training to the images, and what lies between to the steps."""
    n, every = config.rank_snapshots, config.snapshot_every
    if "rank_snapshots" not in given:
        n = min(n, _count_batches(config), config.steps)
    if n == 1:
        every = _YOUNGER["snapshot_every"]  # there is nothing between, whatever is given
    elif "snapshot_every" not in given:
        every = max(1, 2 * config.steps // (5 * n))
    return config.model_copy(update={"rank_snapshots": n, "snapshot_every": every})


def _count_batches(config: RunConfig) -> int:
    return -(-config.rank_images // config.rank_batch)


def _check_rounds(config: RunConfig) -> None:
    n_batches = _count_batches(config)
    if config.until_tau_se is not None and n_batches < MIN_ROUNDS:
        raise UsageError(
            f"until_tau_se = {config.until_tau_se} was given with rank_images = "
            f"{config.rank_images:,} in batches of rank_batch = {config.rank_batch:,}: {n_batches} "
            f"batches. What error the images leave is known from {MIN_ROUNDS} batches on. Allow "
            f"more images, or a rank_batch of {config.rank_images // MIN_ROUNDS} or less."
        )


def _check_snapshots(config: RunConfig) -> None:
    n_batches = _count_batches(config)
    if config.rank_snapshots > n_batches:
        raise UsageError(
            f"rank_snapshots = {config.rank_snapshots:,} was given with rank_images = "
            f"{config.rank_images:,} in batches of rank_batch = {config.rank_batch:,}: each moment "
            f"needs a batch, and there are {n_batches:,}. Give more images, or a smaller "
            "rank_batch."
        )
    first = config.steps - (config.rank_snapshots - 1) * config.snapshot_every
    if first < 1:
        raise UsageError(
            f"{config.rank_snapshots:,} moments of training every snapshot_every = "
            f"{config.snapshot_every:,} steps would begin before its {config.steps:,} steps do. "
            f"Give a snapshot_every of {(config.steps - 1) // (config.rank_snapshots - 1):,} or "
            "less, or fewer rank_snapshots."
        )


def load_config_file(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file.

    Args:
        path: The file; a run's own `config.toml` is one.

    Returns:
        The settings, with unknown keys already refused.

    Raises:
        UsageError: If the file is missing, is not TOML, or has an unknown key.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Config file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or nested too deeply
        raise UsageError(f"Config file {path} is not TOML: {error}.") from error
    _check_keys(settings, f" in {path}")
    return settings


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Parse `--set key=value` options.

    Args:
        assignments: Such as `lr=0.05`, `ogd.c=3` or `schedule=constant`. Values are read as
            TOML; what is not TOML is taken as a string.

    Returns:
        The settings, nested by the dots of the keys.

    Raises:
        UsageError: If there is no `=` or the key is unknown.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise UsageError(f"--set '{assignment}' is not key=value. Example: --set lr=0.05.")
        *tables, leaf = key.strip().split(".")
        nested: dict[str, Any] = {leaf: _parse_value(text.strip())}
        for table in reversed(tables):
            nested = {table: nested}
        _check_keys(nested)
        settings = _merge(settings, nested)
    return settings


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _merge(old, value)
        merged[key] = value
    return merged


def _check_keys(settings: Mapping[str, Any], where: str = "") -> None:
    for key, value in settings.items():
        if key not in RunConfig.model_fields:
            raise unknown_name(f"setting{where}", key, RunConfig.model_fields)
        if key in TABLES and isinstance(value, Mapping):
            known = TABLES[key].model_fields
            for nested in value:
                if nested not in known:
                    allowed = [f"{key}.{name}" for name in known]
                    raise unknown_name(f"setting{where}", f"{key}.{nested}", allowed)


def _check_name(kind: str, name: str, allowed: Iterable[str]) -> None:
    if name not in allowed:
        raise unknown_name(kind, name, allowed)


def _explain(error: ValidationError) -> str:
    details = "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])} = {item['input']!r}: {item['msg']}"
        for item in error.errors()
    )
    return f"Not an allowed setting: {details}."
