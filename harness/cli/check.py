"""`harness check`: the regression gate."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from harness.cli.options import (
    StrictCommand,
    data_dir_option,
    estimators_option,
    list_reading,
    score_options,
    truth_options,
)
from harness.errors import EXIT_FAILED, HarnessError, UsageError

if TYPE_CHECKING:
    from harness.check import CheckResult, Snapshot
    from harness.estimators.matrix import ScoreMatrix
    from harness.evaluation import ChosenTruth


@click.command(cls=StrictCommand)
@click.argument("scores", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--save-baseline",
    "save_to",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Save SCORES as a baseline; an older one is replaced.",
)
@click.option(
    "--baseline",
    "baseline_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Compare SCORES with this baseline.",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="FIGURE:MARGIN",
    help="Figure to check, and how much worse it may become, such as tau_top_half:0.03, "
    "regret_at_10:0.2 (in the truth's unit) or positive_pd:10%; repeatable.  [default: tau:0.02]",
)
@click.option(
    "--min-seeds",
    type=click.IntRange(min=1),
    help="Seeds expected on each side; a check with fewer says so.  [default: 5]",
)
@click.option(
    "--common", is_flag=True, help="Compare on the common architectures where the sets differ."
)
@click.option(
    "--label",
    metavar="NAME",
    help="Name for SCORES of one method, to match a method of the baseline.  "
    "[default: their method, or the file's name]",
)
@click.option("--strict", is_flag=True, help="Exit with 3 if a check is inconclusive.")
@click.option(
    "--junit",
    "junit_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Also write the findings as JUnit XML.",
)
@click.option(
    "--dataset",
    help="The truth's data set.  [default: the baseline's; to save one of run folders: theirs]",
)
@truth_options("the baseline's", "the baseline's, or mean")
@score_options
@estimators_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@data_dir_option
def check(
    scores: tuple[Path, ...],
    save_to: Path | None,
    baseline_file: Path | None,
    junit_file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare SCORES with a baseline, and fail if they rank worse.

    SCORES are run folders, folders of these, or score files, as 'harness evaluate' takes them.
    First save a baseline with --save-baseline FILE, then check against it with --baseline FILE.
    Methods are matched by name.

    The unit is the training seed: give several on each side, preferably the same ones. Exit
    codes: 0 pass, or inconclusive without --strict; 1 regression; 2 wrong usage; 3 inconclusive
    with --strict; 4 not compared: the sides are not comparable, or a file is missing or damaged
    (or all is well but the JUnit file could not be written).
    Needs no torch.
    """
    try:
        if (save_to is None) == (baseline_file is None):
            raise UsageError(
                "Give either --save-baseline FILE (to save these scores) or --baseline FILE (to "
                "compare them with saved ones), not both."
            )
        if baseline_file is None:
            _refuse_to_save_with(junit_file, options)
            _save(scores, cast(Path, save_to), as_json, options)
            return
        result = _check(scores, baseline_file, options)
    except HarnessError as error:
        _annotate_error(str(error))
        if baseline_file is not None:
            _leave_one_to_regressions(error)
        raise
    _print(result, as_json, options["strict"])
    code = result.exit_code(options["strict"])
    if junit_file is not None:
        from harness.check import save_junit

        try:
            save_junit(result, junit_file, options["strict"])
        except HarnessError as error:
            _annotate_error(str(error))
            _leave_one_to_regressions(error)
            error.exit_code = code or error.exit_code  # what was found decides
            raise
    raise SystemExit(code)


def _leave_one_to_regressions(error: HarnessError) -> None:
    from harness.check import EXIT_NOT_COMPARED

    if error.exit_code == EXIT_FAILED:
        error.exit_code = EXIT_NOT_COMPARED


def _refuse_to_save_with(junit_file: Path | None, options: dict[str, Any]) -> None:
    of_checks = {
        "--rule": options["rules"],
        "--min-seeds": options["min_seeds"] is not None,
        "--common": options["common"],
        "--strict": options["strict"],
        "--junit": junit_file is not None,
    }
    given = [name for name, is_given in of_checks.items() if is_given]
    if given:
        raise UsageError(
            f"{', '.join(given)} was given with --save-baseline, which checks nothing. Give it "
            "with --baseline."
        )


