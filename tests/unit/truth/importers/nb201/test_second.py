"""Robust accuracy and latency: what went in comes out, and every kind of damage is refused."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.nb201.encoding import N_ARCHS, arch_at
from harness.spaces.nb201.forms import NASLIB_OPS
from harness.truth import TruthQuery, find_truth
from harness.truth.fetch.catalog import CATALOG
from harness.truth.importers.importing import find_format, import_truth
from harness.truth.importers.nb201 import latency
from harness.truth.metric import TruthMetric
from harness.truth.published import Table

NETS = ["(4, 0, 3, 1, 4, 3)", "(2, 4, 0, 0, 3, 2)"]
TABLE = pd.DataFrame(
    {
        "net": NETS,
        "val_accs": [84.99, 90.52],
        "aa_apgd-ce@Linf_eps-1.0": [29.1, 14.4],
        "pgd@Linf_eps-0.5": [66.2, 64.4],
    }
)
N = 6
TIMES = [10.5, 54.25, 0.011, 3, 7, 26.0]


def write_table(path: Path, table: pd.DataFrame = TABLE) -> Path:
    table.to_csv(path, index=False)
    return path


def test_robust_accuracies_are_those_of_the_file(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv")
    assert find_format(path) == "robust"
    table = import_truth(path)
    assert table.columns.metrics == (
        TruthMetric("robust:apgd@linf:eps=1", "%"),
        TruthMetric("robust:pgd@linf:eps=0.5", "%"),
    )
    rows = table.rows.set_index(["arch_str", "metric"])["value"]
    first, second = map(_naslib, ((4, 0, 3, 1, 4, 3), (2, 4, 0, 0, 3, 2)))
    assert rows[first].to_dict() == {
        "robust:apgd@linf:eps=1": 29.1,
        "robust:pgd@linf:eps=0.5": 66.2,
    }
    assert rows[second, "robust:pgd@linf:eps=0.5"] == 64.4
    assert set(table.rows["seed"]) == {777}
    assert "no noise ceiling" in table.metadata["notes"]


def _naslib(digits: tuple[int, ...]) -> str:
    """Write NASLib's digits as the benchmark's string, edge by edge."""
    a, b, c, d, e, f = (NASLIB_OPS[digit] for digit in digits)  # 0->1 0->2 0->3 1->2 1->3 2->3
    return f"|{a}~0|+|{b}~0|{d}~1|+|{c}~0|{e}~1|{f}~2|"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda t: t.drop(columns="net"), "this is not the table of robust accuracies"),
        (lambda t: t[["net", "val_accs"]], "this is not the table of robust accuracies"),
        (lambda t: t.assign(net="(9, 9, 9, 9, 9, 9)"), "'net'"),
        (lambda t: t.assign(net=NETS[0]), "repeats a key"),
        (lambda t: t.assign(**{"pgd@Linf_eps-0.5": 101.0}), "from 0 to 100"),
        (lambda t: t.assign(**{"pgd@Linf_eps-0.5": [1.0, None]}), "from 0 to 100"),
        (lambda t: t.assign(**{"pgd@Linf_eps-0.5": "high"}), "from 0 to 100"),
        (lambda t: t[:0], "this is not the table of robust accuracies"),
    ],
)
def test_a_damaged_table_is_refused(
    tmp_path: Path, damage: Callable[[pd.DataFrame], pd.DataFrame], problem: str
) -> None:
    with pytest.raises(TruthError, match=problem):
        import_truth(write_table(tmp_path / "t.csv", damage(TABLE)), "robust")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(latency, "N_ARCHS", N)
    folder = tmp_path / "latency"
    folder.mkdir()
    torch.save(TIMES, folder / "raspi4.pt")
    torch.save([4, 5, 6, 7, 8, 9], folder / "1080ti_32.pt")
    return folder


def test_latencies_are_those_of_the_files(folder: Path) -> None:
    assert find_format(folder) == "latency"
    table = import_truth(folder)
    assert [tuple(metric) for metric in table.columns.metrics] == [
        ("latency:1080ti_32", "ms", True),
        ("latency:raspi4", "ms", True),
    ]
    truth = table.mean(TruthQuery("cifar10", "test", 0, metric="latency:raspi4"))
    assert truth.keys.tolist() == list(range(N))
    assert truth.value.tolist() == TIMES
    alone = import_truth(folder / "raspi4.pt", "latency")
    assert alone.describe() == [f"latency:raspi4, cifar10 ({N} architectures)"]
    (folder / "raspi4.pt").unlink()
    assert import_truth(folder).metadata["source_sha256"] != table.metadata["source_sha256"]


class Evil:
    """Would be noticed if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a file ran code",)


