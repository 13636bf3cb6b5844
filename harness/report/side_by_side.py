"""Several truths side by side: does what ranks well on one benchmark rank well on another?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from harness.estimators.matrix import ScoreMatrix
from harness.estimators.naming import FLOOR
from harness.evaluation.added import find_added
from harness.report.cells import write_figure, write_value
from harness.report.contents import Section
from harness.report.leaderboard import Place, make_leaderboard, write_gain
from harness.report.markup import Block
from harness.stats import MetricResult
from harness.stats.combination import write_range, write_sum

NOTE = (
    "Side by side: the figures of the leaderboards, each on its benchmark's own architectures. "
    "'floor' is the space's own, which is named above the figures."
)

SHORT_NOTE = (
    "tau: Kendall's tau-b; 'floor' is the space's own. --section leaderboard has its intervals, "
    "tau among the best, and what each adds to the floor."
)

MOST_AS_ROWS = 3
"""Most benchmarks that have a row for each estimator; more have a column each."""
MOST_COLUMNS = 5
"""Most benchmarks in one table of a terminal."""
MOST_TOLD = 5
"""Estimators that a sentence names; the tables have all."""


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


def _write_metric(name: str, write: Callable[[MetricResult], str]) -> Callable[[Place], str]:
    return lambda place: write(place.result.populations["all"].metrics[name])


FIGURES: dict[str, Callable[[Place], str]] = {
    "n": lambda place: write_range(place.result.figures.n_per_seed),
    "tau": _write_metric("tau", write_value),
    "tau [95%]": _write_metric("tau", write_figure),
    "top half": _write_metric("tau_top_50", write_value),
    "top 10%": _write_metric("tau_top_10", write_value),
    "adds [95%]": lambda p: "-" if p.added is None else write_gain(p.added.everything),
}
"""What can be shown of an estimator on a benchmark, by heading."""
WIDE = ("tau [95%]", "adds [95%]", "top half", "top 10%")
"""What has a table each where benchmarks are columns."""
LONG = ("n", "tau [95%]", "top half", "top 10%", "adds [95%]")
"""What has a column each where benchmarks are rows."""


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
    """Say whether all places of a name are there as those of one with "floor" in it."""
    return {id(place) for place in places if place is not None} <= told


def _order(row: SameName) -> tuple[int, float]:
    taus = [place.result.tau for place in row.places if place is not None]
    known = [tau for tau in taus if tau is not None]
    return row.places.count(None), -fmean(known) if known else 1.0


def side_by_side_blocks(sections: Sequence[Section]) -> list[Block]:
    """Make the tables of estimators on several benchmarks; none of fewer than two.

    A few benchmarks have a row for each estimator on each; more have a column each, and each
    figure a table.
    """
    found = put_side_by_side(sections)
    if not found:
        return []
    names = _name_sections(sections)
    if len(sections) > MOST_AS_ROWS:
        truths = [
            (
                *(name, section.truth.numbers, f"{len(section.keys):,}", section.space.floor),
                section.floor.estimator.name,
            )
            for name, section in zip(names, sections, strict=True)
        ]
        headings = ("benchmark", "truth", "n", "floor", "added to")
        return [
            Block("Side by side", headings, truths, texts=5),
            *(_widen(found, names, figure) for figure in WIDE),
        ]
    rows = [
        (row.name, name, *(FIGURES[figure](place) for figure in LONG))
        for row in found
        for name, place in zip(names, row.places, strict=True)
        if place is not None
    ]
    told = "; ".join(
        f"{name}: {section.truth.numbers}, floor {section.floor.estimator.name}"
        for name, section in zip(names, sections, strict=True)
    )
    return [Block(f"Side by side ({told})", ("estimator", "benchmark", *LONG), rows, texts=2)]


def short_side_by_side_blocks(sections: Sequence[Section]) -> list[Block]:
    """Make the same for a terminal: of many benchmarks tau alone, in tables of a few columns."""
    if len(sections) <= MOST_AS_ROWS:
        return side_by_side_blocks(sections)
    found = put_side_by_side(sections)
    if not found:
        return []
    whole = _widen(found, _name_sections(sections), "tau")

    def cut(cells: tuple[str, ...], start: int) -> tuple[str, ...]:
        return (cells[0], *cells[start : start + MOST_COLUMNS])

    return [
        Block(whole.title, cut(whole.headings, start), [cut(row, start) for row in whole.rows])
        for start in range(1, len(whole.headings), MOST_COLUMNS)
    ]


def say_side_by_side(sections: Sequence[Section]) -> list[str]:
    """Say on how many of many benchmarks each estimator adds to the floor; nothing of a few.

    Told are those that are on all benchmarks; the best are named, the leaderboards have all.
    Scores of one seed that others would not repeat have no verdict, so they count on neither side.
    """
    if len(sections) <= MOST_AS_ROWS:
        return []
    boards = [
        {_name_added(place, section): place.added for place in make_leaderboard(section)}
        for section in sections
    ]
    verdicts = {
        name: [added.everything.verdict for board in boards if (added := board.get(name))]
        for name in dict.fromkeys(name for board in boards for name in board)
    }
    counts = [
        (name, found.count("adds"), found.count("hurts"))
        for name, found in verdicts.items()
        if len(found) == len(sections)
    ]
    counts.sort(key=lambda count: (-count[1], count[2]))
    if not counts:
        return []
    (best, more, less), *others = counts[:MOST_TOLD]
    first = (
        f"{best} ranks significantly better than the floor alone on {more} of {len(sections)} "
        f"benchmarks and worse on {less}"
    )
    told = "; ".join([first, *(f"{name} better on {m}, worse on {w}" for name, m, w in others)])
    return [f"Combined by rank with the floor, {told} (95% each, not adjusted for their number)."]


def _name_added(place: Place, section: Section) -> str:
    """Name what an estimator adds to the floor: its components that the floor does not have."""
    parts = find_added(place.result.estimator, section.floor.estimator)
    return write_sum([part.estimator.name for part in parts], [part.weight for part in parts])


def _widen(found: Sequence[SameName], names: Sequence[str], figure: str) -> Block:
    """Make a table of one figure, a column for each benchmark."""
    write = FIGURES[figure]
    rows = [
        (row.name, *("-" if place is None else write(place) for place in row.places))
        for row in found
    ]
    return Block(f"Side by side: {figure}", ("estimator", *names), rows)


def _name_sections(sections: Sequence[Section]) -> list[str]:
    """Name each by its space, its data set, or the whole truth, whatever tells them apart."""
    spaces = [section.space.name for section in sections]
    datasets = [section.truth.query.dataset for section in sections]
    either = [
        space if spaces.count(space) == 1 else dataset
        for space, dataset in zip(spaces, datasets, strict=True)
    ]
    both = [f"{space} {dataset}" for space, dataset in zip(spaces, datasets, strict=True)]
    titles = [
        f"{space} {section.truth.title}" for space, section in zip(spaces, sections, strict=True)
    ]
    return next((n for n in (either, both) if len({*n}) == len(sections)), titles)
