"""Scores that any estimator has to beat: the free ones of a space."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from harness.errors import unknown_name
from harness.estimators.matrix import BASELINE, CHANCE, FloatArray, IntArray, ScoreMatrix
from harness.spaces import Space, load_space


def make_baselines(keys: IntArray, space: Space | None = None) -> dict[str, FloatArray]:
    """Make the free scores of a space.

    Args:
        keys: Architectures, [n].
        space: Their space; NAS-Bench-201 unless given.

    Returns:
        The score of each architecture by the name of the baseline, [n] each.
    """
    return dict(_make_once(space or load_space(), keys.astype(np.int64).tobytes()))


@lru_cache(maxsize=8)
def _make_once(space: Space, keys: bytes) -> dict[str, FloatArray]:
    found, free = np.frombuffer(keys, dtype=np.int64), space.baselines
    rules = [baseline.score for baseline in free.values()]
    scores = np.empty((len(found), len(rules)))
    for row, key in enumerate(found.tolist()):
        arch = space.at(key)
        scores[row] = [score(arch) for score in rules]
    return dict(zip(free, scores.T.copy(), strict=True))


def make_baseline(name: str, keys: IntArray, space: Space | None = None) -> ScoreMatrix:
    """Make an estimator of a free score, to compare others with.

    Args:
        name: A key of `Space.baselines`.
        keys: Architectures, ascending, [n].
        space: Their space; NAS-Bench-201 unless given.

    Returns:
        Its scores, of one unknown seed.

    Raises:
        UsageError: If the space has no baseline of that name.
    """
    space = space or load_space()
    if name not in space.baselines:
        raise unknown_name("baseline", name, space.baselines)
    score = make_baselines(keys, space)[name][np.newaxis]
    kind = space.baselines[name].description
    return ScoreMatrix(
        name,
        name,
        BASELINE,
        (None,),
        keys,
        score,
        kind,
        space=space,
        is_deterministic=name != CHANCE,
    )
