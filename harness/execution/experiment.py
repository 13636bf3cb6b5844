"""The composition root: from a configuration to a finished run folder.

A run is identified by its settings: the same command returns a finished run, resumes an unfinished
one, and refuses to resume under other conditions than it was started with.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
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
    MemoryShortageError,
    MismatchError,
    StoreError,
    UsageError,
)
from harness.estimators import load_estimator
from harness.estimators.base import Scores, Task
from harness.estimators.supernet.classes import count_classes
from harness.estimators.supernet.estimator import SCAFFOLDING
from harness.estimators.supernet.reuse import has_begun
from harness.estimators.supernet.spread import Spread
from harness.execution.conditions import Conditions
from harness.execution.profiling import profile_run
from harness.images import load_run_images
from harness.images.dataset import ImageData
from harness.monitor import RANKED, Event, Monitor
from harness.report.summary import summarise_run
from harness.runs.folder import CONFIG, RECORD, RunFolder
from harness.runs.record import FAILED, FINISHED, INTERRUPTED, RUNNING, Record
from harness.scores import STATUS_FAILED, save_scores
from harness.settings.run import RunConfig
from harness.spaces import Space, load_space
from harness.strategies import load_strategy, strategy_settings
from harness.training.allocation import keep_freed_memory
from harness.truth import TruthTable, default_query, find_truth


def resolve_config(config: RunConfig, truth: TruthTable) -> RunConfig:
    """Fill in what depends on the strategy and on the truth.

    Args:
        config: The run as the user gave it.
        truth: The truth table to rank against.

    Returns:
        The complete settings.

    Raises:
        UsageError: If the strategy is unknown, cannot be imported or cannot train the space, or a
            setting of its own is not allowed.
    """
    load_estimator(config.estimator)
    load_strategy(config.strategy).check_space(load_space(config.space))
    settings = strategy_settings(config)
    tables = {} if settings is None else {settings.table: settings.stored()}
    n_archs = config.n_archs or count_prefix(
        load_space(config.space), truth, config.dataset, config.rank_offset
    )
    return config.with_tables(tables).model_copy(update={"n_archs": n_archs})


def count_prefix(space: Space, truth: TruthTable, dataset: str, offset: int = 0) -> int:
    """Count the architectures of the permutation with truth, from `offset` to the first gap."""
    known = set(truth.mean(default_query(dataset, space)).keys.tolist())
    most = len(known) + 1 if space.size is None else min(len(known) + 1, space.size - offset)
    for position, key in enumerate(space.prefix(most, offset)):
        if key not in known:
            return max(1, position)
    return most


def describe_error(error: Exception) -> str:
    """Describe an error in one line; a bug by its type too."""
    if isinstance(error, HarnessError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def begin_record(config: RunConfig) -> Record:
    """Make the record of a run that starts now."""
    started, settings = provenance.now(), config.model_dump()
    return Record(run_id=config.run_id, status=RUNNING, started=started, config=settings)


@dataclass
class Experiment:
    """One start of one run.

    Attributes:
        config: The run, from `resolve_config`.
        conditions: The options of the command.
        threads: CPU threads, unless the settings or an earlier start specify them.
        monitor: Receives the progress; can stop the run.
        ranks: The processes that train it together, of which this is the first; the others
            receive `describe_start`.
        spread: Scores architectures elsewhere; None: here.
    """

    config: RunConfig
    conditions: Conditions
    threads: int
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
                self.execution = _resolve_execution(
                    self.config, self.record, self.threads, self.ranks.size
                )
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
            with _naming_memory_shortage(self.config):
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
        data = load_run_images(config, self.conditions.data_dir)
        space = load_space(config.space)
        truth = find_truth(config.dataset, self.conditions.data_dir, space)
        _check_images(config, data)
        keys = space.prefix(config.n_archs or 1, config.rank_offset)
        described = _describe_data(config, data, truth, keys)
        _check_same("data", self.record.data, described)
        self._write_record(
            status=RUNNING,
            reason=None,
            execution=self.execution,
            environment=provenance.environment(),
            sources=self._sources(),
            data=described,
        )
        data = data.to(device)
        if config.precision == "bf16" and device.type == "cpu" and not _has_bf16():
            self.monitor.notice(
                "precision = bf16: this CPU has no instructions for bf16, so steps take longer "
                "than in float32."
            )
        if self.conditions.profile:
            profile_run(config, data, self.folder.path)
        self.ranks.broadcast(describe_start(config, self.execution, data))
        estimator = load_estimator(config.estimator)(self._task(data, truth))
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

        With `bn_sync` the number of ranks may change: it affects only the order of sums. Without
        it, batch norm's batches depend on the number.
        """
        conditions = dict(self.record.execution)
        if self.config.bn_sync:
            conditions.pop("ranks", None)
        return conditions

    def _sources(self) -> list[dict[str, Any]]:
        """List the commits that worked on the run: one, unless another resumed it."""
        sources, source = self.record.sources, dict(provenance.commit())
        if self.ranks.size > 1:
            source["ranks"] = self.ranks.size
        return sources if sources[-1:] == [source] else [*sources, source]

    def _write_record(self, **changes: Any) -> None:
        self.record = self.record.model_copy(update=changes)
        self.folder.write_record(self.record)


