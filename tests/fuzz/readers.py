"""Every reader of files that may come from anybody, with valid files to begin from.

A new reader is one row of `READERS`.
"""

from __future__ import annotations

import atexit
import base64
import copy
import gzip
import hashlib
import io
import json
import math
import pickle
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from harness.check import load_baseline, save_baseline
from harness.estimators.matrix import ScoreMatrix
from harness.estimators.predictors.fitted import fit_predictor, load_predictor
from harness.estimators.runs import load_runs
from harness.estimators.short_training import teacher
from harness.estimators.supernet.journal import Ledger, open_journal
from harness.estimators.supernet.measuring import BatchSums
from harness.estimators.supernet.readout import ReadoutSums
from harness.files.images import read_images
from harness.files.journal import Journal
from harness.images import cifar, imagenet16
from harness.images.split import HALVES
from harness.monitor import SilentMonitor
from harness.report.disturbance import bin_over_steps, split_by_shared
from harness.report.measures import estimate_figures
from harness.report.training import load_training, tau_over_training
from harness.runs.folder import RunFolder
from harness.runs.record import Record
from harness.scores import ReadOptions, load_scores, read_archs, read_score_sets, save_scores
from harness.settings.layers import load_config_file, make_config
from harness.spaces import load_space
from harness.spaces.nb101.encoding import parse_cell
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.spaces.transnas.encoding import TASKS
from harness.training.checkpoint import _seal, load_checkpoint, save_checkpoint
from harness.training.loop import Trainer
from harness.truth import find_truth, load_table, make_table, save_table
from harness.truth.fetch.archives import unpack
from harness.truth.fetch.catalog import Member
from harness.truth.importers.importing import import_truth
from harness.truth.importers.nb101 import arrays as nb101_arrays
from harness.truth.importers.nb201 import latency, seconds
from harness.truth.metric import TruthMetric
from tests.check_cases import draw_scores, keep, make_estimator, make_truth
from tests.fuzz.guard import MEMORY
from tests.fuzz.mutations import Make, hostile, one_of, swapped, then
from tests.made_runs import make_run
from tests.own_images import make_arrays
from tests.published_files import (
    make_macro,
    make_nb101_record,
    make_official_transnas,
    make_results,
    pack_records,
    write_nb101,
    write_official,
)
from tests.tiny import tiny_config, tiny_trainer

N_ROWS = 40

