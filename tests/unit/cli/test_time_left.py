"""How long a study still takes."""

import pytest

from harness.cli.time_left import TimeLeft, job_of, ranking_share
from harness.settings.layers import make_config
from harness.settings.run import RunConfig


def test_the_time_left_is_what_is_left_at_the_speed_so_far() -> None:
    left = TimeLeft(["a", "b", "c"])
    left.advance("a", 0.0, now=100.0)
    left.advance("a", 0.5, now=110.0)
    assert left.seconds(now=110.0) == pytest.approx(2.5 * 10.0 / 0.5)


def test_nothing_is_said_before_anything_was_done() -> None:
    left = TimeLeft(["a"])
    assert left.seconds(now=0.0) is None
    left.advance("a", 0.9, now=0.0)
    assert left.seconds(now=5.0) is None


def test_nothing_is_said_once_all_is_done() -> None:
    left = TimeLeft(["a"])
    left.advance("a", 0.0, now=0.0)
    left.finish("a", now=5.0)
    assert left.seconds(now=5.0) is None


def test_job_of_an_earlier_start_is_no_speed_of_this_one() -> None:
    left = TimeLeft(["a", "b", "done before"])
    left.finish("done before", now=0.0)
    left.advance("a", 0.8, now=0.0)
    left.advance("b", 0.6, now=1.0)
    left.advance("a", 0.9, now=10.0)
    assert left.seconds(now=10.0) == pytest.approx((0.1 + 0.4) * 10.0 / 0.1)


def test_a_run_of_another_process_is_not_ours_to_wait_for() -> None:
    left = TimeLeft(["a", "elsewhere"])
    left.leave("elsewhere")
    left.advance("a", 0.0, now=0.0)
    left.advance("a", 0.5, now=10.0)
    assert left.seconds(now=10.0) == pytest.approx(10.0)
    left.advance("elsewhere", 0.5, now=10.0)  # the other process gave up, half way
    assert left.seconds(now=10.0) == pytest.approx(20.0)


def test_what_a_failed_try_had_done_is_done_again() -> None:
    left = TimeLeft(["a"])
    left.advance("a", 0.0, now=0.0)
    left.advance("a", 0.6, now=10.0)
    left.advance("a", 0.2, now=10.0)  # a second try begins at the last checkpoint
    assert left.seconds(now=10.0) == pytest.approx(0.8 * 10.0 / 0.2)


def test_a_failed_run_is_no_work_done() -> None:
    left = TimeLeft(["a", "failing"])
    left.advance("a", 0.0, now=0.0)
    left.advance("failing", 0.0, now=0.0)
    left.leave("failing")
    left.advance("a", 0.1, now=10.0)
    assert left.seconds(now=10.0) == pytest.approx(90.0)


def test_runs_that_only_read_what_was_done_change_nothing() -> None:
    left = TimeLeft(["seed 0", "seed 1"])
    left.advance("seed 0", 0.0, now=0.0)
    left.finish("seed 0", now=10.0)
    left.advance("seed 0", 0.3, now=10.0)  # the next proxy reads what the first has measured
    assert left.seconds(now=10.0) == pytest.approx(10.0)


def test_the_proxies_of_a_seed_are_one_job() -> None:
    def config(estimator: str, seed: int) -> RunConfig:
        return make_config({"preset": "quick", "estimator": estimator, "seed": seed}, {})

    proxies = [config(name, seed) for name in ("jacov", "nwot") for seed in (0, 1)]
    assert len({job_of(proxy) for proxy in proxies}) == 2
    supernets = [make_config({"strategy": s, "seed": 0}, {}) for s in ("spos", "ogd")]
    assert len({job_of(supernet) for supernet in supernets}) == 2


def _quick(**settings: object) -> RunConfig:
    return make_config({"preset": "quick", "strategy": "spos", "seed": 0}, settings)


@pytest.mark.parametrize(
    ("settings", "train_s", "rank_s"),  # of spos, seed 0, in results/ogd-study
    [({"dataset": "tiles"}, 55, 11), ({"dataset": "cifar10"}, 754, 666)],
)
def test_the_share_of_a_ranking_is_about_what_was_measured(
    settings: dict[str, object], train_s: float, rank_s: float
) -> None:
    assert ranking_share(_quick(**settings)) == pytest.approx(rank_s / (train_s + rank_s), abs=0.05)


def test_ranking_all_architectures_takes_most_of_a_run() -> None:
    few = ranking_share(_quick(dataset="cifar10"))
    many = ranking_share(_quick(dataset="cifar10", n_archs=15_625))
    assert few < 0.6 < 0.8 < many < 1.0
