"""Gather the records, labels and figures of many runs of predictors in three files.

    python scripts/few_labels/gather.py OUT results/few-labels

`records.jsonl` has a record a line, `labels.parquet` which architectures were whose labels,
`figures.jsonl` a predictor a line, with the figures of each label seed. Folders of the runs of seed
0 are copied whole.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.estimators.loading import load_estimators
from harness.estimators.matrix import ScoreMatrix
from harness.evaluation import ChosenTruth, choose_truth
from harness.evaluation.leaks import measure_leak_free
from harness.runs.folder import RECORD, list_folders
from harness.stats import Case, CaseScores

METRICS = ("tau", "tau_top_50", "tau_top_10", "regret_at_10")


def main() -> None:
    """Gather the predictors' runs of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("to", type=Path)
    given = parser.parse_args()
    lines, labels, paths = [], [], []
    for folder in list_folders([given.out]):
        record = json.loads((folder.path / RECORD).read_text())
        if record["config"].get("estimator") != "predictor":
            continue
        assert record["status"] == "finished", folder.path
        lines.append(json.dumps(record))
        paths.append(folder.path)
        own = pd.read_parquet(folder.path / "labels.parquet")
        labels.append(own[["nb201_index"]].assign(run_id=record["run_id"]))
        if record["config"]["seed"] == 0:
            ignored = shutil.ignore_patterns("*.lock", ".lock", "*.log")
            copy = given.to / folder.path.name
            shutil.copytree(folder.path, copy, ignore=ignored, dirs_exist_ok=True)
    given.to.mkdir(parents=True, exist_ok=True)
    (given.to / "records.jsonl").write_text("\n".join(lines) + "\n")
    table = pd.concat(labels, ignore_index=True)
    table["run_id"] = table["run_id"].astype("category")
    table.to_parquet(given.to / "labels.parquet", index=False, compression="zstd")
    estimators = sorted(load_estimators(paths).estimators, key=lambda each: each.label)
    chosen = choose_truth(estimators=estimators)
    figures = [json.dumps(measure(estimator, chosen)) for estimator in estimators]
    (given.to / "figures.jsonl").write_text("\n".join(figures) + "\n")
    print(f"{len(lines)} runs, {len(table):,} labels")


def measure(estimator: ScoreMatrix, chosen: ChosenTruth) -> dict[str, Any]:
    """Compute the figures of each label seed, on the architectures that it has no label of."""
    keys = np.intersect1d(estimator.complete_archs, chosen.truth.keys)
    truth = chosen.goodness[np.isin(chosen.truth.keys, keys)]
    judged = estimator.judged_on(keys)
    assert judged is not None, estimator.label
    case = Case(keys, None, truth, space=estimator.space)
    scores = CaseScores(case, estimator.scores_of(keys), known=~judged)
    found = {name: scores.sample(name, "all").values.tolist() for name in METRICS}
    found["leak_free"] = list(measure_leak_free(scores, estimator.fitted_on).per_seed)
    rounded = {name: [round(value, 6) for value in values] for name, values in found.items()}
    return {"estimator": estimator.label, "seeds": list(estimator.seeds), **rounded}


if __name__ == "__main__":
    main()
