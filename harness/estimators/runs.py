"""Estimators from run folders: runs that differ only in the seed are one estimator."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.errors import MismatchError, StoreError
from harness.estimators import SUPERNET, is_free
from harness.estimators.matrix import CHANCE, RUN, IntArray, Loaded, ScoreMatrix
from harness.runs.folder import RunFolder
from harness.runs.record import FINISHED, Record
from harness.scores import STATUS_DEAD, STATUS_FAILED, STATUS_LABEL, load_scores, show
from harness.scores.sifting import next_below
from harness.settings.dotted import flatten
from harness.settings.run import RunConfig, hash_settings
from harness.spaces import Space, load_space
from harness.spaces.lookup import keys_of_rows

BASELINE_STRATEGY = "spos"
RUN_SCORE = "minus mean validation loss"
REFITTED_SCORE = "minus mean leave-one-out error of a refitted readout"

SCORE_KIND = "score_kind"
"""What an estimator other than a supernet says its score is, among the facts of its record."""

N_FEATURES = "n_features"
"""Features that a readout reads, among the facts of a supernet's record."""

FEW_IMAGES, ENOUGH_IMAGES = 3, 8
"""Images a feature: with 2 a refitted readout is mostly noise of its own, and ranked far worse than
with 8 on TransNAS-Bench-101; with 4 it did not on NAS-Bench-201 (results/benchmarks/readout.md)."""

LABELS_OF = "labels"
"""Which numbers of the truth table an estimator was fitted to, among the facts of its record."""

_TRUTH_HASH = "truth_sha256"


class _Run(NamedTuple):
    """A finished run."""

    folder: RunFolder
    record: Record
    config: RunConfig

    @property
    def truth_sha256(self) -> str | None:
        """The content hash of its truth; None where there was none yet."""
        return self.record.data.get(_TRUTH_HASH)


def say_few_images(config: RunConfig, n_features: int | None) -> str | None:
    """Say that a run's readouts have few images for so many features; None if it has enough.

    Args:
        config: The run's settings; a smoke run is no evidence anyhow.
        n_features: Features of its supernet; None: unknown.
    """
    n_images = min(config.rank_batch, config.rank_images)
    is_smoke = config.preset == "smoke"
    if n_features is None or is_smoke or n_images >= FEW_IMAGES * n_features:
        return None
    return (
        f"a path's refitted readout has {n_features:,} features and {n_images:,} images, so scores "
        f"are partly its own noise. rank_batch={ENOUGH_IMAGES * n_features} or more is better, or "
        "the shared readout."
    )


def load_runs(folders: Iterable[RunFolder], readout: str | None = None) -> Loaded:
    """Read runs, and group those that differ only in the seed.

    Args:
        folders: The runs.
        readout: Readout whose scores to take; None for each run's own.

    Returns:
        One estimator for each data set, strategy or other estimator, and settings, the baseline
        strategy first, then the other supernets; and the unfinished runs, which are left out, with
        their status.

    Raises:
        StoreError: If a record cannot be read, a run or a seed of the same settings occurs
            twice, or a run has no scores by the readout.
        MismatchError: If replicas were ranked against different truth tables.
        DataError: If a run's scores are damaged.
    """
    finished: list[_Run] = []
    unfinished: list[str] = []
    seen: dict[str, RunFolder] = {}
    for folder in folders:
        record = folder.read_record()
        if record.run_id in seen:  # a copy would count as another seed
            raise StoreError(
                f"Run {show(record.run_id)} is there twice: {seen[record.run_id].path} and "
                f"{folder.path}. Give only one of them; if both were computed, each on another "
                "machine, 'harness report' compares them with --label."
            )
        seen[record.run_id] = folder
        if record.status == FINISHED:
            finished.append(_Run(folder, record, RunConfig(**record.config)))
        else:
            unfinished.append(f"{show(record.run_id)} ({show(record.status)})")
    groups = _group(finished)
    configs = [group[0].config for group in groups]
    labels = label_configs(configs)
    ends = _tell_apart(labels, configs)
    gathered = tuple(
        replace(_gather(group, label + end, readout), namesakes=end)
        for group, label, end in zip(groups, labels, ends, strict=True)
    )
    return Loaded(gathered, tuple(unfinished))


def load_run(folder: RunFolder, record: Record) -> ScoreMatrix:
    """Read one run, finished or about to finish, as an estimator of one seed.

    Args:
        folder: The run.
        record: Its record.

    Returns:
        Its scores by its own readout.

    Raises:
        DataError: If they are damaged.
    """
    config = RunConfig(**record.config)
    return _gather([_Run(folder, record, config)], config.label, None)


