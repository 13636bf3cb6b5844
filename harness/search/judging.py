"""What searches found, held to a truth: regret against evaluations and seconds, over seeds.

What a search has found, after so many evaluations, is what its objective says is best among the
longest trainings that it has done; with two objectives, all that no other dominates. Regret is how
far the truth of it is below the best truth of all architectures that the truth covers, in the
metric's unit. With two objectives, the hypervolume of the true values takes its place, as a share
of what all candidates have. Needs neither torch nor Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import TruthError
from harness.search.problem import ROUNDING, Evaluation
from harness.stats.intervals import Interval, Limits, over_seeds
from harness.stats.trade_off import hypervolume, is_on_front

FloatArray = npt.NDArray[np.float64]

CHECKPOINTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
"""Numbers of evaluations at which tables say what was found."""


class Judge(NamedTuple):
    """What holds a search to the truth.

    Attributes:
        measure: Returns how good what was found is, of the keys that are found.
        is_regret: Whether less is better, and 0 is the best.
        unit: Unit of it.
        best: The best truth, in words, and of how many.
        side: On which side of it the truth of what was found is.
    """

    measure: Callable[[Sequence[int]], float]
    is_regret: bool
    unit: str
    best: str
    side: str = "below"

    @property
    def limits(self) -> Limits:
        """Between which figures are: neither regret nor a share is below 0, nor a share above 1."""
        return 0.0, math.inf if self.is_regret else 1.0


def judge_by_regret(
    goodness: Mapping[int, float], unit: str, best: str, is_lower_better: bool = False
) -> Judge:
    """Judge one architecture by a truth, turned so that higher is better, by key."""
    most, side = max(goodness.values()), "above" if is_lower_better else "below"
    return Judge(lambda found: most - goodness[found[0]], True, unit, best, side)


def judge_by_front(first: Mapping[int, float], second: Mapping[int, float], best: str) -> Judge:
    """Judge several architectures by two objectives, each scaled from 0 to 1, higher is better.

    Raises:
        TruthError: If none is better than the worst by both, so that there is no area to share.
    """
    keys = sorted(first.keys() & second.keys())
    whole = hypervolume([first[key] for key in keys], [second[key] for key in keys])
    if whole == 0.0:
        raise TruthError(
            f"Of {best}, each is the worst by one of the two objectives, so the best hypervolume "
            "is 0 and nothing is a share of it. Name another --trade-off."
        )

    def measure(found: Sequence[int]) -> float:
        own = hypervolume([first[key] for key in found], [second[key] for key in found])
        return own / whole

    return Judge(measure, False, "of the best hypervolume", best)


class Course(NamedTuple):
    """One search, judged after each trial, [trial] each.

    Attributes:
        spent: Evaluations so far.
        seconds: What they took; None where nobody knows.
        figure: Regret, or the share of the hypervolume.
        found: What was found, by key; of two objectives, the first of them.
        end: Evaluations up to which figures hold: infinite, unless the search had nothing more to
            propose while candidates were left.
    """

    spent: FloatArray
    seconds: FloatArray | None
    figure: FloatArray
    found: tuple[int, ...]
    end: float = math.inf

    def at(self, spent: float) -> float | None:
        """Return the figure once so many evaluations are paid; None before the first, or late."""
        place = self._find(spent)
        return None if place is None else float(self.figure[place])

    def seconds_at(self, spent: float) -> float | None:
        """Return what that many evaluations took."""
        place = self._find(spent)
        return None if place is None or self.seconds is None else float(self.seconds[place])

    def _find(self, spent: float) -> int | None:
        """Return the last trial by then; None before the first, and beyond the end."""
        place = int(np.searchsorted(self.spent, spent + ROUNDING, side="right")) - 1
        return None if place < 0 or spent > self.end + ROUNDING else place


def follow(trials: Sequence[Evaluation], judge: Judge, goes_on: bool = True) -> Course:
    """Judge a search after each trial; of equal ones, the first was found.

    Args:
        trials: What it learned.
        judge: What judges it.
        goes_on: Whether what it found at last holds for larger budgets too: False of a search that
            ran out of proposals while candidates were left.
    """
    found = list(_list_found(trials))
    seconds = [trial.seconds for trial in trials]
    known = [each for each in seconds if each is not None]
    spent = np.cumsum([trial.spent for trial in trials])
    return Course(
        spent,
        np.cumsum(known) if len(known) == len(seconds) else None,
        np.array([judge.measure(keys) for keys in found]),
        tuple(keys[0] for keys in found),
        math.inf if goes_on else float(spent[-1]),
    )


def _list_found(trials: Sequence[Evaluation]) -> Iterator[list[int]]:
    """Yield what was found after each trial, by key."""
    best: Evaluation | None = None
    for end, trial in enumerate(trials, start=1):
        if len(trial.values) > 1:
            first, second = np.array([each.values for each in trials[:end]]).T
            yield [
                trials[place].key for place in np.flatnonzero(is_on_front(first, second)).tolist()
            ]
            continue
        if best is None or trial.merit > best.merit:
            best = trial
        yield [best.key]


class Row(NamedTuple):
    """One method over its seeds.

    Attributes:
        label: Its name.
        seeds: Its seeds, [seed].
        courses: What each search found, [seed].
        limits: Of figures, which their intervals keep to.
    """

    label: str
    seeds: tuple[int, ...]
    courses: tuple[Course, ...]
    limits: Limits = (0.0, math.inf)

    def figures(self, spent: float) -> list[float]:
        """Return the figure of each seed after so many evaluations, where all have one."""
        found = [course.at(spent) for course in self.courses]
        known = [each for each in found if each is not None]
        return known if len(known) == len(found) else []

    def seconds(self, spent: float) -> float | None:
        """Return the mean of what that many evaluations took; None where nobody knows."""
        found = [course.seconds_at(spent) for course in self.courses]
        known = [each for each in found if each is not None]
        return float(np.mean(known)) if len(known) == len(found) else None

    def mean(self, spent: float) -> float | None:
        """Return the mean over seeds."""
        figures = self.figures(spent)
        return float(np.mean(figures)) if figures else None

    def interval(self, spent: float) -> Interval | None:
        """Return the interval of the mean over seeds; None where they are all the same."""
        return _interval(self.figures(spent), self.limits)

    def beside(self, other: Row, spent: float) -> tuple[float, Interval | None] | None:
        """Return the mean difference to another method, paired by seed, with its interval."""
        pairs = zip(self.figures(spent), other.figures(spent), strict=False)
        if self.seeds != other.seeds or not (gaps := [own - its for own, its in pairs]):
            return None
        return float(np.mean(gaps)), _interval(gaps)


def _interval(figures: list[float], limits: Limits | None = None) -> Interval | None:
    """Return the interval over seeds; of equal figures, which say nothing of chance, none."""
    return over_seeds(figures, limits) if figures and np.ptp(figures) > 0.0 else None


class Judged(NamedTuple):
    """Searches of one problem, judged.

    Attributes:
        rows: The methods; random search is the last.
        judge: What judged them.
        budget: Evaluations that each had.
        ranking: Figure of the best by the objective among all candidates, and their number; None
            where the objective is a training.
        notes: What limits the figures, in sentences.
    """

    rows: tuple[Row, ...]
    judge: Judge
    budget: int
    ranking: tuple[float, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> dict[str, int]:
        """Of each method's label, its place, which decides its colour."""
        return {row.label: place for place, row in enumerate(self.rows)}

    @property
    def chance(self) -> Row:
        """Random search, which is always among them."""
        return self.rows[-1]

    @property
    def checkpoints(self) -> list[int]:
        """Numbers of evaluations at which to look."""
        return [*(n for n in CHECKPOINTS if n < self.budget), self.budget]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "figure": "regret" if self.judge.is_regret else "hypervolume share",
            "unit": self.judge.unit,
            "best": self.judge.best,
            "budget": self.budget,
            "whole_ranking": None
            if self.ranking is None
            else {"value": self.ranking[0], "n": self.ranking[1]},
            "notes": list(self.notes),
            "methods": [self._row_to_dict(row) for row in self.rows],
        }

    def _row_to_dict(self, row: Row) -> dict[str, Any]:
        points = []
        for spent in self.checkpoints:
            interval = row.interval(spent)
            points.append(
                {
                    "evaluations": spent,
                    "mean": row.mean(spent),
                    "low": interval and interval.low,
                    "high": interval and interval.high,
                    "seconds": row.seconds(spent),
                    "per_seed": row.figures(spent),
                }
            )
        return {"method": row.label, "seeds": list(row.seeds), "points": points}
