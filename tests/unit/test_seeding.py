"""Named streams: equal addresses, equal numbers; and nothing global is touched."""

from __future__ import annotations

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.seeding import derive_seed, make_rng

addresses = st.lists(st.one_of(st.sampled_from(["init", "paths", "batches"]), st.integers(0, 99)))


def test_seeds_are_the_same_for_ever() -> None:
    # Pinned: stored runs can be repeated and resumed only while this holds.
    assert derive_seed(0, "paths", 1234) == 3283826515421399563
    assert make_rng(0, "paths", 1234).randint(0, 1_000, 5).tolist() == [16, 822, 719, 291, 233]


@given(st.integers(0, 2**63 - 1), addresses)
def test_a_seed_fits_what_torch_and_numpy_take(run_seed: int, address: list[str | int]) -> None:
    seed = derive_seed(run_seed, *address)
    assert 0 <= seed < 2**63
    torch.Generator().manual_seed(seed)
    make_rng(run_seed, *address)


def test_streams_with_other_addresses_differ() -> None:
    seeds = {
        derive_seed(run, name, step)
        for run in range(5)
        for name in ("paths", "batches", "augment")
        for step in range(100)
    }
    assert len(seeds) == 5 * 3 * 100


def test_parts_of_an_address_do_not_run_into_each_other() -> None:
    assert derive_seed(0, "a", 12) != derive_seed(0, "a", 1, 2)
    assert derive_seed(1, 2) != derive_seed(12)


def test_no_global_generator_is_moved() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    make_rng(0, "paths").rand(10)
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])