def settings_sha256(config: RunConfig) -> str:
    """Hash all settings except the seed, which replicas have in common."""
    return config.model_copy(update={"seed": 0}).sha256


def former_settings(config: RunConfig) -> tuple[str, ...]:
    """Return the hashes that `settings_sha256` may have given in earlier versions."""
    return tuple(config.model_copy(update={"seed": 0}).former_hashes)


def _group(runs: Sequence[_Run]) -> list[list[_Run]]:
    def key(run: _Run) -> tuple[str, int, str, str]:
        config = run.config
        # The baseline goes first, then the other supernets.
        place = 0 if config.method == BASELINE_STRATEGY else 1 + (config.estimator != SUPERNET)
        return config.dataset, place, config.method, settings_sha256(config)

    ordered = sorted(runs, key=lambda run: (*key(run), run.config.seed))
    return [list(group) for _, group in itertools.groupby(ordered, key)]


def label_configs(configs: Sequence[RunConfig]) -> list[str]:
    """Name each by its method, and by the settings in which it differs from its namesakes.

    Args:
        configs: One for each group of replicas; the seed does not matter.

    Returns:
        A label for each, unique within a data set of a space.
    """
    keys = [(config.space, config.dataset, config.label) for config in configs]
    alike: defaultdict[tuple[str, str, str], list[RunConfig]] = defaultdict(list)
    for key, config in zip(keys, configs, strict=True):
        alike[key].append(config)
    labels = {key: iter(_label_alike(same)) for key, same in alike.items()}
    return [next(labels[key]) for key in keys]


def _tell_apart(labels: Sequence[str], configs: Sequence[RunConfig]) -> list[str]:
    """Return what is to end each label: the space or the data set by which namesakes differ."""
    alike: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for label, config in zip(labels, configs, strict=True):
        alike[label].append((config.space, config.dataset))
    ends = []
    for label, config in zip(labels, configs, strict=True):
        of_both = zip((config.space, config.dataset), zip(*alike[label], strict=True), strict=True)
        told = [own for own, known in of_both if len({*known}) > 1]
        ends.append(f" ({', '.join(told)})" if told else "")
    return ends


def _label_alike(configs: Sequence[RunConfig]) -> list[str]:
    """Name settings of one data set and label."""
    label = configs[0].label
    if len(configs) == 1:
        return [label]
    if len({config.preset for config in configs}) == len(configs):
        return [f"{label} [{config.preset}]" for config in configs]
    flat = [flatten_config(config) for config in configs]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    differing = [key for key in keys if len({str(settings.get(key)) for settings in flat}) > 1]
    labels = []
    for settings in flat:
        own = [f"{key}={settings[key]}" for key in differing if key in settings]
        labels.append(f"{label} [{', '.join(own)}]" if own else label)
    return labels


def flatten_config(config: RunConfig) -> dict[str, Any]:
    """Return all settings except the seed, those of a table by names such as `ogd.c`.

    Of a list of architectures, it says which one it is; without one, it leaves that out.
    """
    settings = flatten(config.model_dump(exclude={"seed", "archs"}))
    if config.archs is not None:
        settings["archs"] = f"own list {hash_settings({'archs': config.archs})[:8]}"
    return settings


def scores_path(folder: RunFolder, config: RunConfig, readout: str) -> Path:
    """Return the path of a run's scores by a readout; only supernets have one."""
    is_own = readout == config.rank_readout or config.estimator != SUPERNET
    name = "scores" if is_own else f"scores_{readout}"
    return folder.path / f"{name}.parquet"


