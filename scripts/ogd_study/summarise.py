"""Tables of the study from its run folders: one row a run, and the contrasts over seeds.

    python scripts/ogd_study/summarise.py results/ogd-study/tiles --out results/ogd-study/tiles

Writes `runs.csv` (tau by either readout and population, training loss, disturbance, cost of every
run), `contrasts.md` (paired differences to the baseline; Holm over all but the primary contrast),
`relations.md` (does a run that disturbs less rank better, among runs of one method and at equal
training loss?) and `disturbance.md` (how much a step disturbs recent paths, by third of training
and by shared convolutions). The names of methods are those of `harness report`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.config import READOUTS, RunConfig
from harness.estimators.runs import label_configs, scores_path, settings_sha256
from harness.scores import STATUS_OK, load_scores
from harness.stats import holm, kendall_tau, paired_contrast, smallest_detectable, top_share
from harness.store import FINISHED, RunFolder, find_runs
from harness.truth import TruthTable, default_query, find_truth

POPULATIONS = {"all": 1.0, "top_half": 0.5, "top_10": 0.1}
PRIMARY_MEASURE = "tau_refitted_all"
SHARED = ("0", "1", "2+")


class Run(NamedTuple):
    """A finished run, and the name of its method."""

    method: str
    folder: RunFolder
    config: RunConfig


def main() -> None:
    """Read the run folders and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of them")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--baseline", default="spos", help="the method that others are compared to")
    parser.add_argument("--primary", help="the method of the primary contrast")
    args = parser.parse_args()
    folders = [f for f in find_runs(args.runs) if f.read_record().status == FINISHED]
    methods = _name_methods(folders)
    rows = pd.DataFrame(_read(methods, args.data_dir)).drop_duplicates("run")
    args.out.mkdir(parents=True, exist_ok=True)
    rows.to_csv(args.out / "runs.csv", index=False, float_format="%.5g")
    (args.out / "contrasts.md").write_text(
        _contrasts(rows, args.baseline, args.primary), encoding="utf-8"
    )
    (args.out / "relations.md").write_text(_relations(rows), encoding="utf-8")
    (args.out / "disturbance.md").write_text(_disturbance(methods), encoding="utf-8")


def _name_methods(folders: Sequence[RunFolder]) -> list[Run]:
    configs = [RunConfig(**f.read_record().config) for f in folders]
    unique = {settings_sha256(config): config for config in configs}
    labels = dict(zip(unique, label_configs(list(unique.values())), strict=True))
    return [
        Run(labels[settings_sha256(config)], folder, config)
        for folder, config in zip(folders, configs, strict=True)
    ]


def _read(runs: Sequence[Run], data_dir: Path | None) -> Iterator[dict[str, Any]]:
    tables: dict[str, TruthTable] = {}
    for method, folder, config in runs:
        if config.dataset not in tables:
            tables[config.dataset] = find_truth(config.dataset, data_dir)
        yield {
            "method": method,
            "seed": config.seed,
            **_taus(folder, config, tables[config.dataset]),
            **_training(folder),
            "run": folder.path.name,
        }


def _taus(folder: RunFolder, config: RunConfig, table: TruthTable) -> dict[str, Any]:
    truth = table.mean(default_query(config.dataset))
    known = dict(zip(truth.nb201_index.tolist(), truth.accuracy.tolist(), strict=True))
    found: dict[str, Any] = {}
    for readout in READOUTS:
        path = scores_path(folder, config, readout)
        if not path.exists():
            continue
        scores = load_scores(path)
        scores = scores[(scores["status"] == STATUS_OK) & scores["nb201_index"].isin(known)]
        y = np.array([known[index] for index in scores["nb201_index"]])
        x = scores["score"].to_numpy()
        for population, share in POPULATIONS.items():
            chosen = top_share(y, share)
            found[f"tau_{readout}_{population}"] = kendall_tau(x[chosen], y[chosen]).value
        found["n"] = len(y)
    return found


def _training(folder: RunFolder) -> dict[str, Any]:
    record = folder.read_record()
    summary = record.summary or {}
    disturbance = summary.get("disturbance") or {}
    recent = disturbance.get("recent") or {}
    return {
        "train_loss": summary.get("train_loss"),
        "mean_pd": recent.get("mean_pd"),
        "positive_pd": recent.get("positive_pd"),
        "progress": disturbance.get("progress"),
        "plasticity": summary.get("plasticity"),
        "train_s": record.timings.get("train_s"),
        "rank_s": record.timings.get("rank_s"),
    }


