"""Study files: what runs they mean, and how mistakes in them are told."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.settings.study import load_study
from harness.spaces.nb201.encoding import arch_at


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_grid_is_every_combination_over_the_base(tmp_path: Path) -> None:
    text = """
        [base]
        preset = "smoke"
        ogd.beta = 0.5
        [grid]
        strategy = ["spos", "ogd"]
        seed = [0, 1]
        "ogd.c" = [1, 3]
    """
    study = load_study(write(tmp_path, text))
    assert study.name == "mine"
    assert len(study.configs) == 8
    assert {(c.strategy, c.seed, c.tables["ogd"]["c"]) for c in study.configs} == {
        (strategy, seed, c) for strategy in ("spos", "ogd") for seed in (0, 1) for c in (1, 3)
    }
    assert {c.preset for c in study.configs} == {"smoke"}
    assert {c.tables["ogd"]["beta"] for c in study.configs} == {0.5}


def test_a_run_chooses_its_architectures_over_the_base(tmp_path: Path) -> None:
    listed = [str(arch_at(key)) for key in range(200)]
    text = f"""
        [base]
        n_archs = 20
        [[run]]
        archs = {listed}
        [[run]]
        seed = 1
    """
    own, plain = load_study(write(tmp_path, text)).configs
    assert (own.n_archs, own.archs is None, plain.n_archs, plain.archs) == (200, False, 20, None)
    text = f"[base]\narchs = {listed}\n[grid]\nn_archs = [30]\n"
    (counted,) = load_study(write(tmp_path, text)).configs
    assert (counted.n_archs, counted.archs) == (30, None)
    for text in (f"[base]\narchs = {listed}\nn_archs = 3", f"[[run]]\narchs = {listed}\nlr = 0"):
        with pytest.raises(UsageError) as refused:
            load_study(write(tmp_path, text))
        assert len(str(refused.value).replace(str(tmp_path), "")) < 300


def test_a_dotted_key_needs_no_quotes(tmp_path: Path) -> None:
    quoted = load_study(write(tmp_path, '[grid]\n"ogd.c" = [1, 3]\nseed = [0]\n'))
    plain = load_study(write(tmp_path, "[grid]\nogd.c = [1, 3]\nseed = [0]\n"))
    assert plain.configs == quoted.configs


def test_several_grids_are_one_after_the_other(tmp_path: Path) -> None:
    text = """
        [[grid]]
        seed = [0, 1]
        [[grid]]
        seed = [0, 1]
        strategy = ["ogd"]
        ogd.c = [3]
        [[grid]]
    """
    configs = load_study(write(tmp_path, text)).configs
    assert [(c.strategy, c.seed) for c in configs] == [
        *(("spos", 0), ("spos", 1), ("ogd", 0), ("ogd", 1)),
    ]
    assert [c.tables for c in configs] == [{}, {}, *[{"ogd": {"c": 3}}] * 2]


def test_single_runs_stand_beside_the_grid_and_share_the_base(tmp_path: Path) -> None:
    text = """
        name = "both"
        [base]
        steps = 7
        [grid]
        seed = [0, 1]
        [[run]]
        strategy = "fairnas"
        [[run]]
        strategy = "ogd"
        ogd = { c = 4 }
    """
    study = load_study(write(tmp_path, text))
    assert study.name == "both"
    assert [c.strategy for c in study.configs] == ["spos", "spos", "fairnas", "ogd"]
    assert {c.steps for c in study.configs} == {7}


def test_without_a_grid_the_list_is_all_and_without_both_the_base_is_one_run(
    tmp_path: Path,
) -> None:
    assert len(load_study(write(tmp_path, "[[run]]\nseed = 3\n")).configs) == 1
    assert [c.seed for c in load_study(write(tmp_path, "[base]\nseed = 3\n")).configs] == [3]


def test_the_preset_is_that_of_each_runs_own_data_set(tmp_path: Path) -> None:
    text = '[base]\npreset = "smoke"\n[grid]\ndataset = ["tiles", "cifar10"]\n'
    assert [c.channels for c in load_study(write(tmp_path, text)).configs] == [8, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[gird]\nseed = [0]\n", "Unknown part in study .*Did you mean 'grid'"),
        ("[grid]\nseed = 0\n", "seed = 0 is not a list of values"),
        ("grid = 3\n", "grid: Input should be a valid list"),
        ("[[grid]]\nseed = [0]\n[[grid]]\nlr = 1\n", "lr = 1 is not a list of values"),
        ("[grid]\nseed = []\n", "seed = .* is not a list of values"),
        ("[grid]\nseeds = [0]\n", r"run with seeds = 0: Unknown setting 'seeds'.*'seed'"),
        ("[base]\nstep = 3\n", "Did you mean 'steps'"),
        ("[base]\nsteps = 0\n", "greater than or equal to 1"),
        ("[grid]\nseed = [0, -1]\n", r"run with seed = -1: .*seed = -1"),
        ("[run]\nseed = 0\n", "run: Input should be a valid list"),
        ("base = 3\n", "base: Input should be a valid dictionary"),
        ('name = "../evil"\n', "name: String should match pattern"),
        ('name = "/etc"\n', "name: String should match pattern"),
        ("x = \n", "is not TOML"),
        (f"[grid]\nseed = {list(range(400))}\nsteps = {list(range(1, 400))}\n", "159,600 runs"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_is_allowed(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load_study(write(tmp_path, text))


def test_a_file_whose_name_can_be_no_folder_asks_for_a_name(tmp_path: Path) -> None:
    path = write(tmp_path, "[base]\n", "my study.toml")
    with pytest.raises(UsageError, match="cannot be the name of a study"):
        load_study(path)
    assert load_study(write(tmp_path, 'name = "good"\n', "my study.toml")).name == "good"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.toml cannot be read"):
        load_study(tmp_path / "nothing.toml")


@given(content=st.binary(max_size=200))
def test_whatever_a_file_holds_only_the_documented_error_comes_out(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "study.toml"
    path.write_bytes(content)
    with contextlib.suppress(UsageError):
        load_study(path)