def _load(scores: Sequence[Path], options: dict[str, Any]) -> tuple[ScoreMatrix, ...]:
    from dataclasses import replace

    from harness.estimators.combined import select_estimators
    from harness.estimators.loading import load_estimators
    from harness.scores import on_one_line, show

    loaded = load_estimators(scores, **list_reading(options))
    for run in loaded.unfinished:
        click.echo(f"Left out, not finished: {run}.", err=True)
    estimators = select_estimators(options["estimators"], loaded.estimators)
    for note in dict.fromkeys(note for each in estimators for note in each.notes):
        click.echo(on_one_line(note), err=True)
    label = options["label"]
    if label is None:
        return estimators
    if len(estimators) > 1:
        names = ", ".join(f"'{estimator.label}'" for estimator in estimators[:10])
        raise UsageError(
            f"--label '{show(label)}' was given for {len(estimators)} methods ({names}); it "
            "names one. Leave it out, or give the scores of one method."
        )
    return (replace(estimators[0], label=show(label)),)


def _choose(
    estimators: Sequence[ScoreMatrix], options: dict[str, Any], baseline: Snapshot | None = None
) -> ChosenTruth:
    """Find the truth; what is left open is as in the baseline."""
    from harness.evaluation import choose_truth

    asked = {name: options[name] for name in ("dataset", "split", "epochs", "policy", "metric")}
    if baseline is not None and asked["metric"] in (None, baseline.truth.metric):
        kept = baseline.truth.model_dump()
        asked = {name: kept[name] if value is None else value for name, value in asked.items()}
    return choose_truth(
        **asked, truth=options["truth"], data_dir=options["data_dir"], estimators=estimators
    )


def _save(scores: Sequence[Path], path: Path, as_json: bool, options: dict[str, Any]) -> None:
    from harness.check import MIN_SEEDS, make_snapshot, save_baseline

    estimators = _load(scores, options)
    kept = save_baseline(make_snapshot(estimators, _choose(estimators, options)), path)
    few = [method.label for method in kept.methods if len(method.seeds) < MIN_SEEDS]
    if as_json:
        click.echo(json.dumps(_summarise(kept, path), indent=2))
    else:
        _print_saved(kept, path)
    if few:
        from harness.cli.printing import clean

        click.echo(
            clean(
                f"Warning: fewer than {MIN_SEEDS} seeds of {', '.join(few)}. The unit of a check "
                "is the training seed: only large changes will be detected."
            ),
            err=True,
        )


def _summarise(kept: Snapshot, path: Path) -> dict[str, Any]:
    taken = {
        "label",
        "score_kind",
        "bn_mode",
        "dataset",
        "seeds",
        "tau",
        "figures",
        "runs",
        "notes",
    }
    return {
        "baseline": str(path),
        "truth": kept.truth.model_dump(),
        "methods": [
            method.model_dump(mode="json", include=taken) | {"n": len(method.nb201_index)}
            for method in kept.methods
        ],
    }


def _print_saved(kept: Snapshot, path: Path) -> None:
    from harness.cli.printing import print_grid, print_line

    rows = []
    for method in kept.methods:
        taus = [tau for tau in method.tau if tau is not None]
        seeds = ", ".join("unknown" if seed is None else str(seed) for seed in method.seeds)
        n = f"{len(method.nb201_index):,}"
        rows.append((method.label, seeds, n, f"{sum(taus) / len(taus):.4f}"))
    print_grid(f"Baseline {path}", ("method", "seeds", "n", "tau"), rows, texts=2)
    print_line(f"Truth: {kept.truth}.")


def _check(scores: Sequence[Path], path: Path, options: dict[str, Any]) -> CheckResult:
    from harness.check import MIN_SEEDS, check_estimators, load_baseline, parse_rules

    rules = parse_rules(options["rules"])
    baseline = load_baseline(path)
    estimators = _load(scores, options)
    return check_estimators(
        baseline,
        estimators,
        _choose(estimators, options, baseline),
        rules,
        min_seeds=MIN_SEEDS if options["min_seeds"] is None else options["min_seeds"],
        take_common=options["common"],
    )


def _print(result: CheckResult, as_json: bool, strict: bool) -> None:
    from harness.check import describe, make_annotations
    from harness.check.sentences import HEADINGS, N_TEXTS, NOTES, make_rows

    words = describe(result, strict)
    if _is_on_github():
        for line in make_annotations(result, strict):
            click.echo(line, err=True)
    if as_json:
        exit_code = {"exit_code": result.exit_code(strict)}
        click.echo(json.dumps(result.to_dict() | exit_code | {"words": words}, indent=2))
        return
    from harness.cli.printing import print_grid, print_line

    print_grid("Check against the baseline", HEADINGS, make_rows(result), texts=N_TEXTS)
    for line in (*words[1:], *NOTES, words[0]):
        print_line(line)


def _annotate_error(message: str) -> None:
    if _is_on_github():
        from harness.check import annotate

        click.echo(annotate("error", "harness check", message), err=True)


def _is_on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"
