"""What may be compared: same truth, score, batch norm, images, architectures and methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.check.snapshot import MethodSnapshot, Snapshot
from harness.errors import MismatchError, UsageError
from harness.evaluation import ChosenTruth
from harness.scores import show
from harness.spaces import DEFAULT
from harness.stats import MIN_ARCHS
from harness.stats.correlation import IntArray

_SHOWN = 8


class Matched(NamedTuple):
    """The methods of two snapshots, by label.

    Attributes:
        pairs: Those that both have: baseline, new.
        missing: Labels that the baseline alone has.
        extra: Labels that the new side alone has.
    """

    pairs: tuple[tuple[MethodSnapshot, MethodSnapshot], ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]


def match_methods(baseline: Snapshot, new: Snapshot) -> Matched:
    """Pair methods by their label.

    Args:
        baseline: One side.
        new: The other.

    Returns:
        The pairs, in the order of the baseline, and what is on one side only.

    Raises:
        MismatchError: If no label is on both sides.
    """
    news = {method.label: method for method in new.methods}
    olds = {method.label for method in baseline.methods}
    pairs = tuple((old, news[old.label]) for old in baseline.methods if old.label in news)
    missing = tuple(old.label for old in baseline.methods if old.label not in news)
    extra = tuple(label for label in news if label not in olds)
    if not pairs:
        raise MismatchError(
            f"No method is on both sides: the baseline has {_list(missing)}, what is checked has "
            f"{_list(extra)}. Methods are matched by name: a run's is its strategy, a score file's "
            "is its column 'method', or else the file's name. Give another file, or name the "
            "method as in the baseline, with --label."
        )
    return Matched(pairs, missing, extra)


def check_truth(baseline: Snapshot, chosen: ChosenTruth) -> None:
    """Refuse a truth other than the baseline's.

    Args:
        baseline: The baseline.
        chosen: The truth of the new side.

    Raises:
        MismatchError: If space, query or table differ.
    """
    space = chosen.table.space.name
    if (baseline.space or DEFAULT) != space:
        raise MismatchError(
            f"The baseline is of architectures of the space '{show(baseline.space or DEFAULT)}', "
            f"and what is checked is of '{space}'. Give scores of that space."
        )
    truth, query = baseline.truth, chosen.query
    at_hand = (query.dataset, query.split, query.epochs, query.policy, query.metric)
    if truth.query == at_hand and chosen.table.is_recorded_as(truth.sha256):
        return
    raise MismatchError(
        f"The baseline was judged by {truth}; the truth here is {query} (table "
        f"{chosen.table.sha256[:12]}). Another truth gives the same scores another tau, so nothing "
        "is compared. Name the baseline's truth with --dataset, --split, --epochs, --policy, "
        "--truth-metric, --truth and --data-dir, or make the baseline again from the same runs."
    )


def check_conditions(old: MethodSnapshot, new: MethodSnapshot) -> None:
    """Refuse scores of another kind.

    Args:
        old: The baseline's method.
        new: The one of the same label.

    Raises:
        MismatchError: If the kind of score, batch norm or images differ.
    """
    for what, ours, theirs, why in (
        ("score", old.score_kind, new.score_kind, "different scores rank differently"),
        ("batch norm mode", old.bn_mode, new.bn_mode, "that alone changes tau"),
        ("image data set", old.dataset, new.dataset, "that is another task"),
    ):
        if ours != theirs:
            raise MismatchError(
                f"'{show(old.label)}' has {what} {_name(ours)} in the baseline and {_name(theirs)} "
                f"in what is checked: {why}, so they are not compared. Rank both alike, or make a "
                "new baseline."
            )


def choose_archs(old: MethodSnapshot, new: MethodSnapshot, take_common: bool) -> IntArray:
    """Choose the architectures that a comparison is on.

    Args:
        old: The baseline's method.
        new: The one of the same label.
        take_common: Whether those that both have are enough.

    Returns:
        `nb201_index`, ascending, [n].

    Raises:
        MismatchError: If the sets differ and the common ones were not asked for, or are too few.
    """
    ours, theirs = old.index_array, new.index_array
    both = np.intersect1d(ours, theirs, assume_unique=True)
    if len(both) == len(ours) == len(theirs):
        return both
    sides = (
        f"'{show(old.label)}' is on {len(ours):,} architectures in the baseline and on "
        f"{len(theirs):,} in what is checked; {len(both):,} are in both"
    )
    if len(both) < MIN_ARCHS:
        raise MismatchError(
            f"{sides}, and a check needs {MIN_ARCHS} or more. Rank the baseline's architectures."
        )
    if not take_common:
        raise MismatchError(
            f"{sides}. The population alone can change tau, even its sign. Rank the same "
            "architectures, or compare on the common ones with --common."
        )
    return both


def take_figure(method: MethodSnapshot, name: str, places: Sequence[int], rule: str) -> list[float]:
    """Return a figure of the chosen seeds.

    Raises:
        UsageError: If the method has no such figure.
    """
    if name not in method.figures:
        raise UsageError(
            f"Rule '{rule}' needs {name} of every seed, which '{show(method.label)}' "
            f"({method.source}) does not have: only runs measure it, {_when(name)}. Leave the rule "
            "out, or give runs that measured it on both sides."
        )
    return [method.figures[name][place] for place in places]


def _when(name: str) -> str:
    return "with --probe-every" if name.endswith("pd") else "if it stays finite"


def _name(value: str | None) -> str:
    return "unknown" if value is None else f"'{show(value)}'"


def _list(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(f"'{show(label)}'" for label in labels[:_SHOWN]) + more
