"""Several truths side by side: does what ranks well on one benchmark rank well on another?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from harness.estimators.matrix import ScoreMatrix
from harness.estimators.naming import FLOOR
from harness.report.cells import write_figure, write_value
from harness.report.contents import Section
from harness.report.leaderboard import Place, make_leaderboard, write_gain
from harness.report.markup import Block
from harness.stats.combination import write_range, write_sum

NOTE = (
    "Side by side: the figures of the leaderboards, each on its benchmark's own architectures. "
    "'floor' is the space's floor, which the title names."
)


class SameName(NamedTuple):
    """An estimator of the same name on several benchmarks.

    Attributes:
        name: Its name; "floor" stands for each space's floor where these differ.
        places: Its place on each leaderboard; None where it is not there.
    """

    name: str
    places: tuple[Place | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the labels on the leaderboards, ready for JSON."""
        return {
            "estimator": self.name,
            "labels": [place and place.result.label for place in self.places],
        }


def put_side_by_side(sections: Sequence[Section]) -> tuple[SameName, ...]:
    """Gather the leaderboards of several truths by the names of estimators.

    Args:
        sections: At least two, of truths that differ; of others, nothing is returned.

    Returns:
        Those on most benchmarks first; of these, those of the largest mean tau.
    """
    truths = {(section.space.name, section.truth.title) for section in sections}
    if len(truths) < max(2, len(sections)):
        return ()
    boards = [make_leaderboard(section) for section in sections]
    found = _gather(boards, lambda estimator: estimator.name)
    if len({section.space.floor for section in sections}) > 1:
        named = _gather(boards, _name_floor)
        shared = {name: places for name, places in named.items() if name not in found}
        told = {id(place) for places in shared.values() for place in places if place}
        found = shared | {n: places for n, places in found.items() if not _is_told(places, told)}
    return tuple(sorted((SameName(*item) for item in found.items()), key=_order))


def _gather(
    boards: Sequence[Sequence[Place]], name_of: Callable[[ScoreMatrix], str]
) -> dict[str, tuple[Place | None, ...]]:
    """Return the places of each name, [board]."""
    own = [{name_of(place.result.estimator): place for place in board} for board in boards]
    return {name: tuple(of.get(name) for of in own) for of in own for name in of}


def _name_floor(estimator: ScoreMatrix) -> str:
    """Return an estimator's name with "floor" in place of its space's floor."""
    names = [part.estimator.name for part in estimator.components]
    weights = [part.weight for part in estimator.components]
    own = estimator.space.floor
    return write_sum([FLOOR if name == own else name for name in names], weights)


def _is_told(places: Sequence[Place | None], told: set[int]) -> bool:
    """Say whether a name that only one benchmark has is there as one with "floor" in it."""
    there = [place for place in places if place is not None]
    return len(there) == 1 and id(there[0]) in told


def _order(row: SameName) -> tuple[int, float]:
    taus = [place.result.tau for place in row.places if place is not None]
    known = [tau for tau in taus if tau is not None]
    return row.places.count(None), -fmean(known) if known else 1.0


def side_by_side_blocks(sections: Sequence[Section]) -> list[Block]:
    """Make the table of estimators on several benchmarks; none of fewer than two."""
    found = put_side_by_side(sections)
    if not found:
        return []
    names = _name_sections(sections)
    rows = [
        (row.name, name, *_write_place(place))
        for row in found
        for name, place in zip(names, row.places, strict=True)
        if place is not None
    ]
    told = "; ".join(
        f"{name}: {section.truth.numbers}, floor {section.floor.estimator.name}"
        for name, section in zip(names, sections, strict=True)
    )
    headings = ("estimator", "benchmark", "n", "tau [95%]", "top half", "top 10%", "adds [95%]")
    return [Block(f"Side by side ({told})", headings, rows, texts=2)]


def _name_sections(sections: Sequence[Section]) -> list[str]:
    """Name each by its space, its data set, or the whole truth, whatever tells them apart."""
    spaces = [section.space.name for section in sections]
    datasets = [section.truth.query.dataset for section in sections]
    both = [f"{space} {dataset}" for space, dataset in zip(spaces, datasets, strict=True)]
    titles = [
        f"{space} {section.truth.title}" for space, section in zip(spaces, sections, strict=True)
    ]
    shortest = (datasets if len({*spaces}) == 1 else spaces, both, titles)
    return next((names for names in shortest if len({*names}) == len(sections)), titles)


def _write_place(place: Place) -> tuple[str, ...]:
    metrics = place.result.populations["all"].metrics
    return (
        write_range(place.result.figures.n_per_seed),
        write_figure(metrics["tau"]),
        *(write_value(metrics[name]) for name in ("tau_top_50", "tau_top_10")),
        "-" if place.added is None else write_gain(place.added.everything),
    )
