"""The composition root: from a configuration to a finished run folder.

A run is found again by its settings: the same command returns what is finished, goes on with
what is not, and refuses to go on under other conditions than it was started with.
"""

from __future__ import annotations

import contextlib
import copy
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
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
from harness.estimators.runs import scores_path
from harness.estimators.supernet import Goal, Ranker, Spread, count_classes, open_journal
from harness.execution.profiling import profile_run
from harness.images import load_run_images
from harness.images.dataset import ImageData
from harness.monitor import RANKED, Event, Monitor
from harness.report.summary import summarise_run
from harness.runs.folder import RunFolder
from harness.runs.record import FAILED, FINISHED, INTERRUPTED, RUNNING, Record
from harness.scores import STATUS_FAILED, save_scores
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.spaces.nb201.encoding import canonical_permutation, sample_indices
from harness.strategies import load_strategy, strategy_settings
from harness.supernet.base import SuperNet
from harness.supernet.weights import hash_weights
from harness.training.allocation import keep_freed_memory
from harness.training.checkpoint import PREVIOUS
from harness.training.disturbance import PROBE_SETS
from harness.training.loop import Trainer
from harness.training.snapshots import (
    load_snapshot,
    ranking_order,
    remove_snapshots,
    snapshot_steps,
)
from harness.truth import TruthTable, default_query, find_truth

JOURNAL = "ranking.jsonl"


def resolve_config(config: RunConfig, truth: TruthTable) -> RunConfig:
    """Fill in what depends on the strategy and on the truth.

    Args:
        config: As the user asked for it.
        truth: The truth table to rank against.

    Returns:
        The settings that decide the run's numbers and its name.

    Raises:
        UsageError: If the strategy is unknown, cannot be imported or cannot train the space, or a
            setting of its own is not allowed.
    """
    load_strategy(config.strategy).check_space(load_space(config.space))
    settings = strategy_settings(config)
    tables = {} if settings is None else {settings.table: settings.stored()}
    n_archs = config.n_archs or count_prefix(truth, config.dataset, config.rank_offset)
    return config.with_tables(tables).model_copy(update={"n_archs": n_archs})


def count_prefix(truth: TruthTable, dataset: str, offset: int = 0) -> int:
    """Count the architectures of the permutation with truth, from `offset` to the first gap."""
    known = set(truth.mean(default_query(dataset)).nb201_index.tolist())
    later = canonical_permutation()[offset:]
    for position, index in enumerate(later):
        if index not in known:
            return max(1, position)
    return len(later)


def run_experiment(
    config: RunConfig,
    out: Path,
    data_dir: Path | None,
    threads: int,
    monitor: Monitor,
    profile: bool = False,
    ranks: Ranks = ALONE,
    retry_failed: bool = False,
    spread: Spread | None = None,
) -> RunFolder:
    """Train, rank and score one supernet, or return the run if it is finished.

    Args:
        config: The run, from `resolve_config`.
        out: Folder of run folders.
        data_dir: Where images and truth lie, for data sets that need it.
        threads: CPU threads if neither the settings nor an earlier start say.
        monitor: Told the progress; can stop the run.
        profile: Whether to write beforehand where the time goes; the run's numbers do not change.
        ranks: The processes that train it together, of which this is the first; the others are
            told of the start as `describe_start` says it.
        retry_failed: Whether a run that failed before is tried again, from its last checkpoint.
        spread: Scores architectures elsewhere; None: here.

    Returns:
        The folder of the finished run.

    Raises:
        Interrupted: If the monitor asked to stop; the same call goes on.
        HarnessError: Whatever else a user can fix; the record then says what.
    """
    folder = RunFolder(out / config.run_id)
    with folder.locked():
        if folder.has_record():
            record = folder.read_record()
            if record.status == FINISHED:
                _remove_scaffolding(folder)  # a kill can have come before this
                if profile:
                    monitor.notice(
                        f"Run {config.run_id} is finished and was not profiled. To profile these "
                        "settings, give another --out folder."
                    )
                return folder
            if record.status == FAILED and not retry_failed:
                raise StoreError(
                    f"Run {config.run_id} failed before: {record.reason} Change its settings, or "
                    f"give --retry-failed, or remove {folder.path}, to try again."
                )
        else:
            record = Record(
                run_id=config.run_id,
                status=RUNNING,
                started=provenance.now(),
                config=config.model_dump(),
            )
        _Run(config, folder, record, data_dir, threads, monitor, profile, ranks, spread).finish()
    return folder


