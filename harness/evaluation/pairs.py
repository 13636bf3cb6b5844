"""Which estimators are compared, on which seeds, and what a difference applies to."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.estimators.combined import find_estimator
from harness.estimators.matrix import COMBINATION, RUN, SUPERNETS, ScoreMatrix
from harness.estimators.runs import BASELINE_STRATEGY, flatten_config
from harness.runs.record import Record
from harness.settings.run import NO_NUMBERS, WATCHING, RunConfig

TWO_SUPERNETS = "these two supernets only, of one seed"
TWO_SCORES = "these two sets of scores only"
TWO_RANKINGS = "two rankings of one trained supernet"

Seeds = Sequence[int | None]


class Pairing(NamedTuple):
    """Which seeds of two sides are compared, and how.

    Attributes:
        first: Positions of the first side's seeds.
        second: Positions of the second side's; if paired, the same seed is at the same place.
        is_paired: Whether the difference is taken seed by seed; otherwise the two sides' seeds
            are independent.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    is_paired: bool

    @property
    def is_single(self) -> bool:
        """Whether two supernets are compared, not two methods."""
        return len(self.first) == len(self.second) == 1


class Pair(NamedTuple):
    """Two estimators to be compared.

    Attributes:
        first: The first estimator.
        second: The one that is subtracted.
        rows: Positions of the seeds of each.
        claim: What a difference applies to.
        caveats: What else differs between them, in words.
        has_shared_training: Whether some seeds of both are rankings of the same trained supernets,
            so that there is no difference of training.
    """

    first: ScoreMatrix
    second: ScoreMatrix
    rows: Pairing
    claim: str
    caveats: tuple[str, ...]
    has_shared_training: bool = False

    @property
    def name(self) -> str:
        """Such as "ogd minus spos"."""
        return f"{self.first.label} minus {self.second.label}"

    @property
    def seeds(self) -> tuple[tuple[int | None, int | None], ...]:
        """The seeds in pairs; independent ones side by side, the shorter side filled with None."""
        a = [self.first.seeds[place] for place in self.rows.first]
        b = [self.second.seeds[place] for place in self.rows.second]
        return tuple(itertools.zip_longest(a, b))

    def to_dict(self) -> dict[str, Any]:
        """Return the labels, the seeds and the claim, ready for JSON."""
        return {
            "first": self.first.label,
            "second": self.second.label,
            "seeds": [list(seeds) for seeds in self.seeds],
            "is_paired": self.rows.is_paired,
            "has_shared_training": self.has_shared_training,
            "claim": self.claim,
            "caveats": list(self.caveats),
        }


def choose_pairs(
    estimators: Sequence[ScoreMatrix],
    baseline: str | None = None,
    known: Sequence[ScoreMatrix] = (),
) -> list[Pair]:
    """Pair every estimator with its baseline.

    Args:
        estimators: The estimators of one table, runs of the baseline strategy first.
        baseline: Label of the baseline of all, a baseline of the space, such as `params`, or a
            combination. By default, that of a run is the run of the baseline strategy with
            otherwise equal settings; that of runs without a supernet, and of combinations, is the
            space's floor; and that of all others is the first estimator.
        known: The estimators that the name may mean; by default those to pair.

    Returns:
        A pair for each estimator except the baselines.

    Raises:
        UsageError: If neither an estimator nor a baseline has that name.
    """
    if baseline is not None:
        second = find_estimator(baseline, known or estimators, "estimator to compare with")
        return [match_seeds(own, second) for own in estimators if own.identity != second.identity]
    baselines = [
        estimator
        for estimator in estimators
        if estimator.config is not None and estimator.config.method == BASELINE_STRATEGY
    ]
    floor = None
    pairs = []
    for own in estimators:
        if own.source == COMBINATION or (own.source == RUN and own.family != SUPERNETS):
            floor = floor or find_estimator(own.space.floor, known or estimators)
            second = floor
        else:
            second = _find_baseline(own, baselines) or estimators[0]
        if own.label != second.label:
            pairs.append(match_seeds(own, second))
    return pairs


def _find_baseline(own: ScoreMatrix, baselines: Sequence[ScoreMatrix]) -> ScoreMatrix | None:
    """Find the baseline that differs from a run only in the strategy."""
    if own.config is None or own.config.method == BASELINE_STRATEGY:
        return None
    alike = [
        other
        for other in baselines
        if other.config is not None and not differing_settings(own.config, other.config)
    ]
    # of several, the one that was made most alike
    return min(alike, key=lambda other: len(_find_origins(own, other)), default=None)


def differing_settings(first: RunConfig, second: RunConfig) -> list[str]:
    """Name the settings in which two runs differ.

    Not the method and its own settings, nor those that affect neither weights nor scores.
    """
    a, b = flatten_config(first), flatten_config(second)
    own = {
        "strategy",
        "estimator",
        *NO_NUMBERS,
        *WATCHING,
        *(key for key in {*a, *b} if "." in key),
    }
    return sorted(key for key in {*a, *b} - own if a.get(key) != b.get(key))


