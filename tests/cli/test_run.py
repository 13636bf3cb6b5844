"""`harness run` and `harness report` on runs of a fraction of a second."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.cli.methods import parse_options
from harness.settings.run import RunConfig
from harness.settings.stored import former_name, former_settings
from tests.cli.commandline import TINY, Invoke
from tests.e2e.processes import run_here


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of each strategy; not to be changed."""
    out = tmp_path_factory.mktemp("finished")
    code, _, err = run_here(*TINY, "--out", out)
    assert code == 0, err
    return out


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished runs, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "copied"))


def _strict_json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def _run_folder(out: Path, strategy: str) -> Path:
    (folder,) = out.glob(f"tiles-{strategy}-s0-*")
    return folder


def _change_record(folder: Path, **changes: Any) -> None:
    path = folder / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_run_prints_the_answer_on_stdout_and_its_progress_on_stderr(
    invoke: Invoke, finished: Path
) -> None:
    result = invoke(*TINY, "--out", finished)
    assert result.code == 0
    assert result.out.startswith("Which estimator ranks best is unknown: too few architectures (30")
    assert "Leaderboard (3 architectures, tiles test" in result.out
    assert "Paired differences" not in result.out
    assert f"\nMore: harness report {finished}\n  --section leaderboard|" in result.out
    assert result.err == "runs: 2 of 2 done\n"


def test_the_command_at_the_end_gives_exactly_the_table_above_it(
    invoke: Invoke, copied: Path, tmp_path: Path
) -> None:
    data = tmp_path / "my data"
    data.mkdir()
    result = invoke(*TINY, "--out", copied, "--data-dir", data)
    whole = _again(result.out)
    assert whole == ["report", str(copied), "--data-dir", str(data)]
    assert _shown(invoke(*whole).out) == _shown(result.out)
    result = invoke(*TINY, "--strategies", "ogd", "--out", copied)  # where another run is, too
    assert _again(result.out) == ["report", str(_run_folder(copied, "ogd"))]
    assert _shown(invoke(*_again(result.out)).out) == _shown(result.out)
    assert "Paired differences" in invoke(*whole, "--section", "differences").out


def _shown(out: str) -> str:
    return out.partition("\nMore")[0]


def _again(out: str) -> list[str]:
    (command,) = (
        line.partition("More: harness ")[2] for line in out.splitlines() if "More: " in line
    )
    return shlex.split(command)


def test_a_run_folder_has_all_its_files(finished: Path) -> None:
    names = {path.name for path in _run_folder(finished, "spos").iterdir()}
    assert names - {".lock"} == {
        *("config.toml", "record.json", "checkpoint.pt"),
        *("steps.parquet", "disturbance.parquet", "curve.parquet", "scores.parquet"),
        "scores_shared.parquet",
    }


def test_json_is_all_that_is_on_stdout(invoke: Invoke, finished: Path) -> None:
    result = invoke(*TINY, "--out", finished, "--json")
    records = _strict_json(result.out)["runs"]
    assert [record["config"]["strategy"] for record in records] == ["spos", "ogd"]
    assert all(record["status"] == "finished" for record in records)
    assert all(record["data"]["n_ranked"] == 3 for record in records)


def test_a_finished_run_is_not_touched(invoke: Invoke, finished: Path) -> None:
    before = _states(finished)
    assert invoke(*TINY, "--out", finished).code == 0
    assert _states(finished) == before


def _states(out: Path) -> dict[Path, tuple[int, int]]:
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in out.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_runs_own_config_file_is_the_same_run(invoke: Invoke, finished: Path) -> None:
    for strategy in ("spos", "ogd"):
        folder = _run_folder(finished, strategy)
        result = invoke("run", "--config", folder / "config.toml", "--out", finished, "--json")
        assert result.code == 0
        assert [r["run_id"] for r in _strict_json(result.out)["runs"]] == [folder.name]


