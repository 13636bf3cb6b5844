"""The tables of a report: a row a strategy and truth, then paired differences of strategies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import StoreError
from harness.estimators import group_replicas, label_configs, settings_sha256, sort_out
from harness.report.differences import (
    Comparison,
    compare_all,
    have_same_archs,
    recent_figure,
)
from harness.report.estimates import (
    Estimate,
    over_seeds_estimate,
    tau_estimate,
    value_of,
)
from harness.report.results import RunResult, load_result
from harness.report.truths import TruthChoice
from harness.stats import MIN_ARCHS
from harness.store import RunFolder
from harness.truth import find_truth


@dataclass(frozen=True)
class StrategyRow:
    """One (data set, strategy, settings) over its seeds, held against one truth.

    Attributes:
        dataset: Images that the supernets were trained and ranked on.
        strategy: Training strategy.
        label: The strategy, and what tells it from other rows of the same strategy.
        preset: Preset that the settings started from.
        settings_sha256: Hash of all settings but the seed.
        seeds: Training seeds.
        run_ids: Their runs.
        truth: What the ranking is held against; reference, ceiling and baselines are of it.
        bn_mode: Batch norm when ranking.
        n: Architectures with a score and a truth; the least of any seed.
        n_ranked: Architectures ranked.
        tau: Tau-b; its interval is over seeds and architectures, or for one seed over
            architectures alone, or over seeds alone where some scores of some seeds failed.
        tau_top_half: Within the top half by truth.
        tau_top_10: Within the top 10% by truth.
        spearman: Spearman's correlation.
        weighted_tau: Weighted tau.
        params_tau: Tau of the parameter count on the same architectures.
        flops_tau: Tau of FLOPs on them.
        reference: One-seed reference on those of them that have the most trials, with its n
            and number of trials.
        ceiling: Modelled ceiling on them.
        ceiling_share: tau / ceiling, "share of what can be reached".
        mean_pd: Mean disturbance of recent paths, nats.
        positive_pd: Its positive part.
        positive_frac: Share of disturbances above zero, 0-1.
        progress: What a step gains on its own path, nats.
        train_loss: Training loss over the fixed architectures, nats.
        plasticity: Share of the input space that the projectors left free at the end, 0-1; None
            without projectors.
        cost_s: Seconds a run.
    """

    dataset: str
    strategy: str
    label: str
    preset: str
    settings_sha256: str
    seeds: tuple[int, ...]
    run_ids: tuple[str, ...]
    truth: str
    bn_mode: str
    n: int
    n_ranked: int
    tau: Estimate
    tau_top_half: Estimate
    tau_top_10: Estimate
    spearman: Estimate
    weighted_tau: Estimate
    params_tau: float | None
    flops_tau: float | None
    reference: dict[str, float] | None
    ceiling: float | None
    ceiling_share: float | None
    mean_pd: Estimate
    positive_pd: Estimate
    positive_frac: Estimate
    progress: Estimate
    train_loss: Estimate
    plasticity: Estimate
    cost_s: Estimate


@dataclass(frozen=True)
class Report:
    """All rows and comparisons.

    Attributes:
        rows: One a (truth, data set, strategy, settings).
        comparisons: Every strategy against the baseline strategy of the same settings.
        unfinished: Runs that were left out, with their status.
    """

    rows: tuple[StrategyRow, ...]
    comparisons: tuple[Comparison, ...]
    unfinished: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def make_report(
    folders: Iterable[RunFolder],
    data_dir: Path | None = None,
    truths: Sequence[TruthChoice] = (),
) -> Report:
    """Make the report of some runs.

    Args:
        folders: The runs; unfinished ones are named and left out.
        data_dir: Where the truth lies, for data sets that need it.
        truths: Truths to hold every run against, each in rows of its own; none for each run's
            own truth.

    Returns:
        The report.

    Raises:
        StoreError: If no run is finished, or one is given twice.
        MismatchError: If a run was ranked against another truth table than the one at hand.
        TruthError: If a table lacks a truth.
        UsageError: If a truth has a policy that is none.
    """
    finished, unfinished = sort_out(folders)
    if not finished:
        raise StoreError(
            f"None of the runs is finished: {', '.join(unfinished)}. Give the command that "
            "started them again to go on."
        )
    tables = {
        dataset: find_truth(dataset, data_dir)
        for dataset in dict.fromkeys(run.config.dataset for run in finished)
    }
    rows: list[StrategyRow] = []
    comparisons: list[Comparison] = []
    for choice in dict.fromkeys(truths or (TruthChoice(),)):
        results = [load_result(run.folder, tables[run.config.dataset], choice) for run in finished]
        groups = group_replicas(results)
        labels = label_configs([group[0].config for group in groups])
        compared = list(compare_all(groups, labels))
        if rows:  # only tau hangs on the truth; the rest was compared under the first
            compared = [comparison for comparison in compared if comparison.metric == "tau"]
        rows += [_make_row(*pair) for pair in zip(groups, labels, strict=True)]
        comparisons += compared
    return Report(tuple(rows), tuple(comparisons), unfinished)


def _make_row(group: Sequence[RunResult], label: str) -> StrategyRow:
    first = group[0]
    ceiling = first.ceilings["all"]
    taus = [r.ranking.tau for r in group]
    tau = over_seeds_estimate([value_of(tau) for tau in taus])
    if have_same_archs(group):
        tau = tau_estimate(taus, first.ranking.tau_interval)
    share = tau.mean / ceiling if ceiling and tau.mean is not None else None
    return StrategyRow(
        dataset=first.config.dataset,
        strategy=first.config.strategy,
        label=label,
        preset=first.config.preset,
        settings_sha256=settings_sha256(first.config),
        seeds=tuple(r.config.seed for r in group),
        run_ids=tuple(r.record.run_id for r in group),
        truth=str(first.query),
        bn_mode=first.config.bn_mode,
        n=min(r.ranking.n for r in group),
        n_ranked=int(first.record.data["n_ranked"]),
        tau=tau,
        tau_top_half=_estimate(group, lambda r: value_of(r.ranking.tau_top_half)),
        tau_top_10=_estimate(group, lambda r: value_of(r.ranking.tau_top_10)),
        spearman=_estimate(group, lambda r: r.ranking.spearman),
        weighted_tau=_estimate(group, lambda r: r.ranking.weighted_tau),
        params_tau=_unless_few(first, first.baselines["params"]),
        flops_tau=_unless_few(first, first.baselines["flops"]),
        reference=first.reference,
        ceiling=ceiling,
        ceiling_share=share,
        mean_pd=_estimate(group, lambda r: recent_figure(r, "mean_pd")),
        positive_pd=_estimate(group, lambda r: recent_figure(r, "positive_pd")),
        positive_frac=_estimate(group, lambda r: recent_figure(r, "positive_frac")),
        progress=_estimate(group, lambda r: r.disturbance.get("progress")),
        train_loss=_estimate(group, lambda r: r.train_loss),
        plasticity=_estimate(group, lambda r: r.plasticity),
        cost_s=_estimate(group, lambda r: r.cost_s),
    )


def _estimate(group: Sequence[RunResult], get: Callable[[RunResult], float | None]) -> Estimate:
    return over_seeds_estimate([get(result) for result in group])


def _unless_few(result: RunResult, value: float | None) -> float | None:
    return value if result.ranking.n >= MIN_ARCHS else None


def to_json(report: Report) -> str:
    """Return the report as JSON, two spaces an indent."""
    return json.dumps(report.to_dict(), indent=2)
