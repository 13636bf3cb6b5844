"""What a run computes on: its images, its truth, and the architectures that it scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import TruthError
from harness.estimators import estimator_of, read_by
from harness.estimators.classes import count_classes
from harness.estimators.nested import with_nested
from harness.images import load_run_images
from harness.images.dataset import ImageData, check_count
from harness.settings.presets import IMAGE_COUNTS
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.truth import TruthTable, default_query, find_truth


class Inputs(NamedTuple):
    """What a run computes on.

    Attributes:
        images: Its images.
        truth: Its truth table, or `no_table`.
        keys: The architectures to score.
        described: `data` of the record.
    """

    images: ImageData
    truth: TruthTable
    keys: tuple[int, ...]
    described: dict[str, Any]


def load_inputs(config: RunConfig, data_dir: Path | None) -> Inputs:
    """Load what a run computes on.

    Args:
        config: The run, resolved.
        data_dir: Data folder, as the command was given it.

    Raises:
        UsageError: If settings ask for more images than there are.
        TruthError: If there is a truth, and no architecture to score has one.
        HarnessError: If images or truth are missing or damaged.
    """
    space = load_space(config.space)
    images = load_run_images(config, data_dir)
    truth = find_truth(config.dataset, data_dir, space, may_lack=True)
    _check_images(config, images)
    keys = config.ranked_keys()
    query = default_query(config.dataset, truth.space)
    known = set() if truth.is_missing else set(truth.mean(query).keys.tolist())
    if not truth.is_missing and known.isdisjoint(keys):  # before anything is trained for nothing
        raise TruthError(
            f"None of the {len(keys):,} architectures to rank has a truth ({query} of "
            f"{truth.name}, {len(known):,} architectures), so that nothing could judge their "
            "scores. Rank some of those, or give another --dataset, whose truth has these."
        )
    described = {
        "images": images.name,
        "images_sha256": images.sha256,
        "truth": truth.name,
        "truth_sha256": None if truth.is_missing else truth.sha256,
        "truth_query": str(query),
        "n_ranked": len(keys),
        "n_classes": count_classes(space, keys),
        "n_with_truth": len(known.intersection(keys)),
    }
    return Inputs(images, truth, keys, described)


def _check_images(config: RunConfig, data: ImageData) -> None:
    read = read_by([config])
    for key, part in IMAGE_COUNTS.items():
        if key in read:
            check_count(key, getattr(config, key), (data.train, data.validation)[part], data.name)
    for one in with_nested(config):
        estimator_of(one).check_images(one, data)