class _Run:
    """One start of one run, with its folder locked."""

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        record: Record,
        data_dir: Path | None,
        threads: int,
        monitor: Monitor,
        profile: bool,
        ranks: Ranks,
        spread: Spread | None,
    ) -> None:
        self.config = config
        self.folder = folder
        self.record = record
        self.monitor = monitor
        self.data_dir = data_dir
        self.profile = profile
        self.ranks = ranks
        self.spread = spread
        self.execution = _resolve_execution(config, record, threads, ranks.size)

    def finish(self) -> None:
        """Do what is left to do, and keep the record true whatever happens."""
        try:
            with _naming_lack_of_memory(self.config):
                self._finish()
        except DivergedError as error:
            self._write_record(status=FAILED, reason=str(error))
            raise
        except Interrupted as error:
            self._write_record(status=INTERRUPTED, reason=str(error))
            raise
        except HarnessError as error:
            if self.folder.has_record():
                with contextlib.suppress(StoreError):  # a full disk: its first message is better
                    self._write_record(status=INTERRUPTED, reason=str(error))
            raise

    def _finish(self) -> None:
        config, device = self.config, torch.device(self.execution["device"])
        _check_same("conditions", self._conditions(), self.execution)
        prepare_process(self.execution)
        data = load_run_images(config, self.data_dir)
        truth = find_truth(config.dataset, self.data_dir)
        _check_images(config, data)
        described = _describe_data(config, data, truth)
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
                "precision = bf16: this CPU has no instructions for it, so that steps take longer "
                "than in float32."
            )
        if self.profile:
            profile_run(config, data, self.folder.path)
        self.ranks.share(describe_start(config, self.execution, data))
        trainer = Trainer(config, data, load_strategy(config.strategy), self.ranks)
        ranker = Ranker(config, data, self.monitor)
        trainer.run(self.folder.path, self.monitor, ranker.evaluate)
        self.ranks.leave()  # what is left is done here
        self._write_tables(trainer)
        rank_s = self._rank(ranker, self._load_moments(trainer.network), truth)
        timings = {f"{part}_s": round(s, 3) for part, s in trainer.timings.items()}
        timings["rank_s"] = round(rank_s + self.record.timings.get("rank_s", 0.0), 3)
        self._write_record(timings=timings)
        summary = summarise_run(self.folder, truth)
        # The journal and the older checkpoint served to resume; the record says it is done
        # before they go.
        self._write_record(status=FINISHED, finished=provenance.now(), summary=summary)
        _remove_scaffolding(self.folder)

    def _conditions(self) -> dict[str, Any]:
        """Return the conditions that the run was started under and has to go on under.

        With `bn_sync` the number of ranks is none of them: it decides in which order sums are
        taken, and nothing else. Without, it decides what batch norm calls a batch.
        """
        conditions = dict(self.record.execution)
        if self.config.bn_sync:
            conditions.pop("ranks", None)
        return conditions

    def _sources(self) -> list[dict[str, Any]]:
        """List the commits that worked on the run: one, unless it went on under another."""
        sources, source = self.record.sources, dict(provenance.commit())
        if self.ranks.size > 1:
            source["ranks"] = self.ranks.size
        return sources if sources[-1:] == [source] else [*sources, source]

    def _load_moments(self, network: SuperNet) -> list[SuperNet]:
        """Load the supernet at each moment of training that it ranks with."""
        networks = []
        for step in ranking_order(self.config):
            if step < self.config.steps:
                networks.append(copy.deepcopy(network))
                networks[-1].load_state_dict(load_snapshot(self.folder.path, step))
            else:
                networks.append(network)
        return networks

    def _rank(self, ranker: Ranker, networks: Sequence[SuperNet], truth: TruthTable) -> float:
        assert self.config.n_archs is not None, "resolve_config fills it in"
        indices = sample_indices(self.config.n_archs, self.config.rank_offset)
        started = time.perf_counter()
        journal = open_journal(self.folder.path / JOURNAL, self.config, hash_weights(*networks))
        try:
            ranking = ranker.rank(
                networks, indices, journal, self.monitor, self._goal(truth), self.spread
            )
        except Interrupted:
            spent = self.record.timings.get("rank_s", 0.0) + time.perf_counter() - started
            self._write_record(timings={**self.record.timings, "rank_s": spent})
            raise
        chosen = ranking.rows[self.config.rank_readout]
        if all(row["status"] == STATUS_FAILED for row in chosen):
            raise DivergedError(
                f"After the last step no architecture has a finite loss: run {self.config.run_id} "
                f"(strategy '{self.config.strategy}', lr {self.config.lr}) ranks nothing. Try a "
                "smaller --set lr=..., or a tighter clip_norm."
            )
        for readout, rows in ranking.rows.items():
            save_scores(pd.DataFrame(rows), scores_path(self.folder, self.config, readout))
        if ranking.rounds:
            self.folder.write_table("ranking_rounds", pd.DataFrame(ranking.rounds))
        self._write_record(ranking={**ranking.facts, "moments": snapshot_steps(self.config)})
        n_failed = sum(row["status"] == STATUS_FAILED for row in chosen)
        facts = {"n_archs": len(chosen), "n_failed": n_failed}
        self.monitor.event(Event(self.config.run_id, RANKED, facts))
        return time.perf_counter() - started

    def _goal(self, truth: TruthTable) -> Goal | None:
        """Say how well tau is to be known, if that decides how many images are used."""
        if self.config.until_tau_se is None:
            return None
        known = truth.mean(default_query(self.config.dataset)).by_index()
        return Goal(self.config.until_tau_se, known)

    def _write_tables(self, trainer: Trainer) -> None:
        for name, columns in trainer.log.tables.items():
            table = pd.DataFrame(columns)
            for column in table.columns:
                if column.endswith(("index", "key")) and trainer.space.size is None:
                    table[column] = table[column].astype("int64")  # keys have up to 63 bits
                elif column.endswith(("step", "index", "key", "n_paths", "shared_convs")):
                    table[column] = table[column].astype("int32")
            if name == "disturbance":
                codes = table["probe_set"].astype(int)
                table["probe_set"] = codes.map(dict(enumerate(PROBE_SETS))).astype("category")
            if name == "layers":
                codes = table["layer"].astype(int)
                table["layer"] = codes.map(dict(enumerate(trainer.weights))).astype("category")
            self.folder.write_table(name, table)

    def _write_record(self, **changes: Any) -> None:
        self.record = self.record.model_copy(update=changes)
        self.folder.write_record(self.record)


