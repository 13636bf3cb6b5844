"""`harness rank`: trained supernets ranked again by naming the run, and never trained."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.settings.run import RunConfig
from harness.settings.stored import former_name, former_settings
from tests.cli.commandline import TINY, Invoke
from tests.e2e.processes import only_run, run_here

SHARED = ("--n-archs", "5", "--readout", "shared")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each strategy; not to be changed."""
    out = tmp_path_factory.mktemp("trained")
    code, _, err = run_here(*TINY, "--out", out)
    assert code == 0, err
    return out


@pytest.fixture
def out(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "out"))


@pytest.fixture
def _untrainable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.training.loop.Trainer.train_step", None)


def change(folder: Path, **changes: Any) -> dict[str, Any]:
    path = folder / "record.json"
    record = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(record))
    return record


@pytest.mark.usefixtures("_untrainable")
def test_a_run_is_ranked_again_as_the_whole_command_would(invoke: Invoke, out: Path) -> None:
    first = only_run(out, "spos")
    result = invoke("rank", first, *SHARED, "--json")
    assert result.code == 0, result.err
    (record,) = json.loads(result.out)["runs"]
    assert record["ranking"]["source"]["run_id"] == first.name
    assert record["data"]["n_ranked"] == 5
    before = json.loads((first / "record.json").read_text())["config"]
    changed = {key for key, value in record["config"].items() if before[key] != value}
    assert changed == {"n_archs", "rank_readout"}
    whole = ("--strategies", "spos", "--n-archs", "5", "--set", "rank_readout=shared")
    again = invoke(*TINY, *whole, "--out", out, "--json")
    assert json.loads(again.out) == json.loads(result.out)  # found, not computed


@pytest.mark.usefixtures("_untrainable")
def test_several_runs_are_ranked_again_by_name_and_reported_on(invoke: Invoke, out: Path) -> None:
    command = ("rank", "tiles-spos", "tiles-ogd", "--in", out, "--rank-images", "20")
    result = invoke(*command)
    assert result.code == 0, result.err
    assert "spos" in result.out
    assert "ogd" in result.out
    assert len(list(out.iterdir())) == 4
    (again,) = re.findall(r"^More: harness (.*)$", result.out, re.MULTILINE)
    shown = result.out.partition("\nMore")[0]
    assert invoke(*shlex.split(again)).out.partition("\nMore")[0] == shown


@pytest.mark.usefixtures("_untrainable")
def test_a_run_that_nothing_is_changed_of_is_itself(invoke: Invoke, out: Path) -> None:
    first = only_run(out, "spos")
    (record,) = json.loads(invoke("rank", first, "--json").out)["runs"]
    assert record["run_id"] == first.name
    assert len(list(out.iterdir())) == 2


