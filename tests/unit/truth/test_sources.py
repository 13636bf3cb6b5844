"""Where truth tables are found, and what happens where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import DataError, TruthError, UsageError
from harness.images import DATASETS
from harness.settings.presets import IMAGE_DATASETS
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at
from harness.truth import default_query, find_truth, make_table, save_table, sources
from harness.truth.published import published
from harness.truth.sources import name_images


def make_rows(accuracy: float = 90.0) -> pd.DataFrame:
    rows = {"nb201_index": [0, 1], "arch_str": [str(arch_at(0)), str(arch_at(1))]}
    constants: dict[str, Any] = {
        "dataset": "cifar10",
        "split": "test",
        "epochs": 200,
        "trial": 0,
        "seed": 777,
    }
    return pd.DataFrame(rows).assign(**constants, accuracy=accuracy, flops_m=1.0)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache folder, and no data folder set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    return tmp_path / "cache" / "harness"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with rows to import."""
    folder = tmp_path / "data" / "nb201"
    folder.mkdir(parents=True)
    make_rows().to_parquet(folder / "truth_rows.parquet")
    return folder.parent


def test_rows_are_converted_once_into_the_user_cache(cache: Path, data: Path) -> None:
    before = sorted(data.rglob("*"))
    table = find_truth("cifar10", data)
    (converted,) = cache.iterdir()
    stamp = converted.stat().st_mtime_ns
    assert converted.name.startswith("truth-")
    again = find_truth("cifar10", data)
    assert (again.name, again.sha256) == (table.name, table.sha256) == ("nb201", table.sha256)
    assert again.metadata == table.metadata
    assert table.metadata["source_file"] == "truth_rows.parquet"
    assert converted.stat().st_mtime_ns == stamp
    assert sorted(data.rglob("*")) == before


def test_other_rows_are_converted_anew(cache: Path, data: Path) -> None:
    find_truth("cifar10", data)
    make_rows(accuracy=80.0).to_parquet(data / "nb201" / "truth_rows.parquet")
    truth = find_truth("cifar10", data).mean(default_query("cifar10"))
    assert truth.value.tolist() == [80.0, 80.0]
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_cache_file_is_made_again(cache: Path, data: Path) -> None:
    sha256 = find_truth("cifar10", data).sha256
    (converted,) = cache.iterdir()
    whole = converted.read_bytes()
    converted.write_bytes(whole[:100])
    assert find_truth("cifar10", data).sha256 == sha256
    assert converted.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_failure(cache: Path, data: Path) -> None:
    cache.parent.write_text("a file where the folder should be")
    assert len(find_truth("cifar10", data).rows) == 2


def test_a_table_goes_before_rows(cache: Path, data: Path) -> None:
    table = make_table(make_rows(70.0), "mine", {})
    save_table(table, data / "nb201" / "truth.parquet")
    assert find_truth("cifar10", data).name == "mine"
    assert not cache.exists()


def test_the_folder_is_also_taken_from_the_environment(
    cache: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(data))
    assert len(find_truth("cifar10").rows) == 2


def test_the_user_cache_is_the_last_data_folder(cache: Path, data: Path) -> None:
    cache.mkdir(parents=True)
    (data / "nb201").rename(cache / "nb201")
    assert len(find_truth("cifar10").rows) == 2


def test_an_absent_table_says_where_it_was_looked_for_and_what_to_do(
    cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        TruthError,
        match=r"looked for '.*empty/nb201/truth\.parquet' and '.*truth_rows\.parquet'. Set "
        r"HARNESS_DATA or --data-dir to a folder that holds one of them, or run 'harness data "
        r"fetch nb201'",
    ):
        find_truth("cifar10", tmp_path / "empty")
    with pytest.raises(TruthError, match=r"cache/harness/nb201/truth\.parquet"):
        find_truth("cifar10")


def test_a_data_folder_that_does_not_exist_is_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere' \(--data-dir\) is not a folder"):
        find_truth("cifar10", tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["cifar100", "imagenet16-120"])
