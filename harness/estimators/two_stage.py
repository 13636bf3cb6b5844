"""Two stages: the best of one estimator are ranked once more, by another that knows them better.

Axes: pool, the architectures of a run; n, those that both stages have scored; top, the share of
them that is re-ordered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from harness.errors import UsageError
from harness.estimators.base import (
    Estimator,
    Needs,
    Row,
    Scores,
    Task,
    dead_cells,
    label_cells,
    pick_rows,
    score_cells,
)
from harness.estimators.matrix import BoolArray, FloatArray, IntArray
from harness.estimators.methods import NAMED, Nested
from harness.estimators.naming import Term, parse_terms, split_settings, write_name
from harness.estimators.nested import is_fitted, nest
from harness.estimators.nested_scores import NestedScores
from harness.estimators.runs import SCORE_KIND
from harness.settings.base import SparseSettings
from harness.settings.run import RunConfig
from harness.spaces import Space, load_space
from harness.stats.combination import Component, rank_together, write_sum
from harness.stats.correlation import dense_ranks, mean_ranks


class TwoStageSettings(SparseSettings):
    """Which estimators, and how many architectures the second one re-orders.

    Attributes:
        first: An estimator, or a combination such as `live_params+2*jacov`, which orders all.
        second: Likewise, which re-orders the best.
        share: Of the architectures that both have scored, the part that is re-ordered.
        supernet_seed: Seed of the supernets among them; None: the run's own.
        proxy_seed: Likewise, of the training-free proxies.
    """

    table: ClassVar[str] = "two-stage"

    first: str = "live_params+jacov"
    second: str = "predictor"
    share: float = Field(0.3, gt=0, le=1)
    supernet_seed: int | None = Field(None, ge=0)
    proxy_seed: int | None = Field(None, ge=0)

    @classmethod
    def defaults(cls, space: Space) -> dict[str, Any]:
        """Let the first stage be of the space's floor."""
        return {"first": f"{space.floor}+jacov"}

    def stored(self) -> dict[str, Any]:
        """Return the settings that are given or have a default, each name written in one way."""
        names = {"first": _write(_read(self.first)), "second": _write(_read(self.second))}
        return super().stored() | names


class _Ranked(NamedTuple):
    """The architectures of a run in their final order.

    Attributes:
        place: From 1, the worst, ties share their mean; NaN where there is none, [pool].
        is_dead: Whether an architecture has no live path, [pool].
        n: Architectures that both stages have scored.
        n_top: Those that were re-ordered.
    """

    place: FloatArray
    is_dead: BoolArray
    n: int
    n_top: int