@pytest.mark.usefixtures("_untrainable")
def test_a_ranking_until_tau_is_known_has_batches_enough(invoke: Invoke, out: Path) -> None:
    options = ("--until-tau-se", "0.5", "--n-archs", "12")
    result = invoke("rank", only_run(out, "spos"), *options, "--json")
    assert result.code == 0, result.err
    (record,) = json.loads(result.out)["runs"]
    assert (record["config"]["rank_images"], record["config"]["rank_batch"]) == (2_000, 125)
    assert record["ranking"]["reached"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "lr=0.2"), "lr = 0.2 was given; a trained supernet can only be ranked with"),
        (("--set", "ogd.alpha=2"), "`harness run` trains another one"),
        (("--set", "nonsense=2"), "Unknown setting 'nonsense'"),
        (("--n-archs", "0"), "allowed is 1 to 15,625, or 'all'"),
        (("--bn-mode", "running"), "'batch' or 'recalibrated'"),
        (("--readout", "mine"), "'shared' or 'refitted'"),
        (("--n-archs", "5", "--set", "n_archs=4"), "--n-archs 5 and --set n_archs=4 contradict"),
        (
            ("--readout", "shared", "--set", "rank_readout=refitted"),
            "--readout shared and --set rank_readout=refitted contradict each other",
        ),
    ],
)
def test_what_is_not_a_ranking_is_refused(
    invoke: Invoke, trained: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke("rank", only_run(trained, "spos"), *arguments)
    assert result.code == 2
    assert message in result.err
    assert len(list(trained.iterdir())) == 2


@pytest.mark.usefixtures("_untrainable")
def test_a_setting_without_effect_is_said_to_have_none(invoke: Invoke, out: Path) -> None:
    arguments = ("--set", "recalibration_images=9", "--n-archs", "4")
    result = invoke("rank", only_run(out, "spos"), *arguments)
    assert result.code == 0
    assert result.err.count("Without effect: recalibration_images = 9") == 1


def test_a_lost_checkpoint_is_named_with_the_command_that_trains_again(
    invoke: Invoke, out: Path
) -> None:
    first = only_run(out, "spos")
    (first / "checkpoint.pt").unlink()
    result = invoke("rank", first, *SHARED)
    assert result.code == 1
    assert f"{first} lacks checkpoint.pt, which this ranking needs." in result.err
    assert len(list(out.iterdir())) == 2  # nothing was begun
    _, _, command = result.err.rstrip().partition("train the supernet again: harness ")
    again = invoke(*shlex.split(command), "--json")
    assert again.code == 0, again.err
    (record,) = json.loads(again.out)["runs"]
    assert (record["config"]["n_archs"], record["config"]["rank_readout"]) == (5, "shared")
    assert (record["config"]["strategy"], record["config"]["seed"]) == ("spos", 0)


def test_lost_snapshots_are_named(invoke: Invoke, out: Path) -> None:
    more = ("--rank-images", "32", "--set", "rank_batch=16", "--set", "rank_snapshots=2")
    result = invoke("rank", only_run(out, "spos"), *more, "--set", "snapshot_every=1")
    assert result.code == 1
    assert "lacks snapshots/step-0000003.pt, which this ranking needs" in result.err


def test_an_unfinished_run_is_finished_first_by_the_command_that_is_given(
    invoke: Invoke, out: Path
) -> None:
    first = only_run(out, "spos")
    change(first, status="interrupted")
    result = invoke("rank", first, *SHARED)
    assert result.code == 1
    assert f"Run {first.name} is interrupted: only the supernet of a finished" in result.err
    _, _, command = result.err.rstrip().partition("Finish it first: harness ")
    assert invoke(*shlex.split(command)).code == 0
    assert invoke("rank", first, *SHARED).code == 0


def test_a_run_stored_by_an_earlier_version_cannot_be_ranked_again(
    invoke: Invoke, out: Path
) -> None:
    first = only_run(out, "spos")
    config = RunConfig(**json.loads((first / "record.json").read_text())["config"])
    settings = next(former_settings(config.model_dump()))
    change(first, config=settings, run_id=former_name(settings))
    former = first.rename(out / former_name(settings))
    result = invoke("rank", former, *SHARED)
    assert result.code == 1
    assert f"{former} was stored by an earlier version or renamed" in result.err
    assert f"harness run --config {former / 'config.toml'} --set" in result.err


@pytest.mark.usefixtures("_untrainable")
def test_a_supernet_of_other_images_is_not_trained_instead(invoke: Invoke, out: Path) -> None:
    first = only_run(out, "spos")
    data = json.loads((first / "record.json").read_text())["data"]
    change(first, data={**data, "images_sha256": "0" * 64})
    result = invoke("rank", first, *SHARED)
    assert result.code == 1
    assert "has the same training, but on other images" in result.err
    assert "there is no training that run" in result.err


def test_runs_of_two_folders_and_other_estimators_are_refused(invoke: Invoke, out: Path) -> None:
    spos, ogd = only_run(out, "spos"), only_run(out, "ogd")
    other = Path(shutil.copytree(ogd, out.parent / "other" / ogd.name))
    result = invoke("rank", spos, other)
    assert result.code == 2
    assert f"The runs lie in different folders: {out}, {other.parent}" in result.err
    record = json.loads((ogd / "record.json").read_text())
    config = {**record["config"], "estimator": "mine:Proxy"}
    change(ogd, config=config, run_id=RunConfig(**config).name)
    result = invoke("rank", ogd, *SHARED)
    assert result.code == 1
    assert "was scored by the estimator 'mine:Proxy', without a supernet" in result.err