def pair_seeds(first: Seeds, second: Seeds, shared: Sequence[str] = ()) -> Pairing:
    """Pair the seeds of two sides, for reports and for the gate.

    Args:
        first: Seeds of the first side, no two equal, at least one.
        second: Those of the second.
        shared: Trainings that both sides are rankings of: these are not independent.

    Returns:
        The common seeds in pairs if there are at least two, or if a side has no others, or if
        trainings are shared. Otherwise all seeds of both, as independent.
    """
    common = [seed for seed in first if seed in second]
    if len(common) < min(2, len(first), len(second)) and not shared:
        return Pairing(tuple(range(len(first))), tuple(range(len(second))), False)
    places = [tuple(list(side).index(seed) for seed in common) for side in (first, second)]
    return Pairing(places[0], places[1], True)


def match_seeds(first: ScoreMatrix, second: ScoreMatrix) -> Pair:
    """Pair the seeds of two estimators, and say what their difference applies to.

    Args:
        first: The first estimator.
        second: The one that is subtracted.

    Returns:
        The pair. A single set of scores that is not of a training run is compared with every seed
        of the other; otherwise seeds are paired by `pair_seeds`.
    """
    caveats = _find_caveats(first, second)
    for several, single in ((first, second), (second, first)):
        is_one_set = not single.records or single.is_free
        if len(several.seeds) > 1 and len(single.seeds) == 1 and is_one_set:
            n = len(several.seeds)
            each, only = tuple(range(n)), (0,) * n
            rows = Pairing(*((each, only) if several is first else (only, each)), is_paired=True)
            seeds = f"over {n} {several.seed_kind} of {several.label}"
            claim = f"{seeds}, against one set of scores{several.held}"
            return Pair(first, second, rows, claim, tuple(caveats))
    seeds = first.seed_kind if first.seed_kind == second.seed_kind else "seeds"
    shared = find_shared(first.trainings, second.trainings)
    rows = pair_seeds(first.seeds, second.seeds, shared)
    sizes = len(rows.first), len(rows.second)
    if shared:
        claim = _claim_of_rankings(sizes[0], len(shared))
    elif rows.is_single:
        # Unknown seeds, or different ones, have nothing in common.
        rows, is_known = rows._replace(is_paired=True), rows.is_paired and first.seeds != (None,)
        claim = _claim_of_one(first, second) if is_known else TWO_SCORES
    elif rows.is_paired:
        claim = f"over {sizes[0]} {seeds}{first.held or second.held}"
    else:
        are_equal = sizes[0] == sizes[1]
        told = f"{sizes[0]} {seeds} on each side"
        told = told if are_equal else f"{sizes[0]} and {sizes[1]} {seeds}"
        claim = f"over {told}, not the same ones"
    caveats += _name_unused(first, rows.first) + _name_unused(second, rows.second)
    return Pair(first, second, rows, claim, tuple(caveats), bool(shared))


def _claim_of_rankings(n_seeds: int, n_shared: int) -> str:
    if n_seeds == 1:
        return TWO_RANKINGS
    if n_shared == n_seeds:
        return f"two rankings of each of {n_seeds} trained supernets"
    return f"over {n_seeds} seeds, {n_shared} of which are two rankings of one trained supernet"


def _claim_of_one(first: ScoreMatrix, second: ScoreMatrix) -> str:
    if first.is_deterministic and second.is_deterministic:
        return TWO_SCORES
    are_supernets = first.family == second.family == SUPERNETS
    return TWO_SUPERNETS if are_supernets else f"{TWO_SCORES}, of one seed"


def find_shared(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Find the trainings that both sides are rankings of."""
    return [training for training in first if training in second]


def find_unused(seeds: Seeds, places: Sequence[int]) -> list[int | None]:
    """Return the seeds that a pairing leaves out."""
    return [seed for place, seed in enumerate(seeds) if place not in places]


def _name_unused(estimator: ScoreMatrix, places: tuple[int, ...]) -> list[str]:
    unused = ", ".join(map(str, find_unused(estimator.seeds, places)))
    if not unused:
        return []
    return [f"seeds {unused} of {estimator.label} have no counterpart and are not used"]


def _find_caveats(first: ScoreMatrix, second: ScoreMatrix) -> list[str]:
    caveats = []
    if first.config is not None and second.config is not None:
        differing = differing_settings(first.config, second.config)
        if first.config.estimator != second.config.estimator:  # each stores what it reads
            stored = (estimator.records[0].config.keys() for estimator in (first, second))
            differing = sorted(set(differing).intersection(*stored))
        more = "" if first.config.strategy == second.config.strategy else "more than the strategy: "
        if differing:
            caveats.append(f"they differ in {more}{', '.join(differing)}")
    origins = _find_origins(first, second)
    if origins:
        caveats.append(f"they were made with different {', '.join(origins)}")
    return caveats


def _find_origins(first: ScoreMatrix, second: ScoreMatrix) -> list[str]:
    return differing_origins(*(gather_origins(e.records) for e in (first, second)))


def gather_origins(records: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """Gather what runs were made with: by fact, such as the CPU, all values."""
    found: dict[str, set[str]] = {}
    for record in records:
        for fact, value in record.origin.items():
            found.setdefault(fact, set()).add(value)
    return {fact: tuple(sorted(values)) for fact, values in found.items()}


def differing_origins(
    first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]]
) -> list[str]:
    """Name what differs between the machines and versions behind two sides, with both values."""
    return [
        f"{fact} ({' or '.join(first[fact])} / {' or '.join(second[fact])})"
        for fact in first
        if fact in second and tuple(first[fact]) != tuple(second[fact])
    ]
