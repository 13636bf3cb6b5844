"""NAS-Bench-Macro's file: what went in comes out, and anything else is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import TruthError, UsageError
from harness.evaluation import choose_truth
from harness.spaces import load_space
from harness.stats import kendall_tau, one_seed_reference
from harness.truth import TruthQuery, TruthTable, default_query, find_truth
from harness.truth.catalogue import list_places, open_table
from harness.truth.fetch.catalog import CATALOG
from harness.truth.fetch.fetching import fetch
from harness.truth.importers.importing import find_format, import_truth
from harness.truth.importers.macro import RAW
from harness.truth.published import Table
from tests.fetchable import checksum
from tests.published_files import make_macro

SPACE = load_space("macro")
QUERY = TruthQuery("cifar10", "test", 50)
SMALL = make_macro(5)


def write(folder: Path, content: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(content))
    return path


def read(path: Path, **options: Any) -> TruthTable:
    return import_truth(path, space=SPACE, **options)


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    results = make_macro()
    path = write(tmp_path, results)
    assert find_format(path, space=SPACE) == "macro"
    table = read(path)
    assert (table.space, table.n_archs, len(table.columns)) == (SPACE, 6_561, 3 * 6_561)
    trials = table.trials(QUERY)
    for key, accuracies in zip(trials.keys.tolist(), trials.value, strict=True):
        # The file has float32's of hundredths.
        exact = np.round(results[str(SPACE.at(key))]["test_acc"], 2)
        assert accuracies.tolist() == exact.tolist()
    assert set(table.columns.seed.tolist()) == {-1}
    assert "best epoch" in table.metadata["notes"]
    assert table.metadata["n_missing_archs"] == "0"


def test_missing_architectures_are_told_or_left_out_when_asked(tmp_path: Path) -> None:
    path, told = write(tmp_path, SMALL), list[str]()
    with pytest.raises(TruthError, match=r"has 5 of the 6,561 architectures\. Get the whole"):
        read(path)
    table = read(path, allow_missing=True, tell=told.append)
    assert table.n_archs == 5
    assert told == [f"6,556 architectures of {path} are missing."]


def _replaced(**fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        next(iter(content.values())).update(fields)

    return change


def _renamed(name: str) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content[name] = content.pop(next(reversed(content)))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_replaced(test_acc=[]), "no list 'test_acc'"),
        (_replaced(test_acc="90"), "no list 'test_acc'"),
        (_replaced(test_acc=[90.0, "91"]), "'91' is not a percentage of 10,000 images"),
        (_replaced(test_acc=[90.0, True]), "True is not a percentage"),
        (_replaced(test_acc=[90.005]), r"90\.005 is not a percentage"),
        (_replaced(test_acc=[100.01]), r"100\.01 is not a percentage"),
        (_replaced(test_acc=[-0.01]), r"-0\.01 is not a percentage"),
        (_replaced(test_acc=[float("nan")]), "nan is not a percentage"),
        (_replaced(test_acc=[10**400]), "is not a percentage"),
        (_replaced(params=1), r"'params' and 'flops' are \(1, \d+\), not those of the network"),
        (_replaced(flops=None), "not those of the network"),
        (_renamed("3210"), r"'3210' is not a NAS-Bench-Macro architecture"),
        (_renamed("00000003"), r"'00000003' is not a NAS-Bench-Macro architecture"),
        (_renamed(" 00000001"), "there are blanks around '00000001'"),
    ],
)
def test_a_record_that_is_not_the_benchmarks_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = copy.deepcopy(SMALL)
    change(content)
    with pytest.raises(TruthError, match=message):
        read(write(tmp_path, content), kind="macro", allow_missing=True)


@pytest.mark.parametrize("text", ["", "[]", "3", '{"00000000": 3}', '{"00000000": {}', "\ud800"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, errors="surrogatepass")
    with pytest.raises(TruthError):
        read(path, kind="macro", allow_missing=True)


def test_strings_of_one_network_agree_and_none_is_there_twice(tmp_path: Path) -> None:
    own = {"00000010": make_macro()["00000010"]}
    path = write(tmp_path, own | {"00000001": {**own["00000010"], "test_acc": [50.0]}})
    with pytest.raises(TruthError, match="00000001 and 00000010 are one network, with different"):
        read(path, allow_missing=True)
    text = json.dumps(own)
    path.write_text(f"{text[:-1]}, {text[1:]}")
    with pytest.raises(TruthError, match="key '00000010' is there more than once"):
        read(path, allow_missing=True)


def test_the_usual_truth_is_that_of_the_benchmark() -> None:
    assert default_query("cifar10", SPACE) == QUERY
    with pytest.raises(UsageError, match="Unknown image data set with a truth table 'cifar100'"):
        default_query("cifar100", SPACE)


def test_what_was_fetched_is_made_into_the_table(tmp_path: Path) -> None:
    path = write(tmp_path, make_macro())
    (download,) = CATALOG["macro"].downloads
    content = path.read_bytes()
    small = replace(download, checksum=checksum(content), size=len(content))
    product = CATALOG["macro"].product
    assert isinstance(product, Table)
    entry = replace(
        CATALOG["macro"], downloads=(small,), product=replace(product, sha256=read(path).sha256)
    )
    fetch(entry, tmp_path / "data", origin=str(path))
    table = find_truth("cifar10", tmp_path / "data", SPACE)
    assert (table.n_archs, table.metadata["fetched_as"]) == (6_561, "macro")


def test_the_published_file_is_opened_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    raw = tmp_path / "data" / RAW
    raw.parent.mkdir(parents=True)
    write(raw.parent, make_macro()).rename(raw)
    table = find_truth("cifar10", tmp_path / "data", SPACE)
    assert table.n_archs == 6_561
    (kept,) = (tmp_path / "cache" / "harness").glob("macro-truth-*.parquet")
    assert find_truth("cifar10", tmp_path / "data", SPACE).sha256 == table.sha256
    places = {place.name: place.path for place in list_places(tmp_path / "data", SPACE)}
    assert places == {"macro": raw, kept.stem: kept}
    assert open_table(None, tmp_path / "data", SPACE)[1].sha256 == table.sha256


def test_figures_are_of_networks_each_once() -> None:
    rows = pd.DataFrame({"arch": map(str, map(SPACE.at, range(6_561)))})
    keys = SPACE.prefix(6_561)
    networks = {str(SPACE.at(key)) for key in keys[: SPACE.n_networks]}
    accuracy = [40 + SPACE.key(SPACE.identity(SPACE.parse(arch))) % 50 for arch in rows.arch]
    table = harness.truth.make_table(
        rows.assign(
            space="macro",
            dataset="cifar10",
            split="test",
            epochs=50,
            trial=0,
            seed=-1,
            accuracy=accuracy,
        ),
        "made up",
        {},
        space=SPACE,
    )
    scores = rows.assign(score=[SPACE.baselines["depth"].score(SPACE.parse(a)) for a in rows.arch])
    result = harness.evaluate(scores, truth=table, space=SPACE)
    assert (result.n_scored, result.n_other_names, result.n_without_truth) == (6_561, 2_592, 0)
    assert {SPACE.format(SPACE.at(key)) for key in result.keys} == networks
    everything = result.populations["all"]
    assert (everything.population.n, everything.population.size) == (3_969, 3_969)
    assert everything.metrics["tau"].interval is None  # nothing is a sample
    own = [a in networks for a in rows.arch]
    expected = kendall_tau(scores.score[own], np.array(accuracy)[own]).value
    assert everything.metrics["tau"].value == pytest.approx(expected, rel=1e-12)
    assert "2,592 that are another name of a network" in " ".join(result_words(scores, table))


def result_words(scores: pd.DataFrame, table: TruthTable) -> list[str]:
    return list(harness.compare({"mine": scores}, truth=table, space=SPACE).words)


@pytest.mark.realdata
def test_the_published_file_has_the_content_and_the_facts_that_are_known(data_dir: Path) -> None:
    table = read(data_dir / RAW)
    product = CATALOG["macro"].product
    assert isinstance(product, Table)
    assert table.sha256 == product.sha256 == find_truth("cifar10", data_dir, SPACE).sha256
    rows = pd.read_parquet(data_dir / "nas_bench_macro" / "nas_bench_macro.parquet")
    found = dict(zip(rows.arch, rows[["acc_1", "acc_2", "acc_3"]].to_numpy(), strict=True))
    trials = table.trials(QUERY)
    for key, accuracies in zip(trials.keys.tolist(), trials.value, strict=True):
        np.testing.assert_allclose(accuracies, found[str(SPACE.at(key))], rtol=0, atol=1e-9)
    truth = table.judged(QUERY)
    best, worst = truth.value.argmax(), truth.value.argmin()
    assert (str(SPACE.at(truth.keys[best])), str(SPACE.at(truth.keys[worst]))) == (
        "22212220",
        "00000000",
    )
    assert (truth.value[best], truth.value[worst]) == (93.126667, 45.363333)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "taus"),
    [
        ("flops", (0.546, 0.365, 0.335)),
        ("depth", (0.679, 0.435, 0.178)),
        ("digit_sum", (0.647, 0.458, 0.407)),
        ("params", (0.216,)),
    ],
)
def test_free_scores_rank_the_networks_as_is_known(
    data_dir: Path, name: str, taus: tuple[float, ...]
) -> None:
    chosen = choose_truth("cifar10", data_dir=data_dir, space=SPACE)
    archs = [SPACE.at(key) for key in chosen.truth.keys.tolist()]
    scores = [SPACE.baselines[name].score(arch) for arch in archs]
    frame = pd.DataFrame({"arch": map(str, archs), "score": scores})
    found = harness.evaluate(frame, "cifar10", data_dir=data_dir, space=SPACE)
    metrics = found.populations["all"].metrics
    own = [metrics[each].value for each in ("tau", "tau_top_50", "tau_top_10")]
    # Known to three decimals; whether the 1,985th place's ties are in the top half moves the third.
    assert own[: len(taus)] == pytest.approx(taus, abs=0.0015)


@pytest.mark.realdata
def test_one_training_ranks_the_two_others_as_is_known(data_dir: Path) -> None:
    trials = choose_truth("cifar10", data_dir=data_dir, space=SPACE).trials.value
    reference = one_seed_reference(trials)
    assert reference is not None
    assert reference.tau == pytest.approx(0.895, abs=0.0005)
