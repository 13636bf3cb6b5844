"""The official `.pth`: the same numbers as the published package gives, in little memory."""

from __future__ import annotations

import io
import os
import pickle
import random
import subprocess
import sys
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from nas_201_api import NASBench201API

from harness.errors import TruthError, UsageError
from harness.truth import TruthQuery
from harness.truth.importers.importing import import_truth
from tests.published_files import (
    EVALUATIONS,
    SEEDS,
    as_rows,
    make_official,
    make_results,
    published_strings,
    write_official,
)

N_ARCHS = 7
RESULTS = make_results(N_ARCHS)


@pytest.fixture(scope="module", params=[True, False], ids=["old format", "zip"])
def official(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("official") / "NAS-Bench-201-v1_1-096897.pth"
    write_official(path, RESULTS, is_old_format=request.param)
    return path


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return make_official(make_results(2))


def save(path: Path, content: object) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def test_the_accuracies_are_those_that_were_put_in(official: Path) -> None:
    table = import_truth(official)
    rows = table.rows.astype({"arch_str": str, "dataset": str, "split": str})
    pd.testing.assert_frame_equal(rows, as_rows(RESULTS), check_dtype=False, check_exact=True)


def test_the_published_package_gives_the_same_numbers(official: Path) -> None:
    table = import_truth(official)
    api = NASBench201API(make_official(RESULTS), verbose=False)
    n_compared = 0
    for row in table.rows.itertuples(index=False):
        info = api.get_more_info(
            row.nb201_index, row.dataset, hp=str(row.epochs), is_random=int(row.seed)
        )
        assert info[f"{row.split}-accuracy"] == row.accuracy
        n_compared += 1
    assert n_compared == sum(len(accuracies) for accuracies in RESULTS.values())


def test_means_over_ragged_seeds_are_the_packages(official: Path) -> None:
    truth = import_truth(official).mean(TruthQuery("cifar100", "test", 200))
    api = NASBench201API(make_official(RESULTS), verbose=False)
    for index, mean in zip(truth.keys.tolist(), truth.value.tolist(), strict=True):
        info = api.get_more_info(index, "cifar100", hp="200", is_random=False)
        assert mean == pytest.approx(info["test-accuracy"], abs=1e-6)  # as tables round


def test_it_is_read_as_torch_reads_it_with_the_same_allowlist(official: Path) -> None:
    """The reference: the whole file through torch, then every key looked at."""
    allowed = [np.float64(0.0).__reduce__()[0], np.dtype, np.dtypes.Float64DType, OrderedDict, set]
    with torch.serialization.safe_globals(allowed):
        whole = torch.load(official, weights_only=True)
    expected = set()
    for index, schedules in whole["arch2infos"].items():
        for state in schedules.values():
            for (dataset, seed), result in state["all_results"].items():
                for split, name in EVALUATIONS[dataset].items():
                    final = result["eval_acc1es"][f"{name}@{result['epochs'] - 1}"]
                    expected.add((index, dataset, split, result["epochs"], seed, float(final)))
    columns = ["nb201_index", "dataset", "split", "epochs", "seed", "accuracy"]
    found = set(import_truth(official).rows[columns].itertuples(index=False, name=None))
    assert found == expected


def test_a_trial_is_the_place_of_its_seed_in_ascending_order(official: Path) -> None:
    rows = import_truth(official).rows
    long = rows[(rows.dataset == "cifar100") & (rows.split == "test") & (rows.epochs == 200)]
    for index, of_arch in long.groupby("nb201_index"):
        assert of_arch.seed.tolist() == list(SEEDS[int(str(index)) % 3 :])
        assert of_arch.trial.tolist() == list(range(len(of_arch)))


def test_the_table_says_where_it_came_from(official: Path) -> None:
    metadata = import_truth(official).metadata
    assert metadata["source_file"] == "NAS-Bench-201-v1_1-096897.pth"
    assert len(metadata["source_sha256"]) == 64
    assert metadata["importer"] == "harness.truth.importers:nb201"
    assert metadata["n_missing_archs"] == metadata["n_lacking_evaluations"] == "0"


def test_the_seed_of_the_process_changes_nothing(official: Path) -> None:
    random.seed(1)
    first = import_truth(official).sha256
    random.seed(2)
    assert import_truth(official).sha256 == first


def test_progress_goes_up_to_the_size_of_the_file(official: Path) -> None:
    seen: list[tuple[int, int]] = []
    import_truth(official, watch=lambda done, total: seen.append((done, total)))
    assert len(seen) == 2 * N_ARCHS  # each has a record of 12 and one of 200 epochs
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {official.stat().st_size}


def test_the_first_version_has_12_epochs_of_one_data_set_only(tmp_path: Path) -> None:
    results = {k: v for k, v in RESULTS.items() if k.epochs == 200 or k.dataset == "cifar10-valid"}
    write_official(tmp_path / "v1_0.pth", results)
    table = import_truth(tmp_path / "v1_0.pth")
    short = {group.dataset for group in table.groups() if group.epochs == 12}
    assert short == {"cifar10-valid"}
    assert len(table.columns) == sum(len(accuracies) for accuracies in results.values())


def test_an_evaluation_that_was_never_made_is_counted_and_told(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    state = pickle.loads(pickle.dumps(content))
    result = state["arch2infos"][0]["full"]["all_results"]["cifar100", 777]
    for key in [key for key in result["eval_acc1es"] if key.startswith("x-test@")]:
        del result["eval_acc1es"][key]
    told: list[str] = []
    table = import_truth(save(tmp_path / "a.pth", state), tell=told.append)
    assert table.metadata["n_lacking_evaluations"] == "1"
    assert any("1 evaluations" in sentence for sentence in told)


class Hostile:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.makedirs, (self.marker,)


@pytest.mark.parametrize("is_old_format", [True, False], ids=["old format", "zip"])
@pytest.mark.parametrize("place", ["first", "in a record", "after the records"])
def test_a_hostile_file_is_refused_by_name_and_does_not_run(
    tmp_path: Path, content: dict[str, Any], place: str, is_old_format: bool
) -> None:
    marker, path = tmp_path / "marker", tmp_path / "a.pth"
    hostile = pickle.loads(pickle.dumps(content))
    if place == "first":
        hostile["meta_archs"] = Hostile(marker)
    elif place == "in a record":
        result = hostile["arch2infos"][1]["full"]["all_results"]["cifar10", 999]
        result["eval_acc1es"]["ori-test@17"] = Hostile(marker)
    else:
        hostile["evaluated_indexes"] = Hostile(marker)
    torch.save(hostile, path, _use_new_zipfile_serialization=not is_old_format)
    torch.load(path, weights_only=False)
    assert marker.exists()  # it is as hostile as it looks
    marker.rmdir()
    with pytest.raises(TruthError, match=r"a\.pth names 'os\.makedirs'.*nothing was"):
        import_truth(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Decimal("93.5"), "decimal.Decimal"),
        (torch.zeros(2), "torch._utils._rebuild_tensor_v2"),
        (Path("x"), "pathlib"),
    ],
)
def test_an_unexpected_class_is_refused_by_name(
    tmp_path: Path, content: dict[str, Any], value: object, named: str
) -> None:
    path = save(tmp_path / "a.pth", content | {"total_archs": value})
    with pytest.raises(TruthError, match=f"names '{named}"):
        import_truth(path)


