"""The figures of evaluations and reports as rows of CSV, one each."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from harness.estimators.cost import LABEL_EPOCHS, LABEL_S, find_labels
from harness.evaluation import Evaluated, Pair
from harness.report.cells import find_interval
from harness.report.contents import Contents, Section
from harness.report.parts import (
    CAVEATS,
    DIFFERENCES,
    DISTURBANCE,
    LEADERBOARD,
    POPULATIONS,
    TRADE_OFF,
    UNCERTAINTY,
)
from harness.report.seed_means import SeedMean
from harness.report.trade_offs import trade_off_rows
from harness.scores import guard_formula, on_one_line
from harness.stats import MetricResult, PopulationResult
from harness.stats.intervals import Interval

_FIGURE = (
    *("population", "figure", "n", "value", "low", "high", "interval_over", "sd_over_seeds"),
    "status",
)
EVALUATION_COLUMNS = (
    *("estimator", "seeds", "score", "metric", "truth", "split", "epochs", "policy"),
    "truth_sha256",
    *_FIGURE,
)
REPORT_COLUMNS = (
    *("kind", "name", "seeds", "truth", "truth_sha256"),
    *_FIGURE,
    *("speaks_of", "p", "verdict"),
)


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV, one figure each in full precision; no cell can run as a formula."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: guard_formula(v) if isinstance(v, str) else v for k, v in row.items()})
    return file.getvalue()


def evaluation_rows(results: Iterable[Evaluated]) -> Iterator[dict[str, object]]:
    """Yield the figures of estimators as rows of CSV."""
    for result in results:
        query, estimator = result.truth.query, result.estimator
        who = {
            "estimator": estimator.label,
            "seeds": _write_seeds(estimator.seeds),
            "score": estimator.score_kind,
            "metric": query.metric,
            "truth": query.dataset,
            "split": query.split,
            "epochs": query.epochs,
            "policy": query.policy,
            "truth_sha256": result.truth.sha256,
        }
        counts: dict[str, float] = {
            "n_scored": result.n_scored,
            "n_incomplete": result.n_incomplete,
            "n_other_names": result.n_other_names,
            "n_without_truth": result.n_without_truth,
            "n_uncommon": result.n_uncommon,
            **{f"excluded: {why}": n for why, n in estimator.exclusions.items()},
            "n_ranked_last": len(estimator.ranked_last),
        }
        if estimator.arch_s is not None:
            counts["arch_s"] = estimator.arch_s
        yield from (who | {"figure": name, "value": value} for name, value in counts.items())
        yield from (who | row for row in _note_rows(result))
        yield from (who | row for row in _population_rows(result))


KINDS = {
    "estimator": (POPULATIONS, UNCERTAINTY, LEADERBOARD, CAVEATS),
    "added value": (LEADERBOARD,),
    "trade-off": (TRADE_OFF,),
    "difference": (DIFFERENCES,),
    "training": (DISTURBANCE,),
    "training difference": (DISTURBANCE,),
}
"""Kinds of rows in a report's CSV, and the parts that they belong to."""


def report_rows(report: Contents, parts: Collection[str] = ()) -> Iterator[dict[str, object]]:
    """Yield the figures of a report, or of parts of it, as rows of CSV."""
    rows = (row for section in report.sections for row in _section_rows(section))
    for row in itertools.chain(rows, _training_rows(report)):
        if not parts or not {*parts}.isdisjoint(KINDS[str(row["kind"])]):
            yield row


def _section_rows(section: Section) -> Iterator[dict[str, object]]:
    against = {"truth": section.truth.title, "truth_sha256": section.truth.sha256}
    for result in section.evaluations:
        seeds = _write_seeds(result.estimator.seeds)
        who = {"kind": "estimator", "name": result.label, "seeds": seeds, **against}
        yield from (who | row for row in _note_rows(result))
        yield from (who | row for row in _population_rows(result))
    for name, added in section.added.items():
        who = {"kind": "added value", "name": name, "seeds": _write_seeds(added.seeds), **against}
        for population, gain in added.populations.items():
            row = _metric_row(f"tau added to {section.floor.label}", gain.difference)
            row |= {"speaks_of": gain.basis.value, "p": gain.p, "verdict": gain.verdict}
            yield who | {"population": population} | row | _ends(gain.interval)
    yield from ({"kind": "trade-off", **against} | row for row in trade_off_rows(section))
    for pair in section.pairs:
        who = {"kind": "difference", **_name_pair(pair.pair), **against}
        for population, metrics in pair.comparison.differences.items():
            for name, metric in metrics.items():
                yield who | {"population": population} | _metric_row(name, metric)


