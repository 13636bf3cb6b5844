"""`harness search`: search a space, and judge what was found by its truth."""

from __future__ import annotations

import importlib.util
import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.engine_options import open_pool, training_options
from harness.cli.options import (
    StrictCommand,
    data_dir_option,
    list_reading,
    score_options,
    truth_options,
)
from harness.cli.run import parse_seeds
from harness.errors import UsageError
from harness.estimators.naming import split_names
from harness.provenance import how_to_install
from harness.spaces import NetworkShape, Space, load_space

if TYPE_CHECKING:
    from harness.search.preparing import Asked
    from harness.search.searching import Searched

DEFAULT_OUT = Path("results/searches")

_ASKED = (
    *("estimator", "budget", "start_from", "n_start", "trade_off", "batch"),
    *("at_epochs", "at_split", "at_policy", "data_dir"),
)
"""Options that a search takes as they are."""
_OF_JUDGING = (
    *("split", "epochs", "policy", "metric", "truth", "at_epochs", "at_split", "at_policy"),
    *("plots", "html"),
)
"""Options of a truth, and of what is drawn of a judgement."""


@click.command(cls=StrictCommand)
@click.argument("scores", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--algorithm",
    "algorithms",
    default="evolution",
    show_default=True,
    metavar="NAMES",
    help="Comma-separated: random, order, evolution, gp, tpe, tpe-hyperband (or bohb), nsga2. "
    "Random search always runs beside them.",
)
@click.option(
    "--estimator",
    default="table",
    show_default=True,
    metavar="NAME",
    help="What a search sees: 'table' (accuracies of the truth's table, of validation images "
    "where it has them), 'training' "
    "(trained here), or scores: a label of SCORES, a free score such as live_params, or a "
    "combination such as live_params+jacov.",
)
@click.option(
    "--budget",
    type=int,
    default=50,
    show_default=True,
    help="Evaluations of each search, in trainings of the longest length; of tpe-hyperband, one "
    "counts by the epochs of all its trainings.",
)
@click.option("--seeds", default="0,1,2,3,4", show_default=True, help="Seeds, comma-separated.")
@click.option(
    "--dataset", help="The truth's data set.  [default: tiles, or that of SCORES or --truth-metric]"
)
@truth_options()
@click.option(
    "--at-epochs",
    type=click.IntRange(min=1),
    help="Length of the trainings that the search sees.  [default: the truth's]",
)
@click.option(
    "--at-split", help="Their images. [valid|test]  [default: valid where the table has it]"
)
@click.option(
    "--at-policy",
    help="How their trials become one number. [mean|trial=K|seed=S]  [default: trial=0; the mean "
    "of generators]",
)
@click.option(
    "--trade-off",
    metavar="NAME",
    help="A second objective, known of all: a truth metric or a free score (less is better).",
)
@click.option(
    "--start-from",
    metavar="NAME",
    help="Evaluate the best of this estimator first; its order alone runs as well.",
)
@click.option(
    "--n-start", type=int, default=10, show_default=True, help="How many of --start-from."
)
@click.option("--population", type=int, help="Members, of evolution and nsga2.  [default: 20]")
@click.option("--sample", type=int, help="Candidates for a parent, of evolution.  [default: 5]")
@click.option(
    "--eta",
    type=int,
    help="Of Hyperband: the best 1/ETA so far go on at a stop; lengths are ETA times apart or "
    "more.  [default: 2]",
)
@click.option(
    "--batch",
    type=int,
    default=1,
    show_default=True,
    help="Evaluations side by side; the next ones are chosen when all of them are done.",
)
@training_options(", of --estimator training")
@click.option("--train-epochs", type=click.IntRange(min=1), help="Epochs of a training here.")
@click.option("--channels", type=click.IntRange(min=1), help="Channels of the networks trained.")
@click.option(
    "--unjudged", is_flag=True, help="Look for no truth: search all of the space, judge nothing."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUT,
    show_default=True,
    help="Folder of search folders; the same command resumes there, a larger --budget goes on.",
)
@click.option("--storage", metavar="URL", help="Optuna's storage.  [default: SQLite in the folder]")
@click.option("--plots", type=click.Path(path_type=Path), help="Draw the figures into this folder.")
@click.option("--html", type=click.Path(path_type=Path), help="Write everything as one page.")
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the network of the best by the objective as a torch module with initial weights, "
    "for harness.search.exporting.load_network.",
)
@score_options
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def search(scores: tuple[Path, ...], **options: Any) -> None:
    """Search a space with ALGORITHMS for what ESTIMATOR says is best; judge it by the truth.

    The table says how far what was found is below the best architecture that the truth covers,
    after so many evaluations, as a mean over seeds; beside random search, and with --start-from
    beside simply taking an estimator's order. Needs Optuna: pip install
    'nas-ranking-harness[search]'.

    SCORES are score files, run folders, or folders of these, as for 'harness evaluate'.
    """
    if importlib.util.find_spec("optuna") is None:
        raise UsageError(
            f"Searches need Optuna, which is not installed: {how_to_install('search')}."
        )
    from harness.cli.progress import show_share
    from harness.search.searching import search as run

    asked = _ask(scores, options)
    # found, or refused, before anything is searched
    shape = None if options["export"] is None else _find_shape(asked, options["dataset"])
    where = options["engine"], options["address"], options["workers"]
    with ExitStack() as stack:
        if asked.protocol is not None:
            compute, workers = stack.enter_context(open_pool(*where))
            asked = replace(asked, compute=compute, workers=workers)
        elif where != ("local", None, None):
            raise UsageError(
                "--engine, --address and --workers are of trainings. Give --estimator training, "
                "or leave them out."
            )
        watch = stack.enter_context(show_share("searching"))
        searched = run(asked, options["out"], options["storage"], watch)
    _show(searched, options)
    if shape is not None:
        _export(searched, asked.space, shape, options["export"])