def test_the_command_line_wins_over_the_config_file(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("n_archs = 2\nrank_images = 17\nlr = 0.2\nprobe_every = 3\n")
    arguments = ("--strategies", "spos", "--config", tmp_path / "my.toml", "--set", "batch_size=6")
    result = invoke(*TINY, *arguments, "--out", tmp_path / "out", "--json")
    (record,) = _strict_json(result.out)["runs"]
    config = record["config"]
    assert (config["n_archs"], config["rank_images"], config["probe_every"]) == (3, 16, 2)
    assert (config["lr"], config["batch_size"]) == (0.2, 6)


@pytest.mark.parametrize(
    ("option", "assignment"),
    [
        (("--seeds", "0"), "seed=3"),
        (("--seeds", "0,3"), "seed=3"),
        (("--strategies", "spos"), "strategy=ogd"),
        (("--estimators", "nwot"), "estimator=jacov"),
        (("--precision", "bf16"), "precision=float32"),
        (("--n-archs", "3"), "n_archs=all"),
        (("--rank-images", "16"), "rank_images=17"),
        (("--until-tau-se", "0.5"), "until_tau_se=0.25"),
        (("--rank-every", "0"), "rank_every=2"),
        (("--probe-every", "2"), "probe_every=0"),
        (("--bn-mode", "batch"), "bn_mode=recalibrated"),
        (("--device", "cpu"), "device=auto"),
        (("--preset", "smoke"), "preset=quick"),
        (("--threads", "1"), "threads=2"),
        (("--dataset", "tiles"), "dataset=cifar10"),
        (("--space", "nb201"), "space=tests.spaces.toy:Toy"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_an_option_and_an_assignment_that_contradict_each_other_are_refused_with_both_named(
    invoke: Invoke, tmp_path: Path, option: tuple[str, str], assignment: str
) -> None:
    result = invoke("run", *option, "--set", assignment, "--out", tmp_path / "out")
    assert result.code == 2
    assert f"{' '.join(option)} and --set {assignment} contradict each other" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "assignment", "names"),
    [
        ("--strategies spos", "estimator=jacov", "spos,jacov"),
        ("--strategies spos,ogd", "strategy=fairnas", "spos,ogd,fairnas"),
        ("--estimators spos,nwot", "strategy=ogd", "spos,nwot,ogd"),
        ("--strategies spos --estimators nwot", "estimator=nwot", "spos,nwot"),
        ("--estimators nwot", "estimator=supernet", "nwot,spos"),
    ],
)
def test_an_assignment_of_another_estimator_shows_the_option_that_names_all(
    invoke: Invoke, tmp_path: Path, options: str, assignment: str, names: str
) -> None:
    result = invoke("run", *options.split(), "--set", assignment, "--out", tmp_path / "out")
    assert result.code == 2
    assert result.err.startswith(f"Error: {options} and --set {assignment} contradict each other")
    assert f"Leave one out, or give --estimators {names} for all of them." in result.err
    assert parse_options(None, names)


def test_an_option_and_an_assignment_that_agree_are_one(invoke: Invoke, finished: Path) -> None:
    agreed = ("seed=0", "strategy=spos", "n_archs=3", "rank_images=16", "preset=smoke")
    assignments = [part for one in agreed for part in ("--set", one)]
    result = invoke(*TINY, "--strategies", "spos", *assignments, "--out", finished, "--json")
    assert result.code == 0
    (record,) = _strict_json(result.out)["runs"]
    assert record["run_id"] == _run_folder(finished, "spos").name


def test_a_set_of_supernet_agrees_with_several_strategies(invoke: Invoke, finished: Path) -> None:
    result = invoke(
        *TINY,
        "--strategies",
        "spos,ogd",
        "--set",
        "estimator=supernet",
        "--json",
        "--out",
        finished,
    )
    assert result.code == 0, result.err
    assert len(_strict_json(result.out)["runs"]) == 2


def test_set_can_name_the_strategy_and_the_seed(invoke: Invoke, tmp_path: Path) -> None:
    seeds = TINY.index("--seeds")
    tiny = TINY[:seeds] + TINY[seeds + 2 :]
    result = invoke(*tiny, "--set", "strategy=spos", "--set", "seed=7", "--out", tmp_path, "--json")
    assert [record["run_id"][:13] for record in _strict_json(result.out)["runs"]] == [
        "tiles-spos-s7"
    ]


def test_strategies_and_seeds_given_twice_are_run_once(invoke: Invoke, finished: Path) -> None:
    arguments = ("--strategies", "spos, spos,,ogd", "--seeds", "0,0")
    result = invoke(*TINY, *arguments, "--out", finished, "--json")
    assert len(_strict_json(result.out)["runs"]) == 2


def test_asking_for_more_than_has_truth_says_how_many_have(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.truth import find_truth, make_table

    whole = find_truth("tiles")
    some = sorted(set(whole.rows["nb201_index"]), key=_position)[:2]
    rows = whole.rows[whole.rows["nb201_index"].isin(some)].reset_index(drop=True)
    small = make_table(rows, "small", {})
    for module in (
        "harness.execution.inputs",
        "harness.execution.runner",
        "harness.evaluation.chosen",
    ):
        monkeypatch.setattr(f"{module}.find_truth", lambda *_, **__: small)
    result = invoke(*TINY, "--strategies", "spos", "--out", tmp_path)
    assert result.code == 0
    assert "Left out of spos (3 scored): 1 without this truth." in result.text


def _position(index: int) -> int:
    from harness.spaces.nb201.encoding import canonical_permutation

    return canonical_permutation().index(index)


def test_a_ranking_until_tau_is_known_says_how_well_it_is_known(
    invoke: Invoke, tmp_path: Path
) -> None:
    arguments = (*TINY, "--strategies", "spos", "--n-archs", "12", "--until-tau-se", "2")
    arguments = (*arguments, "--rank-images", "64", "--set", "rank_batch=8", "--out", str(tmp_path))
    result = invoke(*arguments, "--json")
    (record,) = _strict_json(result.out)["runs"]
    assert record["ranking"]["until_tau_se"] == 2
    assert record["ranking"]["reached"] is True
    assert record["ranking"]["n_images"] == 56
    rounds = pd.read_parquet(_run_folder(tmp_path, "spos") / "ranking_rounds.parquet")
    assert list(rounds) == ["round", "n_images", "tau", "se", "seconds"]
    assert rounds["n_images"].tolist() == [8, 16, 24, 32, 40, 48, 56]
    assert rounds["se"].notna().tolist() == [False] * 4 + [True] * 3
    assert invoke(*arguments, "--json").out == result.out  # found again, not computed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--until-tau-se", "0"), "until_tau_se = 0.0: Input should be greater than 0"),
        (("--until-tau-se", "0.01"), "is known only after 7 batches. Give more images, or a"),
        (("--set", "rank_precision=fp8"), "should be 'float32' or 'bf16'"),
    ],
)
def test_ranking_options_that_cannot_be_met_are_refused(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke(*TINY, *arguments, "--out", tmp_path)
    assert result.code == 2
    assert message in result.err


@pytest.mark.parametrize("name", ["table", "markdown", "latex", "csv", "json"])
def test_every_format_of_the_report_has_both_strategies(
    invoke: Invoke, finished: Path, name: str
) -> None:
    result = invoke("report", finished, "--format", name)
    assert result.code == 0
    assert result.err == ""
    assert "spos" in result.out
    assert "ogd" in result.out


def test_report_json_is_strict_json(invoke: Invoke, finished: Path) -> None:
    one, other = invoke("report", finished, "--json"), invoke("report", finished, "--format=json")
    assert one == other
    report = _strict_json(one.out)
    (section,) = report["sections"]
    assert [result["label"] for result in section["evaluations"]] == ["spos", "ogd"]
    assert section["n"] == 3


def test_report_csv_has_a_record_a_row_and_null_is_empty(invoke: Invoke, finished: Path) -> None:
    records = list(csv.DictReader(io.StringIO(invoke("report", finished, "--format=csv").out)))
    taus = [r for r in records if (r["figure"], r["population"]) == ("tau", "all")]
    assert [r["name"] for r in taus] == ["spos", "ogd", "ogd minus spos"]
    assert {r["value"] for r in taus} == {""}  # too few for a figure: empty, not 0


def test_a_report_of_run_folders_and_of_their_parent_are_the_same(
    invoke: Invoke, finished: Path
) -> None:
    folders = sorted(path for path in finished.iterdir() if path.is_dir())
    assert invoke("report", *folders).out == invoke("report", finished).out
    assert invoke("report", finished, *folders).out == invoke("report", finished).out


def test_a_report_of_nothing_says_what_to_do(invoke: Invoke, tmp_path: Path) -> None:
    missing = invoke("report", tmp_path / "missing")
    assert (missing.code, missing.out) == (1, "")
    assert "missing is not a folder" in missing.err
    empty = invoke("report", tmp_path)
    assert (empty.code, empty.out) == (1, "")
    assert f"No runs in {tmp_path}. Create some with `harness run" in empty.err


def test_the_default_folder_of_a_report_is_that_of_a_run(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "results/runs is not a folder" in invoke("report").err


def test_a_report_names_unfinished_runs_and_leaves_them_out(invoke: Invoke, copied: Path) -> None:
    ogd = _run_folder(copied, "ogd")
    _change_record(ogd, status="interrupted")
    result = invoke("report", copied)
    assert result.code == 0
    assert f"Left out, not finished: {ogd.name} (interrupted)." in result.text
    _change_record(_run_folder(copied, "spos"), status="failed")
    result = invoke("report", copied)
    assert (result.code, result.out) == (1, "")
    assert "None of the runs is finished" in result.err


@pytest.mark.parametrize("command", ["report", "run"])
def test_a_record_of_a_newer_schema_is_refused(invoke: Invoke, copied: Path, command: str) -> None:
    folder = _run_folder(copied, "spos")
    _change_record(folder, schema_version=2)
    before = (folder / "record.json").read_bytes()
    result = invoke(*_either(command, copied))
    assert result.code == 1
    assert f"{folder / 'record.json'} has schema 2, this version reads up to 1" in result.err
    assert (folder / "record.json").read_bytes() == before


def _either(command: str, out: Path) -> tuple[object, ...]:
    return ("report", out) if command == "report" else (*TINY, "--out", out, "--json")


@pytest.mark.parametrize("command", ["report", "run"])
@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "null", "{}", '"text"', '{"schema_version": 1}'),
        '{"schema_version": 1, "run_id": "x", "status": "finished", "started": "", "config": {}',
        '{"schema_version": 1, "run_id": 3, "status": "finished", "started": "", "config": 5}',
        '{"schema_version": 1, "run_id": "x", "status": "finished", "started": "", '
        '"config": {"stesp": 3}}',
    ],
)
def test_a_damaged_record_is_named(
    invoke: Invoke, copied: Path, command: str, content: str
) -> None:
    path = _run_folder(copied, "spos") / "record.json"
    path.write_text(content)
    result = invoke(*_either(command, copied))
    assert result.code == 1
    assert f"{path} is damaged" in result.err
    assert "Move the folder away" in result.err
    assert path.read_text() == content


