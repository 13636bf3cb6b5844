"""Laws of the encoding, on architectures and texts that hypothesis makes up."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.errors import ArchError
from harness.spaces.nb201.encoding import EDGES, N_ARCHS, NONE, OPS, Arch, arch_at, parse_arch

archs = st.tuples(*[st.integers(0, len(OPS) - 1)] * len(EDGES)).map(Arch)


@given(archs)
def test_string_and_index_lead_back_to_the_architecture(arch: Arch) -> None:
    assert parse_arch(str(arch)) == arch
    assert arch_at(arch.nb201_index) == arch
    assert 0 <= arch.nb201_index < N_ARCHS


@given(archs)
def test_blank_space_around_a_string_does_not_matter(arch: Arch) -> None:
    assert parse_arch(f"  {arch}\n") == arch


@given(archs)
def test_the_representative_represents_itself_and_keeps_the_live_edges(arch: Arch) -> None:
    representative = arch.representative
    assert representative.representative == representative
    assert representative.live_edges == arch.live_edges
    assert representative.live_conv_edges == arch.live_conv_edges


@given(archs, st.integers(0, len(EDGES) - 1), st.integers(1, len(OPS) - 1))
def test_what_a_dead_edge_carries_changes_no_class(arch: Arch, edge: int, op: int) -> None:
    # From none to an operation, a dead edge may come to life; from one operation to another, not.
    assume(edge not in arch.live_edges and arch.ops[edge] != NONE)
    other = Arch((*arch.ops[:edge], op, *arch.ops[edge + 1 :]))
    assert other.representative == arch.representative


@given(st.text(max_size=80))
def test_any_other_text_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(ArchError, match="is not a NAS-Bench-201 architecture"):
        parse_arch(text)


@given(archs, st.data())
def test_a_string_with_one_character_cut_out_is_refused(arch: Arch, data: st.DataObject) -> None:
    text = str(arch)
    position = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ArchError, match="is not a NAS-Bench-201 architecture"):
        parse_arch(text[:position] + text[position + 1 :])
