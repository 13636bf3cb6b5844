"""The answer in three sentences: which estimator ranks best, what the floor reaches, what it cost.

An estimator "ranks best" only where the interval of every paired difference to another is above 0.
Otherwise the sentence names those over which no lead was shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import Margin
from harness.report.cells import (
    find_interval,
    write_ends,
    write_labels,
    write_seconds,
    write_status,
    write_value,
)
from harness.report.contents import Contents, Section
from harness.report.leaderboard import (
    Place,
    find_units,
    make_leaderboard,
    short_block,
    write_change,
)
from harness.report.markup import Document
from harness.report.parts import CAVEATS
from harness.report.side_by_side import (
    MOST_AS_ROWS,
    SHORT_NOTE,
    say_side_by_side,
    short_side_by_side_blocks,
)
from harness.report.words import compare_archs, find_doubts
from harness.scores import on_one_line

MOST_DOUBTS = 4
"""Caveats that stand below the table; `--section caveats` has all."""
MOST_PEERS = 3
"""Estimators that a sentence names beside the one of the largest tau; the leaderboard has all."""


def answer_report(report: Contents) -> tuple[str, ...]:
    """Answer in three sentences for each truth; of many in one each, after one on all of them.

    Args:
        report: The report.

    Returns:
        Which estimator ranks best and whether that is more than noise; what the floor reaches;
        what the best ones cost.
    """
    return tuple(line for lines in _answer_each(report) for line in lines)


def _answer_each(report: Contents) -> list[list[str]]:
    """Answer on all benchmarks together, where they are many, and for each truth."""
    together = say_side_by_side(report.sections)
    answers = [
        # All of a section are of its space, which the sentences name with the truth.
        [on_one_line(line).replace(f" ({each.space.name})", "") for line in answer(each)]
        for each in report.sections
    ]
    return [together, *(lines[:1] for lines in answers)] if together else answers


def answer_document(report: Contents) -> Document:
    """Return what a run prints: the answer, then one table, then what casts doubt on them.

    That there is an answer for each of several sets of architectures is said first.
    """
    together = short_side_by_side_blocks(report.sections)
    has_tau_alone = together and len(report.sections) > MOST_AS_ROWS
    words = compare_archs(report)
    doubts = [doubt for doubt in find_doubts(report) if doubt not in words]
    if len(doubts) > MOST_DOUBTS:
        more = f"{len(doubts) - MOST_DOUBTS} more caveats: --section {CAVEATS}."
        doubts = [*doubts[:MOST_DOUBTS], more]
    for lines in _answer_each(report):
        words += [*([""] if words else []), *lines]
    note = SHORT_NOTE if has_tau_alone else _explain(report)
    return Document(words, together or list(map(short_block, report.sections)), [note, *doubts])


def _explain(report: Contents) -> str:
    """Explain the columns of the short table."""
    places = [place for each in report.sections for place in make_leaderboard(each)]
    (floor, *others) = dict.fromkeys(section.floor.label for section in report.sections)
    floor = "the floor" if others else floor
    units = find_units(place.cost for place in places)
    has_cost = len(report.sections) == 1 and units != []
    cost = f" cost: {' or '.join(units)}, of one seed; *: none ranks better for less."
    return (
        "tau: Kendall's tau-b, of all architectures and of the best by truth. [95%]: over seeds "
        "and architectures, 'a' over architectures only, 's' over seeds only. adds: tau of "
        f"{floor} and the estimator combined, minus that of {floor}.{cost if has_cost else ''}"
    )


def answer(section: Section) -> Iterator[str]:
    """Answer in three sentences for one truth."""
    places = make_leaderboard(section)
    yield _say_best(section, places[0])
    yield _say_floor(section, places[0])
    yield _say_cost(_find_told(section, places))


def _find_peers(section: Section) -> list[Margin]:
    """Return those over which the estimator of the largest tau has no significant lead."""
    return [margin for margin in section.margins if not margin.is_lead]


def _say_best(section: Section, best: Place) -> str:
    tau, label = best.result.populations["all"].metrics["tau"], best.result.label
    on = f"{len(section.keys):,} architectures, {section.truth.title}"
    if tau.value is None:
        lost = max(section.evaluations, key=lambda each: each.n_without_truth)
        if lost.n_without_truth:
            n, of = lost.n_without_truth, lost.n_scored
            on += f"; this truth lacks {n:,} of the {of:,} architectures in {lost.label}"
        return f"Which estimator ranks best is unknown: {write_status(tau)} ({on})."
    own, basis = f"{tau.value:.3f}{write_ends(find_interval(tau))}", f"{on}{_say_basis(section)}"
    if not section.margins:
        return f"{label} ranks at Kendall tau {own} ({basis})."
    peers = _find_peers(section)
    if not peers:
        n, nearest = len(section.margins) + 1, section.margins[0]
        return (
            f"{label} ranks best of {n} estimators: Kendall tau {own}, ahead of "
            f"{nearest.pair.second.label}, the next, by {_write_margin(nearest)} ({basis})."
        )
    told = _write_list([_name_peer(margin) for margin in peers], MOST_PEERS)
    lead = f"no significant lead over {told}"
    if all(find_interval(margin.tau) is None for margin in peers):
        lead = (
            f"its lead over {told} has no interval, as all architectures were ranked and there is "
            "one seed"
        )
    worse = [m.pair.second.label for m in section.margins if m.is_lead]
    others = f"; it ranks better than {_write_list(worse, MOST_PEERS)}" if worse else ""
    return (
        f"No single best estimator: {label} has the largest Kendall tau, {own}, but {lead}"
        f"{others} ({basis})."
    )


def _name_peer(margin: Margin) -> str:
    return f"{margin.pair.second.label} ({_write_margin(margin)})"


def _write_list(names: Sequence[str], most: int) -> str:
    """Write names as a list of at most so many, and how many more there are."""
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _write_margin(margin: Margin) -> str:
    value = write_value(margin.tau, signed=True)
    return f"{value}{write_ends(find_interval(margin.tau), signed=True)}"


def _say_basis(section: Section) -> str:
    """Say over how many seeds that is; of one seed, that it is about these scores only."""
    estimators = [result.estimator for result in section.evaluations]
    several = {f"{len(e.seeds)} {e.seed_kind}" for e in estimators if len(e.seeds) > 1}
    single = [e.label for e in estimators if len(e.seeds) == 1 and not _is_fixed(e)]
    intervals = [find_interval(e.populations["all"].metrics["tau"]) for e in section.evaluations]
    over = {each.over for each in intervals if each is not None and "seeds" in each.over}
    told = [f"95% over {' or '.join(sorted(over))}"] if over else []
    told += [_write_list(sorted(several), len(several))] if several else []
    if single and several:
        told.append(f"one seed of {_write_list(single, MOST_PEERS)}, so of these scores only")
    elif single:
        told.append("one set of scores each, so of these scores and not of the methods")
    return "".join(f"; {text}" for text in told)


def _is_fixed(estimator: ScoreMatrix) -> bool:
    """Return whether another seed would give the same scores."""
    return estimator.is_free or estimator.is_deterministic


def _say_floor(section: Section, best: Place) -> str:
    floor, part = section.floor, section.floor.populations["all"]
    tau, label = part.metrics["tau"], best.result.label
    if tau.value is None:
        return f"The floor, {floor.label}, has no tau: {write_status(tau)}."
    free = " for nothing" if floor.estimator.is_free else ""
    text = f"The floor, {floor.label}, reaches {tau.value:.3f}{free}"
    if part.ceiling is not None:
        text += f", a noiseless estimator would reach {part.ceiling.tau:.3f}"
    if best.is_floor:
        return f"{text}: no estimator has a larger tau than the floor."
    told = []
    for margin in section.margins:
        if margin.pair.second.label == floor.label:
            significant = "significantly" if margin.is_lead else "not significantly"
            if find_interval(margin.tau) is None:
                significant = "without an interval"
            told.append(f"{label} leads the floor by {_write_margin(margin)}, {significant}")
    if best.added is not None and best.added.everything.value is not None:
        told.append(f"combined with it by rank adds {write_change(best.added.everything)}")
    return f"{text}; {', and '.join(told)}." if told else f"{text}."


def _find_told(section: Section, places: Sequence[Place]) -> list[Place]:
    """Return the best, those over which it has no significant lead, and the floor.

    Where the floor is the best, also the one after it: what is behind and costs more.
    """
    peers = [margin.pair.second.label for margin in _find_peers(section)[:MOST_PEERS]]
    labels = [places[0].result.label, *peers, section.floor.label]
    labels += [place.result.label for place in places[1:2] if places[0].is_floor]
    return [place for place in places if place.result.label in labels]


def _say_cost(places: Sequence[Place]) -> str:
    """Say what one seed of each costs, with the unit first where all have the same."""
    units = find_units(place.cost for place in places)
    known = [place.cost for place in places if place.cost is not None]
    scored = {cost.n for cost in known if cost.unit} or {cost.n for cost in known}
    n = " or ".join(f"{n:,}" for n in sorted(scored))
    told = [_write_cost(place, has_unit=len(units) > 1) for place in places]
    unit = f", in {units[0]}" if len(units) == 1 else ""
    of = f" of one seed for {n} architectures{unit}" if scored else ""
    return f"Cost{of}: {', '.join(told)}."


def _write_cost(place: Place, has_unit: bool) -> str:
    cost, label = place.cost, place.result.label
    text = f"{label} unknown" if cost is None else f"{label} {write_seconds(cost.total)}"
    if cost is not None and cost.unit is not None and has_unit:
        text += f" {cost.unit}"
    if place.labels is not None:
        n, trainings = write_labels(place.labels)
        text += f" and {n} labels ({trainings})"
    return text
