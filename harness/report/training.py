"""The training of a run, from its folder: disturbance, loss, small rankings, cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.estimators import SUPERNET
from harness.estimators.matrix import ScoreMatrix
from harness.report.run_tables import read_run_table
from harness.runs.folder import RunFolder
from harness.runs.record import Record
from harness.scores import STATUS_OK, load_scores
from harness.settings.run import RunConfig
from harness.spaces import Space, load_space
from harness.spaces.lookup import keys_of_rows
from harness.stats import MIN_ARCHS, kendall_tau

VICTIM_SETS = ("recent", "fixed")
_PROBE_NUMBERS = ("loss_before", "loss_after", "accuracy_before", "accuracy_after", "logit_change")


@dataclass(frozen=True, eq=False)
class RunTraining:
    """One run's training.

    Attributes:
        record: The run's record.
        config: Its settings.
        probes: Disturbance, one row for each path and step, as in `disturbance.parquet`, with
            `pd_loss` (nats) added; None if not measured.
        curve: `step` and `train_loss` (nats); None if there is none.
        interim: Small rankings during training: `step`, `key`, `loss`; None if there are none.
        final: The last ranking's finite losses by key, if it was made in the same way as those
            during training; None if there are none, or it averages several snapshots or stopped
            early.
        plasticity: Mean tr P / d of the projectors at the end, 0-1; None without projectors.
    """

    record: Record
    config: RunConfig
    probes: pd.DataFrame | None
    curve: pd.DataFrame | None
    interim: pd.DataFrame | None
    final: pd.Series[float] | None
    plasticity: float | None

    @property
    def cost_s(self) -> float:
        """Seconds that the whole run took."""
        return sum(self.record.timings.values())

    @property
    def train_loss(self) -> float | None:
        """Mean final training loss over the fixed architectures, nats."""
        return None if self.curve is None else _finite(float(self.curve["train_loss"].iloc[-1]))

    @cached_property
    def disturbance(self) -> dict[str, Any]:
        """Figures of `summarise_disturbance`, computed once."""
        return summarise_disturbance(self)

    def probes_of(self, probe_set: str) -> pd.DataFrame:
        """Return the finite measurements of "trained", "recent" or "fixed"; perhaps empty."""
        if probe_set in self._finite_probes:
            return self._finite_probes[probe_set]
        return pd.DataFrame({"step": [], "pd_loss": [], "shared_convs": []})

    @cached_property
    def _finite_probes(self) -> dict[str, pd.DataFrame]:
        """The finite measurements by probe set, from which every figure is made."""
        if self.probes is None:
            return {}
        finite = self.probes[np.isfinite(self.probes["pd_loss"])]
        return {str(name): part for name, part in finite.groupby("probe_set", observed=True)}


class TauPoint(dict[str, Any]):
    """A small ranking: `step`, `train_loss`, `tau` and its `n` (both None if there is none)."""


def is_trained(estimator: ScoreMatrix) -> bool:
    """Say whether an estimator is one of runs that trained a supernet."""
    return estimator.config is not None and estimator.config.estimator == SUPERNET


def load_training(estimator: ScoreMatrix) -> tuple[RunTraining, ...]:
    """Read the training of an estimator's runs, one for each seed, seeds ascending.

    Raises:
        StoreError: If a table of a run is damaged.
    """
    folders = map(RunFolder, estimator.paths)
    return tuple(map(load_run_training, folders, estimator.records))


def load_run_training(folder: RunFolder, record: Record) -> RunTraining:
    """Read the training of one run.

    Args:
        folder: The run.
        record: Its record.

    Returns:
        Its training.

    Raises:
        StoreError: If a table is damaged.
        DataError: If its scores are.
    """
    config = RunConfig(**record.config)
    counts, texts = ("step", "shared_convs"), ("probe_set",)
    probes = read_run_table(folder, "disturbance", counts, _PROBE_NUMBERS, texts=texts)
    if probes is not None:
        probes = _with_pd(probes)
    diagnostics = read_run_table(folder, "diagnostics", ("step",), (), optional=("plasticity",))
    plasticity = None
    if diagnostics is not None and "plasticity" in diagnostics:
        plasticity = _finite(float(diagnostics["plasticity"].iloc[-1]))
    return RunTraining(
        record=record,
        config=config,
        probes=probes,
        curve=read_run_table(folder, "curve", ("step",), ("train_loss",)),
        interim=_load_interim(folder, load_space(config.space)),
        final=_load_final(folder, config),
        plasticity=plasticity,
    )


def _load_final(folder: RunFolder, config: RunConfig) -> pd.Series[float] | None:
    """Read the losses of the last ranking by the run's own readout, which small rankings use."""
    if not config.rank_every or not config.ends_in_small_ranking:
        return None
    space = load_space(config.space)
    scores = load_scores(folder.path / "scores.parquet", space)
    ok = scores[scores["status"] == STATUS_OK]
    return pd.Series(ok["loss"].to_numpy(), keys_of_rows(ok, space)).dropna()