def _training_rows(report: Contents) -> Iterator[dict[str, object]]:
    for result in report.trainings:
        seeds = _write_seeds([run.config.seed for run in result.runs])
        for figure, estimate in result.figures.items():
            who = {"kind": "training", "name": result.label, "seeds": seeds}
            yield who | _estimate_row(figure, estimate)
    for pair in report.training_pairs:
        who = {"kind": "training difference", **_name_pair(pair.pair)}
        for difference in pair.differences:
            figure = f"{difference.figure} {difference.condition}".strip()
            yield who | _estimate_row(figure, difference.difference)


def _name_pair(pair: Pair) -> dict[str, str]:
    return {"name": pair.name, "seeds": _write_seeds(pair.seeds), "speaks_of": pair.claim}


def _note_rows(result: Evaluated) -> Iterator[dict[str, object]]:
    """Yield what was decided in reading the scores: the only figures that are sentences."""
    for note in result.estimator.notes:
        yield {"figure": f"note: {on_one_line(note)}"}


def _population_rows(result: Evaluated) -> Iterator[dict[str, object]]:
    yield from _label_rows(result)
    for name, part in result.populations.items():
        yield from ({"population": name, **row} for row in _figure_rows(part))


def _label_rows(result: Evaluated) -> Iterator[dict[str, object]]:
    """Yield the labels that an estimator was fitted to, their cost, and tau without their twins."""
    labels, found = find_labels(result.estimator), result.leak_free
    if labels is None or found is None:
        return
    yield {"figure": "n_labels", "value": labels.n}
    for name, value in ((LABEL_EPOCHS, labels.epochs), (LABEL_S, labels.seconds)):
        if value is not None:
            yield {"figure": name, "value": value}
    row: dict[str, object] = {"population": "leak_free", "figure": "tau", "n": min(found.n)}
    known = [tau for tau in found.per_seed if tau is not None]
    if found.tau is not None and len(known) > 1:
        row["sd_over_seeds"] = float(np.std(known, ddof=1))
    yield row | {"value": found.tau, "status": "unknown" if found.tau is None else "ok"}


def _figure_rows(part: PopulationResult) -> list[dict[str, object]]:
    """Return the figures of one population as rows of CSV."""
    rows = [_metric_row(name, result) for name, result in part.metrics.items()]
    rows += [_metric_row(f"tau_of_{name}", result) for name, result in part.baselines.items()]
    reference, ceiling, found = part.reference, part.ceiling, part.components
    if reference is not None:
        n = reference.n_archs
        rows.append({"figure": "one_seed_reference", "n": n, "value": reference.tau})
    if ceiling is not None:
        row = {"figure": "ceiling", "n": ceiling.n_archs, "value": ceiling.tau}
        ends = {"low": ceiling.low, "high": ceiling.high, "interval_over": "noise of the truth"}
        rows.append(row if ceiling.low is None else row | ends)
    more: dict[str, float | None] = {"share_of_ceiling": part.share_of_ceiling}
    if part.attenuation is not None:
        more["tau_against_true"] = part.attenuation.tau
    if found is not None:
        more |= {
            "tau_se_seeds": found.seeds_se,
            "tau_se_architectures": found.architectures_se,
            "tau_se_truth": found.truth_beyond_se,
            "tau_se_total": found.total_se,
        }
    n = part.population.n
    return rows + [{"figure": f, "n": n, "value": v} for f, v in more.items() if v is not None]


def _metric_row(name: str, result: MetricResult) -> dict[str, object]:
    row: dict[str, object] = {"figure": name, "n": result.n, "value": result.value}
    row["status"] = result.status
    if len(result.per_seed) > 1:
        row["sd_over_seeds"] = float(np.std(result.per_seed, ddof=1))
    return row | _ends(find_interval(result))


def _ends(interval: Interval | None) -> dict[str, object]:
    if interval is None:
        return {}
    return {"low": interval.low, "high": interval.high, "interval_over": interval.over}


def _estimate_row(figure: str, estimate: SeedMean) -> dict[str, object]:
    row: dict[str, object] = {"figure": figure, "value": estimate.mean}
    if estimate.values:
        row["n"] = sum(value is not None for value in estimate.values)
    row["status"] = "unknown" if estimate.mean is None else "ok"
    if estimate.sd is not None:
        row["sd_over_seeds"] = estimate.sd
    if estimate.interval is not None:
        low, high = estimate.interval
        row |= {"low": low, "high": high, "interval_over": "seeds"}
    return row


def _write_seeds(seeds: Iterable[object]) -> str:
    """Write known seeds, and pairs of seeds as 0/0."""
    pairs = (seed if isinstance(seed, tuple) else (seed,) for seed in seeds)
    texts = ("/".join("-" if s is None else str(s) for s in pair) for pair in pairs)
    return " ".join(text for text in texts if text != "-")
