"""The summary that a run's record keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.errors import TruthError
from harness.report.training import load_run_training, tau_over_training
from harness.report.yardsticks import measure_yardsticks
from harness.runs.folder import RunFolder
from harness.scores import STATUS_OK, load_scores
from harness.stats import summarise
from harness.truth import TruthTable, default_query


def summarise_run(folder: RunFolder, table: TruthTable) -> dict[str, Any]:
    """Compute the summary that a run's record keeps, once its tables are written.

    Args:
        folder: The run.
        table: The table that it was ranked against.

    Returns:
        Plain values, ready for JSON.

    Raises:
        TruthError: If no architecture with a score has a truth.
    """
    record = folder.read_record()
    scores = load_scores(folder.path / "scores.parquet")
    scored = scores[scores["status"] == STATUS_OK].set_index("nb201_index")["score"]
    run = load_run_training(folder, record)
    query = default_query(run.config.dataset)
    truth = table.select(query)
    known = np.isin(truth.nb201_index, scored.index.to_numpy())
    indices, accuracy = truth.nb201_index[known], truth.accuracy[known]
    if len(indices) == 0:
        raise TruthError(
            f"None of the {len(scored):,} architectures that run {record.run_id} gave a score has "
            f"a truth for {query}. Rank others with --n-archs."
        )
    yardsticks = measure_yardsticks(table, query, indices, run.config.dataset)
    return {
        "truth": str(query),
        "n_ranked": record.data.get("n_ranked"),
        "n_unscored": int((scores["status"] != STATUS_OK).sum()),
        **summarise(scored.reindex(indices).to_numpy(), accuracy).to_dict(),
        "baselines": yardsticks.baselines,
        "one_seed_reference": yardsticks.reference,
        "ceilings": yardsticks.ceilings,
        "disturbance": run.disturbance,
        "train_loss": run.train_loss,
        "plasticity": run.plasticity,
        "over_training": tau_over_training(run, dict(zip(indices.tolist(), accuracy, strict=True))),
        "probe_share_of_training": _share(record.timings),
    }


def _share(timings: dict[str, float]) -> float | None:
    train = timings.get("train_s", 0.0)
    return round(timings.get("probe_s", 0.0) / train, 4) if train else None
