"""Strings, and which of them name one network."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ArchError, DataError
from harness.scores.archs import find_archs
from harness.seeding import make_rng
from harness.spaces import load_space
from harness.spaces.macro.encoding import (
    BLOCKS,
    FIRST,
    IDENTITY,
    N_ARCHS,
    N_BLOCKS,
    N_NETWORKS,
    STAGES,
    Arch,
    parse_arch,
)
from harness.spaces.reading import are_numbers, read_forms

SPACE = load_space("macro")
ALL = [SPACE.at(key) for key in range(N_ARCHS)]
archs = st.tuples(*[st.integers(0, len(BLOCKS) - 1)] * N_BLOCKS).map(Arch)


def move_identities(text: str) -> str:
    """Do the same one step at a time: swap an identity with the block after it, while one is."""
    stages = [text[first : first + n] for first, n in zip(FIRST, STAGES, strict=True)]
    for place, stage in enumerate(stages):
        first, rest = stage[0], stage[1:]
        while "01" in rest or "02" in rest:
            rest = rest.replace("01", "10").replace("02", "20")
        stages[place] = first + rest
    return "".join(stages)


def test_there_are_as_many_strings_and_networks_as_the_benchmark_has() -> None:
    # Su et al., 2021: 6,561 architectures, of which 3,969 differ.
    assert (len(set(ALL)), N_ARCHS) == (6_561, 6_561)
    assert (len({arch.trained_as for arch in ALL}), N_NETWORKS) == (3_969, 3_969)


def test_identities_after_the_first_block_of_a_stage_move_to_its_end() -> None:
    for arch in ALL:
        assert str(arch.trained_as) == move_identities(str(arch))
    assert str(parse_arch("01000102").trained_as) == "01000120"


def test_each_network_is_named_by_as_many_strings_as_it_says() -> None:
    counts = pd.Series([arch.trained_as for arch in ALL]).value_counts()
    assert all(arch.n_strings == counts[arch.trained_as] for arch in ALL)


def test_weights_are_those_of_blocks_that_compute_something() -> None:
    arch = parse_arch("00100021")
    assert arch.weighted == ((0, 0), (2, 1), (5, 0), (6, 2), (7, 1))
    assert SPACE.weights(parse_arch("00100012")) & SPACE.weights(arch) == {(0, 0), (2, 1), (5, 0)}


@given(archs)
def test_a_string_and_a_key_lead_back_to_the_architecture(arch: Arch) -> None:
    assert parse_arch(f" {arch}\n") == arch
    assert SPACE.at(SPACE.key(arch)) == arch
    assert SPACE.forms["digits"].read(str(list(arch.blocks))) == arch


@given(st.text(max_size=20))
def test_any_other_text_is_refused_and_never_crashes(text: str) -> None:
    if len(text.strip()) != N_BLOCKS or set(text.strip()) - set("012"):
        with pytest.raises(ArchError, match="is not a NAS-Bench-Macro architecture"):
            parse_arch(text)


@pytest.mark.parametrize("text", ["(0, 1, 2)", "[0, 2, 0, 1, 2, 1, 0, 3]", "(0,2,0,1,2,1,0,0", "²"])
def test_another_list_is_refused(text: str) -> None:
    with pytest.raises(ArchError, match="is not a list of 8 digits"):
        SPACE.forms["digits"].read(text)


@pytest.mark.parametrize("blocks", [(0,) * 7, (0,) * 9, (3,) + (0,) * 7, (-1,) + (0,) * 7])
def test_an_architecture_has_eight_known_blocks(blocks: tuple[int, ...]) -> None:
    with pytest.raises(ArchError, match="has 8 blocks, each 0 to 2"):
        SPACE.from_choices(blocks)


def test_columns_of_other_whole_numbers_are_not_taken_for_architectures() -> None:
    frame = pd.DataFrame({"net": ["00000001", "02012100"], "seed": [0, 1], "score": [1.0, 2.0]})
    found = find_archs(frame, SPACE, "x")
    assert found.columns == ("net",)
    assert are_numbers(read_forms(frame["seed"], SPACE), SPACE)


def test_strings_that_lost_their_zeros_as_numbers_are_read() -> None:
    text = "arch,score\n00000001,1\n02012100,2\n22222222,3\n"
    expected = [SPACE.key(parse_arch(t)) for t in ("00000001", "02012100", "22222222")]
    frame = pd.read_csv(io.StringIO(text))
    assert frame["arch"].dtype == int
    for column in (frame["arch"], frame["arch"].astype(float), frame["arch"].astype(str)):
        assert find_archs(frame.assign(arch=column), SPACE, "x").keys.tolist() == expected
    named = frame.rename(columns={"arch": "net"})
    assert find_archs(named, SPACE, "x", column="net").keys.tolist() == expected
    with pytest.raises(DataError, match=r"no column names architectures .* --arch-column"):
        find_archs(named, SPACE, "x")


def test_uniform_draws_use_the_third_block_of_a_stage_less_often_as_is_stated() -> None:
    rng = make_rng(0, "test")
    drawn = [SPACE.draw(rng).trained_as.blocks for _ in range(20_000)]
    shares = [sum(blocks[n] != IDENTITY for blocks in drawn) / len(drawn) for n in (2, 3, 4)]
    # Four standard errors of a share near a half are 0.014.
    assert shares == pytest.approx([2 / 3, 8 / 9, 4 / 9], abs=0.014)
