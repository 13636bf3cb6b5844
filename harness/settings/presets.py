"""Presets: how much is trained and ranked, by data set and name."""

from __future__ import annotations

from typing import Any

IMAGE_DATASETS = ("cifar10", "cifar100", "imagenet16-120", "tiles")

EVERY_PRESET: dict[str, Any] = {"rank_readout": "refitted"}
"""Beneath all presets. Not a default of `RunConfig`: stored runs without it used `shared`."""

N_ROUNDS, LEAST_OF_ROUND = 16, 50
"""Batches of a ranking with `until_tau_se`, and the fewest images of one, where nothing else is
given. A readout is fitted to a batch, so small ones rank worse: on `tiles` (2 seeds) tau is 0.705
and 0.656 by batches of 50, 0.752 and 0.730 by batches of 250 (results/benchmarks/readout.md)."""

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
_PAPER = {"channels": 16, "cells": 5, "batch_size": 256, "n_archs": "all"}

# the best ranking that tuning found within half an hour: results/ogd-study/
_CIFAR_QUICK = {
    "channels": 16,
    "steps": 10_000,
    "schedule": "constant",
    "precision": "bf16",
    "augment": False,
    "train_share": 0.9,
    "probe_every": 250,
    "rank_every": 5_000,
    "loss_every": 1_000,
    "rank_every_archs": 50,
    "rank_precision": "bf16",
    "rank_images": 4_000,
    "rank_snapshots": 16,
    "n_archs": 1_000,
}
_CIFAR: dict[str, dict[str, Any]] = {
    "smoke": {**_SMOKE, "channels": 4, "steps": 120, "checkpoint_every": 30, "probe_every": 20},
    "quick": _CIFAR_QUICK,
    # an order without any label, chosen on other architectures: results/no-labels/
    "hour": {**_CIFAR_QUICK, "zero_cost": {"draws": 4}},
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
        # the weight decay that ranked best in tuning: results/ogd-study/
        "quick": {
            "steps": 3_000,
            "weight_decay": 2e-3,
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

NEVER_RUN = ("standard", "paper")
"""Presets that no run has finished: their times are estimates, and nothing is tuned."""

OWN_PRESETS: dict[str, dict[str, Any]] = {
    "smoke": PRESETS["tiles"]["smoke"],
    "quick": {**PRESETS["tiles"]["quick"], "weight_decay": 5e-4},  # tuned on tiles
    "standard": {**PRESETS["tiles"]["standard"], "n_archs": 1_000},
    "paper": PRESETS["cifar10"]["paper"],
}
"""The same for one's own images; they name a number of architectures, as there may be no truth."""

IMAGE_COUNTS = {
    "batch_size": 0,
    "train_loss_images": 0,
    "recalibration_images": 0,
    "rank_images": 1,
    "probe_images": 1,
}
"""Settings that count images, with those that they are of: 0 training, 1 validation images."""

PROXY_BATCH = 64
"""Images of each of the two batches that training-free proxies measure."""

ESTIMATORS = {
    "hour": "spos,jacov,synflow,live_params+jacov,"
    "two-stage(first=live_params+jacov+spos, second=jacov+synflow+zen, share=0.3)",
}
"""What a preset ranks with, by its name, where a command names nothing."""


def images_in_rounds(dataset: str) -> int:
    """Return the ranking images of a data set with `until_tau_se`, where nothing else is given."""
    return 2_000 if dataset == "tiles" else 4_000
