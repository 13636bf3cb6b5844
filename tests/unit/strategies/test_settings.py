"""Settings of strategies: what is refused, what goes over what, and what a setting implies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.settings.base import Settings
from harness.settings.layers import make_config, parse_assignments
from harness.settings.presets import IMAGE_DATASETS, PRESETS
from harness.settings.run import RunConfig
from harness.settings.study import load_study
from harness.strategies import REGISTRY, check_tables, load_strategy, strategy_settings
from harness.strategies.ogd_settings import OgdSettings
from harness.strategies.spos import SinglePathOneShot

OGD_STRATEGIES = ("ogd", "random-projector", "spos-norm-matched", "spos-trace-matched")


def settings_of(*layers: dict[str, Any], strategy: str = "ogd") -> OgdSettings:
    found = strategy_settings(make_config({"strategy": strategy}, *layers))
    assert isinstance(found, OgdSettings)
    return found


@pytest.mark.parametrize("dataset", IMAGE_DATASETS)
@pytest.mark.parametrize("preset", PRESETS["tiles"])
@pytest.mark.parametrize("strategy", OGD_STRATEGIES)
def test_ogd_has_one_default_whatever_the_preset(dataset: str, preset: str, strategy: str) -> None:
    layers = {"dataset": dataset, "preset": preset}
    settings = settings_of(layers, strategy=strategy)
    assert (settings.projector, settings.alpha) == ("rls", 0.1)
    assert settings == OgdSettings()


def test_a_strength_means_its_projector() -> None:
    assert settings_of({"ogd": {"c": 3}}).projector == "covariance"
    assert settings_of({"ogd": {"c": 3}}).strength == 3
    assert settings_of({"ogd": {"threshold": 2}}).projector == "nullspace"
    assert settings_of({"ogd": {"alpha": 2}}).strength == 2
    with pytest.raises(UsageError, match=r"2 projectors .*ogd.c \(covariance\), ogd.alpha \(rls\)"):
        settings_of({"ogd": {"c": 3, "alpha": 1}})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            ({"ogd": {"projector": "rls"}}, {"ogd": {"c": 30}}),
            r"ogd\.c = 30.* no effect.*rls",
        ),
        (
            ({"ogd": {"projector": "rls", "c": 10}},),
            r"ogd\.c = 10.*projector = covariance",
        ),
        (({"ogd": {"refresh": 2}},), r"ogd\.refresh = 2 .*projector = covariance or nullspace"),
        (({"ogd": {"projector": "nullspace", "alpha": 1}},), r"ogd\.alpha = 1.* nullspace"),
    ],
)
def test_a_setting_that_has_no_effect_is_refused(
    layers: tuple[dict[str, Any], ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        settings_of(*layers)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"alfa": 3}, r"^Unknown setting 'ogd\.alfa'\. Did you mean 'ogd\.alpha'\? Available: ogd"),
        ({"projector": "owm"}, r"ogd\.projector = 'owm': .*'covariance', 'nullspace' or 'rls'"),
        ({"c": 1, "beta": 1}, r"ogd\.beta = 1: .* less than 1"),
        ({"alpha": float("nan")}, r"ogd\.alpha = nan: .* finite number"),
    ],
)
def test_what_a_strategy_does_not_allow_is_refused_with_what_it_does(
    table: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        settings_of({"ogd": table})


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("ogd.betta=3", "", r"^Unknown setting 'ogd\.betta'\. Did you mean 'ogd\.beta'\?"),
        ("odg.c=3", "", r"^Unknown setting 'odg'\. Did you mean 'ogd'\?"),
        ("ogd.alhpa=1", " in my.toml", r"^Unknown setting in my\.toml 'ogd\.alhpa'\. Did you mean"),
    ],
)
def test_tables_and_keys_that_no_strategy_has_are_refused_with_the_nearest(
    text: str, where: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        check_tables(parse_assignments([text]), ["spos"], where)


def test_no_table_has_the_name_of_a_setting_of_every_run() -> None:
    fields = set(type(make_config()).model_fields)
    tables = {own.table for name in REGISTRY if (own := load_strategy(name).Settings) is not None}
    assert tables == {"ogd", "nsas", "wpl", "novelty"}
    assert not tables & fields


STUDIES = sorted((Path(__file__).parents[3] / "scripts").rglob("*.toml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_of_the_scripts_asks_for_settings_that_have_an_effect(path: Path) -> None:
    for config in load_study(path).configs:
        strategy_settings(config)


class _Young(Settings):
    table = "mine"
    weight: float = 0.5


class _Older(_Young):
    later = frozenset({"bias"})
    bias: float = 0.0


def test_a_field_that_is_younger_than_stored_runs_leaves_their_names_as_they_were() -> None:
    def name(settings: Settings) -> str:
        return RunConfig(strategy="my.own:One", mine=settings.stored()).name

    assert name(_Older.read({"weight": 0.1})) == name(_Young.read({"weight": 0.1}))
    assert name(_Older.read({"bias": 0.0})) == name(_Young.read({}))
    assert name(_Older.read({"bias": 1.0})) != name(_Young.read({}))
    assert _Older.read(_Older.read({"bias": 1.0}).stored()).bias == 1.0


class _NoTable(SinglePathOneShot):
    class Settings(Settings):
        strength: float = 1.0


class _RunSetting(SinglePathOneShot):
    class Settings(Settings):
        table = "steps"


class _NoClass(SinglePathOneShot):
    Settings = {"a": 1}  # type: ignore[assignment]  # noqa: RUF012


class _Clash(SinglePathOneShot):
    class Settings(Settings):
        table = "ogd"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("_NoTable", "the table of its Settings is None"),
        ("_RunSetting", "the table of its Settings is 'steps'"),
        ("_NoClass", "its Settings are {'a': 1}"),
    ],
)
def test_faulty_settings_of_ones_own_strategy_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_strategy(f"{__name__}:{name}")


def test_two_strategies_may_not_have_different_settings_in_one_table() -> None:
    with pytest.raises(UsageError, match="different settings in a table of one name, 'ogd'"):
        check_tables({"ogd": {"alpha": 1.0}}, [f"{__name__}:_Clash"])
