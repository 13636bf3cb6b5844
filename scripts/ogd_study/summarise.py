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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.estimators.runs import label_configs, scores_path, settings_sha256
from harness.report.markup import Block, block_to_markdown
from harness.runs.folder import RunFolder, find_runs
from harness.runs.record import FINISHED, Record
from harness.scores import STATUS_OK, load_scores
from harness.settings.run import READOUTS, RunConfig
from harness.spaces import load_space
from harness.spaces.lookup import keys_of_rows
from harness.stats import holm, kendall_tau, paired_contrast, smallest_detectable, top_share
from harness.stats.contrasts import Contrast
from harness.stats.intervals import student_quantile
from harness.truth import default_query, find_truth

POPULATIONS = {"all": 1.0, "top_half": 0.5, "top_10": 0.1}
SHARED = ("0", "1", "2+")


class Run(NamedTuple):
    """A finished run, and the name of its method."""

    method: str
    folder: RunFolder
    record: Record
    config: RunConfig


def main() -> None:
    """Read the run folders and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of them")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--baseline", default="spos", help="the method that others are compared to")
    parser.add_argument("--primary", help="the method of the primary contrast, by its own readout")
    args = parser.parse_args()
    runs = _name_methods(find_runs(args.runs))
    rows = pd.DataFrame(_read(runs, args.data_dir)).drop_duplicates("run")
    args.out.mkdir(parents=True, exist_ok=True)
    rows.to_csv(args.out / "runs.csv", index=False, float_format="%.5g")
    primary = args.primary and (args.primary, _own_measure(runs, args.primary))
    _write(args.out / "contrasts.md", _contrasts(rows, args.baseline, primary))
    _write(args.out / "relations.md", [_relations(rows)])
    _write(args.out / "disturbance.md", [_disturbance(runs)])


def _write(path: Path, blocks: Iterable[Block]) -> None:
    lines = [line for block in blocks for line in block_to_markdown(block)]
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")


def _name_methods(folders: Sequence[RunFolder]) -> list[Run]:
    read = [(folder, folder.read_record()) for folder in folders]
    finished = [(f, r, RunConfig(**r.config)) for f, r in read if r.status == FINISHED]
    unique = {settings_sha256(config): config for _, _, config in finished}
    labels = dict(zip(unique, label_configs(list(unique.values())), strict=True))
    return [Run(labels[settings_sha256(config)], f, r, config) for f, r, config in finished]


def _read(runs: Sequence[Run], data_dir: Path | None) -> Iterator[dict[str, Any]]:
    truths: dict[tuple[str, str], dict[int, float]] = {}
    for run in runs:
        named = space_name, dataset = run.config.space, run.config.dataset
        if named not in truths:
            space = load_space(space_name)
            mean = find_truth(dataset, data_dir, space).mean(default_query(dataset, space))
            truths[named] = mean.by_index()
        yield {
            "method": run.method,
            "seed": run.config.seed,
            **_taus(run, truths[named]),
            **_training(run.record),
            "run": run.folder.path.name,
        }


def _taus(run: Run, known: Mapping[int, float]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for readout in READOUTS:
        path = scores_path(run.folder, run.config, readout)
        if not path.exists():
            continue
        scores = load_scores(path)
        scores = scores[scores["status"] == STATUS_OK]
        keys = keys_of_rows(scores, load_space(run.config.space)).tolist()
        is_known = [key in known for key in keys]
        y = np.array([known[key] for key in keys if key in known])
        x = scores["score"].to_numpy()[is_known]
        for population, share in POPULATIONS.items():
            chosen = top_share(y, share)
            found[f"tau_{readout}_{population}"] = kendall_tau(x[chosen], y[chosen]).value
        found["n"] = len(y)
    return found


def _training(record: Record) -> dict[str, Any]:
    summary = record.summary
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


def _own_measure(runs: Sequence[Run], method: str) -> str:
    """Name tau of all by the readout that a method's runs rank by."""
    readouts = {run.config.rank_readout for run in runs if run.method == method}
    if len(readouts) != 1:
        found = ", ".join(sorted(readouts)) or "no run"
        raise SystemExit(f"The primary method {method} needs runs of one readout; found: {found}.")
    return f"tau_{readouts.pop()}_all"


