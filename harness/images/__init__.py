"""Image data sets. To add one: a module here, and its row in `DATASETS`; one's own need neither."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.errors import unknown_name
from harness.images.cifar import load_cifar
from harness.images.dataset import ImageData
from harness.images.imagenet16 import load_imagenet16
from harness.images.own import load_own
from harness.images.split import HALVES, Split
from harness.images.tiles import load_tiles
from harness.settings.run import RunConfig

DATASETS: dict[str, Callable[[Path | None, Split], ImageData]] = {
    "cifar10": partial(load_cifar, "cifar10"),
    "cifar100": partial(load_cifar, "cifar100"),
    "imagenet16-120": load_imagenet16,
    "tiles": lambda data_dir, split: load_tiles(),
}
"""Loaders by name; each takes the data folder (None: wherever it is looked for) and how to
split training from validation images."""


def load_run_images(config: RunConfig, data_dir: Path | None = None) -> ImageData:
    """Load the images of a run, split as its settings say; see `load_images` and `load_own`."""
    split = Split(config.split_seed, config.train_share)
    if config.images is not None:
        return load_own(Path(config.images), split, config.dataset)
    return load_images(config.dataset, data_dir, split)


def load_images(name: str, data_dir: Path | None = None, split: Split = HALVES) -> ImageData:
    """Load an image data set.

    Args:
        name: A key of `DATASETS`.
        data_dir: Folder that holds the files; `tiles` needs none.
        split: How to split the images, where the data set has no split of its own.

    Returns:
        The data set.

    Raises:
        UsageError: If the name is unknown.
        DataError: If a file is missing or damaged.
    """
    if name not in DATASETS:
        raise unknown_name("dataset", name, DATASETS)
    return DATASETS[name](data_dir, split)
