"""Files of the official structures, made up: what the importers are tested and timed with.

The records are built by the published packages' own classes, so that they look as theirs do:
ragged seeds, old and new spellings of an evaluation, accuracies that are numpy scalars.
"""

from __future__ import annotations

import base64
import bz2
import json
import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from nas_201_api import ArchResults, ResultsCount

from harness.spaces import load_space
from harness.spaces.macro.cost import BENCHMARK_SHAPE, count
from harness.spaces.nb101.encoding import Cell
from harness.spaces.nb201.encoding import arch_at, enumerate_archs
from harness.spaces.transnas.encoding import TASKS
from harness.stats.correlation import IntArray
from harness.truth.importers.transnas.official import OFFICIAL

SEEDS = (777, 888, 999)
N_CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
EVALUATIONS = {
    "cifar10-valid": {"valid": "x-valid", "test": "ori-test"},
    "cifar10": {"test": "ori-test"},
    "cifar100": {"valid": "x-valid", "test": "x-test"},
    "ImageNet16-120": {"valid": "x-valid", "test": "x-test"},
}
"""What the benchmark calls each split, by data set."""


class Training(NamedTuple):
    """One network that was, so it is said, trained."""

    nb201_index: int
    dataset: str
    epochs: int
    seed: int


Results = dict[Training, dict[str, float]]
"""Accuracy in percent by split."""


def make_results(n_archs: int, seed: int = 0) -> Results:
    """Draw results of the first architectures: 1 to 3 seeds at 200 epochs, fewer at 12."""
    rng = np.random.default_rng(seed)
    results: Results = {}
    for index in range(n_archs):
        for dataset, names in EVALUATIONS.items():
            seeds = {
                200: SEEDS[index % 3 :],
                12: SEEDS[:2] if dataset == "cifar10-valid" else (777,),
            }
            if dataset == "cifar10" and len(seeds[200]) > 1:
                seeds[200] = seeds[200][1:]  # as in the published table, a trial less
            for epochs, chosen in seeds.items():
                for each in chosen:
                    # To the six decimals that tables keep.
                    accuracies = rng.uniform(10, 95, len(names)).round(6).tolist()
                    key = Training(index, dataset, epochs, each)
                    results[key] = dict(zip(names, accuracies, strict=True))
    return results


def as_rows(results: Results) -> pd.DataFrame:
    """Lay results out in the schema of truth tables, slowly."""
    rows = []
    for key, accuracies in results.items():
        seeds = sorted(other.seed for other in results if other[:3] == key[:3])
        for split, accuracy in accuracies.items():
            rows.append(
                {
                    "nb201_index": key.nb201_index,
                    "arch_str": str(arch_at(key.nb201_index)),
                    "dataset": key.dataset,
                    "split": split,
                    "epochs": key.epochs,
                    "trial": seeds.index(key.seed),
                    "seed": key.seed,
                    "accuracy": accuracy,
                }
            )
    by = ["nb201_index", "dataset", "split", "epochs", "trial"]
    return pd.DataFrame(rows).sort_values(by, ignore_index=True)


def make_records(results: Results) -> dict[int, dict[int, dict[str, Any]]]:
    """Build the state of each architecture's results, by index and epochs."""
    archs: dict[int, dict[int, Any]] = {}
    for key, accuracies in results.items():
        index, dataset, epochs, seed = key
        text = str(arch_at(index))
        of_arch = archs.setdefault(index, {})
        if epochs not in of_arch:
            of_arch[epochs] = ArchResults(index, text)
        of_arch[epochs].update(dataset, seed, _make_count(key, text, accuracies))
    return {
        index: {epochs: arch.state_dict() for epochs, arch in of_arch.items()}
        for index, of_arch in archs.items()
    }