def other(content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Copy the content with some parts changed, or left out where they are None."""
    changed = pickle.loads(pickle.dumps(content)) | changes
    return {key: value for key, value in changed.items() if value is not None}


def swapped(strings: list[str]) -> list[str]:
    return [strings[1], strings[0], *strings[2:]]


STRINGS = published_strings(2)
SIZES = ["64:64:64:64:64", "8:8:8:8:8"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"meta_archs": swapped(STRINGS)}, r"at index 0 is '\|nor_conv_3x3~0.*has '\|avg_pool_3x3"),
        ({"meta_archs": SIZES}, "at index 0 is '64:64:64:64:64'.*another space"),
        ({"meta_archs": [STRINGS[0], "|none~0|"]}, r"at index 1 is '\|none~0\|'"),
        ({"meta_archs": [*published_strings(15_625), "|x|"]}, "at index 15625.*no architecture"),
        ({"meta_archs": [*STRINGS, None]}, "at index 2 is 'None'"),
        ({"meta_archs": None}, "'meta_archs' is missing"),
        ({"meta_archs": []}, "'meta_archs' is not a list"),
        ({"meta_archs": "x"}, "'meta_archs' is not a list"),
        ({"arch2infos": None}, "'arch2infos' is missing"),
        ({"arch2infos": [1]}, "'arch2infos' is not a table"),
        ({"arch2infos": {0: 3}}, "at 0 there is no such table"),
        ({"arch2infos": {0: {"full": {}}}}, "at 0, 'full'"),
        ({"evaluated_indexes": None}, "'evaluated_indexes' is missing"),
        ({"evaluated_indexes": set()}, "there are none"),
        ({"evaluated_indexes": {0, 2}}, "2 is not one"),
        ({"evaluated_indexes": {0, "1"}}, "'1' is not one"),
    ],
)
def test_a_file_of_another_structure_space_or_order_is_refused(
    tmp_path: Path, content: dict[str, Any], changes: dict[str, Any], problem: str
) -> None:
    path = save(tmp_path / "a.pth", other(content, **changes))
    with pytest.raises(TruthError, match=problem):
        import_truth(path, "nb201")


def spoilt(content: dict[str, Any], spoil: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Copy the content after something is done to the 200-epoch record of architecture 1."""
    changed: dict[str, Any] = pickle.loads(pickle.dumps(content))
    spoil(changed["arch2infos"][1]["full"])
    return changed


def result_of(state: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = state["all_results"]["cifar10", 999]
    return result


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda s: s.update(arch_str=STRINGS[0]), "at index 1 is .* where the published order"),
        (lambda s: s.update(arch_index=0), "at index 0 is"),
        (lambda s: s.update(arch_index="1"), "'arch_index' is a str"),
        (lambda s: s.update(arch_index=15_625), "no architecture"),
        (lambda s: s.update(all_results=[]), "'all_results' is a list"),
        (lambda s: s["all_results"].update({("svhn", 777): {}}), "results of .'svhn', 777."),
        (
            lambda s: s["all_results"].update({("cifar10", "777"): {}}),
            "results of .'cifar10', '777'",
        ),
        (lambda s: s["all_results"].update({("cifar10", 777): None}), "'epochs' is missing"),
        (lambda s: result_of(s).update(epochs=200.0), "'epochs' is a float"),
        (lambda s: result_of(s).update(epochs=199), "not 'ori-test@198'|.*is not"),
        (lambda s: result_of(s).pop("eval_acc1es"), "'eval_acc1es' is missing"),
        (lambda s: result_of(s)["eval_acc1es"].pop("ori-test@199"), "but not 'ori-test@199'"),
        (lambda s: result_of(s)["eval_acc1es"].update({"ori-test@199": "high"}), "cannot be read"),
        (
            lambda s: result_of(s)["eval_acc1es"].update({"ori-test@199": float("nan")}),
            "not a number from 0 to 100.*nb201_index=1.*dataset=cifar10",
        ),
        (
            lambda s: result_of(s)["eval_acc1es"].update({"ori-test@199": 100.5}),
            "not a number from 0 to 100",
        ),
    ],
)
def test_a_record_that_is_not_as_it_should_be_is_named(
    tmp_path: Path,
    content: dict[str, Any],
    spoil: Callable[[dict[str, Any]], object],
    problem: str,
) -> None:
    path = save(tmp_path / "a.pth", spoilt(content, spoil))
    if problem.startswith("not 'ori-test@198'"):
        # Epochs that another trial does not share: a key of its own, so nothing is mixed.
        assert {g.epochs for g in import_truth(path).groups()} == {12, 199, 200}
        return
    with pytest.raises(TruthError, match=problem):
        import_truth(path)