class TwoStage(Estimator):
    """An order of all architectures, whose best share a second estimator re-orders.

    The share is of what both have scored. What is re-ordered stays above the rest, which keeps the
    order of the first; architectures that the first ranks level with the last of the share are
    re-ordered too. Each stage is an estimator or a combination, which is the sum of ln(rank) of its
    components among the architectures that the stage ranks. Those without a live path tie at the
    bottom and are not re-ordered.

    The second stage is only asked for the share where it takes its time for each architecture. One
    that is fitted to labels has none of these in the share, nor are they counted.
    """

    name = "two-stage"
    needs = Needs(images=True)
    reads = frozenset[str]()
    Settings = TwoStageSettings
    in_place = True

    @classmethod
    def nested(cls, config: RunConfig) -> Sequence[Nested]:
        """Return the estimators of both stages.

        Raises:
            UsageError: If a name is unknown, stands for two stages itself, or two are fitted to
                labels.
        """
        settings = TwoStageSettings.of(config)
        terms = [*_read(settings.first), *_read(settings.second)]
        names = [term.name for term in terms]
        found = nest(names, config, settings.supernet_seed, settings.proxy_seed)
        for one in found:
            if one.method.estimator == cls.name:
                raise UsageError(
                    f"two-stage was given {one.name} as a stage. Give single estimators, or "
                    "combinations such as live_params+jacov."
                )
        fitted = [one.name for one in found if is_fitted(one.config)]
        if len(fitted) > 1:
            raise UsageError(
                f"two-stage was given {' and '.join(fitted)}, which are fitted to labels each. "
                "Give one of them."
            )
        return found

    def __init__(self, task: Task) -> None:
        """Read the settings; nothing is computed yet.

        Raises:
            UsageError: If a setting is not allowed, or as `nested`.
        """
        super().__init__(task)
        self._settings = TwoStageSettings.of(task.config)
        self._space = load_space(task.config.space)
        self._first, self._second = _read(self._settings.first), _read(self._settings.second)
        self._scores = NestedScores(task, self.nested(task.config))
        self._keys = np.array(task.config.ranked_keys(), dtype=np.int64)

    def prepare(self) -> None:
        """Prepare the estimators of both stages."""
        self._scores.prepare()

    @property
    def fitted_on(self) -> frozenset[int]:
        """The architectures whose truth a stage was fitted to."""
        return self._scores.fitted_on

    def score(self, keys: Sequence[int]) -> Scores:
        """Rank the run's architectures, by both stages.

        Raises:
            UsageError: If an architecture is not among those that the run ranks, or none has a
                score of both stages.
            HarnessError: As the estimators do.
        """
        ranked, fitted_on = self._ranked, self.fitted_on
        rows = zip(self._keys.tolist(), ranked.place.tolist(), ranked.is_dead.tolist(), strict=True)
        cells = {
            key: label_cells() if key in fitted_on else _cells(place, is_dead)
            for key, place, is_dead in rows
        }
        labels = self._scores.labels()
        return Scores(
            rows={"scores": pick_rows(keys, self._space, cells)},
            tables=labels.tables,
            facts={
                SCORE_KIND: f"place among {ranked.n:,}, 1 is the worst: by {_write(self._first)}, "
                f"the best {ranked.n_top:,} by {_write(self._second)}",
                **labels.facts,
                **self._scores.facts(),
            },
        )

    def cost(self) -> dict[str, float]:
        """Return the seconds of all that the first stage scored and of the second's share.

        Nothing, if the cost of an estimator is unknown.
        """
        spent = self._scores.cost()
        if spent is None:
            return {}
        return {"score_s": 0.0} | {part: round(seconds, 3) for part, seconds in spent.items()}

    @cached_property
    def _ranked(self) -> _Ranked:
        keys = self._keys
        is_live = np.array([self._space.is_live(self._space.at(key)) for key in keys.tolist()])
        first = self._combine(self._first, keys, is_live)
        by_both = np.isfinite(first) & ~np.isin(keys, list(self.fitted_on))
        if self._scores.costs_nothing_more(term.name for term in self._second):
            by_both &= np.isfinite(self._combine(self._second, keys, is_live))
        while True:
            top = _best(first, by_both, is_live, self._settings.share)
            second = self._combine(self._second, keys[top], is_live[top])
            if np.isfinite(second).all():
                break
            by_both[np.flatnonzero(top)[~np.isfinite(second)]] = False  # found out only now
        place = np.full(len(keys), np.nan)
        place[by_both] = mean_ranks(dense_ranks(first[by_both]))
        place[top] = (by_both.sum() - top.sum()) + mean_ranks(dense_ranks(second))
        return _Ranked(place, ~is_live, int(by_both.sum()), int(top.sum()))

    def _combine(self, terms: Sequence[Term], keys: IntArray, is_live: BoolArray) -> FloatArray:
        """Return the sum of ln(rank) of a stage; NaN where a component has no score."""
        components = [Component(term.name, self._scores.score(term.name, keys)) for term in terms]
        ranks = rank_together(keys, components, ~is_live)
        combined = np.full(len(keys), np.nan)
        combined[np.isin(keys, ranks.keys)] = ranks.combine([term.weight for term in terms])[0]
        return combined


def _cells(place: float, is_dead: bool) -> Row:
    return dead_cells() if is_dead else score_cells(None if math.isnan(place) else place)


def _best(first: FloatArray, by_both: BoolArray, is_live: BoolArray, share: float) -> BoolArray:
    """Find the live ones among the best share of what both have scored, [pool].

    Raises:
        UsageError: If there are none.
    """
    candidates = by_both & is_live
    if not candidates.any():
        raise UsageError(
            "No architecture with a live path has a score of both stages. Give estimators that "
            "score the same architectures, or a larger --n-archs."
        )
    n = min(math.ceil(share * int(by_both.sum())), int(candidates.sum()))
    lowest: float = np.sort(first[candidates])[-n]
    return np.asarray(candidates & (first >= lowest))


def _read(text: str) -> list[Term]:
    """Read a stage: an estimator or a combination."""
    terms = parse_terms(text, NAMED)
    return [term._replace(name=write_name(*split_settings(term.name))) for term in terms]


def _write(terms: Sequence[Term]) -> str:
    return write_sum([term.name for term in terms], [term.weight for term in terms])
