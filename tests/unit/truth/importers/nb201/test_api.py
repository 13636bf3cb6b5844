"""Objects of the benchmark's own packages as a truth: all their trials, none drawn at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nats_bench
import pytest
from nas_201_api import NASBench201API

import harness
from harness.errors import TruthError, UsageError
from harness.spaces.nb201.encoding import arch_at
from harness.truth import make_table
from harness.truth.importers.importing import import_api
from tests.published_files import as_rows, make_official, make_records, make_results, write_nats

N_ARCHS = 6
RESULTS = make_results(N_ARCHS, seed=3)
SCORES = {str(arch_at(index)): float(index % 4) for index in range(N_ARCHS)}


def make_nasbench201(_folder: Path) -> Any:
    return NASBench201API(make_official(RESULTS), verbose=False)


def make_nats_in_memory(_folder: Path) -> Any:
    content = make_official(RESULTS)
    names = {12: "12", 200: "200"}
    content["arch2infos"] = {
        index: {names[epochs]: state for epochs, state in by_epochs.items()}
        for index, by_epochs in make_records(RESULTS).items()
    }
    return nats_bench.api_topology.NATStopology(content, verbose=False)


def make_nats_in_fast_mode(folder: Path) -> Any:
    write_nats(folder / "nats", RESULTS)
    return nats_bench.create(str(folder / "nats"), "tss", fast_mode=True, verbose=False)


APIS = [make_nasbench201, make_nats_in_memory, make_nats_in_fast_mode]


@pytest.mark.parametrize("make", APIS)
def test_all_that_an_object_holds_is_the_table(make: Any, tmp_path: Path) -> None:
    table = import_api(make(tmp_path))
    expected = make_table(as_rows(RESULTS), "expected", {})
    assert table is not None
    assert table.sha256 == expected.sha256
    assert table.columns.seeds_sha256() == expected.columns.seeds_sha256()
    assert table.metadata["source_file"].startswith(("nas_201_api.", "nats_bench."))


@pytest.mark.parametrize("make", APIS)
def test_scores_are_evaluated_and_compared_against_an_object(make: Any, tmp_path: Path) -> None:
    table = make_table(as_rows(RESULTS), "expected", {})
    for policy in ("mean", "seed=999"):
        asked: dict[str, Any] = {"dataset": "cifar100", "policy": policy}
        found = harness.evaluate(SCORES, truth=make(tmp_path / policy), **asked)
        expected = harness.evaluate(SCORES, truth=table, **asked)
        assert found.truth.sha256 == table.sha256
        assert (found.truth.n_archs, found.truth.n_missing) == (
            expected.truth.n_archs,
            expected.truth.n_missing,
        )
        assert (
            found.populations["all"].metrics["tau"].value
            == expected.populations["all"].metrics["tau"].value
        )
    report = harness.compare({"mine": SCORES}, "cifar100", truth=make(tmp_path / "again"))
    assert report.sections[0].truth.sha256 == table.sha256


def test_of_several_data_sets_one_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are several: ImageNet16-120, cifar10, "):
        harness.evaluate(SCORES, truth=make_nasbench201(tmp_path))


def test_an_object_of_the_size_space_is_refused() -> None:
    class NATSsize(nats_bench.api_size.NATSsize):  # type: ignore[misc]
        def __init__(self) -> None:
            """Hold nothing: the real one reads gigabytes."""

    with pytest.raises(TruthError, match="the NATSsize is of NATS-Bench's size space"):
        import_api(NATSsize())


def test_an_object_that_holds_nothing_or_another_order_is_refused(tmp_path: Path) -> None:
    api = make_nasbench201(tmp_path)
    api.meta_archs = api.meta_archs[::-1]
    with pytest.raises(TruthError, match="at index 0 is"):
        import_api(api)
    api = make_nats_in_memory(tmp_path)
    api.arch2infos_dict.clear()
    with pytest.raises(TruthError, match="the NATStopology holds no results"):
        import_api(api)


def test_any_other_object_is_refused_with_what_is_allowed() -> None:
    assert import_api(json) is None
    with pytest.raises(UsageError, match=r"given as int; allowed are a table, .*NASBench201API"):
        harness.evaluate(SCORES, truth=3)