def _make_count(key: Training, text: str, accuracies: Mapping[str, float]) -> Any:
    """Build one training's record; the last seed's in the newer form, as in the real files."""
    n_classes = N_CLASSES[key.dataset]
    config = {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": n_classes}
    course = {epoch: 50.0 + epoch / key.epochs for epoch in range(key.epochs)}
    count = ResultsCount(
        *(key.dataset, None, course, course, np.float64(0.1), np.float64(15.6)),
        *(config, f"{key.seed:04d}", key.epochs, None),
    )
    finals = {EVALUATIONS[key.dataset][split]: value for split, value in accuracies.items()}
    if key.dataset in ("cifar100", "ImageNet16-120"):
        finals["ori-test"] = sum(finals.values()) / 2  # both halves together: no split of ours
    if key.seed == SEEDS[-1]:
        count.update_train_info(dict(course), dict(course), dict(course), dict(course))
        full = {name: course | {key.epochs - 1: final} for name, final in finals.items()}
        keyed = {f"{name}@{e}": v for name, values in full.items() for e, v in values.items()}
        count.update_eval(keyed, dict(keyed), dict(keyed))
    else:
        for position, (name, final) in enumerate(finals.items()):
            before = dict(course) if position == 0 else {}
            # Evaluated after training, so a scalar of its own kind.
            values = before | {key.epochs - 1: final if before else np.float64(final)}
            count.update_OLD_eval(name, values, dict(values))
        count.update_latency([0.01, np.float64(0.02)])
    return count


def published_strings(n_archs: int) -> list[str]:
    """Return the strings of the first architectures, in the published order."""
    return [str(arch) for arch in enumerate_archs()[:n_archs]]


def make_official(results: Results) -> dict[str, Any]:
    """Build what the official `.pth` holds, with as many `meta_archs` as have results."""
    records = make_records(results)
    names = {12: "less", 200: "full"}
    return {
        "meta_archs": published_strings(max(records) + 1),
        "total_archs": len(records),
        "basestr": "C16-N5",
        "arch2infos": {
            index: {names[epochs]: state for epochs, state in by_epochs.items()}
            for index, by_epochs in records.items()
        },
        "evaluated_indexes": set(records),
    }


def write_official(path: Path, results: Results, is_old_format: bool = True) -> None:
    """Write a `.pth`; the real files are from before torch wrote archives."""
    content = make_official(results)
    torch.save(content, path, _use_new_zipfile_serialization=not is_old_format)


def write_nats(folder: Path, results: Results) -> None:
    """Write a NATS-Bench topology folder, one file an architecture and one for all names."""
    folder.mkdir(parents=True)
    records = make_records(results)
    meta = {
        "meta_archs": published_strings(max(records) + 1),
        "total_archs": len(records),
        "arch2infos": None,
        "evaluated_indexes": set(),
    }
    write_pbz2(folder / "meta.pickle.pbz2", meta)
    for index, by_epochs in records.items():
        content = OrderedDict((str(epochs), state) for epochs, state in sorted(by_epochs.items()))
        write_pbz2(folder / f"{index:06d}.pickle.pbz2", content)


def write_pbz2(path: Path, content: object) -> None:
    """Write one compressed pickle."""
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4)))


def make_macro(n_archs: int = 6_561, seed: int = 0) -> dict[str, Any]:
    """Draw what NAS-Bench-Macro's file holds: the strings of one network have the same numbers."""
    space, rng = load_space("macro"), np.random.default_rng(seed)
    networks: dict[str, dict[str, Any]] = {}
    results = {}
    for arch in map(space.at, space.prefix(n_archs)):
        name = str(space.identity(arch))
        if name not in networks:
            exact = (rng.integers(4_000, 9_500, 3) / 100).astype(np.float32)
            params, flops = count(arch, BENCHMARK_SHAPE)
            networks[name] = {
                "test_acc": exact.tolist(),
                "mean_acc": float(exact.mean()),
                "std": float(exact.std()),
                "params": params,
                "flops": flops,
            }
        results[str(arch)] = networks[name]
    return results


def make_transnas(kind: str, seed: int = 0) -> dict[str, dict[str, dict[str, float]]]:
    """Draw results of a space of TransNAS-Bench-101, by form, task and string."""
    space, rng = load_space(f"transnas-{kind}"), np.random.default_rng(seed)
    texts = [space.format(space.at(key)) for key in range(space.size or 0)]
    results: dict[str, dict[str, dict[str, float]]] = {}
    for form in ("best", "final"):
        results[form] = {}
        for task in TASKS:
            low, high = {
                "room_layout": (-3, -0.5),
                "normal": (0, 0.7),
                "autoencoder": (0, 0.7),
            }.get(task, (0, 95))
            values = rng.uniform(low, high, len(texts)).round(6).tolist()
            results[form][task] = dict(zip(texts, values, strict=True))
    return results