def test_a_record_that_is_no_text_is_named(invoke: Invoke, copied: Path) -> None:
    path = _run_folder(copied, "spos") / "record.json"
    path.write_bytes(b"\xff\xfe\x00\x01")
    result = invoke("report", copied)
    assert result.code == 1
    assert f"{path} is damaged" in result.err


@pytest.mark.parametrize("table", ["scores", "disturbance", "curve"])
def test_a_damaged_table_of_a_finished_run_is_named(
    invoke: Invoke, copied: Path, table: str
) -> None:
    path = _run_folder(copied, "spos") / f"{table}.parquet"
    path.write_bytes(path.read_bytes()[:100])
    result = invoke("report", copied)
    assert result.code == 1
    assert str(path) in result.err


def test_a_finished_run_without_its_scores_is_told(invoke: Invoke, copied: Path) -> None:
    path = _run_folder(copied, "spos") / "scores.parquet"
    path.unlink()
    for command in ("report", "run"):
        arguments = ("report", copied) if command == "report" else (*TINY, "--out", copied)
        result = invoke(*arguments)
        assert result.code == 1
        assert f"{path} is missing. Restore it, or move the folder away" in result.err


def test_runs_ranked_against_another_truth_are_not_reported(invoke: Invoke, copied: Path) -> None:
    folder = _run_folder(copied, "spos")
    data = json.loads((folder / "record.json").read_text())["data"]
    _change_record(folder, data={**data, "truth_sha256": "0" * 64})
    result = invoke("report", copied)
    assert (result.code, result.out) == (1, "")
    assert f"({folder.name}) was ranked against truth 000000000000" in result.err


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("execution", {"torch": "1.0"}, "torch was '1.0'"),
        ("execution", {"cpu_capability": "AVX9000"}, "cpu_capability was 'AVX9000'"),
        ("data", {"truth_sha256": "0" * 64}, "truth_sha256 was '000"),
        ("data", {"images_sha256": "0" * 64}, "images_sha256 was '000"),
    ],
)
def test_a_run_does_not_go_on_under_other_conditions(
    invoke: Invoke, copied: Path, part: str, change: dict[str, Any], message: str
) -> None:
    folder = _run_folder(copied, "spos")
    record = json.loads((folder / "record.json").read_text())
    _change_record(folder, status="interrupted", **{part: {**record[part], **change}})
    checkpoint = (folder / "checkpoint.pt").read_bytes()
    for _ in range(2):  # nor when asked again: the refusal must not overwrite the conditions
        result = invoke(*TINY, "--strategies", "spos", "--out", copied)
        assert result.code == 1
        assert message in result.err
        assert "--out" in result.err
    assert (folder / "checkpoint.pt").read_bytes() == checkpoint
    after = json.loads((folder / "record.json").read_text())
    assert after[part] == {**record[part], **change}


