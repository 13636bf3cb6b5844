"""Reports as CSV."""

from __future__ import annotations

import csv
import io

from harness.report.estimates import Estimate
from harness.report.tables import Report

CSV_ESTIMATES = (
    "tau",
    "tau_top_half",
    "tau_top_10",
    "spearman",
    "weighted_tau",
    "mean_pd",
    "positive_pd",
    "positive_frac",
    "progress",
    "train_loss",
    "plasticity",
    "cost_s",
)


def to_csv(report: Report) -> str:
    """Return rows and differences as CSV in full precision; empty cells are missing figures."""
    records: list[dict[str, object]] = []
    for row in report.rows:
        record: dict[str, object] = {
            "kind": "strategy",
            "dataset": row.dataset,
            "name": row.label,
            "preset": row.preset,
            "settings": row.settings_sha256[:8],
            "seeds": " ".join(map(str, row.seeds)),
            "truth": row.truth,
            "bn_mode": row.bn_mode,
            "n_ranked": row.n_ranked,
            "n": row.n,
            "params_tau": row.params_tau,
            "flops_tau": row.flops_tau,
            "one_seed_reference": row.reference["tau"] if row.reference else None,
            "ceiling": row.ceiling,
        }
        for name in CSV_ESTIMATES:
            record |= _estimate_cells(name, getattr(row, name))
        records.append(record)
    for comparison in report.comparisons:
        records.append(
            {
                "kind": "difference",
                "dataset": comparison.dataset,
                "name": comparison.name,
                "truth": comparison.truth,
                "seeds": " ".join(map(str, comparison.seeds)),
                "n": comparison.n,
                "claim": comparison.claim,
                **_estimate_cells(comparison.metric, comparison.difference),
            }
        )
    file = io.StringIO()
    headings = list(dict.fromkeys(key for record in records for key in record))
    writer = csv.DictWriter(file, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()


def _estimate_cells(name: str, estimate: Estimate) -> dict[str, object]:
    low, high = estimate.interval or (None, None)
    return {
        name: estimate.mean,
        f"{name}_sd": estimate.sd,
        f"{name}_low": low,
        f"{name}_high": high,
    }