def _gather(runs: Sequence[_Run], label: str, readout: str | None) -> ScoreMatrix:
    _check_replicas(runs)
    config = runs[0].config
    readout = readout or config.rank_readout
    frames = [_load_scores(run, readout) for run in runs]
    space = load_space(config.space)
    scored = [_scores_by_key(frame, space) for frame in frames]
    index = np.unique(np.concatenate([s.index.to_numpy(dtype=np.int64) for s in scored]))
    dead = (_find_status(frame, STATUS_DEAD, space) for frame in frames)
    labelled = tuple(np.sort(_find_status(frame, STATUS_LABEL, space)) for frame in frames)
    n_failed = sum(int((frame["status"] == STATUS_FAILED).sum()) for frame in frames)
    return ScoreMatrix(
        label=show(label, 200),
        method=show(config.method),
        source=RUN,
        seeds=tuple(run.config.seed for run in runs),
        keys=index,
        score=np.stack([s.reindex(index).to_numpy(dtype=np.float64) for s in scored]),
        score_kind=_score_kind(runs[0], readout),
        dataset=config.dataset,
        bn_mode=runs[0].record.config.get("bn_mode"),  # there only if the estimator reads it
        truth_sha256=next(filter(None, (run.truth_sha256 for run in runs)), None),
        settings_sha256=settings_sha256(config),
        paths=tuple(run.folder.path for run in runs),
        exclusions={STATUS_FAILED: n_failed} if n_failed else {},
        ranked_last=np.unique(np.concatenate(list(dead))),
        notes=(
            *_tell_own_list(config),
            *_tell_few_images(label, runs[0], readout),
            *(_tell_labels(label, runs[0]) if any(map(len, labelled)) else ()),
        ),
        records=tuple(run.record for run in runs),
        fitted_on=labelled if any(map(len, labelled)) else (),
        space=space,
        is_deterministic=is_free(config) and config.estimator != CHANCE,
    )


def _find_status(frame: pd.DataFrame, status: str, space: Space) -> IntArray:
    return keys_of_rows(frame[frame["status"] == status], space)


def _tell_own_list(config: RunConfig) -> Iterator[str]:
    """Say that architectures were not drawn, so that nobody takes them for a sample of a space."""
    if config.archs is not None:
        n = len(config.archs)
        ranked = (
            f"{n:,} architectures ranked are a list"
            if n > 1
            else "one architecture ranked is a choice"
        )
        yield (
            f"The {ranked} of the user's own (archs), not drawn from the whole space: figures and "
            "intervals are about architectures chosen in this way."
        )


def _tell_few_images(label: str, run: _Run, readout: str) -> Iterator[str]:
    n_features = run.record.ranking.get(N_FEATURES)  # none before this was recorded
    few = say_few_images(run.config, n_features)
    if few is not None and readout == "refitted":
        yield f"{label}: {few}"


def _tell_labels(label: str, run: _Run) -> tuple[str, ...]:
    query = run.record.ranking.get(LABELS_OF, run.record.data.get("truth_query"))
    return (
        f"{label}: each seed was fitted to labels ({show(query)}) of the very truth table that its "
        "run was judged by. They are left out of its figures, and their trainings out of its cost.",
    )


def _scores_by_key(frame: pd.DataFrame, space: Space) -> pd.Series[float]:
    """Return the scores, with the dead tied below all others; without those that failed."""
    scores = pd.Series(frame["score"].to_numpy(dtype=np.float64), keys_of_rows(frame, space))
    is_dead = (frame["status"] == STATUS_DEAD).to_numpy()
    scores[is_dead] = next_below(scores[~is_dead].dropna().to_numpy())
    return scores.dropna()


def _check_replicas(runs: Sequence[_Run]) -> None:
    for first, second in itertools.pairwise(runs):
        paths = f"{first.folder.path} and {second.folder.path}"
        if first.config.seed == second.config.seed:
            raise StoreError(
                f"Seed {first.config.seed} of the same settings is there twice: {paths}. Give "
                "only one of them."
            )
        if len({first.truth_sha256, second.truth_sha256} - {None}) > 1:
            raise MismatchError(
                f"Runs of the same settings were ranked against different truth tables: {paths}. "
                "Give runs that share theirs, or one of them at a time."
            )


def _load_scores(run: _Run, readout: str) -> pd.DataFrame:
    path = scores_path(run.folder, run.config, readout)
    if not path.exists() and readout == run.config.rank_readout:
        raise StoreError(
            f"Run {run.record.run_id} is finished, but {path} is missing. Restore it, or move the "
            "folder away and compute the run anew."
        )
    if not path.exists():
        raise StoreError(
            f"Run {run.record.run_id} has no scores by the '{readout}' readout: it was ranked "
            "before there were two. Leave out --readout, or run it again."
        )
    return load_scores(path, load_space(run.config.space))


def _score_kind(run: _Run, readout: str) -> str:
    config = run.config
    if config.estimator != SUPERNET:
        return show(run.record.ranking.get(SCORE_KIND, config.estimator))
    kind = RUN_SCORE if readout == "shared" else REFITTED_SCORE
    if config.rank_snapshots == 1:
        return kind
    return f"{kind} over {config.rank_snapshots:,} checkpoints"
