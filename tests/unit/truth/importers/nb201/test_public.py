"""The six small public tables: what they become, and what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import pickle
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import TruthError
from harness.spaces.nb201.encoding import N_ARCHS, enumerate_archs
from harness.truth import TruthQuery, TruthTable, find_truth, load_table, save_table
from harness.truth.importers.importing import to_table
from harness.truth.importers.nb201 import public_files as files
from harness.truth.importers.nb201.public import read_public
from harness.truth.importers.nb201.public_files import TABLES, PublicTable
from harness.truth.rows import COLUMNS

DATASETS = {files.C10_VALID: 25_000, files.C100_VALID: 5_000, files.IN16_VALID: 3_000}
SHORT_STEPS = {
    "cifar10-test": 10_000,
    "cifar10-val": 50_000,
    "cifar100-test": 5_000,
    "cifar100-val": 5_000,
    "imagenet-test": 3_000,
    "imagenet-val": 3_000,
}


def read_rows(folder: Path, tables: Sequence[PublicTable] = TABLES) -> pd.DataFrame:
    return read_public(folder, tables=tables).rows


def import_made(folder: Path, tables: Sequence[PublicTable] = TABLES) -> TruthTable:
    return to_table(read_public(folder, tables=tables), folder.name, "public", None)


def draw(rng: np.random.Generator, steps: int, n: int) -> np.ndarray[Any, Any]:
    return rng.integers(0, steps, n, endpoint=True) / steps * 100


class Made:
    """The content of six files, with invented accuracies, before they are pickled."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.strings = np.array([str(arch) for arch in enumerate_archs()], dtype=object)
        self.digits = ["".join(map(str, arch.ops)) for arch in enumerate_archs()]
        self.counts = rng.integers(2, 4, N_ARCHS)
        self.counts[0] = 2
        n = int(self.counts.sum())
        self.valid = {name: draw(rng, steps, n) for name, steps in DATASETS.items()}
        self.test = {name: draw(rng, DATASETS[name], n) for name in list(DATASETS)[1:]}
        self.test_counts = rng.integers(1, self.counts, endpoint=True)
        self.c10_test = draw(rng, 10_000, int(self.test_counts.sum()))
        self.short = {name: draw(rng, steps, N_ARCHS) for name, steps in SHORT_STEPS.items()}

    @cached_property
    def contents(self) -> dict[str, bytes]:
        return {name: to_bytes(name, each) for name, each in self.objects().items()}

    def objects(self) -> dict[str, Any]:
        """What is pickled, by file; in float32 as published, where that is what was published."""
        made: dict[str, Any] = {
            name: dict(zip(self.digits, self._lists(values, self.counts), strict=True))
            for name, values in self.valid.items()
        }
        loss = {files.C10_VALID: 100 - self.valid[files.C10_VALID].astype("f4").astype("f8")}
        for name, test in self.test.items():
            loss[name] = 100 - (test + self.valid[name]) / 2
        made[files.LOSSES] = {
            name.removesuffix(".pkl"): {"loss": values, "runtime": np.zeros(3)}
            for name, values in loss.items()
        }
        keys = [arch.ops for arch in enumerate_archs()]
        lists = self._lists(self.c10_test, self.test_counts)
        made[files.C10_TEST] = dict(zip(keys, lists, strict=True))
        made[files.SHORT] = self.frame()
        return made

    def frame(self) -> dict[str, Any]:
        return {"arch": np.arange(N_ARCHS), "cellstr": self.strings.copy(), **self.short}

    @staticmethod
    def _lists(values: Any, counts: Any) -> list[list[float]]:
        ends = np.cumsum(counts)[:-1]
        return [part.tolist() for part in np.split(values.astype("f4").astype("f8"), ends)]


