"""`harness run`: train supernets, rank architectures, evaluate the rankings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from harness.cli.computing import compute, show, tell_missing_truths
from harness.cli.engine_options import engine_options, take_engine_options
from harness.cli.methods import (
    DEFAULT_STRATEGIES,
    GROUPS,
    parse_methods,
    parse_options,
    refuse_others,
    spell_out,
)
from harness.cli.options import StrictCommand, archs_option
from harness.distributed.launch import check_launch, read_launch
from harness.errors import UsageError
from harness.estimators import (
    PROXIES,
    SUPERNET,
    TRAINED,
    TWO_STAGE,
    estimator_of,
    known_settings,
    read_by,
    settings_of,
)
from harness.estimators.naming import split_names
from harness.settings.conflicts import find_idle, refuse_contradictions
from harness.settings.dotted import flatten, merge, show_value
from harness.settings.layers import (
    CHOOSING,
    load_config_file,
    make_config,
    parse_assignments,
    size_of,
)
from harness.settings.presets import ESTIMATORS as PRESET_ESTIMATORS
from harness.settings.presets import IMAGE_DATASETS, NEVER_RUN, PRESETS
from harness.settings.run import RunConfig
from harness.spaces import DEFAULT, Space, load_space
from harness.spaces import REGISTRY as SPACES
from harness.strategies import REGISTRY, check_tables, refuse_unread

DEFAULT_OUT = Path("results/runs")
DEFAULT_SEEDS = {"tiles": [0, 1, 2]}
"""By data set, else 0: a seed takes a minute on `tiles`, and half an hour on `cifar10`."""

_PRESETS = dict.fromkeys(name for presets in PRESETS.values() for name in presets)


def _quick(key: str) -> str:
    """Describe what preset `quick` sets, on tiles and on the benchmark's data sets."""
    default = RunConfig.model_fields[key].default
    tiles, other = (PRESETS[name]["quick"].get(key, default) for name in ("tiles", "cifar10"))
    return f"[quick: {tiles}]" if tiles == other else f"[quick: {tiles} on tiles, else {other}]"


