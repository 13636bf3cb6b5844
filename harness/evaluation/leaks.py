"""What remains of an estimator's tau without the twins of its labels.

Architectures of one class are one network for the truth, or nearly so. A predictor that was fitted
to one of them knows the others, so its tau over all but the labels is partly that of recall.

Axes: seed; n, architectures that are evaluated.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from harness.estimators.matrix import BoolArray, IntArray
from harness.spaces import Space
from harness.stats import MIN_ARCHS, CaseScores, kendall_tau, populations_of


class LeakFree(NamedTuple):
    """Tau on the population `leak_free`.

    Attributes:
        n: Its architectures, [seed].
        per_seed: Kendall's tau-b, [seed]; None where it is undefined or there are too few.
    """

    n: tuple[int, ...]
    per_seed: tuple[float | None, ...]

    @property
    def tau(self) -> float | None:
        """The mean over seeds; None if a seed has none."""
        known = [tau for tau in self.per_seed if tau is not None]
        return float(np.mean(known)) if len(known) == len(self.per_seed) else None

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {"n": list(self.n), "tau": self.tau, "per_seed": list(self.per_seed)}


def measure_leak_free(scores: CaseScores, fitted_on: tuple[IntArray, ...]) -> LeakFree:
    """Compute tau on the architectures that no label gives away.

    Args:
        scores: The scores, on their case.
        fitted_on: The architectures that each seed was fitted to, [seed] arrays.
    """
    case = scores.case
    kept = [find_leak_free(case.keys, labels, case.space) for labels in fitted_on]
    taus = [
        kendall_tau(row[own], case.truth[own]).value if own.sum() >= MIN_ARCHS else None
        for row, own in zip(scores.rows, kept, strict=True)
    ]
    return LeakFree(tuple(int(own.sum()) for own in kept), tuple(taus))


def find_leak_free(keys: IntArray, labels: IntArray, space: Space) -> BoolArray:
    """Select the population `leak_free`, [n].

    It holds the representatives (`Space.identity`) none of whose twins is a label, their own class
    or one of any partition that the space has, such as by NAS-Bench-201's isomorphism strings.
    """
    own, of_labels = _find_representatives(keys, space), _find_representatives(labels, space)
    chosen = (own == keys) & ~np.isin(own, of_labels)
    for rule in populations_of(space).values():
        if rule.is_partition:
            classes, known = (rule.choose(k, np.zeros(len(k))) for k in (keys, labels))
            chosen &= ~np.isin(classes, known)
    return np.asarray(chosen, dtype=np.bool_)


def _find_representatives(keys: IntArray, space: Space) -> IntArray:
    found = (space.key(space.identity(space.at(key))) for key in keys.tolist())
    return np.fromiter(found, dtype=np.int64, count=len(keys))