class PandasPickler(pickle._Pickler):  # the one in Python, whose names can be chosen
    """Pickles a dictionary of columns as the pandas of 2020 pickled a frame of them."""

    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer, protocol=4)

    def name(self, text: str) -> None:
        self.write(pickle.GLOBAL + text.replace(" ", "\n").encode() + b"\n")

    def index(self, names: Any) -> None:
        self.name("pandas.core.indexes.base _new_Index")
        self.name("pandas.core.indexes.base Index")
        self.save({"data": np.array(names, dtype=object), "name": None})
        self.write(pickle.TUPLE2 + pickle.REDUCE)

    def dump_frame(self, columns: dict[str, Any], entry: str = "_data") -> None:
        self.write(pickle.PROTO + bytes([4]))
        numbers = [name for name in columns if name not in ("arch", "cellstr")]
        blocks = [(numbers, np.array([columns[name] for name in numbers]))]
        blocks += [([name], columns[name][None]) for name in ("arch", "cellstr") if name in columns]
        self.name("pandas.core.frame DataFrame")
        self.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ + pickle.EMPTY_DICT)
        self.save(entry)
        self.name("pandas.core.internals.managers BlockManager")
        self.write(pickle.EMPTY_TUPLE + pickle.REDUCE + pickle.MARK + pickle.EMPTY_LIST)
        self.save([values for _, values in blocks])
        self.write(pickle.EMPTY_LIST + pickle.MARK)
        for names, _ in blocks:
            self.index(names)
        self.write(pickle.APPENDS + pickle.EMPTY_DICT + pickle.TUPLE + pickle.BUILD)
        self.write(pickle.SETITEM + pickle.BUILD + pickle.STOP)


def pickle_frame(columns: dict[str, Any], entry: str = "_data") -> bytes:
    buffer = io.BytesIO()
    pickler = PandasPickler(buffer)
    pickler.dump_frame(columns, entry)
    return buffer.getvalue()


class Touched(dict[str, Any]):
    """The objects that a test changes; those that it does not are never made."""

    def __init__(self, made: Made) -> None:
        super().__init__()
        self._made = made

    def __missing__(self, name: str) -> Any:
        is_frame = name == files.SHORT
        self[name] = self._made.frame() if is_frame else pickle.loads(self._made.contents[name])
        return self[name]


