"""Constraints on architectures, such as `latency:raspi4 < 20 and params < 1000000`.

A condition compares a known value of an architecture with a number: a metric of any truth table
that is found, or a free score of the space. Conditions that are joined by `and` must all hold.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from harness.errors import TruthError, UsageError
from harness.estimators.matrix import FloatArray, IntArray
from harness.stats import MIN_ARCHS, Subset
from harness.truth.metric import TruthMetric

EXAMPLE = "'latency:raspi4 < 20 and params < 1000000'"

_OPERATORS: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(
    r"\s*([\w:@.=+-]{1,100})\s*(<=|>=|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*",
    re.ASCII,
)


class Values(NamedTuple):
    """What is known of architectures beside the truth.

    Attributes:
        metric: What it is, its unit, and which way is better.
        keys: Architectures, ascending, [n].
        values: Their values, [n].
        source: Which numbers of which table these are; "" for a free score.
        note: What is to be known of them beside the truth, in a sentence; "" if nothing is.
    """

    metric: TruthMetric
    keys: IntArray
    values: FloatArray
    source: str = ""
    note: str = ""


class Condition(NamedTuple):
    """One comparison.

    Attributes:
        name: A metric or a free score.
        sign: "<", "<=", ">" or ">=".
        number: What it is compared with.
    """

    name: str
    sign: str
    number: float

    def __str__(self) -> str:
        """Write it so that no other number reads the same."""
        number = int(self.number) if self.number.is_integer() else self.number
        return f"{self.name} {self.sign} {number}"


def parse_where(text: str) -> tuple[Condition, ...]:
    """Parse the text of a constraint.

    Args:
        text: Conditions joined by "and".

    Returns:
        The conditions.

    Raises:
        UsageError: If it is anything else.
    """
    conditions = []
    for part in re.split(r"\s+and\s+", text.strip()):
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise UsageError(
                f"--where '{text:.200}': '{part:.100}' is not NAME, one of {' '.join(_OPERATORS)} "
                f"and a number, joined by 'and', such as {EXAMPLE}. Names are truth metrics "
                "('harness truth list') and free scores, such as params and flops."
            )
        conditions.append(Condition(match[1], match[2], float(match[3])))
    return tuple(conditions)


def list_constraints(where: str | Sequence[str]) -> tuple[str, ...]:
    """Return the texts of constraints, of which one need not be in a list."""
    return (where,) if isinstance(where, str) else tuple(where)


def choose_subset(text: str, find: Callable[[str], Values], size: int | None) -> Subset:
    """Find the architectures that satisfy a constraint.

    Args:
        text: As `parse_where` takes it.
        find: Finds what a name stands for.
        size: Architectures of the space that figures are of; None if they cannot be counted.

    Returns:
        A population that is called as the constraint.

    Raises:
        UsageError: If the text is no constraint, or a name is unknown.
    """
    conditions = parse_where(text)
    units, keys = [], None
    n_known, notes = [], []
    for condition in conditions:
        found = find(condition.name)
        chosen = _OPERATORS[condition.sign](found.values, condition.number)
        own = found.keys[np.asarray(chosen, dtype=np.bool_)]
        keys = own if keys is None else np.intersect1d(keys, own)
        source = f" ({found.source})" if found.source else ""
        units.append(f"{condition} {found.metric.unit}".strip() + source)
        n_known.append(len(found.keys))
        notes.append(found.note)
    assert keys is not None
    return Subset(
        " and ".join(map(str, conditions)),
        f"architectures with {' and '.join(units)}",
        keys,
        len(keys) if size is not None and min(n_known) == size else None,
        " ".join(dict.fromkeys(filter(None, notes))),
    )


def check_subset(subset: Subset, keys: IntArray) -> None:
    """Refuse a constraint that leaves next to nothing of the architectures to be judged.

    Raises:
        TruthError: If fewer than `MIN_ARCHS` are left.
    """
    n = int(np.isin(keys, subset.keys).sum())
    if n < MIN_ARCHS:
        raise TruthError(
            f"Of {len(keys):,} architectures that are judged, {n} satisfy '{subset.name}', and a "
            f"ranking needs {MIN_ARCHS}. Choose a wider constraint, or score more architectures."
        )
