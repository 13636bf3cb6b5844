"""Searches in a folder, with each method and seed, judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from harness.files.atomic import make_folder
from harness.files.locks import hold_lock
from harness.monitor import Watch, watch_nothing
from harness.search.algorithms import find_algorithm
from harness.search.driver import Study
from harness.search.folder import STUDY, keep_evaluations, note_session
from harness.search.judging import Judge, Judged, Row, follow
from harness.search.notes import find_notes
from harness.search.objectives import Scores
from harness.search.preparing import Asked, Prepared, prepare
from harness.search.problem import Evaluation, Method, Problem
from harness.search.storage import open_storage
from harness.seeding import make_rng
from harness.spaces.lookup import name_archs

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


class Searched(NamedTuple):
    """What searches came to.

    Attributes:
        problem: What was searched.
        trials: What was learned, by method and seed.
        judged: The judgement; None without a truth.
        folder: Where everything lies; None in memory.
    """

    problem: Problem
    trials: Mapping[tuple[str, int], Sequence[Evaluation]]
    judged: Judged | None
    folder: Path | None


def search(
    asked: Asked,
    out: Path | None = None,
    storage: str | None = None,
    watch: Watch = watch_nothing,
) -> Searched:
    """Search with each method and seed, and judge what was found.

    Args:
        asked: What is asked for.
        out: Folder in which the searches of one problem have a folder; None to keep nothing.
        storage: URL of Optuna's storage; an SQLite file in that folder unless given.
        watch: Told how many evaluations are paid, and of how many.

    Returns:
        What was learned, and how it is judged.

    Raises:
        HarnessError: If something is wrong that a user can fix.
    """
    folder = None if out is None else out / _name(asked)
    prepared = prepare(asked, folder)
    if folder is None:
        return _search_all(asked, prepared, None, storage, watch)
    make_folder(folder, "--out")
    with hold_lock(folder / "search.lock", f"searching in {folder}", "--out folder"):
        url = storage or f"sqlite:///{folder / STUDY}"
        return _search_all(asked, prepared, folder, url, watch)


def _name(asked: Asked) -> str:
    """Return the name of a folder: what is searched, readable and with a hash of the details."""
    chosen = asked.chosen
    details = {
        "truth": None if chosen is None else [chosen.table.sha256, str(chosen.query)],
        "estimator": asked.estimator,
        "second": asked.trade_off,
        "at": [asked.at_epochs, asked.at_split, asked.at_policy],
        "stops": any(find_algorithm(name).stops_early for name in asked.algorithms),
        "protocol": None if asked.protocol is None else vars(asked.protocol),
        "given": [Scores(each).sha256 for each in asked.given],
    }
    digest = hashlib.sha256(json.dumps(details, sort_keys=True).encode()).hexdigest()
    where = "unjudged" if chosen is None else chosen.query.dataset
    of = "".join(char if char.isalnum() or char in "-_+" else "-" for char in asked.estimator)
    return f"{asked.space.name.replace(':', '-')}-{where}-{of[:40]}-{digest[:8]}"


def _note_session(asked: Asked, prepared: Prepared, folder: Path) -> None:
    chosen, truth = asked.chosen, None
    if chosen is not None:
        truth = {
            "table": chosen.table.name,
            "sha256": chosen.table.sha256,
            "query": str(chosen.query),
        }
    session = {
        "methods": [{"label": each.label, **each.config} for each in prepared.methods],
        "seeds": list(asked.seeds),
        "budget": asked.budget,
    }
    note_session(folder, {"problem": dict(prepared.problem.config), "truth": truth}, session)


def _search_all(
    asked: Asked,
    prepared: Prepared,
    folder: Path | None,
    url: str | None,
    watch: Watch,
) -> Searched:
    storage = open_storage(url)
    jobs = [(method, seed) for method in prepared.methods for seed in asked.seeds]
    studies = [_open_study(prepared, method, seed, storage) for method, seed in jobs]
    if folder is not None:
        _note_session(asked, prepared, folder)  # once nothing that is stored refuses the command
    trials: dict[tuple[str, int], list[Evaluation]] = {}
    total = len(jobs) * asked.budget
    for done, ((method, seed), study) in enumerate(zip(jobs, studies, strict=True)):

        def tell(spent: int, budget: int, before: int = done) -> None:
            watch(before * budget + spent, total)

        trials[method.label, seed] = study.run(asked.budget, tell)
    watch(total, total)
    judged = None
    if prepared.judge is not None:
        judged = _judge(asked, prepared, prepared.judge, trials)
    searched = Searched(prepared.problem, trials, judged, folder)
    if folder is not None:
        keep_evaluations(folder, list_evaluations(searched))
    return searched


def _open_study(prepared: Prepared, method: Method, seed: int, storage: BaseStorage) -> Study:
    order: list[int] = []
    if method.start.name is not None and prepared.starts is not None:
        rng = make_rng(seed, "order", method.start.name)
        order = prepared.starts.order(seed, prepared.problem.candidates.keys, rng)
    return Study(prepared.problem, method, seed, order, storage)


def _judge(
    asked: Asked,
    prepared: Prepared,
    judge: Judge,
    trials: Mapping[tuple[str, int], Sequence[Evaluation]],
) -> Judged:
    rows, notes, problem = [], [], prepared.problem
    for method in prepared.methods:
        found = [trials[method.label, seed] for seed in asked.seeds]
        # Only an order can end before the candidates do.
        goes_on = [not (method.is_order and _are_left(problem, each)) for each in found]
        courses = tuple(follow(each, judge, on) for each, on in zip(found, goes_on, strict=True))
        rows.append(Row(method.label, asked.seeds, courses, judge.limits))
        ends = {course.end for course in courses if course.end < asked.budget}
        if ends:
            notes.append(
                f"{method.label} ended after {min(ends):,.0f} evaluations, as its estimator has "
                "scores of no more candidates; beyond these, it has no figure."
            )
    ranking = None
    if isinstance(problem.objective, Scores) and problem.second is None:
        keys = problem.candidates.keys
        assert keys is not None, "scores are of some architectures"
        rng = make_rng(0, "order")
        tops = [problem.objective.order(seed, keys, rng)[:1] for seed in asked.seeds]
        ranking = float(np.mean(list(map(judge.measure, tops)))), len(keys)
    notes += filter(None, [prepared.note])
    notes += find_notes(asked.chosen, asked.seeds, problem, prepared.starts)
    return Judged(tuple(rows), judge, asked.budget, ranking, tuple(notes))


def _are_left(problem: Problem, trials: Sequence[Evaluation]) -> bool:
    """Say whether there are candidates that a search did not evaluate."""
    candidates = problem.candidates
    known = {candidates.identity(candidates.space.at(each.key)) for each in trials}
    return candidates.are_left(known)


def list_evaluations(searched: Searched) -> pd.DataFrame:
    """List all evaluations, a row each, with the figure of what was found by then."""
    space = searched.problem.candidates.space
    courses = {}
    if searched.judged is not None:
        courses = {
            (row.label, seed): course
            for row in searched.judged.rows
            for seed, course in zip(row.seeds, row.courses, strict=True)
        }
    frames = []
    for (label, seed), trials in searched.trials.items():
        rows = {
            "method": label,
            "seed": seed,
            "trial": [each.number for each in trials],
            **name_archs([each.key for each in trials], space),
            "value": [each.values[0] for each in trials],
            "epochs": [each.epochs for each in trials],
            "spent": [each.spent for each in trials],
            "seconds": [each.seconds for each in trials],
        }
        if searched.problem.second is not None:
            rows["second"] = [each.values[1] for each in trials]
        if (label, seed) in courses:
            rows["figure"] = courses[label, seed].figure
        frames.append(pd.DataFrame(rows))
    return pd.concat(frames, ignore_index=True)