def test_the_benchmarks_other_data_sets_are_in_the_same_table(
    cache: Path, data: Path, name: str
) -> None:
    assert find_truth(name, data).sha256 == find_truth("cifar10", data).sha256
    assert len(list(cache.iterdir())) == 1


def test_every_image_data_set_has_a_table_and_a_truth_of_its_own() -> None:
    known = set(sources.BUILT) | set(published(load_space()).queries)
    assert known == set(IMAGE_DATASETS) == set(DATASETS)
    queries = {name: str(default_query(name)) for name in IMAGE_DATASETS}
    assert queries["cifar100"] == "cifar100 test, 200 epochs, mean of trials"
    assert queries["imagenet16-120"] == "ImageNet16-120 test, 200 epochs, mean of trials"
    assert len(set(queries.values())) == len(queries)


def test_unknown_data_sets_are_refused() -> None:
    with pytest.raises(UsageError, match=r"Unknown image data set .* Did you mean 'tiles'"):
        find_truth("tile")


def test_the_bundled_table_needs_no_data_folder(tmp_path: Path) -> None:
    assert find_truth("tiles", tmp_path / "nowhere").name == "nb201-tiles"


def test_an_installation_without_its_bundled_table_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = Path("absent.parquet")
    monkeypatch.setattr(sources, "bundled_table", lambda *_: absent)
    with pytest.raises(TruthError, match=r"looked for 'absent\.parquet'.* install that again"):
        find_truth("tiles")


@pytest.mark.skipif(
    not sources.bundled_table("tiles", load_space()).is_file(),
    reason="the bundled table has not been built yet",
)
def test_the_bundled_table_answers_the_default_query() -> None:
    truth = find_truth("tiles").mean(default_query("tiles"))
    assert len(truth.keys) >= 30
    assert truth.value.max() > truth.value.min()


OWN = "spectra-0123abcd"


def test_the_truth_of_ones_own_images_is_a_file_of_their_name(cache: Path, tmp_path: Path) -> None:
    place = tmp_path / "nb201" / f"{OWN}.parquet"
    message = rf"no truth table of the space 'nb201' on {OWN}: looked for '{place}'\. Make one"
    with pytest.raises(TruthError, match=message):
        find_truth(OWN, tmp_path)
    missing = find_truth(OWN, tmp_path, may_lack=True)
    assert missing.is_missing
    assert missing.n_archs == 0
    assert missing.groups() == []
    with pytest.raises(TruthError, match=message):
        missing.mean(default_query(OWN))
    place.parent.mkdir()
    rows = make_rows().assign(dataset=OWN, epochs=12)
    save_table(make_table(rows, "own", {}), place)
    found = find_truth(OWN, tmp_path, may_lack=True)
    assert not found.is_missing
    assert found.mean(default_query(OWN)).keys.tolist() == [0, 1]
    place.write_bytes(b"damaged")
    with pytest.raises(TruthError, match="not a whole Parquet file"):
        find_truth(OWN, tmp_path, may_lack=True)


def test_only_ones_own_images_may_lack_a_truth(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="There is no published truth table"):
        find_truth("cifar10", tmp_path, may_lack=True)


def test_a_space_whose_truth_is_of_another_data_set_says_which(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"published truth is of cifar10: name that with --datas"):
        find_truth("tiles", tmp_path, load_space("macro"))


@pytest.mark.parametrize(
    ("dataset", "images"),
    [
        ("ImageNet16-120", "imagenet16-120"),
        ("cifar10", "cifar10"),
        ("cifar10-valid", "cifar10"),
        ("tiles", "tiles"),
    ],
)
def test_images_are_found_by_the_spelling_of_the_table(dataset: str, images: str) -> None:
    assert name_images(dataset, load_space()) == images


def test_images_of_ones_own_have_no_name_to_load_them_by() -> None:
    with pytest.raises(UsageError, match="images of your own"):
        name_images("spectra-271273a9", load_space())


def test_a_task_that_other_images_stand_for_has_none_to_train_on() -> None:
    with pytest.raises(UsageError, match="no images of 'class_scene'"):
        name_images("class_scene", load_space("transnas-micro"))
