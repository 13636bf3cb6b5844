"""The composition root: from a configuration to a finished run folder.

A run is identified by its settings: the same command returns a finished run, resumes an unfinished
one, and refuses to resume under other conditions than it was started with.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

from harness import provenance
from harness.distributed.ranks import ALONE, Ranks
from harness.errors import (
    DivergedError,
    HarnessError,
    Interrupted,
    MismatchError,
    StoreError,
)
from harness.estimators import SUPERNET, estimator_of
from harness.estimators.base import Scores, Task
from harness.estimators.supernet.estimator import SCAFFOLDING
from harness.estimators.supernet.reuse import has_begun
from harness.estimators.supernet.spread import Spread
from harness.execution.conditions import Conditions
from harness.execution.faults import describe_error, naming_memory_shortage
from harness.execution.inputs import load_inputs
from harness.execution.machine import has_bf16, prepare_process, resolve_execution
from harness.execution.profiling import profile_run
from harness.images.dataset import ImageData
from harness.monitor import RANKED, Event, Monitor
from harness.report.summary import summarise_run
from harness.runs.folder import CONFIG, RECORD, RunFolder
from harness.runs.record import FAILED, FINISHED, INTERRUPTED, RUNNING, Record
from harness.scores import STATUS_FAILED, save_scores
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.truth import TruthTable


def begin_record(config: RunConfig) -> Record:
    """Make the record of a run that starts now."""
    started, settings = provenance.now(), config.stored()
    return Record(run_id=config.run_id, status=RUNNING, started=started, config=settings)


@dataclass
class Experiment:
    """One start of one run.

    Attributes:
        config: The run, from `resolve_config`.
        conditions: The options of the command.
        monitor: Receives the progress; can stop the run.
        ranks: The processes that train it together, of which this is the first; the others
            receive `describe_start`.
        spread: Scores architectures elsewhere; None: here.
    """

    config: RunConfig
    conditions: Conditions
    monitor: Monitor
    ranks: Ranks = ALONE
    spread: Spread | None = None

    def run(self) -> RunFolder:
        """Score the run's architectures, or return the run if it is finished.

        Returns:
            The folder of the finished run.

        Raises:
            Interrupted: If the monitor asked to stop; the same call resumes.
            HarnessError: If something else fails that a user can fix; the record says what.
            Exception: If there is a bug; the record says that the run failed, and why.
        """
        self.folder = self.conditions.folder(self.config)
        with self.folder.locked():
            self.record = self._open_record()
            if self.record.status == FINISHED:
                self._leave_finished()
            else:
                self.execution = resolve_execution(self.config, self.record, self.ranks.size)
                self._finish_recording_errors()
        return self.folder

    def _open_record(self) -> Record:
        """Read the record, or begin one."""
        config = self.config
        if not self.folder.has_record():
            self._notice_lost_record()
            return begin_record(config)
        record = self.folder.read_record()
        if RunConfig(**record.config).sha256 != config.sha256:  # a name has a prefix of it
            raise MismatchError(
                f"{self.folder.path} holds a run with other settings that happens to have the same "
                "name. Give another --out folder."
            )
        if record.status == FAILED and not self.conditions.retry_failed:
            reason = str(record.reason).rstrip(".")
            raise StoreError(
                f"Run {config.run_id} failed before: {reason}. Change its settings, or give "
                f"--retry-failed, or remove {self.folder.path}, to try again."
            )
        return record

    def _notice_lost_record(self) -> None:
        """Say where files of this run are that cannot count, as their record is missing."""
        for name in (self.config.run_id, *self.config.former_names):
            path = self.conditions.out / name
            if not (path / CONFIG).exists() or (path / RECORD).exists():
                continue
            resumes = path == self.folder.path and has_begun(path)
            what = "The run resumes from the checkpoint there" if resumes else "The run starts over"
            self.monitor.notice(
                f"{path} holds files of this run, but no {RECORD}, so that it cannot count as "
                f"finished. {what}. To prevent that, stop now and put the record back."
            )

    def _leave_finished(self) -> None:
        for name in SCAFFOLDING:  # left where a kill came before the clean-up
            (self.folder.path / name).unlink(missing_ok=True)
        if self.conditions.profile:
            self.monitor.notice(
                f"Run {self.config.run_id} was finished before, and is not profiled now. To "
                "profile these settings, give another --out folder."
            )

    def _finish_recording_errors(self) -> None:
        """Do what is left to do; on failure, the record says so."""
        try:
            with naming_memory_shortage(self.config):
                self._finish()
        except DivergedError as error:
            self._write_record(status=FAILED, reason=str(error))
            raise
        except Interrupted as error:
            self._write_record(status=INTERRUPTED, reason=str(error))
            raise
        except Exception as error:
            # a HarnessError can be fixed, and the run resumed; anything else is a bug, often of a
            # strategy of the user's own, and would happen again
            status = INTERRUPTED if isinstance(error, HarnessError) else FAILED
            if self.folder.has_record():
                with contextlib.suppress(StoreError):  # a full disk: the first message is better
                    self._write_record(status=status, reason=describe_error(error))
            raise

    def _finish(self) -> None:
        config, device = self.config, torch.device(self.execution["device"])
        _check_same("conditions", self._conditions(), self.execution)
        prepare_process(self.execution)
        data, truth, keys, described = load_inputs(config, self.conditions.data_dir)
        _check_same("data", _without_new_truth(self.record.data), described)
        self._notice_changes()
        self._write_record(
            status=RUNNING,
            reason=None,
            execution=self.execution,
            environment=provenance.environment(),
            sources=self._sources(),
            data=described,
        )
        data = data.to(device)
        if config.precision == "bf16" and device.type == "cpu" and not has_bf16():
            self.monitor.notice(
                "precision = bf16: this CPU has no instructions for bf16, so steps take longer "
                "than in float32."
            )
        if self.conditions.profile and config.estimator == SUPERNET:
            profile_run(config, data, self.folder.path)
        self.ranks.broadcast(describe_start(config, self.execution, data))
        estimator = estimator_of(config)(self._task(data, truth))
        try:
            estimator.prepare()
            scores = estimator.score(keys)
        except Interrupted:
            self._write_record(timings=estimator.cost())
            raise
        self._keep(scores)
        self._write_record(timings=estimator.cost())
        summary = summarise_run(self.folder, truth)
        # Remove what only serves to resume after the record says that the run is finished.
        self._write_record(status=FINISHED, finished=provenance.now(), summary=summary)
        estimator.clean_up()

    def _task(self, data: ImageData, truth: TruthTable) -> Task:
        return Task(
            self.config,
            self.folder,
            data,
            truth,
            self.monitor,
            self.ranks,
            self.spread,
            self._note,
            self.record.ranking,
            self.record.timings,
            self.conditions.estimators,
            self.conditions.trains,
            self.conditions.data_dir,
        )

    def _note(self, **facts: Any) -> None:
        kept = {**self.record.ranking, **facts}
        self._write_record(ranking={key: value for key, value in kept.items() if value is not None})

    def _keep(self, scores: Scores) -> None:
        """Write the estimator's scores and tables into the folder."""
        space = load_space(self.config.space)
        for name, rows in scores.rows.items():
            save_scores(pd.DataFrame(rows), self.folder.path / f"{name}.parquet", space)
        for name, table in scores.tables.items():
            self.folder.write_table(name, pd.DataFrame(table))
        self._note(**scores.facts)
        chosen = scores.rows["scores"]
        n_failed = sum(row["status"] == STATUS_FAILED for row in chosen)
        facts = {"n_archs": len(chosen), "n_failed": n_failed}
        self.monitor.event(Event(self.config.run_id, RANKED, facts))

    def _conditions(self) -> dict[str, Any]:
        """Return the conditions that the run was started under, and must resume under.

        The number of threads changes only where it is asked for, which the record says. With
        `bn_sync` the number of ranks may change: it affects only the order of sums. Without
        it, batch norm's batches depend on the number.
        """
        conditions = dict(self.record.execution)
        for key in ("threads", "earlier_threads"):
            conditions.pop(key, None)
        if self.config.bn_sync:
            conditions.pop("ranks", None)
        return conditions

    def _notice_changes(self) -> None:
        """Say what differs from the last start and may change bits, but is no reason to refuse."""
        last = self.record.sources[-1] if self.record.sources else {}
        for what, before, now in (
            ("threads", self.record.execution.get("threads"), self.execution["threads"]),
            ("CPU", last.get("cpu"), _describe_cpu()),
        ):
            if before not in (None, now):
                self.monitor.notice(
                    f"Run {self.config.run_id} resumes with {what} {now}, and had {before}: the "
                    "last digits of its numbers may differ from those of an uninterrupted run."
                )

    def _sources(self) -> list[dict[str, Any]]:
        """List the commits and CPUs that worked on the run: one, unless another resumed it."""
        source = {**provenance.commit(), "cpu": _describe_cpu()}
        sources = self.record.sources
        if self.ranks.size > 1:
            source["ranks"] = self.ranks.size
        return sources if sources[-1:] == [source] else [*sources, source]

    def _write_record(self, **changes: Any) -> None:
        self.record = self.record.model_copy(update=changes)
        self.folder.write_record(self.record)


def _describe_cpu() -> str:
    machine = provenance.environment()
    return ", ".join(filter(None, (machine["cpu"], machine["cpu_id"])))


def describe_start(config: RunConfig, execution: dict[str, Any], data: ImageData) -> dict[str, Any]:
    """Return what all ranks of a run must agree on before its first step."""
    return {"run": config.name, "execution": execution, "images_sha256": data.sha256}


def _without_new_truth(data: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a truth that has been built since a run's start may change."""
    of_truth = ("truth", "truth_sha256", "n_with_truth")
    is_judged = data.get("truth_sha256") is not None
    return {key: value for key, value in data.items() if is_judged or key not in of_truth}


def _check_same(what: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    changed = [
        f"{key} was {before[key]!r} and is {now.get(key)!r}"
        for key in before
        if before[key] != now.get(key)
    ]
    if changed:
        raise MismatchError(
            f"This run was started with other {what}: {'; '.join(changed)}. Its results would mix "
            f"both. Restore the former {what}, or give another --out folder."
        )