def to_bytes(name: str, content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if name == files.SHORT:
        return pickle_frame(content)
    return pickle.dumps(content, protocol=2 if name == files.C10_TEST else 4)


def write(
    folder: Path, made: Made, change: Callable[[dict[str, Any]], None] | None = None
) -> tuple[PublicTable, ...]:
    """Write the files, some of them changed, and return what they are, hashes and all."""
    touched = Touched(made)
    if change is not None:
        change(touched)
    tables = []
    for table in TABLES:
        content = made.contents[table.file]
        if table.file in touched:
            content = to_bytes(table.file, touched[table.file])
        (folder / table.file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        tables.append(dataclasses.replace(table, sha256=digest, size=len(content)))
    return tuple(tables)


@pytest.fixture(scope="module")
def made() -> Made:
    return Made()


def select(frame: pd.DataFrame, dataset: str, split: str, epochs: int) -> pd.DataFrame:
    mask = (frame.dataset == dataset) & (frame.split == split) & (frame.epochs == epochs)
    return frame[mask]


def test_invented_accuracies_come_out_exactly(tmp_path: Path, made: Made) -> None:
    frame = read_rows(tmp_path, write(tmp_path, made))
    expected = {
        ("cifar10-valid", "valid", 200): made.valid[files.C10_VALID],
        ("cifar100", "valid", 200): made.valid[files.C100_VALID],
        ("cifar100", "test", 200): made.test[files.C100_VALID],
        ("ImageNet16-120", "valid", 200): made.valid[files.IN16_VALID],
        ("ImageNet16-120", "test", 200): made.test[files.IN16_VALID],
        ("cifar10", "test", 200): made.c10_test,
        ("cifar10", "test", 12): made.short["cifar10-test"],
        ("cifar10-valid", "valid", 12): made.short["cifar10-val"],
        ("cifar100", "test", 12): made.short["cifar100-test"],
        ("cifar100", "valid", 12): made.short["cifar100-val"],
        ("ImageNet16-120", "test", 12): made.short["imagenet-test"],
        ("ImageNet16-120", "valid", 12): made.short["imagenet-val"],
    }
    assert len(frame) == sum(map(len, expected.values()))
    for key, accuracy in expected.items():
        # float32 is off by up to 4e-6; the grid brings back what was meant, to the last digits.
        np.testing.assert_allclose(select(frame, *key).accuracy, accuracy, rtol=0, atol=1e-12)


def test_trials_are_numbered_and_seeds_are_given_where_the_list_is_whole(
    tmp_path: Path, made: Made
) -> None:
    frame = read_rows(tmp_path, write(tmp_path, made))
    for dataset, split, counts in (
        ("cifar100", "test", made.counts),
        ("cifar10", "test", made.test_counts),
    ):
        rows = select(frame, dataset, split, 200)
        trial = [number for count in counts for number in range(count)]
        index = [arch for arch, count in enumerate(counts) for _ in range(count)]
        seeds = [
            (777, 888, 999)[number] if counts[arch] == made.counts[arch] else -1
            for arch, number in zip(index, trial, strict=True)
        ]
        assert rows.nb201_index.tolist() == index
        assert rows.trial.tolist() == trial
        assert rows.seed.tolist() == seeds
    short = select(frame, "cifar10", "test", 12)
    assert (short.trial.eq(0) & short.seed.eq(777)).all()


def test_the_order_of_the_architectures_in_a_file_means_nothing(tmp_path: Path, made: Made) -> None:
    def shuffle(objects: dict[str, Any]) -> None:
        for name in (files.C100_VALID, files.C10_TEST):
            objects[name] = dict(reversed(objects[name].items()))
        objects[files.SHORT] = {key: each[::-1] for key, each in objects[files.SHORT].items()}

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    straight = read_rows(tmp_path / "a", write(tmp_path / "a", made))
    turned = read_rows(tmp_path / "b", write(tmp_path / "b", made, shuffle))
    assert list(straight) == list(turned)
    for name in straight:
        assert straight[name].equals(turned[name]), name


def test_the_table_names_its_sources(tmp_path: Path, made: Made) -> None:
    table = import_made(tmp_path, write(tmp_path, made))
    assert (table.name, table.n_archs) == ("nb201", N_ARCHS)
    known = json.loads(table.metadata["files"])
    assert [each["file"] for each in known] == [each.file for each in TABLES]
    assert {each["licence"] for each in known} == {"Apache-2.0", "MIT"}
    assert all(each["repository"] and each["commits"] and each["sha256"] for each in known)
    save_table(table, tmp_path / "truth.parquet")
    assert load_table(tmp_path / "truth.parquet").metadata == table.metadata


def test_a_file_that_is_not_the_published_one_is_not_opened(tmp_path: Path, made: Made) -> None:
    tables = write(tmp_path, made)
    with (tmp_path / files.C10_TEST).open("ab") as file:
        file.write(b"x")
    with pytest.raises(TruthError, match=r"nb2_test_acc_cf10\.p' is not the published file"):
        read_rows(tmp_path, tables)


def test_a_file_that_is_missing_is_told_with_the_others(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"cifar10\.pkl' cannot be read .*harness data fetch"):
        read_rows(tmp_path)


class Hostile:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('it was run')",)


@pytest.mark.parametrize("file", [table.file for table in TABLES])
def test_a_class_that_results_have_no_use_for_is_refused_and_named(
    tmp_path: Path, made: Made, file: str
) -> None:
    def change(objects: dict[str, Any]) -> None:
        objects[file] = pickle.dumps({"421211": Hostile()})

    tables = write(tmp_path, made, change)
    with pytest.raises(TruthError, match=rf"{file} names 'builtins\.exec'"):
        read_rows(tmp_path, tables)


def test_a_frame_may_name_pandas_and_the_other_files_may_not(tmp_path: Path, made: Made) -> None:
    def change(objects: dict[str, Any]) -> None:
        objects[files.C10_VALID] = pickle_frame(made.frame())

    tables = write(tmp_path, made, change)
    with pytest.raises(TruthError, match=r"cifar10\.pkl names 'pandas\.core\.frame\.DataFrame'"):
        read_rows(tmp_path, tables)


def drop(objects: dict[str, Any], name: str) -> None:
    objects[name].pop(next(iter(objects[name])))


def rename(objects: dict[str, Any], name: str) -> None:
    objects[name]["555555"] = objects[name].pop("421211")


def put(objects: dict[str, Any], name: str, value: Any) -> None:
    objects[name][next(iter(objects[name]))] = value


def shorten(objects: dict[str, Any], name: str) -> None:
    first = next(values for values in objects[name].values() if len(values) == 3)
    first.pop()


def lose(objects: dict[str, Any], value: Any) -> None:
    objects[files.LOSSES]["cifar100"]["loss"] = value


def shift(objects: dict[str, Any], dataset: str, by: float) -> None:
    objects[files.LOSSES][dataset]["loss"][7] += by


def column(objects: dict[str, Any], name: str, change: Callable[[Any], Any]) -> None:
    objects[files.SHORT][name] = change(objects[files.SHORT][name])


def repeat_first(strings: Any) -> Any:
    return np.concatenate([strings[:1], strings[:-1]])


BAD: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "a missing architecture": (lambda o: drop(o, files.C10_VALID), "not a dictionary of 15,625"),
    "an unknown one": (lambda o: rename(o, files.C10_VALID), r"no list .*avg_pool_3x3~0\|\+"),
    "a list": (lambda o: o.update({files.C100_VALID: [1.0]}), "cifar100.pkl does not hold"),
    "no trials": (lambda o: put(o, files.C10_VALID, []), "no list of 1 to 3"),
    "four trials": (lambda o: put(o, files.C10_VALID, [1.0] * 4), "no list of 1 to 3"),
    "a text": (lambda o: put(o, files.C10_VALID, ["90", "91"]), "is not a number"),
    "fewer trials": (lambda o: shorten(o, files.IN16_VALID), "another number of trials"),
    "more test trials": (lambda o: put(o, files.C10_TEST, [1.0] * 3), "has more trials|is not"),
    "above 100": (lambda o: put(o, files.C10_TEST, [100.01]), r"accuracy.* 0 to 100"),
    "off the grid": (lambda o: put(o, files.C10_TEST, [90.123456]), r"multiple of 1/10,000"),
    "nan": (lambda o: put(o, files.C10_TEST, [float("nan")]), "accuracy of nan"),
    "no losses": (lambda o: o[files.LOSSES].pop("imagenet"), "no array 'loss' .* 'imagenet'"),
    "losses as a list": (lambda o: lose(o, [1.0]), "no array 'loss'"),
    "losses as texts": (lambda o: lose(o, np.array(["a"])), "no array 'loss'"),
    "other lengths": (lambda o: lose(o, np.zeros(7)), r"has shape \(7,\)"),
    "other trials": (lambda o: shift(o, "cifar10", 0.004), "one trial two accuracies"),
    "an odd mean": (
        lambda o: shift(o, "cifar100", 0.004),
        "cifar100 test at 200 .* not a multiple",
    ),
    "no column": (lambda o: o[files.SHORT].pop("cifar100-val"), "'cifar100-val' is missing"),
    "no strings": (lambda o: o[files.SHORT].pop("cellstr"), "'cellstr' is missing"),
    "one twice": (lambda o: column(o, "cellstr", repeat_first), "not each architecture once"),
}


@pytest.mark.parametrize("name", BAD)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, made: Made, name: str) -> None:
    change, problem = BAD[name]
    tables = write(tmp_path, made, change)
    with pytest.raises(TruthError, match=problem):
        import_made(tmp_path, tables)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "cannot be read as a file of results"),
        (pickle.dumps({"_data": 1}), "not a frame of the published layout"),
        (pickle.dumps([1, 2]), "not a frame of the published layout"),
        (pickle_frame(Made().frame())[:-1_000], "cannot be read as a file of results"),
        (pickle_frame(Made().frame(), entry="_mgr"), "not a frame of the published layout"),
    ],
    ids=["empty", "dictionary", "list", "cut short", "newer pandas"],
)
def test_what_is_no_such_frame_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(TruthError, match=problem):
        files.parse_short(content, ("cifar10-test",))


