"""What a report says of estimators' caveats: what was left out, and what casts doubt on figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.estimators import SUPERNET
from harness.estimators.matrix import CALLABLE, FILE, RUN, ScoreMatrix
from harness.evaluation import Evaluated
from harness.evaluation.leaks import LeakFree
from harness.report.cells import find_interval, write_ends
from harness.scores.sets import describe_exclusions
from harness.stats import MIN_ARCHS
from harness.stats.combination import write_range

MOST_NAMED = 3
"""Architectures that a sentence names."""
REPEATED = (
    "some seeds have exactly the same scores; they are one training, not several, so intervals "
    "over seeds are too narrow."
)


def say_few(result: Evaluated) -> list[str]:
    """Say what is shown in place of figures on few architectures."""
    if result.figures.n >= MIN_ARCHS:
        return []
    return [f"Figures on fewer than {MIN_ARCHS} architectures are shown as 'too few'."]


def say_notes(result: Evaluated, floor: Evaluated | None) -> Iterator[str]:
    """Say what was left out of one estimator, and what casts doubt on its figures.

    Args:
        result: The estimator.
        floor: What added values are measured against; the space's floor unless given.
    """
    label, estimator, query = result.label, result.estimator, result.truth.query
    tau = result.populations["all"].metrics["tau"]
    beneath, at = find_floor(result, floor)
    reached = at or 0.0
    interval = find_interval(tau)
    most = tau.value if interval is None else interval.high
    config = estimator.config
    if config is not None and config.estimator == SUPERNET and config.preset == "smoke":
        yield (
            f"{label} was trained by preset 'smoke', for {config.steps:,} steps: enough to see "
            "that everything works, and no evidence on how it ranks."
        )
    is_given = estimator.source in (FILE, CALLABLE)
    if is_given and most is not None and most < 0 < reached:
        yield (
            f"{_ask_direction(estimator)} {label} has tau {tau.value:.3f}{write_ends(interval)}, "
            f"while {beneath} reaches {reached:.3f}."
        )
    if reached < 0 and result.truth.metric.is_lower_better:
        yield (
            f"{beneath} ranks the wrong way round here (tau {reached:.3f}): less of it is better, "
            "and added values beside it say little. Name another floor with --floor."
        )
    if _has_repeated_seeds(estimator):
        yield f"{label}: {REPEATED}"
    if estimator.held and len(estimator.seeds) > 1:
        over = f"{estimator.seed_kind}{estimator.held}"
        yield f"Intervals of {label} are over {over}: they say nothing of other draws of these."
    if result.leak_free is not None:
        yield _say_leak_free(label, result.leak_free)
    if not result.truth.is_recorded:
        yield (
            f"{label} was ranked against another truth table ({str(estimator.truth_sha256)[:12]})."
        )
    if estimator.dataset is not None and query.dataset not in (
        estimator.dataset,
        f"{estimator.dataset}-valid",
    ):
        yield f"{label} was trained on {estimator.dataset}: this is transfer to another data set."
    left_out = {
        "without a score of every seed": result.n_incomplete,
        "that are another name of a network": result.n_other_names,
        "without this truth": result.n_without_truth,
        "not scored by all estimators": result.n_uncommon,
    }
    counted = [f"{n:,} {why}" for why, n in left_out.items() if n]
    if estimator.exclusions:
        counted.append(f"of its scores: {describe_exclusions(estimator.exclusions)}")
    if counted:
        yield f"Left out of {label} ({result.n_scored:,} scored): {', '.join(counted)}."


def find_floor(result: Evaluated, floor: Evaluated | None) -> tuple[str, float | None]:
    """Return the name and tau of the floor beside an estimator: the space's unless given."""
    own = result.estimator.space.floor
    if floor is None or floor.label == own:
        return own, result.populations["all"].baselines[own].value
    return floor.label, floor.tau


def _say_leak_free(label: str, found: LeakFree) -> str:
    """Say how well a predictor ranks what no label gives away."""
    tau = f"tau {found.tau:.3f}" if found.tau is not None else "no tau: all scores of a seed tie"
    if min(found.n) < MIN_ARCHS:
        tau = f"no tau: too few architectures ({MIN_ARCHS} are enough)"
    return (
        f"Without the twins of its labels, {label} has {tau} (leak_free: representatives whose "
        f"classes have no label; n = {write_range(found.n)} a seed)."
    )


def say_ranked_last(results: Sequence[Evaluated]) -> Iterator[str]:
    """Say which architectures rank last, once for the estimators of which they are the same."""
    alike: dict[tuple[bool, bytes], list[ScoreMatrix]] = {}
    for estimator in (result.estimator for result in results):
        key = estimator.source == RUN, estimator.ranked_last.tobytes()
        alike.setdefault(key, []).append(estimator)
    for (is_run, _), estimators in alike.items():
        space, last = estimators[0].space, estimators[0].ranked_last
        if not (n := len(last)):
            continue
        names = ", ".join(space.format(space.at(key)) for key in last[:MOST_NAMED].tolist())
        more = f" and {n - MOST_NAMED:,} more" if n > MOST_NAMED else ""
        of_what = "live path" if is_run else "finite score"
        what = f"architecture without a {of_what} ranks last"
        if n > 1:
            what = f"architectures without a {of_what} rank last, as ties"
        labels = ", ".join(estimator.label for estimator in estimators)
        yield f"Of {labels}, {n:,} {what}: {names}{more}."


def _ask_direction(estimator: ScoreMatrix) -> str:
    """Ask whether the scores were read the wrong way round, and say how to turn them."""
    where = estimator.paths[0] if estimator.paths else "these scores"
    if estimator.score_kind.startswith("minus "):
        return (
            f"Is higher better in {where}? If so, leave out --lower-is-better and --lower-in (in "
            "Python lower_is_better)."
        )
    option = f" --lower-in {where}" if estimator.paths else " lower_is_better=True"
    return f"Is lower better in {where}? If so, give{option}."


def say_populations(result: Evaluated) -> Iterator[str]:
    """State the caveats of populations, such as classes that they leave out."""
    for name, part in result.populations.items():
        if part.population.note:
            yield f"{name}: {part.population.note}"


def _has_repeated_seeds(estimator: ScoreMatrix) -> bool:
    """Tell whether two seeds have exactly the same scores."""
    return len({row.tobytes() for row in estimator.score}) < len(estimator.score)