@click.command(cls=StrictCommand)
@click.option(
    "--space",
    help=f"Search space: {', '.join(SPACES)}, or your own as package.module:Space.  "
    f"[default: {DEFAULT}]",
)
@click.option(
    "--dataset",
    help=f"Image data set: {', '.join(IMAGE_DATASETS)}, or your own, an npz file or a folder.  "
    "[default: tiles]",
)
@click.option(
    "--strategies",
    help=f"Comma-separated: {', '.join(REGISTRY)}, or your own as package.module:Class.  "
    "[default: spos,ogd]",
)
@click.option(
    "--estimators",
    help="Comma-separated: strategies as above, a predictor, short trainings, learning curves, "
    f"two stages, training-free proxies: {', '.join((*TRAINED, TWO_STAGE, *PROXIES))}; free scores "
    "of the space, such as params or random; your own as package.module:Class; "
    f"{', '.join(GROUPS)} for several; settings in brackets, such as 'predictor(n=64)'; "
    "combinations by rank, such as live_params+jacov.",
)
@click.option("--seeds", help="Comma-separated run seeds.  [default: 0,1,2 on tiles, else 0]")
@click.option(
    "--preset",
    help=f"How much to train and rank, and with what. [{'|'.join(_PRESETS)}] "
    f"{' and '.join(NEVER_RUN)} were never run as a whole.  [default: quick]",
)
@click.option("--n-archs", help="Architectures to rank: a number, or 'all'.")
@archs_option
@click.option(
    "--rank-images",
    type=int,
    help=f"Validation images to rank on.  {_quick('rank_images')}",
)
@click.option(
    "--until-tau-se",
    type=float,
    help="Rank on more and more images until the standard error that they leave in tau is at most "
    "this, such as 0.005. --rank-images, 2000 by default, is the limit.",
)
@click.option(
    "--rank-every",
    type=int,
    help=f"Steps between small rankings during training; 0: none.  {_quick('rank_every')}",
)
@click.option(
    "--probe-every",
    type=int,
    help=f"Steps between measurements of disturbance; 0: none.  {_quick('probe_every')}",
)
@click.option("--bn-mode", help="Batch norm when ranking. [batch|recalibrated]  [default: batch]")
@click.option(
    "--precision",
    help="Precision of training steps; weights stay float32, and --set rank_precision=... is for "
    f"the ranking. [float32|bf16]  {_quick('precision')}",
)
@click.option("--device", help="Where to compute. [auto|cpu|cuda]  [default: auto]")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file of settings, such as a run's own config.toml.",
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any setting; repeatable."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_OUT,
    show_default=True,
    help="Folder of run folders.",
)
@engine_options
@click.option(
    "--profile",
    is_flag=True,
    help="First profile a few training steps and ranked architectures of each run: profile.txt "
    "and Chrome traces profile-*.json in its folder. Results do not change.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def run(
    strategies: str | None,
    estimators: str | None,
    seeds: str | None,
    n_archs: str | None,
    archs_file: Path | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    out: Path,
    data_dir: Path | None,
    retry_failed: bool,
    profile: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train supernets with and without OGD, rank architectures, and score the rankings.

    Without options this uses the embedded `tiles` data set: no download, a few minutes on two
    cores. The same command resumes a stopped run, and returns a finished one without computing
    it again. Where only settings of the ranking differ from a finished run in --out, such as
    --n-archs or --rank-images, its trained supernet is ranked again. Under torchrun, all ranks
    train one supernet together.
    """
    from_file = load_config_file(config_file) if config_file else {}
    computing = take_engine_options(options)
    given = {key: value for key, value in options.items() if value is not None}
    assigned = parse_assignments(assignments)
    named = str(merge(merge(from_file, given), assigned).get("space", DEFAULT))
    if archs_file is not None:
        counts = {"n_archs": n_archs} if n_archs is not None else {}
        given["archs"] = read_list(archs_file, load_space(named), counts | assigned)
    if n_archs is not None:
        given["n_archs"] = parse_n_archs(n_archs, load_space(named))
    asked = make_config(from_file, merge(given, assigned))
    single = {**from_file, **assigned}  # a file or --set names one strategy and one seed
    if strategies is None and not single.keys() & {"strategy", "estimator"}:
        estimators = estimators or PRESET_ESTIMATORS.get(asked.preset)
    methods, combinations = parse_options(strategies, estimators, load_space(asked.space))
    numbers = parse_seeds(seeds)
    refuse_others(methods, {"strategies": strategies, "estimators": estimators}, asked, assigned)
    options = {"seed": numbers, **{key: [given[key]] for key in given}}
    refuse_contradictions(asked, {key: v for key, v in options.items() if v}, assigned)
    own = [name for name in _only(single, "estimator") if name != SUPERNET]
    trained = () if own else _only(single, "strategy") or DEFAULT_STRATEGIES
    methods = methods or parse_methods(trained, own, load_space(asked.space))
    numbers = numbers or _only(single, "seed") or DEFAULT_SEEDS.get(asked.dataset, [0])
    configs = [method.configure(asked, seed) for seed in numbers for method in methods]
    launch = read_launch(os.environ)
    if launch is not None:
        check_launch(launch, len(configs), computing.jobs, profile, computing.engine)

    # imports torch from here on, after all checks that do not need it
    from harness.estimators.nested import with_nested

    whole = [one for config in configs[: len(methods)] for one in with_nested(config)]
    used = list(dict.fromkeys(map(estimator_of, whole)))
    names = [config.strategy for config in whole if config.estimator == SUPERNET]
    for note in find_idle(asked, {**given, **assigned}, read_by(whole)):
        click.echo(f"Without effect: {note}", err=True)
    known = known_settings(used)
    check_tables(from_file, names, f" in {config_file}", known)
    check_tables(assigned, names, others=known)
    refuse_unread(flatten(assigned), names, settings_of(used))
    combinations = [spell_out(text, asked) for text in combinations]
    from harness.execution.conditions import Conditions

    conditions = Conditions(out, data_dir, profile, retry_failed)
    tell_missing_truths([asked], data_dir)
    outcome = compute(configs, conditions, computing, launch)
    show(outcome, conditions, as_json, combinations)


def _only(settings: dict[str, Any], key: str) -> list[Any]:
    return [settings[key]] if key in settings else []


def parse_seeds(text: str | None) -> list[int]:
    """Parse a comma-separated list of seeds; None gives an empty list.

    Raises:
        UsageError: If the list is empty, or a part is not a whole number from 0 up.
    """
    try:
        seeds = [int(part) for part in split_names(text)]
    except ValueError as error:
        raise UsageError(
            f"--seeds '{text}' is not a list of whole numbers such as 0,1,2."
        ) from error
    if text is not None and not seeds:
        raise UsageError(f"--seeds '{text}' names no seed. Give whole numbers such as 0,1,2.")
    if any(seed < 0 for seed in seeds):
        raise UsageError(f"--seeds '{text}' has a negative seed; seeds are 0 and up.")
    return seeds


def read_list(path: Path, space: Space, others: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the architectures to rank, and print what may surprise about how they were read.

    Args:
        path: What `--archs` names.
        space: Their space.
        others: What else the command line sets.

    Raises:
        UsageError: If that says too which architectures to rank.
        DataError: If the file cannot be read.
    """
    from harness.cli.printing import clean_lines
    from harness.scores import read_archs

    given = [key for key in CHOOSING if key in others]
    if given:
        raise UsageError(
            f"--archs {path} and {given[0]} = {show_value(others[given[0]])} were given, which "
            "both say which architectures to rank. Give one of them."
        )
    archs, notes = read_archs(path, space)
    for note in notes:
        click.echo(clean_lines(f"Note: {note}"), err=True)
    return archs


def parse_n_archs(text: str, space: Space) -> int:
    """Parse a number of architectures, or `all`.

    Args:
        text: As the user wrote it.
        space: Their space.

    Raises:
        UsageError: If it is neither, or exceeds the size of the space.
    """
    if text == "all":
        return size_of(space)
    allowed = "1 or more" if space.size is None else f"1 to {space.size:,}"
    try:
        n_archs = int(text.replace(",", "").replace("_", ""))
    except ValueError as error:
        raise UsageError(
            f"--n-archs '{text}' is neither a number, {allowed}, nor 'all'."
        ) from error
    if n_archs < 1 or (space.size is not None and n_archs > space.size):
        raise UsageError(f"--n-archs {text} was given; allowed is {allowed}, or 'all'.")
    return n_archs