def _load_interim(folder: RunFolder, space: Space) -> pd.DataFrame | None:
    column = space.index_column or "arch_key"
    table = read_run_table(folder, "interim_scores", ("step", column), ("loss",))
    return None if table is None else table.rename(columns={column: "key"})


def _with_pd(probes: pd.DataFrame) -> pd.DataFrame:
    return probes.assign(pd_loss=probes["loss_after"] - probes["loss_before"])


def tau_over_training(run: RunTraining, truth: Mapping[int, float]) -> list[TauPoint]:
    """Return training loss and tau at each measured step.

    Args:
        run: The run.
        truth: Accuracy by key.

    Returns:
        One point for each measured step. All taus are on the same architectures, by the run's own
        readout, with the weights at that step; the last point has no tau if the run ended without
        such a ranking.
    """
    points: list[TauPoint] = []
    if run.curve is None:
        return points
    known = np.array(sorted(truth), dtype=np.int64)
    for step, train_loss in zip(run.curve["step"], run.curve["train_loss"], strict=True):
        point = TauPoint(step=int(step), train_loss=_finite(train_loss), tau=None, n=None)
        if run.interim is not None:
            at = run.interim[run.interim["step"] == step]
            small = at[at["key"].isin(known)]
            point |= _rank(small["key"].to_numpy(), small["loss"].to_numpy(), truth)
        points.append(point)
    if run.final is not None:
        space = load_space(run.config.space)
        ranked = space.prefix(run.config.rank_every_archs, run.config.rank_offset)
        last = run.final[run.final.index.isin(ranked) & run.final.index.isin(known)]
        points[-1] |= _rank(last.index.to_numpy(), last.to_numpy(), truth)
    return points


def _rank(
    index: npt.NDArray[Any], loss: npt.NDArray[Any], truth: Mapping[int, float]
) -> dict[str, Any]:
    if len(loss) < MIN_ARCHS or not np.isfinite(loss).all():
        return {}
    accuracy = np.array([truth[i] for i in index.tolist()])
    return {"tau": kendall_tau(-loss, accuracy).value, "n": len(loss)}


def summarise_disturbance(run: RunTraining) -> dict[str, Any]:
    """Summarise a run's measured disturbance, over the whole training.

    Args:
        run: The run.

    Returns:
        `progress` (mean loss that the trained paths lost on the probe batch, nats), and for
        each probe set: `n` (and `n_not_finite` left out, if any), `mean_pd`, `positive_pd`
        (mean of max(PD, 0), nats), `positive_frac` (share with PD > 0), `accuracy_change`
        (points), `logit_change`; the same by number of shared convolution edges under
        `by_shared_convs`. Empty if none was measured.

    Reference:
        Niu et al., 2020, arXiv 2003.13089; the positive part and the split are this project's.
    """
    if run.probes is None:
        return {}
    trained = run.probes[run.probes["probe_set"] == "trained"]
    summary: dict[str, Any] = {"progress": _finite(-float(trained["pd_loss"].mean()))}
    for probe_set in VICTIM_SETS:
        victims = run.probes[run.probes["probe_set"] == probe_set]
        summary[probe_set] = _pd_figures(victims)
        summary[probe_set]["by_shared_convs"] = {
            str(shared): _pd_figures(group) for shared, group in victims.groupby("shared_convs")
        }
    return summary


def _pd_figures(victims: pd.DataFrame) -> dict[str, Any]:
    is_finite = np.isfinite(victims["pd_loss"])
    left_out = {} if is_finite.all() else {"n_not_finite": int((~is_finite).sum())}
    victims = victims[is_finite]
    if victims.empty:
        return {"n": 0, **left_out}
    pd_loss = victims["pd_loss"]
    change = victims["accuracy_after"] - victims["accuracy_before"]
    return {
        "n": len(victims),
        **left_out,
        "mean_pd": float(pd_loss.mean()),
        "positive_pd": float(pd_loss.clip(lower=0).mean()),
        "positive_frac": float((pd_loss > 0).mean()),
        "accuracy_change": float(change.mean()),
        "logit_change": float(victims["logit_change"].mean()),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
