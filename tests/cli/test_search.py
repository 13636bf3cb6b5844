from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from harness.spaces import load_space
from harness.truth.metric import TruthMetric
from tests.cli.commandline import Invoke
from tests.metric_tables import make_metric_table, save_metric_table
from tests.searches import make_curves, tiles

SHORT = ("search", "--seeds", "0,1", "--budget", "6")


def run(invoke: Invoke, out: Path, *arguments: object) -> dict:  # type: ignore[type-arg]
    result = invoke(*SHORT, "--out", out, *arguments, "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)  # type: ignore[no-any-return]


def test_a_search_of_the_table_is_judged_and_stored(invoke: Invoke, tmp_path: Path) -> None:
    found = run(invoke, tmp_path, "--algorithm", "evolution,tpe", "--population", "3")
    assert [row["method"] for row in found["methods"]] == ["evolution", "tpe", "random"]
    assert found["best"] == "the best of the 600 that the truth covers (61.10)"
    assert found["objective"] == "tiles valid, 12 epochs, trial 0"
    (folder,) = tmp_path.iterdir()
    table = pd.read_csv(folder / "evaluations.csv")
    assert len(table) == 3 * 2 * 6
    ends = table.groupby(["method", "seed"])["figure"].last()
    for row in found["methods"]:
        last = row["points"][-1]
        assert last["per_seed"] == pytest.approx(ends[row["method"]].tolist())
    config = json.loads((folder / "config.json").read_text())
    assert config["problem"]["space"] == "nb201"
    assert config["sessions"][0]["budget"] == 6
    assert len(config["truth"]["sha256"]) == 64


def test_a_larger_budget_goes_on(invoke: Invoke, tmp_path: Path) -> None:
    before = run(invoke, tmp_path)
    after = run(invoke, tmp_path)
    assert before == after
    result = invoke("search", "--seeds", "0,1", "--budget", "9", "--out", tmp_path, "--json")
    longer = json.loads(result.out)
    for old, new in zip(before["methods"], longer["methods"], strict=True):
        shared = [point for point in new["points"] if point["evaluations"] in (1, 2, 5)]
        assert shared == old["points"][:-1]


def test_what_earlier_commands_left_in_a_folder_stays(invoke: Invoke, tmp_path: Path) -> None:
    run(invoke, tmp_path, "--algorithm", "tpe")
    (folder,) = tmp_path.iterdir()
    whole, noted = ((folder / name).read_bytes() for name in ("evaluations.csv", "config.json"))
    refused = invoke(*SHORT, "--out", tmp_path, "--algorithm", "tpe", "--batch", "2")
    assert refused.code == 1
    assert "batch is 1, not 2" in refused.err
    assert (folder / "config.json").read_bytes() == noted
    less = invoke("search", "--seeds", "1", "--budget", "3", "--out", tmp_path)
    assert less.code == 0, less.err
    after = pd.read_csv(folder / "evaluations.csv")
    before = pd.read_csv(io.BytesIO(whole))
    assert len(after) == len(before) + 3
    both = [before, after[after["method"] != "evolution"]]
    both = [each.sort_values(["method", "seed", "trial"], ignore_index=True) for each in both]
    pd.testing.assert_frame_equal(*both)
    first, second = json.loads((folder / "config.json").read_text())["sessions"]
    assert first == json.loads(noted)["sessions"][0]
    assert (second["budget"], second["seeds"]) == (3, [1])
    (folder / "config.json").write_text("{")
    assert "config.json is damaged" in invoke(*SHORT, "--out", tmp_path).err


def test_the_right_command_runs_after_a_refused_one(invoke: Invoke, tmp_path: Path) -> None:
    """Of two algorithms, the first has no trial yet where the second refuses."""
    run(invoke, tmp_path, "--algorithm", "evolution")
    both = (*SHORT, "--out", tmp_path, "--algorithm", "tpe,evolution")
    refused = invoke(*both, "--batch", "2")
    assert refused.code == 1
    assert "'evolution, seed 0' of something else: batch is 1, not 2" in refused.err
    right = invoke(*both)
    assert right.code == 0, right.err


def test_scores_are_searched_and_their_whole_ranking_is_told(
    invoke: Invoke, tmp_path: Path
) -> None:
    result = invoke(*SHORT, "--out", tmp_path, "--estimator", "live_params+flops")
    assert result.code == 0, result.err
    assert "Scoring all 600 candidates and taking the best by the objective has" in result.out
    assert "minus random search" in result.out


def test_candidates_may_come_from_the_order_of_an_estimator(invoke: Invoke, tmp_path: Path) -> None:
    found = run(invoke, tmp_path, "--start-from", "live_params", "--n-start", "4")
    labels = ["evolution from live_params (4)", "order from live_params", "random"]
    assert [row["method"] for row in found["methods"]] == labels
    started, order, _ = found["methods"]
    assert started["points"][1] == order["points"][1]


def test_an_order_that_has_run_out_is_not_judged_by_what_it_did_not_spend(
    invoke: Invoke, tmp_path: Path
) -> None:
    space, keys = load_space(), tiles().truth.keys[:4].tolist()
    file = tmp_path / "few.csv"
    rows = [{"arch": space.format(space.at(key)), "score": float(key)} for key in keys]
    pd.DataFrame(rows).to_csv(file, index=False)
    asked = (file, "--dataset", "tiles", "--start-from", "few", "--algorithm", "order")
    found = run(invoke, tmp_path / "out", *asked)
    order, chance = found["methods"]
    assert [len(point["per_seed"]) for point in order["points"]] == [2, 2, 0, 0]
    assert [len(point["per_seed"]) for point in chance["points"]] == [2, 2, 2, 2]
    (note,) = (note for note in found["notes"] if "ended" in note)
    assert note.startswith("order from few ended after 4 evaluations")
    shown = invoke(*SHORT, "--out", tmp_path / "out", *asked)
    assert "order from few minus random" not in shown.out
    assert "order from few -." in shown.out


def test_scores_of_nothing_that_is_searched_are_no_start(invoke: Invoke, tmp_path: Path) -> None:
    space = load_space()
    known = set(tiles().truth.keys.tolist())
    others = [key for key in range(100) if key not in known][:10]
    rows = [f"{space.format(space.at(key))},{key}" for key in others]
    (tmp_path / "mine.csv").write_text("arch,score\n" + "\n".join(rows) + "\n", encoding="utf-8")
    asked = (tmp_path / "mine.csv", "--dataset", "tiles", "--start-from", "mine")
    shown = invoke(*SHORT, "--out", tmp_path / "out", *asked)
    assert shown.code != 0
    assert "of none of the 600 that are searched" in shown.err
    # scores of unknown images are judged by no truth that nobody named
    unnamed = invoke(
        *SHORT, "--out", tmp_path / "out", tmp_path / "mine.csv", "--estimator", "mine"
    )
    assert unnamed.code != 0
    assert "which truth" in unnamed.err


def test_two_objectives_give_a_share_of_the_hypervolume(invoke: Invoke, tmp_path: Path) -> None:
    found = run(invoke, tmp_path, "--algorithm", "nsga2", "--trade-off", "params")
    assert found["figure"] == "hypervolume share"
    shares = [point["mean"] for point in found["methods"][0]["points"]]
    assert shares == sorted(shares)
    assert 0.0 < shares[-1] <= 1.0


def test_a_truth_of_latencies_and_a_second_objective_of_other_images_are_told(
    invoke: Invoke, tmp_path: Path
) -> None:
    keys = tiles().truth.keys[:40].tolist()
    values = [3.0 + key % 7 for key in keys]
    table = make_metric_table(TruthMetric("latency:pi", "ms", True), keys, values)
    save_metric_table(tmp_path, table)
    data = ("--data-dir", tmp_path, "--algorithm", "nsga2")
    found = run(invoke, tmp_path / "one", *data, "--trade-off", "latency:pi")
    assert "latency:pi was measured on cifar10, the truth on tiles." in found["notes"]
    judged = ("--dataset", "cifar10", "--truth-metric", "latency:pi")
    shown = invoke(*SHORT, "--out", tmp_path / "two", *data, *judged)
    assert f"ms above the best of the 40 that the truth covers ({min(values):.2f})" in shown.out
    unasked = invoke(*SHORT, "--out", tmp_path / "three", *data, *judged[2:])
    assert "that the truth covers" in unasked.out  # the only data set that has the metric
    (folder,) = (tmp_path / "one").iterdir()
    other = make_metric_table(TruthMetric("latency:pi", "ms", True), keys, values[::-1])
    save_metric_table(tmp_path, other)
    again = invoke(*SHORT, "--out", tmp_path / "one", *data, "--trade-off", "latency:pi")
    assert again.code != 0
    assert "second_sha256" in again.err
    assert "second_sha256" in (folder / "config.json").read_text(encoding="utf-8")
    assert "The objective is the truth that judges it" in shown.out


def test_bohb_stops_trainings_of_a_table_with_curves(invoke: Invoke, tmp_path: Path) -> None:
    from harness.truth import save_table

    path = tmp_path / "curves.parquet"
    save_table(make_curves(load_space("nago")), path)
    asked = ("--space", "nago", "--truth", path, "--algorithm", "bohb,gp", "--split", "test")
    found = run(invoke, tmp_path / "out", *asked)
    assert [row["method"] for row in found["methods"]] == ["tpe-hyperband", "gp", "random"]
    (folder,) = (tmp_path / "out").iterdir()
    table = pd.read_csv(folder / "evaluations.csv")
    assert set(table[table["method"] != "tpe-hyperband"]["epochs"]) == {8}
    assert set(table[table["method"] == "tpe-hyperband"]["epochs"]) >= {1, 8}


def test_without_a_truth_all_of_a_space_is_searched(invoke: Invoke, tmp_path: Path) -> None:
    asked = ("--space", "nago", "--unjudged", "--estimator", "nodes")
    found = run(invoke, tmp_path, *asked)
    assert {row["method"] for row in found} == {"evolution", "random"}
    assert all(row["arch"].startswith("ws(") for row in found)
    assert all(isinstance(row["value"], float) and row["evaluations"] == 6 for row in found)


def test_an_unjudged_network_is_exported_in_the_size_of_the_data_set(
    invoke: Invoke, tmp_path: Path
) -> None:
    from harness.search.exporting import load_network

    asked = ("--unjudged", "--estimator", "live_params", "--dataset", "cifar10")
    run(invoke, tmp_path / "out", *asked, "--export", tmp_path / "best.pt")
    shape = load_network(tmp_path / "best.pt").about["shape"]
    assert (shape["image_size"], shape["image_channels"], shape["classes"]) == (32, 3, 10)


def test_scores_to_start_from_do_not_shrink_what_is_searched(
    invoke: Invoke, tmp_path: Path
) -> None:
    space = load_space("nago")
    archs = [space.format(space.at(key)) for key in space.prefix(3)]
    frame = pd.DataFrame({"architecture": archs, "score": range(3)})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    asked = ("--space", "nago", "--unjudged", "--estimator", "nodes", "--start-from", "mine")
    found = run(invoke, tmp_path / "out", tmp_path / "mine.csv", *asked)
    evolved = [row for row in found if row["method"].startswith("evolution")]
    assert evolved
    assert all(row["evaluations"] == 6 for row in evolved)


def test_figures_and_a_page_are_written(invoke: Invoke, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run(invoke, tmp_path / "out", "--plots", tmp_path / "plots", "--html", page)
    text = page.read_text(encoding="utf-8")
    assert text.count('<svg class="chart wide"') == 2
    assert "minus random search" in text
    assert "<script" not in text
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"regret-against-evaluations.pdf", "regret-against-seconds.svg"} <= names


BAD = [
    (("--budget", "0"), "--budget 0 was given; it is 1 or more"),
    (("--batch", "0"), "--batch 0 was given"),
    (("--algorithm", "evolutoin"), "Did you mean 'evolution'"),
    (("--algorithm", ","), "--algorithm names none"),
    (("--algorithm", "order"), "Name it with --start-from"),
    (("--estimator", "no-such"), "Unknown estimator 'no-such'"),
    (("--start-from", "no-such"), "Unknown estimator 'no-such'"),
    (("--start-from", "params", "--n-start", "0"), "--n-start 0 was given"),
    (("--population", "1"), "--population 1 was given; it is 2 or more"),
    (("--algorithm", "tpe", "--population", "5"), "only evolution, nsga2 read"),
    (("--algorithm", "tpe-hyperband", "--eta", "1"), "--eta 1 was given"),
    (("--algorithm", "tpe-hyperband"), "no shorter training"),
    (("--algorithm", "tpe-hyperband", "--estimator", "params"), "without a training"),
    (("--trade-off", "params"), "Algorithm 'evolution' has one objective"),
    (("--algorithm", "tpe", "--trade-off", "no-such"), "Unknown truth metric or free score"),
    (("--algorithm", "tpe", "--trade-off", "accuracy"), "names what judges the searches"),
    (("--at-epochs", "7"), "has no rows for tiles"),
    (("--at-policy", "trial=9"), "trial 9"),
    (("--at-split", "train"), "has no rows for tiles train"),
    (("--unjudged",), "--unjudged asks for none"),
    (("--unjudged", "--estimator", "no-such"), "or a free score"),
    (("--unjudged", "--estimator", "params", "--start-from", "params"), "without SCORES"),
    (
        ("--unjudged", "--estimator", "params", "--algorithm", "tpe", "--trade-off", "flops"),
        "leave",
    ),
    (("--unjudged", "--estimator", "params", "--html", "x.html"), "--html is of a judgement"),
    (("--unjudged", "--estimator", "params", "--at-epochs", "3"), "--at-epochs is of a judgement"),
    (("--unjudged", "--estimator", "params", "--truth-metric", "x"), "--truth-metric is of"),
    (
        ("--unjudged", "--estimator", "params", "--space", "macro", "--export", "x.pt"),
        "networks behind",
    ),
    (("--train-epochs", "3"), "Give --estimator training"),
    (("--estimator", "params", "--at-epochs", "3"), "--at-epochs 3 is of trainings in the truth's"),
    (("--storage", "nonsense"), "cannot be used"),
    (("--seeds", ""), "names no seed"),
    (("--space", "nb2O1"), "Unknown space"),
    (("--dataset", "no-such"), "Unknown data set"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=lambda each: str(each)[:40])
def test_bad_input_is_refused(
    invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    base = {"--seeds": "0,1", "--budget": "6"}
    shown = [word for key, value in base.items() if key not in arguments for word in (key, value)]
    result = invoke("search", *shown, "--out", tmp_path, *arguments)
    assert result.code in (1, 2), result.out
    assert message in result.err
    assert "--storage" in arguments or not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_missing_optuna_names_the_extra(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name)
    )
    result = invoke(*SHORT, "--out", tmp_path)
    assert result.code == 2
    assert "pip install 'nas-ranking-harness[search]'" in result.err


def test_a_storage_of_another_space_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    storage = ("--storage", f"sqlite:///{tmp_path / 'a.db'}")
    run(invoke, tmp_path / "one", *storage)
    result = invoke(*SHORT, "--out", tmp_path / "two", *storage, "--estimator", "params")
    assert result.code == 1
    assert "of something else: objective is tiles valid" in result.err


def test_the_best_is_exported_as_a_network(invoke: Invoke, tmp_path: Path) -> None:
    import torch

    from harness.errors import DataError
    from harness.search.exporting import load_network

    path = tmp_path / "best.pt"
    run(invoke, tmp_path / "out", "--export", path)
    (folder,) = (tmp_path / "out").iterdir()
    table = pd.read_csv(folder / "evaluations.csv")
    network = load_network(path)
    assert network.about["arch"] in set(table["arch_str"][table["value"] == table["value"].max()])
    assert network(torch.zeros(2, 1, 16, 16)).shape == (2, 37)
    with pytest.raises(DataError, match="is not a network"):
        load_network(folder / "config.json")


def test_limits_of_the_figures_are_told(invoke: Invoke, tmp_path: Path) -> None:
    space = load_space()
    rows = [
        {
            "arch": space.format(space.at(key)),
            "seed": seed,
            "score": float((key * (3 + seed)) % 101),
        }
        for key in tiles().truth.keys[:50].tolist()
        for seed in (0, 1)
    ]
    file = tmp_path / "mine.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    asked = (file, "--dataset", "tiles", "--estimator", "mine", "--seeds", "0,1,2", "--budget", "4")
    result = invoke("search", *asked, "--out", tmp_path / "out", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    shared, part = found["notes"]
    assert shared.startswith("The 3 searches share the 2 seeds of mine")
    values = tiles().truth.value
    gap = values.max() - values[:50].max()
    assert f"the best of them is {gap:.3f} accuracy points below the best of all" in part
    assert found["methods"][0]["points"][0]["seconds"] is None