@pytest.mark.parametrize(
    "content",
    [
        TIMES[:-1],
        [*TIMES[:-1], -1.0],
        [*TIMES[:-1], float("nan")],
        [*TIMES[:-1], "fast"],
        [*TIMES[:-1], True],
        [*TIMES[:-1], 10**400],
        dict(enumerate(TIMES)),
        torch.tensor(TIMES),
        Evil(),
    ],
    ids=["short", "negative", "NaN", "text", "bool", "huge", "dict", "tensor", "code"],
)
def test_a_file_that_is_no_list_of_latencies_is_refused(folder: Path, content: Any) -> None:
    torch.save(content, folder / "raspi4.pt")
    with pytest.raises(TruthError, match=r"raspi4\.pt"):
        import_truth(folder)


def test_a_file_that_is_cut_or_compressed_is_refused(folder: Path) -> None:
    whole = (folder / "raspi4.pt").read_bytes()
    for content in (b"", whole[:200], pickle.dumps(TIMES)[:-3]):
        (folder / "raspi4.pt").write_bytes(content)
        with pytest.raises(TruthError, match=r"raspi4\.pt"):
            import_truth(folder)
    with zipfile.ZipFile(folder / "raspi4.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(TIMES, protocol=2))
    with pytest.raises(TruthError, match=r"no 'data\.pkl' as torch writes it"):
        import_truth(folder)


def test_a_folder_without_files_and_an_odd_name_are_refused(folder: Path) -> None:
    torch.save(TIMES, folder / "a b.pt")
    with pytest.raises(TruthError, match="not called as a device"):
        import_truth(folder)
    (folder / "empty").mkdir()
    with pytest.raises(TruthError, match="no files of latencies"):
        import_truth(folder / "empty", "latency")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("entry", "source"),
    [("nb201-robust", "robustness_targets.csv"), ("nb201-latency", "latency")],
)
def test_the_published_tables_have_the_content_that_is_known(
    data_dir: Path, entry: str, source: str
) -> None:
    table = import_truth(data_dir / "nb201_more" / source)
    product = CATALOG[entry].product
    assert isinstance(product, Table)
    assert table.sha256 == product.sha256
    assert table.n_archs == N_ARCHS
    sizes = {each.file: each.size for each in CATALOG[entry].downloads}
    there = [data_dir / each.path for each in CATALOG[entry].downloads]
    assert {path.name: path.stat().st_size for path in there} == sizes


@pytest.mark.realdata
def test_latencies_equal_the_conversion_that_was_made_apart(data_dir: Path) -> None:
    table = import_truth(data_dir / "nb201_more" / "latency")
    other = pd.read_parquet(data_dir / "nb201_more" / "nb201_latency_help.parquet")
    devices = list(other.columns.drop("nb201_index"))
    assert [metric.name for metric in table.columns.metrics] == [
        f"latency:{device}" for device in devices
    ]
    for device in devices:
        truth = table.mean(TruthQuery("cifar10", "test", 0, metric=f"latency:{device}"))
        np.testing.assert_allclose(truth.value, other[device], rtol=1e-7, atol=5e-7)  # of float32


@pytest.mark.realdata
def test_robust_accuracy_is_that_of_one_network_trained_on_all_images(data_dir: Path) -> None:
    """Hardly attacked, it has the test accuracy of seed 777: so arch and trial are the right ones.

    Networks of one class share their values, so each is another's training but the class's own.
    """
    table = import_truth(data_dir / "nb201_more" / "robustness_targets.csv")
    weak = TruthQuery("cifar10", "test", 200, metric="robust:square@linf:eps=0.1")
    attacked = table.mean(weak).value
    known = find_truth("cifar10", data_dir).select(TruthQuery("cifar10", "test", 200, "seed=777"))
    off = known.value - attacked[known.keys]
    assert 0.4 < np.median(off) < 2.0
    assert attacked.max() > 92.0  # trained on 25,000 images, none has 91.7
    classes = pd.Series(attacked).groupby([_string_class(index) for index in range(N_ARCHS)])
    assert classes.nunique().max() == 1


def _string_class(index: int) -> str:
    return str(load_space("nb201").traits["one_per_string"].of(arch_at(index)))