RECORD, DISTURBANCE, CURVE = "record.json", "disturbance.parquet", "curve.parquet"
"""Files of a run."""


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Attributes:
        file: The file's name.
        content: Prepares, once, what makes the files.
        read: Reads it, in all ways that a user can; anything but its errors is a finding.
    """

    file: str
    content: Callable[[], Make[bytes]]
    read: Callable[[Path], object]


def _written(write: Callable[[Path], object], name: str) -> bytes:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def _rows(n: int = N_ROWS) -> pd.DataFrame:
    index = sample_indices(n)
    return pd.DataFrame(
        {
            "nb201_index": index,
            "arch_str": [str(arch_at(i)) for i in index],
            "dataset": "tiles",
            "split": "test",
            "epochs": 12,
            "trial": 0,
            "seed": [7 + i % 2 for i in range(n)],
            "accuracy": [40.0 + i / 2 for i in range(n)],
        }
    )


def _scores(n: int = N_ROWS) -> pd.DataFrame:
    index = sample_indices(n)
    score = np.linspace(-3.0, -1.0, n)
    return pd.DataFrame(
        {
            "nb201_index": index,
            "arch_str": [str(arch_at(i)) for i in index],
            "score": score,
            "loss": -score,
            "accuracy": 50.0,
            "status": "ok",
        }
    )


def _named_scores() -> pd.DataFrame:
    frame = _scores()[["arch_str", "score"]]
    return frame.assign(seed=[i % 2 for i in range(N_ROWS)], method="mine")


def _seconds() -> list[dict[str, Any]]:
    archs = [str(arch_at(index)) for index in sample_indices(6)]
    return [{str(n): n, "arch": arch, "cost": 30.5 + n} for n, arch in enumerate(archs)]


def _answers() -> bytes:
    logits = torch.linspace(-1.0, 1.0, 18).view(6, 3)
    row = teacher._write(teacher.Taught(logits, accuracy=40.0, seconds=1.5))
    return json.dumps(row).encode()


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def _json(frame: pd.DataFrame) -> bytes:
    return json.dumps(frame.to_dict("records")).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    return _written(lambda path: frame.to_parquet(path, index=False), "x.parquet")


def _nested_scores() -> bytes:
    """As NASLib has them."""
    archs = {str(arch_at(i)): {"zen": {"score": i / 7, "time": 0.1}, "n": i} for i in (5, 0, 77)}
    return json.dumps({"cifar10": archs, "cifar100": archs}).encode()


def _npz_scores() -> bytes:
    arrays = {name: column.to_numpy() for name, column in _scores(6).items()}
    texts = {name: arrays[name].astype(str) for name in ("arch_str", "status")}
    return _written(lambda path: np.savez(path, **(arrays | texts)), "x.npz")


def _npy_scores() -> bytes:
    table = _scores(6)[["nb201_index", "score"]].to_records(index=False)
    return _written(lambda path: np.save(path, np.asarray(table)), "x.npy")


def _own_scores() -> bytes:
    return _written(lambda path: save_scores(_scores(), path), "scores.parquet")


def _own_table() -> bytes:
    table = make_table(_rows(), "mine", {"note": "x"})
    return _written(lambda path: save_table(table, path), "x.parquet")


METRICS = (TruthMetric("latency:a", "ms", True), TruthMetric("robust:b", "%"))


def _own_metrics() -> bytes:
    rows = _rows(12).rename(columns={"accuracy": "value"}).assign(epochs=0)
    rows = pd.concat([rows.assign(metric=metric.name) for metric in METRICS])
    table = make_table(rows, "mine", {"note": "x"}, metrics=METRICS)
    return _written(lambda path: save_table(table, path), "x.parquet")


def _robust() -> bytes:
    rows = pd.DataFrame({"net": ["(4, 0, 3, 1, 4, 3)", "(2, 4, 0, 0, 3, 2)"], "val_accs": 90.5})
    return _csv(rows.assign(**{"pgd@Linf_eps-1.0": [29.1, 14.4], "aa_square@Linf_eps-0.5": 61.0}))


def _latencies() -> Make[bytes]:
    lists = ([10.5, 54.25, 0.011, 3, 7, 26], [9, 17, 16, 5, 7, 14])
    return hostile(*(_written(partial(torch.save, values), "raspi4.pt") for values in lists))


def _read_latencies(path: Path) -> object:
    return _small(latency, N_ARCHS=6)(lambda: import_truth(path, "latency"))


def _read_scores(path: Path) -> object:
    """Read one column or all, and refuse or keep what is bad: one way a file, to save time."""
    number = zlib.crc32(path.read_bytes())
    options = ReadOptions(
        score_column=("score", "*")[number // 2 % 2],
        exclude_bad=number % 2 == 0,
        worst_if_bad=number // 4 % 2 == 0,
    )
    return read_score_sets(path, options)


def _read_listed(path: Path) -> object:
    return read_archs(path, load_space())


def _plain_list() -> bytes:
    return "\n".join(str(arch_at(key)) for key in sample_indices(6)).encode()


def _read_own_scores(path: Path) -> object:
    return load_scores(path)


def _read_settings(path: Path) -> object:
    return make_config(load_config_file(path))


SETTINGS = b"""
dataset = "tiles"
strategy = "ogd"
seed = 3
lr = 0.05
schedule = "cosine"
n_archs = 100
[ogd]
c = 3.0
projector = "covariance"
"""


@cache
def _run_folder(replaced: str) -> Path:
    """A finished run, of which one file is replaced: each such file has a run of its own."""
    root = Path(tempfile.mkdtemp(prefix="fuzz-run-", dir=MEMORY))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    scores = np.random.RandomState(0).normal(size=60)
    folder = make_run(root, scores, truth=find_truth("tiles")).path
    if replaced != DISTURBANCE:  # to read it takes longer than all else
        (folder / DISTURBANCE).unlink()
    return folder


@cache
def _run_file(name: str) -> bytes:
    return (_run_folder(name) / name).read_bytes()


@cache
def _estimators(name: str) -> tuple[ScoreMatrix, ...]:
    """Load a run without its tables of training, which a report reads when it needs them."""
    return load_runs([RunFolder(_run_folder(name))]).estimators


def _in_run(name: str) -> Callable[[Path], object]:
    """Put a file into a run's folder, and take from it what a report takes of one run."""

    def read(path: Path) -> object:
        folder = _run_folder(name)
        if name != RECORD:
            _estimators(name)  # while the run is whole
        (folder / name).write_bytes(path.read_bytes())
        loaded = load_runs([RunFolder(folder)]).estimators if name == RECORD else _estimators(name)
        return [
            (bin_over_steps(training), split_by_shared(training), estimate_figures(training))
            for training in map(load_training, loaded)
            for _ in [tau_over_training(training[0], {1: 50.0, 2: 60.0})]
        ]

    return read


