"""One finished run, read from its folder and held against the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.config import RunConfig
from harness.errors import MismatchError, StoreError, TruthError
from harness.report.truths import TruthChoice, measure_yardsticks
from harness.scores import STATUS_OK, load_scores
from harness.space.nb201 import sample_indices
from harness.stats import RankingSummary, kendall_tau, summarise
from harness.stats.populations import MIN_ARCHS
from harness.store import FINISHED, Record, RunFolder
from harness.truth import TruthQuery, TruthTable

FloatArray = npt.NDArray[np.float64]

VICTIM_SETS = ("recent", "fixed")


@dataclass(frozen=True, eq=False)
class RunResult:
    """What one run says.

    Attributes:
        record: The run's record.
        config: Its settings.
        query: The truth that it is held against.
        indices: `nb201_index` of the architectures that have a score and a truth, [n].
        ranking: How well it ranks them.
        baselines: As in `Yardsticks`, which these three are of.
        reference: As there.
        ceilings: As there.
        n_unscored: Architectures ranked without a score (their loss was not finite).
        disturbance: Figures of `summarise_disturbance`.
        train_loss: Mean training loss over the fixed architectures, at the end, nats.
        plasticity: Mean tr P / d of the projectors at the end, 0-1; None without projectors.
        over_training: By step: `train_loss`, and `tau` of the small ranking made there with its
            `n` (both None where none was made).
    """

    record: Record
    config: RunConfig
    query: TruthQuery
    indices: npt.NDArray[np.int64]
    ranking: RankingSummary
    baselines: dict[str, float | None]
    reference: dict[str, float] | None
    ceilings: dict[str, float | None]
    n_unscored: int
    disturbance: dict[str, Any]
    train_loss: float | None
    plasticity: float | None
    over_training: list[dict[str, float | None]]

    @property
    def cost_s(self) -> float:
        """Seconds that the run took, all parts together."""
        return sum(self.record.timings.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values: the record's summary."""
        return {
            "truth": str(self.query),
            "n_ranked": self.record.data.get("n_ranked"),
            "n_unscored": self.n_unscored,
            **self.ranking.to_dict(),
            "baselines": self.baselines,
            "one_seed_reference": self.reference,
            "ceilings": self.ceilings,
            "disturbance": self.disturbance,
            "train_loss": self.train_loss,
            "plasticity": self.plasticity,
            "over_training": self.over_training,
            "probe_share_of_training": _share(self.record.timings),
        }


def load_result(
    folder: RunFolder, table: TruthTable, choice: TruthChoice | None = None
) -> RunResult:
    """Read a finished run and compute its figures.

    Args:
        folder: The run.
        table: The table that it was ranked against.
        choice: Which of the table's truths to hold it against; its own unless given.

    Returns:
        The result.

    Raises:
        StoreError: If the run is not finished.
        MismatchError: If the table is not the one that the run was ranked against.
        TruthError: If the table lacks that truth, or has it for no architecture with a score.
        UsageError: If the choice has a policy that is none.
    """
    record = folder.read_record()
    if record.status != FINISHED:
        raise StoreError(
            f"Run {record.run_id} is {record.status}, not finished. Give the command that "
            "started it again to go on."
        )
    return _compute(folder, record, table, choice or TruthChoice())


def summarise_run(folder: RunFolder, table: TruthTable) -> dict[str, Any]:
    """Compute the summary that a run's record keeps, once its tables are written.

    Args:
        folder: The run.
        table: The table that it was ranked against.

    Returns:
        Plain values, ready for JSON.
    """
    return _compute(folder, folder.read_record(), table, TruthChoice()).to_dict()