def _contrasts(
    rows: pd.DataFrame, baseline: str, primary: tuple[str, str] | None
) -> Iterator[Block]:
    headings = "method", "pairs", "mean [95%]", "p", "p by Holm", "smallest effect seen with 80%"
    for measure in (name for name in rows.columns if name.startswith("tau_")):
        found = []
        for method, group in rows.groupby("method", sort=False):
            both = _pairs(rows[rows["method"] == baseline], group, measure)
            if method != baseline and len(both) >= 2:
                found.append((str(method), paired_contrast(both)))
        first = primary[0] if primary and measure == primary[1] else None
        corrected = holm([contrast.p for name, contrast in found if name != first])
        secondary = iter(corrected)
        cells = [
            (
                name,
                str(contrast.n),
                _interval(contrast, 3),
                f"{contrast.p:.3f}",
                "primary" if name == first else f"{next(secondary):.3f}",
                f"{smallest_detectable(contrast.sd, contrast.n) if contrast.sd else 0.0:.3f}",
            )
            for name, contrast in found
        ]
        yield Block(f"{measure}: difference to {baseline}, paired by seed", headings, cells)


def _relations(rows: pd.DataFrame) -> Block:
    groups = [(str(name), group) for name, group in rows.groupby("method", sort=False)]
    cells = [
        (
            name,
            str(len(group)),
            str(group["seed"].nunique()),
            *(describe_relation(group, f"tau_{readout}_all") for readout in READOUTS),
        )
        for name, group in [*groups, ("all methods, pooled", rows)]
    ]
    title = (
        "Tau against PD+ over seeds, training loss held fixed: partial correlations [95%]; both "
        "are taken from their methods' means first. Seeds are shared by the methods (same "
        "initial weights, paths and batches), so the pooled interval is a jackknife over seeds"
    )
    headings = "runs of", "runs", "seeds", *(f"{name} readout" for name in READOUTS)
    return Block(title, headings, cells)


def describe_relation(rows: pd.DataFrame, measure: str) -> str:
    """Return the correlation of tau and PD+ within methods at equal training loss, in words.

    The interval of one method is Fisher's, on the degrees of freedom that its mean and the loss
    leave. Runs of several methods share their seeds and are not independent: their interval is
    Student's over the seeds, by a jackknife that leaves out all runs of a seed at a time, in
    Fisher's z.

    Reference:
        Kott, The delete-a-group jackknife, Journal of Official Statistics 2001.
    """
    names = [measure, "positive_pd", "train_loss"]
    known = rows[["method", "seed", *names]].dropna()
    n_methods, seeds = known["method"].nunique(), known["seed"].unique()
    free = len(known) - n_methods - 1
    # without a seed, runs of several methods need two degrees of freedom: of one, r is 1 or -1
    if free < 3 or (n_methods > 1 and free - known["seed"].value_counts().max() < 2):
        return "too few runs"
    r = _correlate(known, names)
    z = np.arctanh(r)
    if n_methods == 1:
        # n - 3 for a plain correlation of n values, which has n - 1 degrees of freedom
        half = 1.96 / np.sqrt(free - 2)
    else:
        without = [np.arctanh(_correlate(known[known["seed"] != seed], names)) for seed in seeds]
        n_seeds = len(seeds)
        se = np.sqrt((n_seeds - 1) * np.var(without))
        half = student_quantile(n_seeds - 1, 0.975) * se
    low, high = np.tanh(z + np.array([-half, half]))
    return f"{r:+.2f} [{low:+.2f}, {high:+.2f}]"


def _correlate(known: pd.DataFrame, names: Sequence[str]) -> float:
    """Correlate the first two within methods, with what the third explains taken out."""
    centred = known[list(names)] - known.groupby("method")[list(names)].transform("mean")
    x, y, control = (centred[name].to_numpy() for name in names)
    x, y = (v - control * (v @ control) / (control @ control) for v in (x, y))
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def _disturbance(runs: Sequence[Run]) -> Block:
    cells = []
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
            cells.append((*map(str, key), str(len(by_run)), *figures))
    title = (
        "Disturbance of recent paths by one step, nats: means over seeds, [95%] by Student's t "
        "over them; PD+ is the mean of the harm alone"
    )
    headings = "method", "third of training", "shared convolutions", "seeds", "mean PD", "PD+"
    return Block(title, headings, cells, texts=3)


def _probes(run: Run) -> pd.DataFrame | None:
    probes = run.folder.read_table("disturbance")
    if probes is None:
        return None
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
    return _interval(paired_contrast(values), 4)


def _interval(found: Contrast, digits: int) -> str:
    return f"{found.mean:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"


def _pairs(base_rows: pd.DataFrame, own_rows: pd.DataFrame, measure: str) -> np.ndarray:
    base = base_rows.set_index("seed")[measure]
    own = own_rows.set_index("seed")[measure]
    common = base.index.intersection(own.index)
    found: np.ndarray = (own.loc[common] - base.loc[common]).dropna().to_numpy()
    return found


if __name__ == "__main__":
    main()