def test_no_file_of_a_run_has_a_nan(finished: Path) -> None:
    for path in finished.rglob("*.parquet"):
        table = pd.read_parquet(path, dtype_backend="pyarrow")
        assert not any((table[c] != table[c]).any() for c in table.select_dtypes("number")), path


def test_a_profiled_run_has_the_same_numbers_and_says_where_the_time_goes(
    invoke: Invoke, finished: Path, tmp_path: Path
) -> None:
    assert invoke(*TINY, "--strategies", "ogd", "--profile", "--out", tmp_path).code == 0
    plain, profiled = _run_folder(finished, "ogd"), _run_folder(tmp_path, "ogd")
    assert plain.name == profiled.name
    for table in ("scores", "steps", "disturbance"):
        pd.testing.assert_frame_equal(
            pd.read_parquet(plain / f"{table}.parquet"),
            pd.read_parquet(profiled / f"{table}.parquet"),
        )
    text = (profiled / "profile.txt").read_text()
    assert "training step" in text
    assert "ranked architecture" in text
    assert "aten::convolution_backward" in text
    for part in ("train", "rank"):
        trace = json.loads((profiled / f"profile-{part}.json").read_text())
        assert any(event.get("name") == "aten::conv2d" for event in trace["traceEvents"])
    assert not list(plain.glob("profile*"))

    again = invoke(*TINY, "--strategies", "ogd", "--profile", "--out", finished)
    assert again.code == 0
    assert "was finished before, and is not profiled now" in again.err


