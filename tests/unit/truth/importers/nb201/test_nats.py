"""A NATS-Bench folder: the same numbers as the published package gives, read safely."""

from __future__ import annotations

import bz2
import os
import pickle
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from harness.errors import TruthError
from harness.truth.importers.importing import import_truth
from tests.published_files import as_rows, make_results, published_strings, write_nats, write_pbz2

N_ARCHS = 6
RESULTS = make_results(N_ARCHS, seed=1)
NAME = "NATS-tss-v1_0-3ffb9-simple"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nats") / NAME
    write_nats(folder, RESULTS)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(whole, tmp_path / NAME))


def read(path: Path) -> Any:
    return pickle.loads(bz2.decompress(path.read_bytes()))


def test_the_accuracies_are_those_that_were_put_in(whole: Path) -> None:
    rows = import_truth(whole).rows.astype({"arch_str": str, "dataset": str, "split": str})
    pd.testing.assert_frame_equal(rows, as_rows(RESULTS), check_dtype=False, check_exact=True)


def test_the_published_package_gives_the_same_numbers(whole: Path) -> None:
    nats_bench = pytest.importorskip("nats_bench")
    api = nats_bench.create(str(whole), "tss", fast_mode=True, verbose=False)
    for row in import_truth(whole).rows.itertuples(index=False):
        info = api.get_more_info(
            row.nb201_index, row.dataset, hp=str(row.epochs), is_random=int(row.seed)
        )
        assert info[f"{row.split}-accuracy"] == row.accuracy


def test_the_package_is_not_needed(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nats_bench", None)
    assert import_truth(whole, "nats").n_archs == N_ARCHS


def test_the_table_says_where_it_came_from(whole: Path, folder: Path) -> None:
    metadata = import_truth(whole).metadata
    assert metadata["source_file"] == NAME
    assert metadata["importer"] == "harness.truth.importers:nats"
    assert import_truth(folder).metadata["source_sha256"] == metadata["source_sha256"]
    content = read(folder / "000003.pickle.pbz2")
    content["200"]["all_results"]["cifar10", 999]["eval_acc1es"]["ori-test@199"] = 50.0
    write_pbz2(folder / "000003.pickle.pbz2", content)
    assert import_truth(folder).metadata["source_sha256"] != metadata["source_sha256"]


def test_a_file_beside_the_records_changes_nothing(whole: Path, folder: Path) -> None:
    (folder / "README.txt").write_text("hello")
    ours, theirs = import_truth(folder), import_truth(whole)
    assert ours.metadata["source_sha256"] == theirs.metadata["source_sha256"]


def test_progress_counts_records(whole: Path) -> None:
    seen: list[tuple[int, int]] = []
    import_truth(whole, watch=lambda done, total: seen.append((done, total)))
    assert seen == [(done, N_ARCHS) for done in range(1, N_ARCHS + 1)]


def test_numbers_without_zeros_are_read_as_the_package_does(folder: Path, whole: Path) -> None:
    (folder / "000004.pickle.pbz2").rename(folder / "4.pickle.pbz2")
    assert import_truth(folder).sha256 == import_truth(whole).sha256


def test_the_folder_with_weights_is_read_without_them(folder: Path, whole: Path) -> None:
    full = folder.rename(folder.with_name("NATS-tss-v1_0-3ffb9-full"))
    content = read(full / "000002.pickle.pbz2")
    weights = OrderedDict(weight=torch.ones(3), count=torch.tensor(2))
    content["200"]["all_results"]["cifar10", 999]["net_state_dict"] = weights
    write_pbz2(full / "000002.pickle.pbz2", content)
    assert import_truth(full).sha256 == import_truth(whole).sha256


def test_missing_records_are_counted_named_and_refused_unless_allowed(folder: Path) -> None:
    for index in (1, 4):
        (folder / f"{index:06d}.pickle.pbz2").unlink()
    problem = r"lacks the records of 2 of 6 architectures \(1, 4\).*--allow-missing"
    with pytest.raises(TruthError, match=problem):
        import_truth(folder)
    told: list[str] = []
    table = import_truth(folder, allow_missing=True, tell=told.append)
    assert table.n_archs == N_ARCHS - 2
    assert table.metadata["n_missing_archs"] == "2"
    assert "2 of 6" in told[0]


def test_of_many_missing_records_the_first_are_named(folder: Path) -> None:
    meta = read(folder / "meta.pickle.pbz2") | {"meta_archs": published_strings(15_625)}
    write_pbz2(folder / "meta.pickle.pbz2", meta)
    with pytest.raises(TruthError, match=r"15,619 of 15,625 .*\(6, 7, 8, 9, 10, \.\.\.\)"):
        import_truth(folder)


class Hostile:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.makedirs, (self.marker,)


@pytest.mark.parametrize("name", ["meta.pickle.pbz2", "000002.pickle.pbz2"])
def test_a_hostile_file_is_refused_by_name_and_does_not_run(
    folder: Path, tmp_path: Path, name: str
) -> None:
    marker = tmp_path / "marker"
    write_pbz2(folder / name, read(folder / name) | {"more": Hostile(marker)})
    read(folder / name)
    assert marker.exists()  # it is as hostile as it looks
    marker.rmdir()
    with pytest.raises(TruthError, match=rf"{name} names 'os\.makedirs'.*nothing was run"):
        import_truth(folder)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["meta.pickle.pbz2", "000002.pickle.pbz2"])
