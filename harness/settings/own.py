"""Images of one's own in settings: the data set's name, and what a preset asks of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError, unknown_name
from harness.settings.dotted import merge
from harness.settings.presets import IMAGE_COUNTS, IMAGE_DATASETS, PROXY_BATCH
from harness.settings.run import RunConfig

if TYPE_CHECKING:
    from harness.files.images import Identity


def find_own(dataset: str, given: Mapping[str, Any]) -> Identity | None:
    """Read one's own images, where a data set is not one of the harness's.

    Args:
        dataset: The data set: a name, a path, or the name that images got from their content.
        given: The settings: `images` says where those of such a name are.

    Returns:
        What settings have to know of them; None if the data set is one of the harness's.

    Raises:
        UsageError: If it is unknown.
        DataError: If the images are missing, not what they should be, or not those of the name.
    """
    if dataset in IMAGE_DATASETS:
        return None
    from harness.files.images import identify, is_own_name  # numpy, which help has no time for

    share, place = given.get("train_share"), given.get("images")
    if not isinstance(share, float) or not 0 < share < 1:  # none, or refused later
        share = RunConfig.model_fields["train_share"].default
    if is_own_name(dataset) and isinstance(place, str):
        return identify(Path(place), share, dataset)
    if dataset.endswith(".npz") or os.sep in dataset or _exists(dataset):
        return identify(Path(dataset), share)
    error = unknown_name("dataset", dataset, IMAGE_DATASETS)
    raise UsageError(f"{error} Or give the path of your own images, an npz file or a folder.")


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).expanduser().exists()
    except (OSError, RuntimeError):  # such as a name that is too long, or an unknown user's folder
        return False


def fit_preset(preset: Mapping[str, Any], sizes: Sequence[int]) -> dict[str, Any]:
    """Let a preset, and proxies, ask for no more images than there are, [part]."""
    fitted = dict(preset)
    for key, part in IMAGE_COUNTS.items():
        wanted = preset.get(key, RunConfig.model_fields[key].default)
        fitted[key] = min(wanted, sizes[part])
    if sizes[0] < 2 * PROXY_BATCH:
        fitted = merge(fitted, {"zero_cost": {"batch_size": sizes[0] // 2}})
    return fitted