def _read_record(path: Path) -> Record:
    return RunFolder(path.parent).read_record()


TINY = tiny_config(steps=2, batch_size=4, channels=2)


@cache
def _trainer() -> Trainer:
    trainer = tiny_trainer(TINY)
    trainer.train_step()
    return trainer


@cache
def _state() -> dict[str, Any]:
    return copy.deepcopy({"schema": 1, **_trainer().state_dict()})


def _checkpoints() -> Make[bytes]:
    """Sealed by whoever made them, as an attacker can; the others are met by the checksum."""
    sink = io.BytesIO()
    small = {"schema": 1, "config_sha256": "x", "step": 1, "network": {"w": torch.ones(3)}}
    torch.save(small, sink)
    valid = _written(lambda path: save_checkpoint(path.parent, small), "checkpoint.pt")
    return one_of(then(hostile(sink.getvalue(), pickle.dumps(small)), _seal), hostile(valid))


class _Evil:
    """Would be noticed if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _pwn, ()


def _pwn() -> None:
    raise AssertionError("a checkpoint ran code")


WRONG_STATES: tuple[Any, ...] = (
    *(None, -1, 2**70, 1.5, float("nan"), "x", b"x", [], {}, (), True, torch.ones(2)),
    *(torch.ones(1, 1, 1, 1), torch.ones(3, dtype=torch.int8), torch.ones(2).to_sparse(), [[9]]),
    *({"w": torch.ones(1)}, {"stem.conv.weight": None}, [(0, 1)], _Evil(), torch.empty(0)),
)


def _states() -> Make[bytes]:
    """The state of a real trainer with parts of other kinds, sealed."""

    def seal(state: Any) -> bytes:
        sink = io.BytesIO()
        torch.save(state, sink)
        return _seal(sink.getvalue())

    return then(swapped(_state(), WRONG_STATES), seal)


def _read_checkpoint(path: Path) -> object:
    return load_checkpoint(path.parent, SilentMonitor())


def _resume(path: Path) -> None:
    """Go on from a checkpoint, to the end of training."""
    _trainer().run(path.parent, SilentMonitor(), lambda _network, _step, _log: None)


def _ranking_journal(folder: Path) -> Journal:
    return open_journal(folder / "ranking.jsonl", TINY, "weights")


def _journal() -> bytes:
    def write(path: Path) -> None:
        ledger = Ledger(_ranking_journal(path.parent))
        ledger.add({"precision": "bf16", "tau_of_bf16": 0.99, "n_compared": 5})
        for index in range(5):
            ledger.sums.clear()
            ledger.add_sums(0, index, ReadoutSums(BatchSums(1.5, 3), BatchSums(math.nan, index)))
        ledger.add({"round": 1, "seconds": 0.5})

    return _written(write, "ranking.jsonl")


def _plain_journal() -> bytes:
    """Without checksums, as older versions wrote it; and as somebody can write it."""
    return b"".join(line[:-11] + b"\n" for line in _journal().splitlines())


def _read_journal(path: Path) -> object:
    return Ledger(_ranking_journal(path.parent))


def _baseline() -> bytes:
    chosen, signal = make_truth(60)
    snapshot = keep(chosen, make_estimator(chosen, draw_scores(signal, (0, 1)), (0, 1)))
    return _written(lambda path: save_baseline(snapshot, path), "baseline.json")


def _predictor() -> bytes:
    fitted = fit_predictor({index: 50.0 + index / 1000 for index in range(6)})
    return _written(fitted.save, "predictor.json")


RECORDS = 3
NB101_CELLS = 5


def _cifar_records(n_label_bytes: int) -> bytes:
    records = np.random.RandomState(0).randint(0, 10, (RECORDS, n_label_bytes + 3072))
    return records.astype(np.uint8).tobytes()


def _small(module: Any, **sizes: Any) -> Callable[[Callable[[], object]], object]:
    def call(read: Callable[[], object]) -> object:
        before = {name: getattr(module, name) for name in sizes}
        for name, value in sizes.items():
            setattr(module, name, value)
        try:
            return read()
        finally:
            for name, value in before.items():
                setattr(module, name, value)

    return call


def _make_nothing(*_images: object, **_more: object) -> None:
    """Stand for the split, which so few images have none of."""


def _read_cifar(path: Path) -> object:
    name = next(name for name, each in cifar.LAYOUTS.items() if each.folder == path.parent.name)
    layout = replace(cifar.LAYOUTS[name], records=RECORDS, files=(path.name,))
    small = _small(cifar, LAYOUTS={name: layout}, split_images=_make_nothing)
    return small(lambda: cifar.load_cifar(name, path.parent.parent, HALVES))


def _npz() -> bytes:
    pixels = np.random.RandomState(0).randint(0, 256, (4, 768)).astype(np.uint8)
    return _written(lambda path: np.savez(path, data=pixels, labels=np.arange(1, 5)), "x.npz")


def _small_npz() -> bytes:
    pixels = np.zeros((4, 768), np.uint8)
    return _written(
        lambda path: np.savez_compressed(path, data=pixels, labels=np.arange(1, 5)), "x.npz"
    )


def _read_imagenet16(path: Path) -> object:
    small = _small(imagenet16, N_IMAGES=4, FILES=(path.name,), split_images=_make_nothing)
    return small(lambda: imagenet16.load_imagenet16(path.parent.parent, HALVES))


def _own_arrays() -> dict[str, Any]:
    arrays = {key: value[:20] for key, value in make_arrays().items()}
    arrays["labels"] = np.array([f"class {label % 2}" for label in range(20)])
    return arrays | {
        "split": np.array(["train", "train", "test", "test"] * 5),
        "augment": np.array(["crop"]),
    }


def _own_npz() -> Make[bytes]:
    """As they are, and with a zip frame that is whole around one damaged array."""
    arrays = _own_arrays()
    members = {name: _written(partial(_save, each), "x.npy") for name, each in arrays.items()}

    def pack(name: str, content: bytes) -> bytes:
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            for each, whole in members.items():
                archive.writestr(f"{each}.npy", content if each == name else whole)
        return sink.getvalue()

    inner = [then(hostile(content), partial(pack, name)) for name, content in members.items()]
    packed = _written(lambda path: np.savez_compressed(path, **arrays), "x.npz")
    return one_of(hostile(packed, pack("", b"")), *inner)


def _save(array: Any, path: Path) -> None:
    np.save(path, array)


def _picture(suffix: str) -> bytes:
    pixels = make_arrays()["images"][0, 0]
    if suffix == "jpg":
        pixels = np.stack([pixels, pixels // 2, pixels // 3], axis=2)
    return _written(Image.fromarray(pixels).save, f"x.{suffix}")


def _read_own_folder(path: Path) -> object:
    """Read it beside another class, whose image is whole."""
    beside = path.parents[1] / "b" / path.name
    if not beside.exists():
        beside.parent.mkdir()
        beside.write_bytes(_picture(path.suffix[1:]))
    return read_images(path.parents[1]).name


MEMBER = b"content " * 20


def _archive() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz", compresslevel=0) as tar:
        for name in ("toy/a.bin", "toy/readme"):
            info = tarfile.TarInfo(name)
            info.size = len(MEMBER)
            tar.addfile(info, io.BytesIO(MEMBER))
    return sink.getvalue()


def _archives() -> Make[bytes]:
    """As they are, and with a gzip frame that is whole around a damaged archive."""
    packed = _archive()
    inner = then(hostile(gzip.decompress(packed)), lambda tar: gzip.compress(tar, compresslevel=0))
    return one_of(hostile(packed), inner)


def _unpack(path: Path) -> None:
    """Unpack it; nothing may be written but the member, whatever the archive says."""
    digest = "sha256:" + hashlib.sha256(MEMBER).hexdigest()
    into = path.parent / "into"
    into.mkdir(exist_ok=True)
    try:
        unpack(path, [Member("toy/a.bin", len(MEMBER), digest)], into)
    finally:
        there = {str(p.relative_to(path.parent)) for p in path.parent.rglob("*") if p.is_file()}
        assert there <= {path.name, "into/toy/a.bin"}


def _torch_rows() -> bytes:
    return _written(lambda path: torch.save(_rows(4).to_dict("records"), path), "t.pt")


def _macro() -> bytes:
    return json.dumps(make_macro(3)).encode()


def _import_macro(path: Path) -> object:
    return import_truth(path, "macro", space=load_space("macro"), allow_missing=True)


def _transnas_best() -> bytes:
    return json.dumps([["64-41414-1_02_333", 0.25], ["64-41414-0_00_100", 0.5]]).encode()


def _transnas_final() -> bytes:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            rows = [{"arch": "(1, 0, 2, 3, 3, 3)", "val_accuracy": 50.0, "zen": {"score": 1.0}}]
            name = "zen/benchmark--transbench101_micro--class_scene--0.json"
            archive.writestr(name, json.dumps(rows))

    return _written(write, "t.zip")


def _transnas_official() -> bytes:
    curves = {"64-41414-1_02_333": {task: [0.25, 0.5] for task in TASKS}}
    return _written(lambda path: torch.save(make_official_transnas(curves), path), "t.pth")


def _import_transnas(kind: str) -> Callable[[Path], object]:
    space = load_space("transnas-micro")
    return lambda path: import_truth(path, kind, space=space, allow_missing=True)


@cache
def _nb101_array(name: str) -> bytes:
    def write(path: Path) -> None:
        write_nb101(path.parent, NB101_CELLS)

    return _written(write, name)


def _hostile_nb101_array(name: str) -> Make[bytes]:
    return hostile(_nb101_array(name))


def _import_nb101_array(path: Path) -> object:
    """Read it beside the other array, which is whole."""
    (other,) = {"test.npy", "flops.npy"} - {path.name}
    (path.parent / other).write_bytes(_nb101_array(other))
    small = _small(nb101_arrays, N_CELLS=NB101_CELLS)
    return small(lambda: import_truth(path.parent, "arrays", space=load_space("nb101")))


@cache
def _nb101_records() -> bytes:
    cells = [parse_cell(text) for text in ("101:0", "110011:12")]
    return pack_records([make_nb101_record(cell, 9_000, 8_000 + n) for n, cell in enumerate(cells)])


def _nb101_official() -> Make[bytes]:
    """As it is, and with a frame that is whole around a damaged record, or damaged metrics."""
    record = make_nb101_record(parse_cell("101:0"), 9_000, 8_000)
    metrics = base64.b64decode(record[-1])

    def pack(content: bytes) -> bytes:
        return pack_records([[*record[:-1], base64.b64encode(content).decode()]])

    return one_of(
        hostile(_nb101_records()),
        then(swapped(record), lambda made: pack_records([made])),
        then(hostile(metrics), pack),
    )


def _import_nb101_official(path: Path) -> object:
    return import_truth(path, "official", space=load_space("nb101"), allow_missing=True)


def _official() -> bytes:
    return _written(lambda path: write_official(path, make_results(1)), "x.pth")


READERS: dict[str, Reader] = {
    "scores, CSV": Reader("s.csv", lambda: hostile(_csv(_named_scores())), _read_scores),
    "scores, JSON": Reader(
        "s.json", lambda: hostile(_json(_named_scores().head(6)), json_too=True), _read_scores
    ),
    "scores, JSON lines": Reader(
        "s.jsonl",
        lambda: hostile(_named_scores().head(6).to_json(orient="records", lines=True).encode()),
        _read_scores,
    ),
    "scores, Parquet": Reader(
        "s.parquet", lambda: hostile(_parquet(_named_scores()), parquet_too=True), _read_scores
    ),
    "scores, nested JSON": Reader(
        "s.json", lambda: hostile(_nested_scores(), json_too=True), _read_scores
    ),
    "scores, npz": Reader("s.npz", lambda: hostile(_npz_scores()), _read_scores),
    "scores, npy": Reader("s.npy", lambda: hostile(_npy_scores()), _read_scores),
    "scores, gzip": Reader(
        "s.csv.gz", lambda: then(hostile(_csv(_named_scores())), gzip.compress), _read_scores
    ),
    "scores, damaged gzip": Reader(
        "s.csv.gz", lambda: hostile(gzip.compress(_csv(_named_scores()))), _read_scores
    ),
    "a list of architectures": Reader("s.txt", lambda: hostile(_plain_list()), _read_listed),
    "a list of architectures, JSON": Reader(
        "s.json", lambda: hostile(_json(_named_scores().head(6)), json_too=True), _read_listed
    ),
    "scores without a suffix": Reader(
        "s",
        lambda: hostile(
            _csv(_named_scores()), _parquet(_named_scores()), _npz_scores(), _nested_scores()
        ),
        _read_scores,
    ),
    "own scores, Parquet": Reader(
        "scores.parquet", lambda: hostile(_own_scores(), parquet_too=True), _read_own_scores
    ),
    "truth, own Parquet": Reader(
        "t.parquet", lambda: hostile(_own_table(), parquet_too=True), load_table
    ),
    "truth of metrics, own Parquet": Reader(
        "t.parquet", lambda: hostile(_own_metrics(), parquet_too=True), load_table
    ),
    "robust accuracies, CSV": Reader(
        "r.csv", lambda: hostile(_robust()), lambda path: import_truth(path, "robust")
    ),
    "latencies, torch": Reader("raspi4.pt", _latencies, _read_latencies),
    "truth, Parquet to import": Reader(
        "t.parquet", lambda: hostile(_parquet(_rows()), parquet_too=True), import_truth
    ),
    "truth, CSV": Reader("t.csv", lambda: hostile(_csv(_rows(6))), import_truth),
    "truth, JSON": Reader("t.json", lambda: hostile(_json(_rows(4)), json_too=True), import_truth),
    "truth, pickle": Reader(
        "t.pkl", lambda: hostile(pickle.dumps(_rows(4).to_dict("records"))), import_truth
    ),
    "truth, torch": Reader("t.pt", lambda: hostile(_torch_rows()), import_truth),
    "truth, official": Reader("t.pth", lambda: hostile(_official()), import_truth),
    "truth, NAS-Bench-Macro": Reader(
        "t.json", lambda: hostile(_macro(), json_too=True), _import_macro
    ),
    "truth, TransNAS-Bench-101, best epoch": Reader(
        "micro_normal.json",
        lambda: hostile(_transnas_best(), json_too=True),
        _import_transnas("public"),
    ),
    "truth, TransNAS-Bench-101, final epoch": Reader(
        "t.zip", lambda: hostile(_transnas_final()), _import_transnas("public")
    ),
    "truth, TransNAS-Bench-101, official": Reader(
        "t.pth", lambda: hostile(_transnas_official()), _import_transnas("official")
    ),
    **{
        f"truth, NAS-Bench-101, {name}": Reader(
            name, partial(_hostile_nb101_array, name), _import_nb101_array
        )
        for name in ("test.npy", "flops.npy")
    },
    "truth, NAS-Bench-101, official": Reader("n.tfrecord", _nb101_official, _import_nb101_official),
    "seconds of trainings, pickle": Reader(
        str(seconds.FILE),
        lambda: hostile(pickle.dumps(_seconds())),
        lambda path: seconds.find_seconds(path.parent.parent, seconds.QUERY),
    ),
    "teacher's answers": Reader(
        "teacher.jsonl",
        lambda: then(hostile(_answers(), json_too=True), lambda row: b"{}\n" + row + b"\n"),
        lambda path: teacher._read(Journal(path, {}), n_images=6, classes=3),
    ),
    "settings, TOML": Reader("c.toml", lambda: hostile(SETTINGS), _read_settings),
    "record": Reader(
        "record.json", lambda: hostile(_run_file(RECORD), json_too=True), _read_record
    ),
    "record, in a report": Reader(
        "r.json",
        lambda: hostile(_run_file(RECORD), json_too=True),
        _in_run(RECORD),
    ),
    "disturbance, in a report": Reader(
        "d.parquet",
        lambda: hostile(_run_file(DISTURBANCE), parquet_too=True),
        _in_run(DISTURBANCE),
    ),
    "curve, in a report": Reader(
        "c.parquet",
        lambda: hostile(_run_file(CURVE), parquet_too=True),
        _in_run(CURVE),
    ),
    "checkpoint": Reader("checkpoint.pt", _checkpoints, _read_checkpoint),
    "checkpoint, to resume from": Reader("checkpoint.pt", _states, _resume),
    "journal of a ranking": Reader("ranking.jsonl", lambda: hostile(_journal()), _read_journal),
    "journal without checksums": Reader(
        "ranking.jsonl", lambda: hostile(_plain_journal()), _read_journal
    ),
    "baseline of a check": Reader(
        "b.json", lambda: hostile(_baseline(), json_too=True), load_baseline
    ),
    "predictor": Reader("p.json", lambda: hostile(_predictor(), json_too=True), load_predictor),
    "images, CIFAR-10": Reader(
        f"{cifar.LAYOUTS['cifar10'].folder}/x.bin",
        lambda: hostile(_cifar_records(1)),
        _read_cifar,
    ),
    "images, CIFAR-100": Reader(
        f"{cifar.LAYOUTS['cifar100'].folder}/x.bin",
        lambda: hostile(_cifar_records(2)),
        _read_cifar,
    ),
    "images, ImageNet16": Reader(
        f"{imagenet16.FOLDER}/x.npz", lambda: hostile(_npz(), _small_npz()), _read_imagenet16
    ),
    "one's own images, npz": Reader(
        "x.npz", _own_npz, lambda path: (read_images(path).name, read_images(path).sizes(0.5))
    ),
    **{
        f"one's own images, {suffix}": Reader(
            f"{suffix}/a/x.{suffix}", partial(hostile, _picture(suffix)), _read_own_folder
        )
        for suffix in ("png", "jpg", "bmp")
    },
    "archive": Reader("a.tar.gz", _archives, _unpack),
}
"""Readers by what they read."""
