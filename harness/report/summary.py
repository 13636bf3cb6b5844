"""The summary in a run's record: the figures of a report of that run alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.estimators.runs import load_run
from harness.evaluation import choose_truth, evaluate_estimator
from harness.report.training import load_run_training, tau_over_training
from harness.runs.folder import RunFolder
from harness.stats import PopulationResult
from harness.truth import TruthTable, default_query

METRICS = {
    "tau": "tau",
    "tau_top_half": "tau_top_50",
    "tau_top_10": "tau_top_10",
    "spearman": "spearman",
    "weighted_tau": "weighted_tau",
}
"""Metrics of a record, by their names there."""
POPULATIONS = {"all": "all", "top_half": "top_50", "top_10": "top_10"}
"""Populations, likewise."""


def summarise_run(folder: RunFolder, table: TruthTable) -> dict[str, Any]:
    """Compute the summary for a run's record, after its tables are written.

    Args:
        folder: The run.
        table: The truth table that it was ranked against, or `no_table`.

    Returns:
        Plain values, ready for JSON; without figures of the ranking where there is no truth.

    Raises:
        TruthError: If no architecture with a score has a truth.
    """
    record = folder.read_record()
    run, estimator = load_run_training(folder, record), load_run(folder, record)
    judged: dict[str, Any] = {}
    truth: dict[int, float] = {}
    if not table.is_missing:
        asked = default_query(run.config.dataset, table.space)
        chosen = choose_truth(asked.dataset, asked.split, asked.epochs, asked.policy, table)
        result = evaluate_estimator(estimator, chosen, populations=tuple(POPULATIONS.values()))
        judged = {"truth": str(chosen.query), **_summarise_ranking(result.populations)}
        truth = chosen.truth.by_index()
    return {
        **judged,
        "n_ranked": record.data.get("n_ranked"),
        "n_unscored": sum(estimator.exclusions.values()),
        "disturbance": run.disturbance,
        "train_loss": run.train_loss,
        "plasticity": run.plasticity,
        "over_training": tau_over_training(run, truth),
        "probe_share_of_training": _share(record.timings),
    }


def _summarise_ranking(populations: Mapping[str, PopulationResult]) -> dict[str, Any]:
    parts = {name: populations[own] for name, own in POPULATIONS.items()}
    everything = parts["all"]
    metrics = {name: everything.metrics[own] for name, own in METRICS.items()}
    intervals = {
        name: metrics[name].over_architectures for name in ("tau", "tau_top_half", "tau_top_10")
    }
    reference, ceilings = everything.reference, {n: p.ceiling for n, p in parts.items()}
    return {
        **{
            "n" if name == "all" else f"n_{name}": part.metrics["tau"].n
            for name, part in parts.items()
        },
        **{name: metric.value for name, metric in metrics.items()},
        "too_few": [name for name, metric in metrics.items() if metric.status == "too few"],
        "undefined": [name for name, metric in metrics.items() if metric.status == "undefined"],
        **{f"{name}_interval": each and each._asdict() for name, each in intervals.items()},
        "baselines": {name: tau.value for name, tau in everything.baselines.items()},
        "one_seed_reference": reference and reference._asdict(),
        "ceilings": {name: ceiling and ceiling.tau for name, ceiling in ceilings.items()},
    }


def _share(timings: dict[str, float]) -> float | None:
    train = timings.get("train_s", 0.0)
    return round(timings.get("probe_s", 0.0) / train, 4) if train else None