@contextlib.contextmanager
def _naming_memory_shortage(config: RunConfig) -> Iterator[None]:
    """Turn what Python and torch raise when memory runs out into an error that says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch has an exception of its own for GPUs only
        is_lack = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not is_lack and not any(sign in str(error) for sign in _LACK_OF_MEMORY):
            raise
        raise MemoryShortageError(
            f"Run {config.run_id} ran out of memory: {(str(error).splitlines() or ['-'])[0]} "
            "Give fewer --jobs, a smaller --set batch_size=... or rank_batch=..., or use a machine "
            "with more memory; the same command resumes from the last checkpoint."
        ) from error


_LACK_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc")


def resolve_device(config: RunConfig) -> str:
    """Return where to compute: `cpu` or `cuda`.

    Raises:
        UsageError: If CUDA was asked for and is not there.
    """
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda was given, but torch finds no CUDA device. Use cpu.")
    return device


def prepare_process(execution: dict[str, Any]) -> None:
    """Set up this process to compute as a record's `execution` says."""
    torch.set_num_threads(execution["threads"])
    keep_freed_memory()
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # "float32" means float32


def describe_start(config: RunConfig, execution: dict[str, Any], data: ImageData) -> dict[str, Any]:
    """Return what all ranks of a run must agree on before its first step."""
    return {"run": config.name, "execution": execution, "images_sha256": data.sha256}


def _resolve_execution(
    config: RunConfig, record: Record, default: int, ranks: int
) -> dict[str, Any]:
    """Choose where and how to compute; a resumed run keeps its number of threads."""
    device = resolve_device(config)
    threads = config.threads or record.execution.get("threads") or default
    if not isinstance(threads, int):
        raise StoreError(
            f"The record of run {record.run_id} has {threads!r:.40} threads. Move its folder away "
            "and run the same command again."
        )
    return {
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "threads": threads,
        "ranks": ranks,
        "dtype": config.precision,
        "memory_format": "channels_last",
        "onednn": torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled,
    }


def _has_bf16() -> bool:
    """Return whether oneDNN computes bf16 products natively, as far as torch knows."""
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return supported is None or bool(supported())


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


def _check_images(config: RunConfig, data: ImageData) -> None:
    for key, wanted, available in (
        ("rank_images", config.rank_images, len(data.validation)),
        ("probe_images", config.probe_images, len(data.validation)),
        ("batch_size", config.batch_size, len(data.train)),
        ("train_loss_images", config.train_loss_images, len(data.train)),
        ("recalibration_images", config.recalibration_images, len(data.train)),
    ):
        if wanted > available:
            raise UsageError(
                f"{key} = {wanted:,} was given; '{data.name}' has only {available:,} such images. "
                f"Give {available:,} or less."
            )


def _describe_data(
    config: RunConfig, data: ImageData, truth: TruthTable, ranked: Sequence[int]
) -> dict[str, Any]:
    query = default_query(config.dataset, truth.space)
    known = set(truth.mean(query).keys.tolist())
    return {
        "images": data.name,
        "images_sha256": data.sha256,
        "truth": truth.name,
        "truth_sha256": truth.sha256,
        "truth_query": str(query),
        "n_ranked": len(ranked),
        "n_classes": count_classes(load_space(config.space), ranked),
        "n_with_truth": len(known.intersection(ranked)),
    }


def default_threads(config: RunConfig, jobs: int) -> int:
    """Choose the CPU threads of each of `jobs` runs at once: an even share of the cores.

    On `tiles` each run gets one: with such small networks two threads gain about a tenth on an idle
    machine, and lose many times as much on a busy one.
    """
    return 1 if config.dataset == "tiles" else max(1, _count_cores() // jobs)


def default_jobs(config: RunConfig, n_runs: int) -> int:
    """Choose how many runs to work on at once.

    On CPUs, one run per core: two single-threaded runs get more done than one with two threads, as
    these networks are small. On a GPU, one run at a time.
    """
    if config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available()):
        return 1
    return max(1, min(n_runs, _count_cores()))


def _count_cores() -> int:
    """Count the cores that this process may use, or all where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