def test_the_precision_is_recorded_and_names_another_run(
    invoke: Invoke, finished: Path, tmp_path: Path
) -> None:
    assert invoke(*TINY, "--strategies", "spos", "--precision", "bf16", "--out", tmp_path).code == 0
    folder, plain = _run_folder(tmp_path, "spos"), _run_folder(finished, "spos")
    record = json.loads((folder / "record.json").read_text())
    assert folder.name != plain.name
    assert record["config"]["precision"] == record["execution"]["dtype"] == "bf16"
    assert json.loads((plain / "record.json").read_text())["execution"]["dtype"] == "float32"


@pytest.mark.parametrize("strategy", ["spos", "ogd"])
def test_the_command_that_made_a_run_finds_it_under_its_former_name(
    invoke: Invoke, copied: Path, strategy: str
) -> None:
    folder = _run_folder(copied, strategy)
    config = RunConfig(**json.loads((folder / "record.json").read_text())["config"])
    known = config.model_dump(exclude={"images", "archs"})
    settings = list(former_settings(known))[-1]  # as an earlier version stored them
    name = former_name(settings)
    _change_record(folder, run_id=name, config=settings)
    folder.rename(copied / name)
    folders = {path.name for path in copied.iterdir()}
    result = invoke(*TINY, "--strategies", strategy, "--out", copied, "--json")
    assert result.code == 0
    assert [record["run_id"] for record in _strict_json(result.out)["runs"]] == [name]
    assert {path.name for path in copied.iterdir()} == folders