def _find_shape(asked: Asked, dataset: str | None) -> NetworkShape:
    """Return the size of the trainings here, else of the truth's networks, else of a data set's.

    Raises:
        ArchError: If it is not known.
        DataError: If the images are not there.
    """
    if asked.protocol is not None:
        from harness.images import load_images

        sizes = asked.protocol.channels, asked.protocol.cells
        return load_images(asked.protocol.dataset, asked.data_dir).network_shape(*sizes)
    if asked.chosen is None:
        return asked.space.shape(dataset or "tiles")
    from harness.truth.profile import truth_shape

    return truth_shape(asked.chosen.table, asked.chosen.query.dataset)


def _export(searched: Searched, space: Space, shape: NetworkShape, path: Path) -> None:
    """Write the network of the best."""
    from harness.search.exporting import FoundNetwork, save_network

    best = max(
        (trial for trials in searched.trials.values() for trial in trials),
        key=lambda each: each.merit,
    )
    arch = space.format(space.at(best.key))
    save_network(FoundNetwork(space, arch, shape), path)
    click.echo(f"Exported: {arch}, into {path}.", err=True)


def _ask(scores: tuple[Path, ...], options: dict[str, Any]) -> Asked:
    """Make what is asked for of options."""
    from harness.estimators.loading import load_estimators
    from harness.evaluation import choose_truth
    from harness.search.algorithms import Settings, check_settings
    from harness.search.objectives import TRAINING
    from harness.search.preparing import Asked
    from harness.truth.metric import ACCURACY

    given = load_estimators(scores, **list_reading(options)).estimators if scores else ()
    space = options["space"] or (given[0].space if given else load_space())
    names = {name: options[name] for name in ("population", "sample", "eta")}
    named = {name: value for name, value in names.items() if value is not None}
    algorithms = tuple(split_names(options["algorithms"]))
    if not algorithms:
        raise UsageError("--algorithm names none. Give one, such as evolution.")
    settings = Settings(**named)
    check_settings(settings, named, algorithms)
    if options["unjudged"]:
        _refuse_judging(options)
    dataset, protocol = options["dataset"], None
    chosen = None
    if not options["unjudged"]:
        truth = (options["split"], options["epochs"], options["policy"], options["truth"])
        is_accuracy = options["metric"] in (None, ACCURACY.name)
        if is_accuracy and not (dataset or options["truth"] or given):
            dataset = "tiles"
        chosen = choose_truth(
            dataset, *truth, options["data_dir"], given, space=space, metric=options["metric"]
        )
    if options["estimator"] == TRAINING:
        from harness.truth.build import Protocol
        from harness.truth.sources import name_images

        images = dataset or "tiles"
        if chosen is not None:
            images = name_images(chosen.query.dataset, space)
        protocol = Protocol.of(space, images)
        changed = {"epochs": options["train_epochs"], "channels": options["channels"]}
        protocol = replace(protocol, **{k: v for k, v in changed.items() if v is not None})
    elif options["train_epochs"] or options["channels"]:
        raise UsageError(
            "--train-epochs and --channels are of trainings done here. Give --estimator training, "
            "or leave them out; --at-epochs is the length of trainings in the table."
        )
    return Asked(
        space=space,
        algorithms=algorithms,
        seeds=tuple(dict.fromkeys(parse_seeds(options["seeds"]))),
        settings=settings,
        chosen=chosen,
        given=tuple(given),
        protocol=protocol,
        **{name: options[name] for name in _ASKED},
    )


def _refuse_judging(options: dict[str, Any]) -> None:
    """Refuse options of a judgement that there is none of.

    Raises:
        UsageError: If one was given.
    """
    given = next((name for name in _OF_JUDGING if options[name] is not None), None)
    if given is not None:
        option = "truth-metric" if given == "metric" else given.replace("_", "-")
        raise UsageError(
            f"--{option} is of a judgement, and --unjudged looks for no truth. Leave one of them "
            "out; --json, --export and evaluations.csv have what an unjudged search finds."
        )


def _show(searched: Searched, options: dict[str, Any]) -> None:
    from harness.cli.printing import print_document, print_line

    judged = searched.judged
    if judged is None:
        _show_unjudged(searched, options["as_json"])
        return
    from harness.report.page.page import save_small_page
    from harness.report.plots import save_figures
    from harness.search.showing import search_document, search_figures

    objective = searched.problem.objective.describe()
    document, figures = search_document(judged, objective), search_figures(judged, objective)
    if options["as_json"]:
        click.echo(json.dumps({"objective": objective, **judged.to_dict()}, indent=2))
    else:
        print_document(document)
        print_line(f"Everything is in {searched.folder}.")
    if options["plots"] is not None:
        save_figures(figures, judged.places, options["plots"])
    if options["html"] is not None:
        title = f"Searches of {searched.problem.candidates.space.name}"
        save_small_page(title, document, figures, judged.places, options["html"])


def _show_unjudged(searched: Searched, as_json: bool) -> None:
    from harness.cli.printing import print_grid

    space = searched.problem.candidates.space
    found = []
    for (label, seed), trials in searched.trials.items():
        best = max(trials, key=lambda each: each.merit)
        arch = space.format(space.at(best.key))
        value, n = best.values[0], len(trials)
        found.append(
            {"method": label, "seed": seed, "evaluations": n, "arch": arch, "value": value}
        )
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    objective = searched.problem.objective.describe()
    rows = [[*map(str, list(each.values())[:-1]), f"{each['value']:.4g}"] for each in found]
    print_grid(f"Found by {objective}; no truth", tuple(found[0]), rows, 4)