@contextlib.contextmanager
def _naming_lack_of_memory(config: RunConfig) -> Iterator[None]:
    """Turn what Python and torch raise for want of memory into an error that says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch has an exception of its own for GPUs only
        is_lack = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not is_lack and not any(sign in str(error) for sign in _LACK_OF_MEMORY):
            raise
        raise MemoryShortageError(
            f"Run {config.run_id} had not enough memory: {(str(error).splitlines() or ['-'])[0]} "
            "Give fewer --jobs, a smaller --set batch_size=... or rank_batch=..., or more memory; "
            "the same command goes on from the last checkpoint."
        ) from error


_LACK_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc")


def _remove_scaffolding(folder: RunFolder) -> None:
    """Remove what served to resume a run that is now finished."""
    for name in (JOURNAL, PREVIOUS):
        (folder.path / name).unlink(missing_ok=True)
    remove_snapshots(folder.path)


def resolve_device(config: RunConfig) -> str:
    """Say where to compute: `cpu` or `cuda`.

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
    torch.backends.cudnn.allow_tf32 = False  # "float32" is to mean it


def describe_start(config: RunConfig, execution: dict[str, Any], data: ImageData) -> dict[str, Any]:
    """Say what all ranks of a run have to have in common before its first step."""
    return {"run": config.name, "execution": execution, "images_sha256": data.sha256}


def _resolve_execution(
    config: RunConfig, record: Record, default: int, ranks: int
) -> dict[str, Any]:
    """Decide once where and how to compute; a run that goes on keeps its number of threads."""
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
    """Say whether oneDNN computes bf16 products natively, where torch can tell."""
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
            f"This run was started under other {what}: {'; '.join(changed)}. Its numbers would "
            "belong to neither. Restore them, or give another --out folder."
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
                f"{key} = {wanted:,} was asked for; '{data.name}' has {available:,} such images."
            )


def _describe_data(config: RunConfig, data: ImageData, truth: TruthTable) -> dict[str, Any]:
    query = default_query(config.dataset)
    known = set(truth.mean(query).nb201_index.tolist())
    ranked = sample_indices(config.n_archs or 1, config.rank_offset)
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

    The networks of `tiles` are too small for more than one: two threads gain about a tenth on an
    idle machine, and lose many times as much on a busy one.
    """
    return 1 if config.dataset == "tiles" else max(1, _count_cores() // jobs)


def default_jobs(config: RunConfig, n_runs: int) -> int:
    """Choose how many runs to work on at once.

    On CPUs two single-threaded runs get more done than one with two threads (these networks are
    small), so there are as many as there are cores; a GPU works on one at a time.
    """
    if config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available()):
        return 1
    return max(1, min(n_runs, _count_cores()))


def _count_cores() -> int:
    """Count the cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
