"""Images of one's own from the command line: scored without a truth, judged once there is one."""

from __future__ import annotations

import doctest
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.files.images import identify
from harness.truth import load_table
from harness.truth.build import Protocol
from tests.cli.commandline import TINY, Invoke
from tests.own_images import make_arrays, write_folder, write_npz

SMALL = (*TINY, "--strategies", "spos")


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_npz(tmp_path / "spectra.npz")


@pytest.fixture
def quick_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Truths of one epoch of small networks, here, as a pool takes seconds to start."""
    defaults = {"channels": 2, "epochs": 12}
    for name, value in defaults.items():
        monkeypatch.setattr(Protocol, name, value)
    init = Protocol.__init__
    monkeypatch.setattr(Protocol, "__init__", lambda self, **given: init(self, **defaults | given))
    monkeypatch.setattr(
        "harness.truth.build.compute_all",
        lambda compute, data, jobs, workers: (compute(data, job) for job in jobs),
    )


def read_record(out: Path, method: str) -> dict[str, Any]:
    (folder,) = out.glob(f"*-{method}-s0-*")
    record: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return record


def run_once(invoke: Invoke, path: Path, out: Path) -> Path:
    """Compute one run, the first of a folder, and return where it is."""
    assert invoke(*SMALL, "--dataset", path, "--out", out).code == 0
    (folder,) = out.glob("spectra-*")
    return folder


def test_without_a_truth_scores_are_written_and_it_is_said_how_to_judge_them(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    out, name = tmp_path / "runs", identify(path).name
    options = ("--dataset", path, "--estimators", "spos,jacov,live_params", "--out", out)
    result = invoke(*TINY, *options, "--set", "zero_cost.batch_size=10")
    assert result.code == 0, result.err
    assert result.err.startswith(f"Note: There is no truth table of the space 'nb201' on {name}")
    assert result.out.startswith(
        f"Scored, but not judged: There is no truth table of the space 'nb201' on {name}: looked "
        f"for '{tmp_path}/data/nb201/{name}.parquet'. "
    )
    assert "'harness truth build --space nb201 --dataset FILE'" in result.out
    for method in ("spos", "jacov", "live_params"):
        record = read_record(out, method)
        scores = out / record["run_id"] / "scores.parquet"
        assert f"  {scores}\n" in result.out
        assert pd.read_parquet(scores)["score"].notna().all()
        assert record["status"] == "finished"
        assert record["config"]["dataset"] == name
        assert record["config"]["images"] == str(path)
        assert record["data"]["images"] == name
        assert record["data"]["n_with_truth"] == 0
        assert "tau" not in record["summary"]
    report = invoke("report", out)
    assert report.code == 1
    assert f"There is no truth table of the space 'nb201' on {name}" in report.err
    listed = invoke("runs", "list", out, "--dataset", name, "--json")
    assert len(json.loads(listed.out)["runs"]) == 3


@pytest.mark.usefixtures("quick_build")
def test_a_truth_is_found_by_the_images_and_judges_what_was_scored_before_it(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    out, own = tmp_path / "runs", identify(path)
    command = (*TINY, "--dataset", path, "--estimators", "spos,short_training", "--out", out)
    assert invoke(*command).code == 0
    built = invoke("truth", "build", "--dataset", path, "--n-archs", "4", "--seeds", "0,1")
    place = tmp_path / "data" / "nb201" / f"{own.name}.parquet"
    assert built.code == 0, built.err
    assert built.out.startswith(f"{place}: ")
    assert "Note: Trainings have 12 steps of 20 of 20 training images" in built.err
    assert "Note: Accuracies are of 15 images, so one image is 6.7 points" in built.err
    table = load_table(place)
    assert json.loads(table.metadata["protocol"])["batch_size"] == 20
    assert {(g.dataset, g.split) for g in table.groups()} == {
        (own.name, "valid"),
        (own.name, "test"),
    }
    assert json.loads(table.metadata["shape"])["image_size"] == [6, 9]
    judged = invoke(*command)
    assert judged.code == 0, judged.err
    assert f"{own.name} test, 12 epochs" in judged.text
    assert "Accuracies are of 15 images" in invoke("report", out).text
    assert "not judged" not in judged.out
    assert read_record(out, "spos")["data"]["truth_sha256"] is None  # nothing was computed again
    more = invoke(*command, "--seeds", "0,1")  # beside a seed that was scored before
    assert more.code == 0, more.err
    assert invoke("report", out).code == 0
    shown = invoke("truth", "show", str(table.rows.arch_str[0]), "--table", own.name)
    assert f"Size on {own.name}: " in shown.out
    other = tmp_path / "copy" / "renamed.npz"
    other.parent.mkdir()
    shutil.copy(path, other)
    assert "not judged" in invoke(*SMALL, "--dataset", other, "--out", tmp_path / "other").out


@pytest.mark.usefixtures("quick_build")
def test_a_run_that_began_without_a_truth_ends_with_one_that_came_but_not_with_another(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    out, command = tmp_path / "runs", (*SMALL, "--dataset", path, "--out", tmp_path / "runs")
    assert invoke(*command).code == 0

    def interrupt() -> None:
        (record,) = out.glob("spectra-*/record.json")
        record.write_text(record.read_text().replace('"finished",', '"interrupted",'))

    interrupt()
    assert invoke("truth", "build", "--dataset", path, "--n-archs", "3", "--seeds", "0").code == 0
    assert invoke(*command).code == 0
    record = read_record(out, "spos")
    assert record["data"]["truth_sha256"] is not None
    assert record["data"]["n_with_truth"] == 3
    assert record["summary"]["truth"].startswith(f"{identify(path).name} test, 12 epochs")
    interrupt()
    (table,) = (tmp_path / "data" / "nb201").glob("*.parquet")
    table.unlink()
    lost = invoke(*command)
    assert lost.code == 1
    assert "This run was started with other data: truth was 'nb201-spectra-" in lost.err


@pytest.mark.usefixtures("quick_build")
def test_the_commands_of_the_manual_do_what_it_says_with_its_own_file(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    manual = (Path(__file__).parents[2] / "docs" / "how-to" / "own-images.md").read_text(
        encoding="utf-8"
    )
    for example in doctest.DocTestParser().get_examples(manual):
        exec(example.source, names)
    name = identify(Path("spectra.npz")).name
    assert f"such as `{name}`" in manual
    lines = [line.split() for line in manual.splitlines() if line.startswith("    harness ")]
    commands = [words[1:] for words in lines if "spectra.npz" in words]
    assert [words[0] for words in commands] == ["run", "truth", "run"]
    scored, built, judged = (
        invoke(*TINY, *words[1:])
        if words[0] == "run"
        else invoke(*words, "--n-archs", "3", "--seeds", "0")
        for words in commands
    )
    assert (scored.code, built.code, judged.code) == (0, 0, 0)
    assert scored.out.startswith("Scored, but not judged")
    assert f"architectures, {name} test" in judged.text
    assert read_record(Path("results/runs"), "jacov")["config"]["zero_cost"]["batch_size"] == 20


def test_two_batches_of_proxies_fit_unless_larger_ones_are_asked_for(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    command = (*TINY, "--dataset", path, "--out", tmp_path)
    few = invoke(*command, "--estimators", "predictor(n=3, features=jacov),spos")
    assert "no truth" in few.err
    refused = invoke(*command, "--estimators", "jacov", "--set", "zero_cost.batch_size=13")
    assert (refused.code, "zero_cost.batch_size = 13 was given" in refused.err) == (2, True)


def test_a_study_of_several_runs_is_told_once_that_nothing_judges_it(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study.toml"
    base = f'[base]\ndataset = "{path}"\npreset = "smoke"\nn_archs = 3\n'
    study.write_text(base + "[grid]\nseed = [0, 1]\n")  # and of few images, for proxies' batches
    result = invoke("sweep", study, "--dry-run", "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert result.err.count("Note: There is no truth table") == 1
    assert result.out.count(identify(path).name) == 2


@pytest.mark.usefixtures("quick_build")
def test_a_truth_put_elsewhere_is_told_where_it_is_looked_for(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine.parquet"
    options = ("--n-archs", "1", "--seeds", "0", "--out", out, "--data-dir", tmp_path)
    result = invoke("truth", "build", "--dataset", path, *options)
    assert result.code == 0, result.err
    place = tmp_path / "nb201" / f"{identify(path).name}.parquet"
    assert f"'harness run' looks for this truth at {place}" in result.err
    assert not place.exists()


def test_a_folder_of_images_is_a_data_set(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    result = invoke(*SMALL, "--dataset", "photos", "--out", tmp_path / "runs")
    assert result.code == 0, result.err
    config = read_record(tmp_path / "runs", "spos")["config"]
    assert config["images"] == str(folder)
    assert config["dataset"].startswith("photos-")


def test_files_of_one_name_and_other_content_are_other_runs(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / path.name
    other.parent.mkdir()
    write_npz(other, images=make_arrays(1)["images"])
    out = tmp_path / "runs"
    for images in (path, other, path):
        assert invoke(*SMALL, "--dataset", images, "--out", out).code == 0
    names = {folder.name.partition("-spos-")[0] for folder in out.glob("spectra-*")}
    assert names == {identify(path).name, identify(other).name}


def test_a_moved_file_goes_on_with_its_run_and_a_changed_one_is_refused(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    folder = run_once(invoke, path, out)
    config = folder / "config.toml"
    moved = tmp_path / "elsewhere" / path.name
    moved.parent.mkdir()
    path.rename(moved)
    gone = invoke("run", "--config", config, "--out", out)
    assert gone.code == 1
    assert f"There is no '{path}'" in gone.err
    before = (folder / "record.json").read_bytes()
    assert invoke("run", "--config", config, "--dataset", moved, "--out", out).code == 0
    assert (folder / "record.json").read_bytes() == before
    assert len(list(out.glob("spectra-*"))) == 1
    write_npz(path, labels=make_arrays()["labels"] + 1)
    for command in (("run", "--config", config, "--out", out), ("rank", folder, "--n-archs", "4")):
        changed = invoke(*command)
        assert changed.code == 1
        assert f"was '{identify(moved).name}': its content has changed" in changed.err


def test_a_run_of_ones_own_is_ranked_again(invoke: Invoke, path: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    folder = run_once(invoke, path, out)
    again = invoke("rank", folder, "--n-archs", "5")
    assert again.code == 0, again.err
    assert len(list(out.glob("spectra-*"))) == 2


def test_the_config_of_such_a_run_serves_another_data_set(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    folder = run_once(invoke, path, out)
    result = invoke("run", "--config", folder / "config.toml", "--dataset", "tiles", "--out", out)
    assert result.code == 0, result.err
    (tiles,) = out.glob("tiles-*")
    assert json.loads((tiles / "record.json").read_text())["config"].get("images") is None


@pytest.mark.parametrize(
    "options",
    [
        ("--until-tau-se", "0.1"),
        ("--estimators", "predictor(n=2)"),
        ("--estimators", "learning_curve(epochs=1)"),
    ],
    ids=["a goal", "a predictor", "a learning curve"],
)
def test_what_needs_a_truth_is_refused_before_anything_is_computed(
    invoke: Invoke, path: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    out = tmp_path / "runs"
    base = ("run", "--preset", "smoke", "--set", "rank_batch=2", "--n-archs", "3")
    result = invoke(*base, "--dataset", path, "--out", out, *options)
    assert result.code == 1, result.err
    assert "There is no truth table of the space 'nb201' on spectra-" in result.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("cifar-10", "Unknown dataset 'cifar-10'. Did you mean 'cifar10'?"),
        ("nothing.npz", "nothing.npz'. Give an npz file with the arrays images and labels"),
        ("no/folder", "no/folder'. Give an npz file"),
        ("x" * 300, "Or give the path of your own images, an npz file or a folder."),
    ],
)
def test_a_data_set_that_is_not_there_is_refused(
    invoke: Invoke, dataset: str, message: str
) -> None:
    for command in (SMALL, ("truth", "build")):
        result = invoke(*command, "--dataset", dataset)
        assert result.code in (1, 2)
        assert message in result.err


def test_more_images_than_there_are_are_refused_where_they_are_asked_for(
    invoke: Invoke, path: Path, tmp_path: Path
) -> None:
    result = invoke(*SMALL, "--dataset", path, "--rank-images", "26", "--out", tmp_path / "runs")
    assert result.code == 2
    assert "rank_images = 26 was given; 'spectra-" in result.err
    assert "has only 25 such images. Give 25 or less." in result.err