def test_a_record_at_another_index_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    infos = content["arch2infos"]
    path = save(tmp_path / "a.pth", other(content, arch2infos={0: infos[1], 1: infos[0]}))
    with pytest.raises(TruthError, match="at 0, 'full', there is that of 1"):
        import_truth(path)


def test_missing_records_are_counted_named_and_refused_unless_allowed(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    infos = {0: content["arch2infos"][0]}
    path = save(tmp_path / "a.pth", other(content, arch2infos=infos))
    with pytest.raises(TruthError, match=r"lacks the records of 1 of 2 .*\(1\).*--allow-missing"):
        import_truth(path)
    told: list[str] = []
    table = import_truth(path, allow_missing=True, tell=told.append)
    assert table.n_archs == 1
    assert table.metadata["n_missing_archs"] == "1"
    assert "lacks the records of 1 of 2" in told[0]


def test_nothing_but_missing_records_is_refused_even_if_allowed(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    path = save(tmp_path / "a.pth", other(content, arch2infos={}))
    with pytest.raises(TruthError, match="lacks the records of 2 of 2"):
        import_truth(path, allow_missing=True)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, official: Path) -> None:
    content = official.read_bytes()
    path = tmp_path / "cut.pth"
    lengths = [*range(1, 400, 7), *range(400, len(content), len(content) // 40), len(content) - 1]
    for length in lengths:
        path.write_bytes(content[:length])
        with pytest.raises(TruthError, match=r"cut\.pth"):
            import_truth(path, "nb201")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pth").touch()
    with pytest.raises(TruthError, match="is empty"):
        import_truth(tmp_path / "a.pth", "nb201")


def test_however_a_file_is_damaged_there_is_a_table_or_a_truth_error(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    write_official(path, make_results(1))
    content = path.read_bytes()
    rng = random.Random(0)
    n_refused = 0
    for _ in range(100):
        damaged = bytearray(content)
        # Most bytes are numbers, so half of the damage is put where the structure is.
        end = rng.choice([len(content), 2_500])
        damaged[rng.randrange(end)] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            import_truth(path, "nb201")
        except TruthError:
            n_refused += 1
    assert n_refused > 15


def test_a_damaged_archive_is_refused_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    write_official(path, make_results(1), is_old_format=False)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
    middle = len(content) // 2
    content[middle] ^= 0xFF
    path.write_bytes(content)
    assert any(name.endswith("/data.pkl") for name in names)
    with pytest.raises(TruthError, match="Bad CRC-32"):
        import_truth(path)


def test_another_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(TruthError, match=r"there is no 'data\.pkl'"):
        import_truth(tmp_path / "a.pth", "nb201")


def test_trained_weights_are_no_results(tmp_path: Path) -> None:
    path = save(tmp_path / "model.pth", torch.nn.Linear(2, 2).state_dict())
    with pytest.raises(TruthError, match=r"names 'torch\._utils\._rebuild_tensor_v2'"):
        import_truth(path)


def test_keys_that_are_shared_between_records_are_looked_up(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    """A writer that uses one string object for all is read like one that does not."""
    shared = pickle.loads(pickle.dumps(content))
    texts: dict[str, str] = {}
    for schedules in shared["arch2infos"].values():
        for state in schedules.values():
            for result in state["all_results"].values():
                for name in ("eval_acc1es", "eval_losses", "eval_times"):
                    courses = result[name]
                    result[name] = {texts.setdefault(k, k): v for k, v in courses.items()}
    with_shared = import_truth(save(tmp_path / "shared.pth", shared))
    apart = import_truth(save(tmp_path / "apart.pth", content))
    assert (tmp_path / "shared.pth").stat().st_size < (tmp_path / "apart.pth").stat().st_size
    assert with_shared.sha256 == apart.sha256


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_other_protocols_are_read_too(
    tmp_path: Path, content: dict[str, Any], protocol: int
) -> None:
    path = tmp_path / "a.pth"
    torch.save(content, path, pickle_protocol=protocol)
    expected = import_truth(save(tmp_path / "expected.pth", content))
    assert import_truth(path).sha256 == expected.sha256


def peak_bytes(path: Path) -> int:
    tracemalloc.start()
    try:
        import_truth(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_what_is_not_kept(tmp_path: Path) -> None:
    for n_archs in (4, 16):
        write_official(tmp_path / f"{n_archs}.pth", make_results(n_archs))
    import_truth(tmp_path / "4.pth")  # fills what is made once, such as the published order
    grown = peak_bytes(tmp_path / "16.pth") - peak_bytes(tmp_path / "4.pth")
    # Rows of twelve more architectures. What torch builds of them takes 16 MB.
    assert grown < 500_000


MEASURE = """
import sys
from pathlib import Path
from harness.truth.importers.importing import import_truth

def peak():  # of this program; getrusage would count the process that started it
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("VmHWM"))

before = peak()
import_truth(Path(sys.argv[1]))
print(before, peak(), "torch" in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux counts memory there")
def test_a_file_of_400_architectures_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    write_official(path, make_results(400))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    before, peak, has_torch = done.stdout.split()
    print(
        f"{path.stat().st_size / 1e6:.0f} MB file: {int(before) / 1e3:.0f} MB with all modules "
        f"imported, {int(peak) / 1e3:.0f} MB at the peak"
    )
    assert has_torch == "False"
    # Kilobytes. Of these, some 20 MB are pages of the file, which are let go of as it is read.
    assert int(peak) - int(before) < 80_000
    assert int(peak) < 300_000


def test_epochs_before_the_end_are_kept_where_they_are_asked_for(official: Path) -> None:
    """Against the records themselves, read by the package's own methods."""
    api = NASBench201API(make_official(RESULTS), verbose=False)
    table = import_truth(official, curve_epochs={1, 12, 50, 200, 300})
    rows = table.rows.astype({"arch_str": str, "dataset": str, "split": str})
    ends = as_rows(RESULTS)
    kept = rows.merge(ends[["nb201_index", "dataset", "split", "epochs"]].drop_duplicates())
    pd.testing.assert_frame_equal(kept, ends, check_dtype=False, check_exact=True)
    n_expected = 0
    for (index, dataset, epochs, seed), accuracies in RESULTS.items():
        if epochs == 12:
            continue
        for split in accuracies:
            evaluation = EVALUATIONS[dataset][split]
            course = api.arch2infos_dict[index]["200"].query(dataset, seed)
            own = rows[(rows["nb201_index"] == index) & (rows["dataset"] == dataset)]
            own = own[(own["split"] == split) & (own["seed"] == seed)]
            for epoch in (1, 50):
                expected = course.eval_acc1es.get(f"{evaluation}@{epoch - 1}")
                found = own[own["epochs"] == epoch]["accuracy"].tolist()
                assert found == ([] if expected is None else [expected])
                n_expected += len(found)
    assert set(rows["epochs"]) == {1, 12, 50, 200}
    assert len(rows) == len(ends) + n_expected > len(ends)


def test_rows_without_curves_have_no_epochs_to_keep(tmp_path: Path) -> None:
    as_rows(RESULTS).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(UsageError, match=r"^Epochs of learning curves were given for rows"):
        import_truth(tmp_path / "rows.csv", curve_epochs={3})
