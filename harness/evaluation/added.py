"""What each estimator adds to the floor."""

from __future__ import annotations

import numpy as np

from harness.estimators.combined import rank_parts
from harness.estimators.matrix import Part, ScoreMatrix
from harness.stats import AddedValue, Case, added_value


def find_added(estimator: ScoreMatrix, floor: ScoreMatrix) -> list[Part]:
    """Return the components of an estimator that a floor does not have."""
    own = {part.estimator.label for part in floor.components}
    return [part for part in estimator.components if part.estimator.label not in own]


def measure_added(estimator: ScoreMatrix, floor: ScoreMatrix, case: Case) -> AddedValue | None:
    """Measure what an estimator adds to a floor.

    Args:
        estimator: The estimator; of a combination, what is not in the floor counts.
        floor: The floor, perhaps a combination.
        case: The truth, on architectures that both scored.

    Returns:
        The added value, each seed ranked and judged on what it was not fitted to; None if the
        estimator is within the floor, or a seed was fitted to all of these architectures.
    """
    added = find_added(estimator, floor)
    if not added:
        return None
    parts = [*floor.components, *added]
    ranks = rank_parts(parts)
    case = case.within(np.isin(case.keys, ranks.keys))
    if not ranks.ranked[:, np.isin(ranks.keys, case.keys)].any(axis=1).all():
        return None
    return added_value(
        ranks,
        case,
        n_added=len(added),
        weights=[part.weight for part in parts],
        is_deterministic=all(part.estimator.is_deterministic for part in parts),
    )