def write_transnas(
    folder: Path, kind: str, results: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> list[Path]:
    """Lay out results as both public forms have them: seven files and an archive."""
    (folder / "best_epoch").mkdir(parents=True, exist_ok=True)
    (folder / "final_epoch").mkdir(exist_ok=True)
    files = []
    for task, values in results["best"].items():
        files.append(folder / "best_epoch" / f"{kind}_{task}.json")
        files[-1].write_text(json.dumps(list(map(list, values.items()))))
    files.append(folder / "final_epoch" / f"{kind}_zen.zip")
    with zipfile.ZipFile(files[-1], "w") as archive:
        archive.writestr("zen/", "")
        for task, values in results["final"].items():
            rows = [
                {
                    "arch": str(tuple(map(int, re.findall(r"\d", text.split("-", 2)[-1]))))
                    if kind == "micro"
                    else str(tuple(map(int, text.split("-")[1]))),
                    "val_accuracy": value,
                    "zen": {"score": 1.0, "time": 0.1},
                }
                for text, value in values.items()
            ]
            for place, part in enumerate((rows[:1_000], rows[1_000:])):
                name = f"zen/benchmark--transbench101_{kind}--{task}--{place * 1_000}.json"
                archive.writestr(name, json.dumps(part))
    return files


def make_official_transnas(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """Lay out the curves of some micro networks, by string and task, as the official file does."""
    return {
        "metrics_dict": {task: [OFFICIAL[task]] for task in TASKS},
        "info_names": ["encoder_params"],
        "task_list": list(TASKS),
        "data": {
            "micro": {
                text: {
                    task: {
                        "total_epochs": len(curve),
                        "metrics": {OFFICIAL[task]: list(curve)},
                        "model_info": {"encoder_params": 1.0},
                    }
                    for task, curve in tasks.items()
                }
                for text, tasks in curves.items()
            }
        },
    }


def write_nb101(folder: Path, n: int, seed: int = 0) -> IntArray:
    """Write the public arrays of the first cells; return how many images each classifies."""
    space = load_space("nb101")
    flops = [space.cost(space.at(key), space.baseline_shape).flops for key in range(n)]
    n_right = np.random.RandomState(seed).randint(6_000, 9_500, n)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "test.npy", (n_right / 9_984).astype(np.float32).astype(np.float64))
    np.save(folder / "flops.npy", np.array(flops, dtype=np.float64))
    return n_right


def make_nb101_record(
    cell: Cell, n_valid: int, n_test: int, length: int = 108, **changed: object
) -> list[Any]:
    """Lay out one training as a record of NAS-Bench-101's official file."""
    half, end = (
        _field(1, _double(1, epoch) + _double(2, 9.5) + _double(3, 0.75) + results)
        for epoch, results in (
            (length / 2, _double(4, 0.5) + _double(5, 0.25)),
            (length, _double(4, n_valid / 9_984) + _double(5, n_test / 9_984) + _field(6, b"a/b")),
        )
    )
    metrics = half + end + b"\x10\x80\x01" + _double(3, 1_000.5)  # 128 parameters; seconds in all
    ops = [["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"][op] for op in cell.ops]
    record = {
        "hash": cell.digest,
        "epochs": length,
        "matrix": "".join(str(int(bit)) for row in cell.matrix for bit in row),
        "operations": ",".join(["input", *ops, "output"]),
        "metrics": base64.b64encode(metrics).decode(),
    }
    return list((record | changed).values())


def _double(number: int, value: float) -> bytes:
    return bytes([number << 3 | 1]) + struct.pack("<d", value)


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128  # a length of one byte
    return bytes([number << 3 | 2, len(content)]) + content


def pack_records(records: Sequence[object]) -> bytes:
    """Pack records as a TFRecord does, but for the checksums, which nobody reads."""
    texts = [json.dumps(record).encode() for record in records]
    return b"".join(struct.pack("<QI", len(text), 0) + text + b"\0\0\0\0" for text in texts)
