"""The configuration: what goes over what, what is refused, and what makes a run's name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from harness.errors import UsageError
from harness.execution.runner import resolve_config
from harness.settings.layers import (
    change_ranking,
    load_config_file,
    make_config,
    parse_assignments,
)
from harness.settings.presets import IMAGE_DATASETS, OWN_PRESETS, PRESETS
from harness.settings.run import NO_NUMBERS, RANKING, SHARED, RunConfig
from harness.settings.stored import former_sha256
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.spaces.nb201.space import NB201
from harness.strategies import strategy_settings
from harness.strategies.nsas import NsasSettings
from harness.strategies.ogd_settings import OgdSettings
from harness.truth import TruthTable, default_query, make_table
from tests.own_images import write_npz

OWN = "harness.strategies.spos:SinglePathOneShot"  # as one gives a strategy of one's own
PRESET_ROWS = [(dataset, preset) for dataset in IMAGE_DATASETS for preset in PRESETS[dataset]]


def small_truth(dataset: str) -> TruthTable:
    """Truth of the first seven architectures of the permutation."""
    query = default_query(dataset)
    rows = [
        {
            "nb201_index": index,
            "arch_str": str(arch_at(index)),
            "dataset": query.dataset,
            "split": query.split,
            "epochs": query.epochs,
            "trial": 0,
            "seed": 0,
            "accuracy": 50.0 + position,
        }
        for position, index in enumerate(sample_indices(7))
    ]
    return make_table(pd.DataFrame(rows), "small", {})


def test_defaults_then_preset_then_layers_in_order_the_last_one_wins() -> None:
    assert make_config().rank_every == 1_500  # preset quick of tiles; the field's default is 0
    assert make_config().lr == 0.1  # the field's default
    given = ({"lr": 0.2, "steps": 7}, {"lr": 0.3}, {"lr": 0.4})
    for n_layers, lr in ((1, 0.2), (2, 0.3), (3, 0.4)):
        config = make_config(*given[:n_layers])
        assert (config.lr, config.steps, config.rank_every) == (lr, 7, 1_500)


def test_the_preset_is_taken_from_the_highest_layer_and_lies_below_all_layers() -> None:
    config = make_config({"preset": "smoke", "steps": 9}, {"preset": "standard"})
    assert (config.preset, config.steps, config.rank_images) == ("standard", 9, 2_000)


def test_presets_are_those_of_the_data_set_of_the_highest_layer() -> None:
    config = make_config({"dataset": "tiles"}, {"dataset": "cifar10", "preset": "smoke"})
    assert (config.channels, config.steps) == (4, 120)


def test_tables_are_merged_key_by_key() -> None:
    first, second = {"ogd": {"c": 3, "beta": 0.5}}, {"ogd": {"c": 4}}
    config = make_config({"preset": "smoke", "strategy": "ogd"}, first, second)
    assert strategy_settings(config) == OgdSettings(c=4.0, beta=0.5)


@pytest.mark.parametrize(("dataset", "preset"), PRESET_ROWS)
def test_every_preset_of_every_data_set_is_allowed_and_says_its_name(
    dataset: str, preset: str
) -> None:
    config = make_config({"dataset": dataset, "preset": preset})
    assert (config.dataset, config.preset) == (dataset, preset)
    assert {"smoke", "quick", "standard", "paper"} == PRESETS[dataset].keys() - {"hour"}
    assert ("hour" in PRESETS[dataset]) == (dataset != "tiles")


@pytest.mark.parametrize("preset", OWN_PRESETS)
def test_presets_ask_for_no_more_of_ones_own_images_than_there_are(
    preset: str, tmp_path: Path
) -> None:
    path = write_npz(tmp_path / "spectra.npz")  # 20 for training, 25 for validation, 15 for testing
    config = make_config({"dataset": str(path), "preset": preset})
    assert (config.batch_size, config.train_loss_images, config.recalibration_images) == (20,) * 3
    assert (config.rank_images, config.probe_images) == (25, 25)
    assert config.n_archs is not None  # there may be no truth to count them by
    assert config.rank_readout == "refitted"
    larger = make_config({"dataset": str(path), "preset": preset, "train_share": 0.9})
    assert (larger.batch_size, larger.rank_images) == (40, 5)
    asked = make_config({"dataset": str(path), "preset": preset, "rank_images": 99})
    assert asked.rank_images == 99  # which the run refuses


def test_where_images_lie_is_stored_and_no_part_of_the_name(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "spectra.npz")
    (tmp_path / "other").mkdir()
    moved = write_npz(tmp_path / "other" / "spectra.npz")
    first, other = (make_config({"dataset": str(place)}) for place in (path, moved))
    assert (first.images, other.images) == (str(path), str(moved))
    assert first.name == other.name
    assert make_config(first.stored()) == first
    assert make_config(first.stored(), {"dataset": str(moved)}) == other
    assert make_config(first.stored(), {"dataset": "tiles"}).images is None


def test_the_presets_of_the_benchmarks_three_data_sets_cost_the_same_but_for_paper() -> None:
    for preset in PRESETS["cifar10"]:
        steps = [
            make_config({"dataset": name, "preset": preset}).steps
            for name in ("cifar10", "cifar100", "imagenet16-120")
        ]
        # 250 epochs of 25,000 or of 75,840 images, in batches of 256, the last one dropped
        expected = [250 * (n // 256) for n in (25_000, 25_000, 75_840)]
        assert steps == expected if preset == "paper" else len(set(steps)) == 1


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        make_config().lr = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stepz": 3}, r"^Unknown setting 'stepz'\. Did you mean 'steps'\? Available: archs, aug"),
        (
            {"space": "nb200"},
            r"^Unknown space 'nb200'\. Did you mean 'nb201'\? Available: macro",
        ),
        ({"dataset": "cifar"}, r"^Unknown dataset 'cifar'\. Did you mean 'cifar10'\?"),
        ({"dataset": "ImageNet16-120"}, r"Did you mean 'imagenet16-120'\? Available: cifar10, cif"),
        (
            {"space": "macro", "dataset": "cifar10", "preset": "hour"},
            r"^Unknown preset of space 'macro' 'hour'\..* Available: paper, quick, smoke, stand",
        ),
        ({"preset": "hour"}, r"^Unknown preset 'hour'\..* Available: paper, quick, smoke, stand"),
        ({"preset": "fast"}, r"^Unknown preset 'fast'\..* Available: paper, quick, smoke, stand"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest_one(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_config(settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0}, r"^Not an allowed setting: lr = 0: .* greater than 0\.$"),
        ({"lr": float("nan")}, "lr = nan: Input should be a finite number"),
        ({"lr": float("inf")}, "lr = inf: Input should be a finite number"),
        ({"momentum": 1.0}, r"momentum = 1\.0: .* less than 1"),
        ({"steps": 0}, "steps = 0: .* greater than or equal to 1"),
        ({"steps": 1.5}, r"steps = 1\.5: .* valid integer"),
        ({"seed": -1}, "seed = -1: .* greater than or equal to 0"),
        ({"n_archs": 15_626}, "n_archs = 15626: .* less than or equal to 15625"),
        ({"batch_size": 1}, "batch_size = 1: .* greater than or equal to 2"),
        ({"schedule": "step"}, "schedule = 'step': .*'cosine' or 'constant'"),
        ({"bn_mode": "running"}, "bn_mode = 'running': .*'batch' or 'recalibrated'"),
        ({"ogd": 3}, "Unknown setting 'ogd'"),
        ({"lr": {"x": 1}}, "lr = {'x': 1}: .* valid number"),
        ({"lr": 0, "steps": 0}, "steps = 0: .*; lr = 0: "),
    ],
)
def test_values_out_of_range_are_refused_with_the_key_and_what_is_allowed(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_config(settings)


class Endless(NB201):
    """A space whose architectures cannot be counted."""

    name = "endless"
    size = None


def test_all_architectures_are_those_of_the_space_and_need_one_that_can_be_enumerated() -> None:
    assert make_config({"n_archs": "all"}).n_archs == 15_625
    endless = {"space": "tests.unit.settings.test_run:Endless"}
    assert make_config(endless, {"n_archs": 20_000}).n_archs == 20_000
    with pytest.raises(UsageError, match=r"n_archs = 'all' .* 'endless' cannot be enumerated"):
        make_config(endless, {"n_archs": "all"})


def test_ranking_until_tau_is_known_is_on_16_batches_unless_told_otherwise() -> None:
    config = make_config({"preset": "smoke", "until_tau_se": 0.01})
    assert (config.rank_images, config.rank_batch) == (2_000, 125)
    config = make_config({"dataset": "cifar10", "until_tau_se": 0.01})
    assert (config.rank_images, config.rank_batch) == (4_000, 250)
    for space in ("macro", "nb101-ss2", "transnas-micro"):  # whose presets say otherwise
        config = make_config({"space": space, "dataset": "cifar10", "until_tau_se": 0.01})
        assert (config.rank_images, config.rank_batch) == (4_000, 250)
    config = make_config({"until_tau_se": 0.01}, {"rank_images": 700})
    assert (config.rank_images, config.rank_batch) == (700, 50)
    config = make_config({"until_tau_se": 0.01}, {"rank_images": 700, "rank_batch": 100})
    assert (config.rank_images, config.rank_batch) == (700, 100)
    assert make_config({"preset": "smoke"}).rank_batch == 64


def test_too_few_batches_to_know_the_error_of_tau_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"rank_images = 690 .* 6 batches\. .* only after 7 batches\."
    ):
        make_config({"until_tau_se": 0.01, "rank_images": 690, "rank_batch": 115})
    with pytest.raises(UsageError, match=r"until_tau_se = 0: .* greater than 0"):
        make_config({"until_tau_se": 0})


def test_more_snapshots_than_there_are_batches_or_steps_are_refused() -> None:
    assert make_config({"rank_snapshots": 4, "rank_images": 1_000}).rank_snapshots == 4
    with pytest.raises(
        UsageError, match=r"rank_snapshots = 5 .* there are only 4\. Give more images"
    ):
        make_config({"rank_snapshots": 5, "rank_images": 1_000})
    small = {"preset": "smoke", "rank_snapshots": 4, "rank_batch": 16}
    with pytest.raises(UsageError, match=r"Give a snapshot_every of 79 or less"):
        make_config({**small, "snapshot_every": 80})
    make_config({**small, "snapshot_every": 79})
    assert make_config(small).snapshot_every == 24  # 40% of 240 steps, in four


def test_a_presets_snapshots_fit_the_steps_and_images_that_are_given() -> None:
    cifar = {"dataset": "cifar10"}
    whole = make_config(cifar)
    assert (whole.rank_snapshots, whole.snapshot_every) == (16, 250)
    assert make_config(cifar, {"steps": 100}).snapshot_every == 2
    assert make_config(cifar, {"steps": 3}).rank_snapshots == 3
    assert make_config(cifar, {"rank_images": 500}).rank_snapshots == 2
    with pytest.raises(UsageError, match="each snapshot needs a batch"):
        make_config(cifar, {"rank_images": 500, "rank_snapshots": 16})


def test_the_interval_of_snapshots_counts_only_where_there_are_several() -> None:
    between = {"snapshot_every": 5}
    one, two = ({"rank_snapshots": n} for n in (1, 2))
    assert make_config(one, between) == make_config(one)
    assert make_config(two, between).sha256 != make_config(two).sha256


NUMBERS = [
    name for name, value in RunConfig() if isinstance(value, int | float) and name not in NO_NUMBERS
]


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_of_a_runs_settings_changes_without_its_name(name: str) -> None:
    config = RunConfig()
    value = getattr(config, name)
    changed = not value if isinstance(value, bool) else value + 1
    other = config.model_copy(update={name: changed})
    assert other.sha256 != config.sha256
    # and it is the part of the name that it decides
    assert (other.ranking_sha256 != config.ranking_sha256) == (name in RANKING)
    assert (other.training_sha256 != config.training_sha256) == (name not in RANKING)


@pytest.mark.parametrize(
    "change",
    [{"preset": "smoke"}, {"checkpoint_every": 7}, {"device": "cuda"}, {"threads": 3}],
)
def test_what_decides_no_number_is_not_in_the_name(change: dict[str, Any]) -> None:
    assert RunConfig(**change).run_id == RunConfig().run_id


YOUNGER = {
    "loss_every": 5,
    "precision": "bf16",
    "bn_sync": False,
    "train_share": 0.9,
    "rank_precision": "bf16",
    "rank_readout": "refitted",
    "rank_offset": 10,
    "rank_snapshots": 2,
    "snapshot_every": 5,
    "until_tau_se": 0.01,
}
WHOLE_OGD: dict[str, Any] = {
    **{"projector": "covariance", "alpha": 1.0, "c": 10.0},
    **{"beta": 0.99, "refresh": 20, "patches": 128},
}
YOUNGER_OGD_AT_REST = {
    **{"threshold": 1.0, "strength_end": None, "warmup_frac": 0.0, "layers": "both"}
}
YOUNGER_OGD = {"threshold": 2.0, "strength_end": 1.0, "warmup_frac": 0.1, "layers": "shared"}


def former(config: RunConfig) -> set[str]:
    return set(config.former_names)


def test_settings_younger_than_a_stored_run_leave_its_name_as_it_was() -> None:
    # the name that the run of these settings has in the baseline of `results/`
    settings = RunConfig(ogd=WHOLE_OGD).model_dump(exclude={"estimator"})
    settings["ogd"] = WHOLE_OGD
    for name, value in YOUNGER.items():
        del settings[name]
        assert not former(RunConfig(**{name: value})) & former(RunConfig())
    text = json.dumps(settings, sort_keys=True)
    assert former_sha256(settings) == hashlib.sha256(text.encode()).hexdigest()
    young = RunConfig().model_dump(exclude={"estimator"})
    whole = {**young, "ogd": WHOLE_OGD | YOUNGER_OGD_AT_REST, "nsas": None, "wpl": None}
    assert former_sha256(whole) == former_sha256(settings)
    for name, value in YOUNGER_OGD.items():
        assert former_sha256({**whole, "ogd": {**WHOLE_OGD, name: value}}) != former_sha256(whole)


def test_a_stored_table_is_read_without_what_its_projector_does_not() -> None:
    stored = RunConfig(ogd=WHOLE_OGD, nsas=None, wpl=None, novelty=None)
    assert stored.tables == {
        "ogd": {
            **{"projector": "covariance", "c": 10.0, "beta": 0.99, "refresh": 20, "patches": 128},
            **{"strength_end": None, "warmup_frac": 0.0, "layers": "both"},
        }
    }
    tuned = RunConfig(ogd={**WHOLE_OGD, "projector": "rls", "alpha": 0.1})
    asked = resolve_config(make_config({"strategy": "ogd", "n_archs": 7}), small_truth("tiles"))
    assert tuned.tables == asked.tables


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("lr=0.05", {"lr": 0.05}),
        ("lr = 1e-3", {"lr": 1e-3}),
        ("steps=1_000", {"steps": 1000}),
        ("augment=false", {"augment": False}),
        ("schedule=constant", {"schedule": "constant"}),
        ('schedule="constant"', {"schedule": "constant"}),
        ("strategy=my.module:Class", {"strategy": "my.module:Class"}),
        ("ogd.c=3", {"ogd": {"c": 3}}),
        ("ogd={c = 3}", {"ogd": {"c": 3}}),
    ],
)
def test_assignments_are_read_as_toml_and_else_as_text(
    text: str, settings: dict[str, object]
) -> None:
    assert parse_assignments([text]) == settings


def test_assignments_of_one_table_are_merged_and_do_not_contradict_each_other() -> None:
    given = ["ogd.c=3", "ogd.beta=0.5", "ogd.c = 3"]
    assert parse_assignments(given) == {"ogd": {"c": 3, "beta": 0.5}}
    with pytest.raises(
        UsageError, match=r"--set ogd\.c=3 and --set ogd\.c=4 contradict each other"
    ):
        parse_assignments(["ogd.c=3", "ogd.beta=0.5", "ogd.c=4"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", r"^--set 'lr' is not key=value\. Example: --set lr=0\.05\.$"),
        ("=3", r"^--set '=3' is not key=value"),
        ("learning_rate=3", r"^Unknown setting 'learning_rate'"),
    ],
)
def test_assignments_that_mean_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_assignments([text])


def test_a_config_file_gives_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('lr = 0.05\nstrategy = "ogd"\n[ogd]\nc = 3.0\n')
    settings = load_config_file(path)
    assert settings == {"lr": 0.05, "strategy": "ogd", "ogd": {"c": 3.0}}
    assert make_config(settings, {"lr": 0.2}).lr == 0.2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^Config file .*mine\.toml cannot be read: No such file or directory\.$"),
        (b"lr: 0.05", r"^Config file .*mine\.toml is not TOML: "),
        (b"lr = \xff", r"^Config file .*mine\.toml is not TOML: "),
        (b"lrr = 0.05", r"^Unknown setting in .*mine\.toml 'lrr'\. Did you mean 'lr'\?"),
    ],
)
def test_a_config_file_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        load_config_file(path)


@pytest.mark.parametrize(("dataset", "preset"), PRESET_ROWS)
@pytest.mark.parametrize("strategy", ["spos", "ogd", OWN])
def test_a_runs_own_config_file_reproduces_its_hash_and_its_name(
    tmp_path: Path, dataset: str, preset: str, strategy: str
) -> None:
    truth = small_truth(dataset)
    odd = {"lr": 0.1 + 0.2, "weight_decay": 5e-324, "momentum": 1 / 3, "ogd": {"c": 1 / 7}}
    asked = make_config({"dataset": dataset, "preset": preset, "strategy": strategy, **odd})
    config = resolve_config(asked, truth)
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml())
    again = resolve_config(make_config(load_config_file(path)), truth)
    assert again == config
    assert (again.sha256, again.run_id) == (config.sha256, config.run_id)


def test_settings_written_in_another_way_give_the_same_hash() -> None:
    truth = small_truth("tiles")
    first = make_config({"strategy": "ogd"}, {"lr": 1, "ogd": {"c": 3}})
    second = make_config({"strategy": "ogd"}, {"ogd": {"c": 3.0}}, {"lr": 1.0})
    assert resolve_config(first, truth).sha256 == resolve_config(second, truth).sha256


@pytest.mark.parametrize("change", [{"seed": 1}, {"strategy": "ogd"}, {"lr": 0.2}])
def test_the_run_id_tells_runs_of_other_settings_apart(change: dict[str, object]) -> None:
    first, second = make_config(), make_config(change)
    assert first.run_id != second.run_id
    assert first.sha256 != second.sha256


def test_the_run_id_names_data_set_strategy_and_seed() -> None:
    config = make_config({"strategy": "ogd", "seed": 12})
    parts = f"{config.training_sha256[:8]}-{config.ranking_sha256[:8]}"
    assert config.run_id == f"tiles-ogd-s12-{parts}"
    elsewhere = make_config({"space": "tests.unit.settings.test_run:Endless", "strategy": "ogd"})
    assert elsewhere.run_id.startswith("tests-unit-settings-test_run-Endless-tiles-ogd-s0-")


def test_the_run_id_of_ones_own_strategy_can_name_a_folder() -> None:
    run_id = make_config({"strategy": "my.module:Class/../x"}).run_id
    assert run_id.startswith("tiles-my-module-Class----x-s0-")


def test_resolving_counts_the_leading_architectures_with_truth_and_drops_unused_tables() -> None:
    asked = make_config({"preset": "standard", "ogd": {"c": 3}})
    assert asked.n_archs is None
    resolved = resolve_config(asked, small_truth("tiles"))
    assert (resolved.n_archs, resolved.tables) == (7, {})
    assert "ogd" in resolve_config(make_config({"strategy": "ogd"}), small_truth("tiles")).tables


def test_resolving_fills_in_the_settings_of_the_strategy_and_no_others() -> None:
    truth = small_truth("tiles")
    filled = resolve_config(make_config({"strategy": "nsas"}), truth)
    assert filled.tables == {"nsas": NsasSettings().model_dump()}
    given = make_config({"strategy": "nsas", "nsas": {"weight": 0.4}, "wpl": {"alpha": 3}})
    resolved = resolve_config(given, truth)
    assert resolved.tables == {"nsas": NsasSettings(weight=0.4).model_dump()}
    # a strategy of one's own that has no settings has no table, and is found by its former names
    own = resolve_config(make_config({"strategy": OWN}), truth)
    assert own.tables == {}
    assert len(own.former_names) == 2 * 2  # each with one thread named, and with none


def test_resolving_is_done_once_and_for_all() -> None:
    once = resolve_config(make_config(), small_truth("tiles"))
    assert resolve_config(once, small_truth("tiles")) == once


def test_settings_of_an_unused_strategy_do_not_change_the_run() -> None:
    truth = small_truth("tiles")
    plain, with_ogd = RunConfig(), RunConfig(ogd={"c": 3.0})
    assert plain.sha256 != with_ogd.sha256
    assert resolve_config(plain, truth).run_id == resolve_config(with_ogd, truth).run_id


def test_a_space_of_a_fixed_number_of_blocks_takes_no_number_of_cells() -> None:
    macro = {"space": "macro", "dataset": "cifar10", "preset": "standard"}
    assert (make_config(macro).cells, make_config(macro, {"cells": 1}).cells) == (1, 1)
    assert make_config(macro, {"space": "nb201"}).cells == 5
    with pytest.raises(UsageError, match="cells = 5 was given; the number of blocks of a network"):
        make_config(macro, {"cells": 5})


def test_all_of_a_space_are_its_networks() -> None:
    assert make_config({"space": "macro", "n_archs": "all"}).n_archs == 3_969
    assert make_config({"space": "macro", "n_archs": 6_561}).n_archs == 6_561
    assert make_config({"space": "nb201", "n_archs": "all"}).n_archs == 15_625


LISTED = [str(arch_at(key)) for key in (15_000, 7, 300)]


def test_a_list_of_ones_own_is_ranked_whatever_its_order_and_is_part_of_the_name() -> None:
    config = make_config({"archs": LISTED})
    assert (config.n_archs, config.rank_offset) == (3, 0)
    assert set(config.ranked_keys()) == {15_000, 7, 300}
    assert make_config({"archs": LISTED[::-1]}).run_id == config.run_id
    others = [{"archs": LISTED[:2]}, {"archs": [*LISTED[:2], str(arch_at(8))]}, {"n_archs": 3}]
    for other in map(make_config, others):
        assert other.ranking_sha256 != config.ranking_sha256
        assert other.training_sha256 == config.training_sha256
    assert config.former_names == []
    assert make_config({"n_archs": 3}).former_names != []


def test_a_list_of_ones_own_is_stored_with_the_run(tmp_path: Path) -> None:
    config = make_config({"archs": LISTED, "estimator": "jacov"}).reading(SHARED)
    (tmp_path / "config.toml").write_text(config.to_toml())
    again = make_config(load_config_file(tmp_path / "config.toml"))
    assert again.ranked_keys() == config.ranked_keys()
    assert again.archs == config.archs
    assert again.reading(SHARED).name == config.name


def test_a_list_of_a_space_that_cannot_be_enumerated_is_ranked() -> None:
    space = "tests.spaces.endless:Endless"
    config = make_config({"archs": ["k-ik", "ik"], "space": space})
    assert {load_space(space).at(key) for key in config.ranked_keys()} == {"k-ik", "ik"}


def test_another_choice_of_architectures_takes_the_place_of_that_of_a_ranked_run() -> None:
    stored = make_config({"n_archs": 30, "rank_offset": 5})
    listed = change_ranking(stored, {"archs": LISTED}, {})
    assert (listed.n_archs, listed.rank_offset) == (3, 0)
    again = change_ranking(listed, {}, {"n_archs": 30})
    assert (again.archs, again.n_archs) == (None, 30)
    assert change_ranking(listed, {}, {"rank_batch": 100}).archs == listed.archs


def test_the_highest_layer_that_chooses_architectures_does_so_alone() -> None:
    listed = make_config({"archs": LISTED}).stored()
    counted = make_config(listed, {"n_archs": 30})
    assert (counted.archs, counted.n_archs, counted.run_id) == (
        *(None, 30),
        make_config({"n_archs": 30}).run_id,
    )
    assert make_config(listed, {"n_archs": "all"}).n_archs == 15_625
    assert make_config(listed, {"rank_offset": 9}).archs is None
    again = make_config(counted.stored(), {"rank_offset": 9}, {"archs": LISTED[:2]}, {"lr": 0.3})
    assert (set(again.archs or ()), again.n_archs, again.rank_offset) == ({*LISTED[:2]}, 2, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"archs": []}, "archs = \\[\\] was given; it is a list of at least one string"),
        ({"archs": "file.csv"}, "`harness run --archs FILE` reads one"),
        ({"archs": ["|x|"]}, "'|x|'"),
        ({"archs": [*LISTED, LISTED[0]]}, "lists 1 architectures more than once, such as "),
        ({"archs": LISTED, "n_archs": 4}, "n_archs = 4 and rank_offset = 0 were asked for besides"),
        ({"archs": LISTED, "rank_offset": 2}, "rank_offset = 2 were asked for besides archs"),
    ],
)
def test_a_list_that_cannot_be_ranked_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_config(settings)
