"""The supernet as an estimator: its training is the preparation, its ranking gives the scores."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.errors import DivergedError, StoreError
from harness.estimators.base import Estimator, Needs, Row, Scores, Task
from harness.estimators.classes import class_key
from harness.estimators.runs import N_FEATURES, say_few_images, scores_path
from harness.estimators.supernet.final_ranking import FinalRanking
from harness.estimators.supernet.journal import FORMAT, open_journal
from harness.estimators.supernet.known import Known, find_known
from harness.estimators.supernet.ranker import Ranker
from harness.estimators.supernet.reuse import describe_training, find_training, has_begun, take_over
from harness.estimators.supernet.rounds import Goal
from harness.estimators.supernet.spread import score_all
from harness.scores import STATUS_FAILED
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.strategies import load_strategy
from harness.supernet.base import SuperNet
from harness.supernet.weights import hash_weights
from harness.training.checkpoint import PREVIOUS
from harness.training.disturbance import PROBE_SETS
from harness.training.loop import Trainer
from harness.training.snapshots import load_snapshot, ranking_order, snapshot_steps
from harness.truth import TruthTable, default_query

JOURNAL = "ranking.jsonl"
SCAFFOLDING = (JOURNAL, PREVIOUS)
"""Files that only serve to resume."""


class Supernet(Estimator):
    """A weight-sharing supernet under the run's strategy; the score is minus a path's loss."""

    name = "supernet"
    needs = Needs(images=True)

    @classmethod
    def check(cls, config: RunConfig, truth: TruthTable) -> None:
        """Refuse a strategy that cannot train the space, and a goal that lacks its truth."""
        load_strategy(config.strategy).check_space(load_space(config.space))
        if config.until_tau_se is not None:
            truth.mean(default_query(config.dataset, truth.space))

    def __init__(self, task: Task) -> None:
        """Make the supernet as it is before its first step."""
        super().__init__(task)
        config = task.config
        self.trainer = Trainer(config, task.data, load_strategy(config.strategy), task.ranks)
        self._ranker = Ranker(config, task.data, task.monitor, task.spread or score_all)
        self._rank_s = task.spent.get("rank_s", 0.0)

    def prepare(self) -> None:
        """Train, or reuse the training of a run that differs only in the ranking."""
        task, path = self.task, self.task.folder.path
        source = task.noted.get("source")
        if not has_begun(path):
            other = find_training(task.config, path, task.data.sha256, task.monitor)
            if other is None and not task.trains:
                raise StoreError(
                    f"Beside {path} there is no training that run {task.config.run_id} can take "
                    "over. `harness run` trains it."
                )
            source = other and describe_training(other)
            task.note(source=source)
            if other is not None:
                take_over(task.config, other, path)
        self.trainer.run(path, task.monitor, self._ranker.evaluate)
        task.ranks.leave()  # the first rank does the rest alone
        for name, columns in self.trainer.log.tables.items():
            if (
                name != "interim_scores" or source is None
            ):  # the other run's belong to its own ranking
                task.folder.write_table(name, self._tabulate(columns))

    def score(self, keys: Sequence[int]) -> Scores:
        """Rank with the weights of the last step, or of several checkpoints."""
        config, task, started = self.task.config, self.task, time.perf_counter()
        networks = self._load_networks()
        path = task.folder.path / JOURNAL
        n_features = networks[0].n_features
        few = say_few_images(config, n_features)
        if few is not None and config.rank_readout == "refitted":
            task.monitor.notice(f"{config.run_id}: {few}")
        try:
            weights_sha256 = hash_weights(*networks)
            journal = open_journal(path, config, weights_sha256)
            known = find_known(task, weights_sha256)
            reused = self._describe_known(known, keys)
            ranking = FinalRanking(
                self._ranker, networks, keys, journal, self._goal(), known
            ).rank()
        finally:
            self._rank_s += time.perf_counter() - started
        self._check_any_score(ranking.rows[config.rank_readout])
        return Scores(
            rows={
                scores_path(task.folder, config, readout).stem: rows
                for readout, rows in ranking.rows.items()
            },
            tables={"ranking_rounds": ranking.rounds} if ranking.rounds else {},
            facts={
                **ranking.facts,
                "moments": snapshot_steps(config),
                N_FEATURES: n_features,
                "weights_sha256": weights_sha256,
                "format": FORMAT,
                "reused": reused,
            },
        )

    def _describe_known(self, known: Known, keys: Sequence[int]) -> dict[str, Any] | None:
        """Say how many of the architectures need not be scored, for the record and the user."""
        space, config = self.trainer.space, self.task.config
        n_archs = sum(known.has(class_key(space, key)) for key in keys)
        if not n_archs:
            return None
        self.task.monitor.notice(
            f"{config.run_id}: takes over the scores of {n_archs:,} of its {len(keys):,} "
            f"architectures from {', '.join(known.run_ids)}."
        )
        return {"run_ids": known.run_ids, "n_archs": n_archs}

    def cost(self) -> dict[str, float]:
        """Return the seconds of training, its measurements, and the ranking."""
        timings = {f"{part}_s": round(s, 3) for part, s in self.trainer.timings.items()}
        return {**timings, "rank_s": round(self._rank_s, 3)}

    def clean_up(self) -> None:
        """Remove the journal and the older checkpoint; other rankings need what remains."""
        for name in SCAFFOLDING:
            (self.task.folder.path / name).unlink(missing_ok=True)

    def _load_networks(self) -> list[SuperNet]:
        """Load the supernet at each checkpoint that it ranks with."""
        networks = []
        for step in ranking_order(self.task.config):
            network = self.trainer.network
            if step < self.task.config.steps:
                network = copy.deepcopy(network)
                network.load_state_dict(load_snapshot(self.task.folder.path, step))
            networks.append(network)
        return networks

    def _goal(self) -> Goal | None:
        """Return the goal of a ranking that stops once tau is known well enough."""
        config = self.task.config
        if config.until_tau_se is None:
            return None
        known = self.task.truth.mean(
            default_query(config.dataset, self.task.truth.space)
        ).by_index()
        return Goal(config.until_tau_se, known)

    def _check_any_score(self, rows: Sequence[Row]) -> None:
        config = self.task.config
        if all(row["status"] == STATUS_FAILED for row in rows):
            raise DivergedError(
                f"After the last step no architecture has a finite loss: run {config.run_id} "
                f"(strategy '{config.strategy}', lr {config.lr}) ranks nothing. Try a "
                "smaller --set lr=..., or a tighter clip_norm."
            )

    def _tabulate(self, columns: dict[str, Any]) -> pd.DataFrame:
        table = pd.DataFrame(columns)
        for column in table.columns:
            if column.endswith(("index", "key")) and self.trainer.space.size is None:
                table[column] = table[column].astype("int64")  # keys have up to 63 bits
            elif column.endswith(("step", "index", "key", "n_paths", "shared_convs")):
                table[column] = table[column].astype("int32")
        for column, names in (("probe_set", PROBE_SETS), ("layer", self.trainer.weights)):
            if column in table:
                codes = table[column].astype(int)
                table[column] = codes.map(dict(enumerate(names))).astype("category")
        return table
