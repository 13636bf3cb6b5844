"""What torchrun's variables mean, and what ranks can be asked for."""

from __future__ import annotations

import pytest

from harness.distributed.launch import Launch, check_alone, check_launch, read_launch
from harness.errors import UsageError

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
}
LAUNCH = Launch(3, 4, 1, 2)


def test_torchruns_variables_are_read() -> None:
    assert read_launch(TORCHRUN) == LAUNCH


@pytest.mark.parametrize("missing", TORCHRUN)
def test_without_all_of_them_there_is_one_process(missing: str) -> None:
    assert read_launch({k: v for k, v in TORCHRUN.items() if k != missing}) is None


def test_a_single_rank_is_one_process_like_any_other() -> None:
    assert read_launch({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1"}) is None


def test_variables_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^The environment says RANK=first, WORLD_SIZE=4"):
        read_launch({**TORCHRUN, "RANK": "first"})


def test_one_run_at_a_time_is_what_ranks_can_do() -> None:
    check_launch(LAUNCH, 1, None, False)
    check_launch(LAUNCH, 1, 1, False)


@pytest.mark.parametrize(
    ("n_runs", "jobs", "profile", "message"),
    [
        (6, None, False, "6 runs were asked for. Name one, such as --strategies spos --seeds 0"),
        (1, 2, False, "--jobs 2 was given. Leave it out"),
        (1, None, True, "--profile looks at one process"),
    ],
)
def test_anything_else_is_refused(
    n_runs: int, jobs: int | None, profile: bool, message: str
) -> None:
    with pytest.raises(UsageError, match=r"^torchrun started 4 ranks") as caught:
        check_launch(LAUNCH, n_runs, jobs, profile)
    assert message in str(caught.value)


def test_another_engine_than_the_ranks_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^torchrun started 4 ranks.*; --engine ray was given"):
        check_launch(LAUNCH, 1, None, False, "ray")


def test_what_ranks_cannot_do_together_is_left_to_a_process_alone() -> None:
    check_alone({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1"}, "sweep")
    with pytest.raises(UsageError, match=r"; `harness sweep` was given\. Run torchrun with"):
        check_alone(TORCHRUN, "sweep")
