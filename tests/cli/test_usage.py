"""What a user can mistype: exit code 2, what was given, what is allowed, and nothing written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.cli.main import main
from tests.cli.commandline import TINY, Invoke

MISTAKES = [
    (("rnu",), "Unknown command 'rnu'. Did you mean 'run'?"),
    (("reprt",), "Did you mean 'report'?"),
    (("run", "--sede", "1"), "--seed"),
    (("run", "--space", "nb202"), "Unknown space 'nb202'. Did you mean 'nb201'?"),
    (("run", "--dataset", "cifar1000"), "Unknown dataset 'cifar1000'. Did you mean 'cifar100'?"),
    (("run", "--dataset", "tile"), "Did you mean 'tiles'?"),
    (("run", "--strategies", "spos,ogdd"), "Unknown strategy 'ogdd'. Did you mean 'ogd'?"),
    (("run", "--strategies", " , "), "names no strategy. Available: fairnas, "),
    (("run", "--preset", "quik"), "Unknown preset 'quik'. Did you mean 'quick'?"),
    (("run", "--set", "stesp=3"), "Unknown setting 'stesp'. Did you mean 'steps'?"),
    (("run", "--set", "ogd.alhpa=3"), "Did you mean 'ogd.alpha'?"),
    (("run", "--set", "steps"), "is not key=value"),
    (("sweep", "x.toml", "--jobs", "1", "--jobs", "2"), "--jobs was given 2 times"),
    (("rank", "x", "--n-archs", "1", "--n-archs", "2"), "--n-archs was given 2 times"),
    (("truth", "build", "--seeds", "1", "--seeds", "2"), "--seeds was given 2 times"),
    (("run", "--set", "=3"), "is not key=value"),
    (("run", "--set", "steps="), "steps = ''"),
    (("run", "--set", "steps=many"), "steps = 'many'"),
    (("run", "--set", "steps=1.5"), "steps = 1.5"),
    (("run", "--set", "steps=0"), "greater than or equal to 1"),
    (("run", "--set", "lr=nan"), "finite number"),
    (("run", "--set", "lr=inf"), "finite number"),
    (("run", "--set", "schedule=linear"), "'cosine' or 'constant'"),
    (("run", "--set", "ogd=3"), "ogd = 3"),
    (("run", "--set", "ogd.c.d=3"), "ogd.c"),
    (("run", "--set", "ogd.projector=owm"), "'covariance', 'nullspace' or 'rls'"),
    (("run", "--set", "n_archs=15626"), "15625"),
    (("run", "--bn-mode", "running"), "'batch' or 'recalibrated'"),
    (("run", "--device", "tpu"), "'auto', 'cpu' or 'cuda'"),
    (("run", "--rank-images", "1"), "greater than or equal to 2"),
    (("run", "--rank-images", "many"), "not a valid integer"),
    (("run", "--probe-every", "-1"), "greater than or equal to 0"),
    (("run", "--n-archs", "0"), "--n-archs 0 was given; allowed is 1 to 15,625, or 'all'"),
    (("run", "--n-archs", "-1"), "--n-archs -1"),
    (("run", "--n-archs", "15626"), "--n-archs 15626 was given; allowed is 1 to 15,625"),
    (("run", "--n-archs", "abc"), "neither a number, 1 to 15,625, nor 'all'"),
    (("run", "--n-archs", ""), "neither a number"),
    (("run", "--seeds", "0,x"), "not a list of whole numbers"),
    (("run", "--seeds", "0,-1"), "negative seed"),
    (("run", "--seeds", "0.5"), "not a list of whole numbers"),
    (("run", "--seeds", ","), "names no seed"),
    (("run", "--jobs", "0"), "0 is not in the range"),
    (("report", "--format", "xml"), "'xml' is not one of"),
    (("truth", "bild"), "bild"),
    (("truth", "build", "--space", "nb2001"), "Did you mean 'nb201'?"),
    (("truth", "build", "--dataset", "tile"), "Did you mean 'tiles'?"),
    (("truth", "build", "--n-archs", "0"), "allowed is 1 to 15,625"),
    (("truth", "build", "--n-archs", "15626"), "allowed is 1 to 15,625"),
    (("truth", "build", "--n-archs", ""), "neither a number, 1 to 15,625, nor 'all'"),
    (("truth", "build", "--seeds", ""), "names no seed"),
    (("truth", "build", "--workers", "0"), "0 is not in the range"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda x: " ".join(x)[:40])
def test_a_mistake_is_explained_and_nothing_is_written(
    invoke: Invoke,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.code == 2
    assert message in result.err
    assert result.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", "0", "--seeds", "3"), "--seeds was given 2 times, and takes one value"),
        (("--set", "lr=1", "--set", "lr=2"), "--set lr=1 and --set lr=2 contradict each other"),
        (
            ("--set", "ogd.alpha=1", "--set", "ogd.alpha=2"),
            "--set ogd.alpha=1 and --set ogd.alpha=2 contradict each other",
        ),
    ],
)
def test_a_run_is_not_given_two_values_for_one_thing(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", *arguments])  # not by `invoke`, which keeps the last of each
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_no_command_shows_the_help(invoke: Invoke) -> None:
    result = invoke()
    assert result.code == 2
    assert "Usage:" in result.err


def test_the_version_is_that_of_the_package(invoke: Invoke) -> None:
    result = invoke("--version")
    assert result.code == 0
    assert result.out.split()[-1][0].isdigit()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("stesp = 3\n", "Did you mean 'steps'?"),
        ("[ogd]\nalhpa = 3\n", "Did you mean 'ogd.alpha'?"),
        ("steps = \n", "is not TOML"),
        ("\0", "is not TOML"),
        ('steps = "many"\n', "steps = 'many'"),
        ("dataset = 5\n", "Unknown dataset '5'"),
        ('preset = ["quick"]\n', "Unknown preset"),
        ("strategy = 5\n", "strategy = 5"),
        ("seed = -1\n", "seed = -1"),
        ('strategy = "ogdd"\n', "Did you mean 'ogd'?"),
    ],
)
def test_a_wrong_config_file_is_explained(
    invoke: Invoke, tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "my.toml"
    file.write_text(content)
    result = invoke("run", "--config", file, "--out", tmp_path / "out")
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bad", ["missing.toml", "."])
def test_a_config_file_that_cannot_be_read_is_named(
    invoke: Invoke, tmp_path: Path, bad: str
) -> None:
    result = invoke("run", "--config", tmp_path / bad, "--out", tmp_path / "out")
    assert result.code == 2
    assert f"Config file {tmp_path / bad} cannot be read" in result.err


def test_a_config_file_that_is_no_text_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_bytes(b"\xff\xfe\x00")
    result = invoke("run", "--config", tmp_path / "my.toml")
    assert result.code == 2
    assert "is not TOML" in result.err


@pytest.mark.parametrize(
    ("key", "value", "available"),
    [
        ("rank_images", 2_001, "2,000"),
        ("probe_images", 2_001, "2,000"),
        ("batch_size", 4_001, "4,000"),
        ("train_loss_images", 4_001, "4,000"),
        ("recalibration_images", 4_001, "4,000"),
    ],
)
def test_more_images_than_there_are_is_refused_before_training(
    invoke: Invoke, tmp_path: Path, key: str, value: int, available: str
) -> None:
    given = ("--rank-images", value) if key == "rank_images" else ("--set", f"{key}={value}")
    result = invoke(*TINY, "--out", tmp_path, *given)
    assert result.code == 2
    assert f"{key} = {value:,} was given; 'tiles' has only {available} such images" in result.err
    assert not list(tmp_path.rglob("record.json"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--preset", "smoke"),
        ("run", "--set", "ogd.alpha=3"),
        ("truth", "build"),
    ],
    ids=" ".join,
)
def test_without_torch_it_is_named_and_there_is_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from harness.cli.main import main\n"
        f"main({arguments!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: This command computes with torch, which is not installed")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_without_a_device_is_refused_once_for_all_runs(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke(*TINY, "--out", tmp_path, "--device", "cuda")
    assert result.code == 2
    (error,) = (line for line in result.err.splitlines() if line.startswith("Error: "))
    assert "torch finds no CUDA device" in error
    assert "tiles-spos-s0-" in error
    assert "tiles-ogd-s0-" in error


@pytest.mark.parametrize("out", ["/proc/nothing/here", "file/below"])
def test_an_output_folder_that_cannot_be_made_is_named(
    invoke: Invoke, tmp_path: Path, out: str
) -> None:
    (tmp_path / "file").write_text("I am no folder")
    result = invoke(*TINY, "--strategies", "spos", "--out", tmp_path / out)
    assert result.code == 1
    assert "cannot be used" in result.err
    assert "--out" in result.err


def test_an_output_folder_that_is_a_file_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am no folder")
    result = invoke(*TINY, "--out", tmp_path / "file")
    assert result.code == 2
    assert "is a file" in result.err
