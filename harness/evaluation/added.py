"""What each estimator adds to the floor."""

from __future__ import annotations

import numpy as np

from harness.estimators.combined import rank_parts
from harness.estimators.matrix import ScoreMatrix
from harness.stats import AddedValue, Case, added_value


def measure_added(estimator: ScoreMatrix, floor: ScoreMatrix, case: Case) -> AddedValue | None:
    """Measure what an estimator adds to a floor.

    Args:
        estimator: The estimator; of a combination, what is not in the floor counts.
        floor: The floor, perhaps a combination.
        case: The truth, on architectures that both scored.

    Returns:
        The added value; None if the estimator is within the floor, or was fitted to all of these
        architectures.
    """
    own = {part.estimator.label for part in floor.components}
    added = [part for part in estimator.components if part.estimator.label not in own]
    if not added:
        return None
    parts = [*floor.components, *added]
    fitted = [seen for part in parts for seen in part.estimator.fitted_on]
    if fitted:
        case = case.within(~np.isin(case.keys, np.concatenate(fitted)))
    if not len(case.keys):
        return None
    return added_value(
        rank_parts(parts),
        case,
        n_added=len(added),
        weights=[part.weight for part in parts],
        is_deterministic=all(part.estimator.is_deterministic for part in parts),
    )