def test_a_file_cut_off_anywhere_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for length in [*range(0, len(content), max(1, len(content) // 25)), len(content) - 1]:
        (folder / name).write_bytes(content[:length])
        with pytest.raises(TruthError, match=rf"{name} is not a whole record: it is cut off"):
            import_truth(folder)


def test_a_damaged_file_is_refused_by_its_checksum(folder: Path) -> None:
    path = folder / "000000.pickle.pbz2"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TruthError, match=r"000000\.pickle\.pbz2 is damaged: Invalid data stream"):
        import_truth(folder)


def test_a_file_that_is_not_compressed_is_refused(folder: Path) -> None:
    (folder / "000000.pickle.pbz2").write_bytes(pickle.dumps({"12": {}}))
    with pytest.raises(TruthError, match=r"000000\.pickle\.pbz2 is damaged"):
        import_truth(folder)


def test_a_record_that_unpacks_without_end_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.truth.importers.nb201.nats._MOST_BYTES", 2**20)
    write_pbz2(folder / "000000.pickle.pbz2", "x" * 2**21)
    with pytest.raises(TruthError, match="over 1,048,576 bytes of one"):
        import_truth(folder)


@pytest.mark.parametrize(
    ("strings", "problem"),
    [
        (["64:64:64:64:64", "8:8:8:8:8"], "at index 0 is '64:64:64:64:64'.*another space"),
        (published_strings(3)[::-1], "at index 0 is"),
        ([], "'meta_archs' is not a list"),
        (None, "'meta_archs' is not a list"),
    ],
)
def test_another_space_or_order_is_refused(folder: Path, strings: Any, problem: str) -> None:
    write_pbz2(folder / "meta.pickle.pbz2", {"meta_archs": strings})
    with pytest.raises(TruthError, match=problem):
        import_truth(folder)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "this is not the record"),
        ({}, "this is not the record"),
        ({"12": None}, "'all_results' is missing"),
        ({"12": {"all_results": {}}}, "'arch_index' is missing"),
    ],
)
def test_a_record_of_another_structure_is_refused(
    folder: Path, content: object, problem: str
) -> None:
    write_pbz2(folder / "000001.pickle.pbz2", content)
    with pytest.raises(TruthError, match=rf"000001\.pickle\.pbz2.*{problem}"):
        import_truth(folder)


def test_a_record_under_the_name_of_another_is_refused(folder: Path) -> None:
    shutil.copy(folder / "000001.pickle.pbz2", folder / "000002.pickle.pbz2")
    with pytest.raises(TruthError, match="is that of architecture 1, not of 2"):
        import_truth(folder)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"it has no meta\.pickle\.pbz2"):
        import_truth(tmp_path, "nats")
