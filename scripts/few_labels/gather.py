"""Gather the records and labels of many runs in two files.

    python scripts/few_labels/gather.py OUT results/few-labels

`records.jsonl` has a record a line, `labels.parquet` which architectures were whose labels.
Folders of the runs of seed 0 are copied whole.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pandas as pd

from harness.runs.folder import RECORD, list_folders


def main() -> None:
    """Gather the predictors' runs of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("to", type=Path)
    given = parser.parse_args()
    lines, labels = [], []
    for folder in list_folders([given.out]):
        record = json.loads((folder.path / RECORD).read_text())
        if record["config"].get("estimator") != "predictor":
            continue
        assert record["status"] == "finished", folder.path
        lines.append(json.dumps(record))
        own = pd.read_parquet(folder.path / "labels.parquet")
        labels.append(own[["nb201_index"]].assign(run_id=record["run_id"]))
        if record["config"]["seed"] == 0:
            ignored = shutil.ignore_patterns("*.lock", ".lock", "*.log")
            shutil.copytree(folder.path, given.to / folder.path.name, ignore=ignored)
    given.to.mkdir(parents=True, exist_ok=True)
    (given.to / "records.jsonl").write_text("\n".join(lines) + "\n")
    table = pd.concat(labels, ignore_index=True)
    table["run_id"] = table["run_id"].astype("category")
    table.to_parquet(given.to / "labels.parquet", index=False, compression="zstd")
    print(f"{len(lines)} runs, {len(table):,} labels")


if __name__ == "__main__":
    main()