def _contrasts(rows: pd.DataFrame, baseline: str, primary: str | None) -> str:
    measures = [name for name in rows.columns if name.startswith("tau_")]
    lines: list[str] = []
    for measure in measures:
        found = []
        for method, group in rows.groupby("method", sort=False):
            both = _pairs(rows[rows["method"] == baseline], group, measure)
            if method != baseline and len(both) >= 2:
                found.append((str(method), paired_contrast(both)))
        first = primary if measure == PRIMARY_MEASURE else None
        corrected = holm([contrast.p for name, contrast in found if name != first])
        secondary = iter(corrected)
        lines += ["", f"## {measure}: difference to {baseline}, paired by seed", ""]
        lines += ["| method | pairs | mean [95%] | p | p by Holm | smallest effect seen with 80% |"]
        lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
        for name, contrast in found:
            p = "primary" if name == first else f"{next(secondary):.3f}"
            seen = smallest_detectable(contrast.sd, contrast.n) if contrast.sd else 0.0
            lines.append(
                f"| {name} | {contrast.n} | {contrast.mean:+.3f} [{contrast.low:+.3f}, "
                f"{contrast.high:+.3f}] | {contrast.p:.3f} | {p} | {seen:.3f} |"
            )
    return "\n".join(lines).strip() + "\n"


def _relations(rows: pd.DataFrame) -> str:
    lines = ["## Tau against PD+ over seeds, training loss held fixed", ""]
    lines += ["Partial correlations; both are taken from their methods' means first.", ""]
    lines += ["| runs of | runs | shared readout [95%] | refitted readout [95%] |"]
    lines += ["| --- | ---: | ---: | ---: |"]
    groups = [(str(name), group) for name, group in rows.groupby("method", sort=False)]
    for name, group in [*groups, ("all methods, pooled", rows)]:
        found = [_partial(group, f"tau_{readout}_all") for readout in READOUTS]
        lines.append(f"| {name} | {len(group)} | {' | '.join(found)} |")
    return "\n".join(lines) + "\n"


def _partial(rows: pd.DataFrame, measure: str) -> str:
    """Return the correlation of tau and PD+ within methods at equal training loss, in words.

    The interval is Fisher's, on the degrees of freedom that the methods' means and the loss leave.
    """
    names = [measure, "positive_pd", "train_loss"]
    known = rows[["method", *names]].dropna()
    centred = known[names] - known.groupby("method")[names].transform("mean")
    x, y, control = (centred[name].to_numpy() for name in (measure, "positive_pd", "train_loss"))
    free = len(known) - known["method"].nunique() - 1
    if free < 3:
        return "too few runs"
    x, y = (v - control * (v @ control) / (control @ control) for v in (x, y))
    r = float(x @ y / np.sqrt((x @ x) * (y @ y)))
    # n - 3 for a plain correlation of n values, which has n - 1 degrees of freedom
    half = 1.96 / np.sqrt(free - 2)
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return f"{r:+.2f} [{low:+.2f}, {high:+.2f}]"


def _disturbance(runs: Sequence[Run]) -> str:
    lines = ["## Disturbance of recent paths by one step, nats", ""]
    lines += [
        "Means over seeds; [95%] by Student's t over them. PD+ is the mean of the harm alone.",
        "",
    ]
    lines += ["| method | third of training | shared convolutions | seeds | mean PD | PD+ |"]
    lines += ["| --- | --- | --- | ---: | ---: | ---: |"]
    frames = [
        probes.assign(method=run.method, run=run.folder.path.name)
        for run in runs
        if (probes := _probes(run)) is not None
    ]
    if frames:
        keys = ["method", "third", "shared"]
        for key, group in pd.concat(frames).groupby(keys):
            by_run = group.groupby("run")["pd"]
            mean, positive = by_run.mean(), by_run.agg(lambda x: x.clip(lower=0).mean())
            figures = [_mean_interval(values.to_numpy()) for values in (mean, positive)]
            words = [*map(str, key), str(len(by_run)), *figures]
            lines.append(f"| {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def _probes(run: Run) -> pd.DataFrame | None:
    path = run.folder.path / "disturbance.parquet"
    if not path.exists():
        return None
    probes = pd.read_parquet(path)
    probes = probes[probes["probe_set"] == "recent"]
    return pd.DataFrame(
        {
            "third": 3 * probes["step"] // run.config.steps + 1,
            "shared": probes["shared_convs"].clip(upper=2).map(dict(enumerate(SHARED))),
            "pd": probes["loss_after"] - probes["loss_before"],
        }
    )


def _mean_interval(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{values.mean():+.4f}"
    found = paired_contrast(values)
    return f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def _pairs(base_rows: pd.DataFrame, own_rows: pd.DataFrame, measure: str) -> np.ndarray:
    base = base_rows.set_index("seed")[measure]
    own = own_rows.set_index("seed")[measure]
    common = base.index.intersection(own.index)
    found: np.ndarray = (own.loc[common] - base.loc[common]).dropna().to_numpy()
    return found


if __name__ == "__main__":
    main()