def test_a_folder_of_other_settings_whose_name_is_the_same_is_not_taken_for_the_run(
    invoke: Invoke, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _run_folder(copied, "spos")
    monkeypatch.setattr(RunConfig, "name", property(lambda _: folder.name))
    result = invoke(*TINY, "--strategies", "spos", "--set", "lr=0.3", "--out", copied)
    assert result.code == 1
    assert (
        f"{folder} holds a run with other settings that happens to have the same name" in result.err
    )


def test_a_setting_without_effect_is_said_to_have_none(invoke: Invoke, tmp_path: Path) -> None:
    arguments = ("--strategies", "spos", "--set", "recalibration_images=100", "--out", tmp_path)
    result = invoke(*TINY, *arguments)
    assert result.code == 0
    assert "Without effect: recalibration_images = 100, since bn_mode is 'batch'." in result.err


@pytest.mark.parametrize(
    ("removed", "what"), [((), "resumes"), (("checkpoint.pt",), "starts over")]
)
def test_a_run_whose_record_is_lost_is_computed_again_and_said_to_be(
    invoke: Invoke, copied: Path, removed: tuple[str, ...], what: str
) -> None:
    folder = _run_folder(copied, "spos")
    for name in ("record.json", *removed):
        (folder / name).unlink()
    result = invoke(*TINY, "--strategies", "spos", "--out", copied)
    assert result.code == 0
    told = f"{folder} holds files of this run, but no record.json"
    assert told in result.err
    assert f"The run {what}" in result.err
    assert told not in invoke(*TINY, "--strategies", "spos", "--out", copied).err


def test_a_run_whose_record_is_lost_is_missed_under_its_former_name_too(
    invoke: Invoke, copied: Path
) -> None:
    folder = _run_folder(copied, "spos")
    config = RunConfig(**json.loads((folder / "record.json").read_text())["config"])
    former = copied / config.former_names[0]
    folder.rename(former)
    (former / "record.json").unlink()
    result = invoke(*TINY, "--strategies", "spos", "--out", copied)
    assert f"{former} holds files of this run, but no record.json" in result.err
    assert "The run starts over" in result.err


def _with_threads(threads: int | None) -> tuple[str, ...]:
    """TINY with another number of threads, or the default."""
    position = TINY.index("threads=1")
    rest = (*TINY[: position - 1], *TINY[position + 1 :], "--strategies", "spos")
    return rest if threads is None else (*rest, "--threads", str(threads))


def test_a_run_has_one_thread_by_default_and_says_what_more_would_gain(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.execution.machine.count_cores", lambda: 4)
    result = invoke(*_with_threads(None), "--out", tmp_path, "--json")
    (record,) = _strict_json(result.out)["runs"]
    assert record["execution"]["threads"] == 1
    assert record["config"]["threads"] is None
    assert "1 of 4 cores is used, one thread a run. --threads 2 is about 1.1 times" in result.err
    again = invoke(*_with_threads(None), "--out", tmp_path, "--json")
    assert "cores" not in again.err  # nothing is computed


def test_a_resumed_run_keeps_its_threads_unless_it_is_told_others_and_then_says_so(
    invoke: Invoke, copied: Path
) -> None:
    folder = _run_folder(copied, "spos")
    record = json.loads((folder / "record.json").read_text())
    execution = {**record["execution"], "threads": 2}
    for given, threads, earlier in ((None, 2, None), (1, 1, [2])):
        _change_record(folder, status="interrupted", execution=execution)
        result = invoke(*_with_threads(given), "--out", copied, "--json")
        (after,) = _strict_json(result.out)["runs"]
        assert after["run_id"] == record["run_id"]
        assert after["execution"]["threads"] == threads
        assert after["execution"].get("earlier_threads") == earlier
        told = "resumes with threads 1, and had 2: the last digits of its numbers may differ"
        assert (told in result.err) == (given is not None)


def test_a_run_that_resumes_on_another_cpu_says_so_and_records_both(
    invoke: Invoke, copied: Path
) -> None:
    folder = _run_folder(copied, "spos")
    record = json.loads((folder / "record.json").read_text())
    (source,) = record["sources"]
    _change_record(folder, status="interrupted", sources=[{**source, "cpu": "Another"}])
    result = invoke(*TINY, "--strategies", "spos", "--out", copied, "--json")
    (after,) = _strict_json(result.out)["runs"]
    assert [entry["cpu"] for entry in after["sources"]] == ["Another", source["cpu"]]
    assert f"resumes with CPU {source['cpu']}, and had Another" in result.err


def test_a_record_says_on_what_it_was_computed(finished: Path) -> None:
    import torch

    record = json.loads((_run_folder(finished, "spos") / "record.json").read_text())
    environment, execution = record["environment"], record["execution"]
    assert environment["cpu"] in record["sources"][-1]["cpu"]
    assert (environment["cpu_id"] or "") in record["sources"][-1]["cpu"]
    assert execution["torch"] == torch.__version__
    assert execution["torch_build"].startswith(f"commit {torch.version.git_version[:12]}")
    assert record["sources"][-1].keys() >= {"commit", "dirty"}