def _compute(
    folder: RunFolder, record: Record, table: TruthTable, choice: TruthChoice
) -> RunResult:
    _check_table(record, table)
    config = RunConfig(**record.config)
    query = choice.query_for(config.dataset, table)
    scores = load_scores(folder.path / "scores.parquet")
    scored = scores[scores["status"] == STATUS_OK].set_index("nb201_index")["score"]
    truth = table.select(query)
    known = np.isin(truth.nb201_index, scored.index.to_numpy())
    indices, accuracy = truth.nb201_index[known], truth.accuracy[known]
    if len(indices) == 0:
        raise TruthError(
            f"None of the {len(scored):,} architectures that run {record.run_id} gave a score has "
            f"a truth for {query}. Ask for another truth, or rank others with --n-archs."
        )
    yardsticks = measure_yardsticks(table, query, indices, config.dataset)
    curve = folder.read_table("curve")
    interim = folder.read_table("interim_scores")
    over_training = _over_training(curve, interim, dict(zip(indices, accuracy, strict=True)))
    if over_training and config.rank_every:
        prefix = np.isin(indices, sample_indices(config.rank_every_archs))
        over_training[-1] |= _point(scored.reindex(indices[prefix]).to_numpy(), accuracy[prefix])
    return RunResult(
        record=record,
        config=config,
        query=query,
        indices=indices,
        ranking=summarise(scored.reindex(indices).to_numpy(), accuracy),
        **yardsticks._asdict(),
        n_unscored=int((scores["status"] != STATUS_OK).sum()),
        disturbance=summarise_disturbance(folder.read_table("disturbance")),
        train_loss=over_training[-1]["train_loss"] if over_training else None,
        plasticity=_last(folder.read_table("diagnostics"), "plasticity"),
        over_training=over_training,
    )


def _check_table(record: Record, table: TruthTable) -> None:
    if not table.is_recorded_as(record.data.get("truth_sha256")):
        raise MismatchError(
            f"Run {record.run_id} was ranked against truth "
            f"{str(record.data.get('truth_sha256'))[:12]}; the table at hand is "
            f"{table.sha256[:12]}. Give the data folder of that run with --data-dir."
        )


def summarise_disturbance(table: pd.DataFrame | None) -> dict[str, Any]:
    """Summarise measured disturbance.

    Args:
        table: One row a path and step, as `disturbance.parquet`; None where none was measured.

    Returns:
        `progress` (mean loss that the trained paths lost on the probe batch, nats), and for
        each probe set: `n` (and `n_not_finite` left out, if any), `mean_pd`, `positive_pd`
        (mean of max(PD, 0), nats), `positive_frac` (share with PD > 0), `accuracy_change`
        (points), `logit_change`; the same by number of shared convolution edges under
        `by_shared_convs`. Empty for None.

    Reference:
        Niu et al., 2020, arXiv 2003.13089; the positive part and the split are this project's.
    """
    if table is None or table.empty:
        return {}
    table = table.assign(pd_loss=table["loss_after"] - table["loss_before"])
    trained = table[table["probe_set"] == "trained"]
    summary: dict[str, Any] = {"progress": _finite(-float(trained["pd_loss"].mean()))}
    for probe_set in VICTIM_SETS:
        victims = table[table["probe_set"] == probe_set]
        summary[probe_set] = _pd_figures(victims)
        summary[probe_set]["by_shared_convs"] = {
            str(shared): _pd_figures(group) for shared, group in victims.groupby("shared_convs")
        }
    return summary


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


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


def _last(table: pd.DataFrame | None, column: str) -> float | None:
    return None if table is None or column not in table else _finite(float(table[column].iloc[-1]))


def _over_training(
    curve: pd.DataFrame | None, interim: pd.DataFrame | None, truth: dict[int, float]
) -> list[dict[str, float | None]]:
    """Put the training loss and the taus of small rankings side by side, by step."""
    points: list[dict[str, float | None]] = []
    if curve is None:
        return points
    for step, train_loss in zip(curve["step"], curve["train_loss"], strict=True):
        point = {"step": int(step), "train_loss": _finite(train_loss), "tau": None, "n": None}
        if interim is not None:
            scores = interim[(interim["step"] == step) & interim["nb201_index"].isin(truth.keys())]
            known = np.array([truth[index] for index in scores["nb201_index"]])
            point |= _point(-scores["loss"].to_numpy(), known)
        points.append(point)
    return points


def _point(score: FloatArray, truth: FloatArray) -> dict[str, float | None]:
    if len(score) < MIN_ARCHS or not np.isfinite(score).all():
        return {}
    return {"tau": kendall_tau(score, truth).value, "n": len(score)}


def _share(timings: dict[str, float]) -> float | None:
    train = timings.get("train_s", 0.0)
    return round(timings.get("probe_s", 0.0) / train, 4) if train else None
