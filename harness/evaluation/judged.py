"""What seeds are judged on, where some were fitted to the truth of some architectures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.errors import TruthError
from harness.estimators.matrix import BoolArray, ScoreMatrix
from harness.evaluation.pairs import Pair
from harness.stats import CaseScores


def judge_alike(
    first: CaseScores, second: CaseScores, *, is_paired: bool, names: str
) -> tuple[CaseScores, CaseScores]:
    """Judge two sides on architectures that neither was fitted to.

    Args:
        first: One side's seeds that are compared.
        second: The other's.
        is_paired: Whether the same place is the same seed: then each pair is judged on what both of
            it have not seen. Otherwise any seed may meet any other, so that all are judged on
            what none has seen.
        names: What is compared, for an error.

    Returns:
        Both sides.

    Raises:
        TruthError: If nothing is left that a seed may be judged on.
    """
    masks = [side.judged for side in (first, second) if side.judged is not None]
    if not masks:
        return first, second
    if is_paired:
        judged = np.logical_and.reduce(masks)
        check_left(judged, names)
        return first.judged_on(judged), second.judged_on(judged)
    by_all = first.by_all & second.by_all
    check_left(by_all[np.newaxis], names)
    return first.within(by_all), second.within(by_all)


def judge_pair(
    pair: Pair, scores_of: Callable[[ScoreMatrix], CaseScores]
) -> tuple[CaseScores, CaseScores]:
    """Judge the seeds that a pair compares on architectures that neither side was fitted to.

    Args:
        pair: The two estimators.
        scores_of: Gives the scores of an estimator beside the truth.

    Returns:
        Both sides.

    Raises:
        TruthError: As `judge_alike`.
    """
    first = scores_of(pair.first).of_seeds(pair.rows.first)
    second = scores_of(pair.second).of_seeds(pair.rows.second)
    return judge_alike(first, second, is_paired=pair.rows.is_paired, names=pair.name)


def check_left(judged: BoolArray, names: str) -> None:
    """Refuse to judge a seed, [seed, n], on nothing but what it was fitted to.

    Raises:
        TruthError: If that is so.
    """
    if not judged.any(axis=1).all():
        raise TruthError(
            f"A seed of {names} was fitted to all {judged.shape[1]:,} architectures that it would "
            "be judged on. Give fewer labels, or score more architectures that have a truth."
        )
