"""Who is compared with whom, seed by seed, and what such a difference speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from harness.errors import unknown_name
from harness.estimators.baselines import BASELINES, make_baseline
from harness.estimators.estimator import Estimator, common_archs
from harness.estimators.runs import BASELINE_STRATEGY, flatten_config
from harness.settings.run import RunConfig
from harness.settings.strategies import TABLES

TWO_SUPERNETS = "these two supernets only, of one seed"
TWO_SCORES = "these two sets of scores only"
OWN_SETTINGS = ("strategy", "preset")
"""Settings that may differ without making a comparison one of something else."""
WATCHING = ("probe_every", "rank_every", "rank_every_archs", "loss_every", "checkpoint_every")
"""So may these: how often something is looked at on the way. No weight or final score depends on
them."""


class Pair(NamedTuple):
    """Two estimators to be compared.

    Attributes:
        first: The one.
        second: The one that is subtracted.
        rows: Positions of the seeds of each, paired in order.
        claim: What a difference speaks of.
        caveats: What else differs between them, in words.
    """

    first: Estimator
    second: Estimator
    rows: tuple[tuple[int, ...], tuple[int, ...]]
    claim: str
    caveats: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as "ogd minus spos"."""
        return f"{self.first.label} minus {self.second.label}"

    @property
    def seeds(self) -> tuple[tuple[int | None, int | None], ...]:
        """The seeds, in pairs."""
        a, b = self.first.seeds, self.second.seeds
        return tuple((a[i], b[j]) for i, j in zip(*self.rows, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return who and on which seeds, ready for JSON."""
        return {
            "first": self.first.label,
            "second": self.second.label,
            "seeds": [list(seeds) for seeds in self.seeds],
            "claim": self.claim,
            "caveats": list(self.caveats),
        }


def choose_pairs(estimators: Sequence[Estimator], baseline: str | None = None) -> list[Pair]:
    """Pair every estimator with its baseline.

    Args:
        estimators: Those of one table, runs of the baseline strategy first.
        baseline: Label of the baseline of all, or one of `harness.estimators.BASELINES`, such as
            `params`; unless given, that of a run is the run of the baseline strategy that differs
            in nothing but the strategy, and of all others the first.

    Returns:
        A pair for each but the baselines themselves.

    Raises:
        UsageError: If no estimator has that label, and no baseline that name.
    """
    if baseline is not None:
        second = _find_named(estimators, baseline)
        return [match_seeds(own, second) for own in estimators if own is not second]
    baselines = [
        estimator
        for estimator in estimators
        if estimator.config is not None and estimator.config.strategy == BASELINE_STRATEGY
    ]
    seconds = [_find_baseline(own, baselines) or estimators[0] for own in estimators]
    return [
        match_seeds(own, second)
        for own, second in zip(estimators, seconds, strict=True)
        if own is not second
    ]


def _find_named(estimators: Sequence[Estimator], name: str) -> Estimator:
    """Find the estimator of that label, or make the baseline of that name."""
    by_label = {estimator.label: estimator for estimator in estimators}
    if name in by_label:
        return by_label[name]
    if name in BASELINES:
        return make_baseline(name, common_archs(estimators))
    raise unknown_name("estimator to compare with", name, [*by_label, *BASELINES])


def _find_baseline(own: Estimator, baselines: Sequence[Estimator]) -> Estimator | None:
    """Find the baseline that differs from a run in nothing but the strategy."""
    if own.config is None or own.config.strategy == BASELINE_STRATEGY:
        return None
    for other in baselines:
        if other.config is not None and not differing_settings(own.config, other.config):
            return other
    return None


def differing_settings(first: RunConfig, second: RunConfig) -> list[str]:
    """Name the settings that two runs differ in, but the strategy's own, seed and `WATCHING`."""
    a, b = flatten_config(first), flatten_config(second)
    own = {*OWN_SETTINGS, *WATCHING, *(key for key in {*a, *b} if key.partition(".")[0] in TABLES)}
    return sorted(key for key in {*a, *b} - own if a.get(key) != b.get(key))


def match_seeds(first: Estimator, second: Estimator) -> Pair:
    """Pair the seeds of two estimators.

    Args:
        first: The one.
        second: The other.

    Returns:
        The seeds that both have, in pairs. A single set of scores that is of no training run
        stands against every seed of the other. Where several seeds a side have fewer than two in
        common, they stand against each other in order, as independent ones may.
    """
    a, b = first.seeds, second.seeds
    common = [seed for seed in a if seed is not None and seed in b]
    caveats = _find_caveats(first, second)
    for several, single in ((first, second), (second, first)):
        if len(several.seeds) > 1 and len(single.seeds) == 1 and not single.records:
            n = len(several.seeds)
            each, only = tuple(range(n)), (0,) * n
            rows = (each, only) if several is first else (only, each)
            claim = f"over {n} seeds of {several.label}, against one set of scores"
            return Pair(first, second, rows, claim, tuple(caveats))
    if len(common) < 2 and min(len(a), len(b)) > 1:
        n = min(len(a), len(b))
        rows = (tuple(range(n)), tuple(range(n)))
        claim = f"over {n} seeds a side, not the same ones"
    elif common:
        rows = (tuple(a.index(seed) for seed in common), tuple(b.index(seed) for seed in common))
        claim = f"over {len(common)} seeds" if len(common) > 1 else _claim_of_one(first, second)
    else:
        rows, claim = ((0,), (0,)), TWO_SCORES
    caveats += _name_unused(first, rows[0]) + _name_unused(second, rows[1])
    return Pair(first, second, rows, claim, tuple(caveats))


def _claim_of_one(first: Estimator, second: Estimator) -> str:
    return TWO_SUPERNETS if first.records and second.records else f"{TWO_SCORES}, of one seed"


def _name_unused(estimator: Estimator, rows: tuple[int, ...]) -> list[str]:
    unused = [str(s) for place, s in enumerate(estimator.seeds) if place not in rows]
    if not unused:
        return []
    return [f"seeds {', '.join(unused)} of {estimator.label} have no counterpart and are not used"]


def _find_caveats(first: Estimator, second: Estimator) -> list[str]:
    if first.config is not None and second.config is not None:
        differing = differing_settings(first.config, second.config)
        if differing:
            return [f"they differ in more than the strategy: {', '.join(differing)}"]
    return []