@pytest.mark.realdata
def test_the_published_files_become_the_published_rows(data_dir: Path) -> None:
    made = read_rows(data_dir / "nb201" / "raw")
    rows = pd.read_parquet(data_dir / "nb201" / "truth_rows.parquet")
    assert len(made) == len(rows) == 327_831
    for name in set(COLUMNS) - {"accuracy"}:
        assert (made[name].astype(str).to_numpy() == rows[name].astype(str).to_numpy()).all(), name
    # The published rows at 12 epochs, and they alone, are as they were, in float32.
    np.testing.assert_allclose(made.accuracy, rows.accuracy, rtol=0, atol=1e-6)


@pytest.mark.realdata
def test_the_table_has_the_content_and_the_facts_that_are_known(data_dir: Path) -> None:
    from harness.truth.fetch.catalog import CATALOG
    from harness.truth.published import Table

    table = import_made(data_dir / "nb201" / "raw")
    product = CATALOG["nb201"].product
    assert isinstance(product, Table)
    assert table.sha256 == product.sha256
    assert table.sha256 == find_truth("cifar10", data_dir).sha256  # of the rows file
    best = table.mean(TruthQuery("cifar10", "test", 200))
    assert best.keys[int(best.value.argmax())] == 6111
    assert best.value.max() == pytest.approx(94.3733, abs=1e-4)
