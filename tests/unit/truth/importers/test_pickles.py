"""Pickles are read with a short list of what they may name, and nothing of them is run."""

from __future__ import annotations

import io
import os
import pickle
import random
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import TruthError
from harness.truth.importers.pickles import SAFE, load_pickle

PLAIN: dict[str, Any] = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "in columns": np.asfortranarray(np.ones((3, 2), ">i4")),
    "texts": np.array(["ab", "c"]),
    "bytes of texts": np.array([b"ab", b"c"]),
    "objects": np.array(["x", None, 3], dtype=object),
    "nothing": np.zeros((0, 3), dtype=np.float32),
    "no axis": np.array(5, dtype=np.uint8),
    "flags": np.array([True, False]),
    "scalar": np.float64(93.2375),
    "flag": np.bool_(True),
    "ordered": OrderedDict(a=1, b=2),
    "set": {1, 2},
    "frozen": frozenset({"a"}),
    "default": defaultdict(list, {1: [2]}),
    "bytes": b"ab\xff",
    "no bytes": b"",
    "complex": 1j,
    "pair": ("cifar10", 777),
    "large": 10**30,
}


class Hostile:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.makedirs, (self.marker,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", PLAIN)
def test_arrays_numbers_and_containers_come_back_as_they_were(name: str, protocol: int) -> None:
    given = PLAIN[name]
    found = load_pickle(pickle.dumps(given, protocol), SAFE, "it")
    if isinstance(given, np.ndarray):
        assert found.dtype.newbyteorder("=") == given.dtype.newbyteorder("=")
        np.testing.assert_array_equal(np.asarray(found), given)
    else:
        assert found == given


ADMITTED = {
    "_codecs.encode",
    *(f"builtins.{name}" for name in ("bytes", "complex", "dict", "float", "frozenset", "int")),
    *("builtins.list", "builtins.set"),
    *("collections.OrderedDict", "collections.defaultdict"),
    *("numpy.dtype", "numpy.ndarray"),
    *("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
    *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    *("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"),
}
"""All that a pickle of results may name. Whatever is added must be safe with any arguments."""


def test_these_names_are_admitted_and_no_others() -> None:
    assert {".".join(named) for named in SAFE} == ADMITTED


def test_a_method_of_what_is_admitted_cannot_be_named() -> None:
    hostile = b"cbuiltins\ngetattr\n(cbuiltins\ndict\nVget\ntR."
    with pytest.raises(TruthError, match=r"names 'builtins\.getattr'"):
        load_pickle(hostile, SAFE, "it")


def test_both_spellings_of_numpys_core_are_known() -> None:
    modern = pickle.dumps(np.arange(3.0), protocol=2)
    for core in (b"numpy.core", b"numpy._core"):
        spelt = modern.replace(b"numpy._core", core).replace(b"numpy.core", core)
        assert core in spelt
        assert load_pickle(spelt, SAFE, "it").tolist() == [0.0, 1.0, 2.0]


def test_a_missing_key_of_a_defaultdict_is_not_invented() -> None:
    found = load_pickle(pickle.dumps(defaultdict(int, {"a": 1})), SAFE, "it")
    with pytest.raises(KeyError, match="b"):
        found["b"]


def test_a_pickle_that_would_make_a_folder_does_not(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    content = pickle.dumps({"accuracy": Hostile(marker)})
    pickle.loads(content)
    assert marker.exists()  # it is as hostile as it looks
    marker.rmdir()
    with pytest.raises(TruthError, match=r"results\.p names 'os\.makedirs'"):
        load_pickle(content, SAFE, "results.p")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Decimal("1.5"), "decimal.Decimal"),
        (Fraction(1, 2), "fractions.Fraction"),
        (len, "builtins.len"),
        (eval, "builtins.eval"),
        (np.load, "numpy.load"),
        (bytearray, "builtins.bytearray"),
    ],
)
def test_another_global_is_refused_by_name(value: Any, named: str) -> None:
    content = pickle.dumps([value])
    with pytest.raises(TruthError, match=f"'{named}'.*nothing was run"):
        load_pickle(content, SAFE, "it")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Ran out of input"),
        (b"garbage", "cannot be read"),
        (b"\x80\x04" + b"\x8e" + (2**50).to_bytes(8, "little"), "cannot be read"),
        (b"(" * 100_000, "Ran out of input"),
        (b"\x80\x09.", "unsupported pickle protocol"),
        (b"cnumpy\nndarray\n(I99999999999\ntR.", "numpy.ndarray is called"),
        (b"cnumpy\ndtype\n(S'M8[s]'\ntR.", "not admitted"),
        (b"cnumpy\ndtype\n(S'f8,O'\ntR.", "not admitted"),
        (b"ccollections\nOrderedDict\n(N}S'x'\nI1\nstb.", "cannot be read"),
        (b"c_codecs\nencode\n(Vab\nVrot13\ntR.", "spelt in 'rot13'"),
        (b"\x80\x02Qq\x00.", "cannot be read"),
        (b"h\x07.", "cannot be read"),
    ],
)
def test_a_broken_or_twisted_pickle_is_an_error_of_the_same_kind(
    content: bytes, problem: str
) -> None:
    with pytest.raises(TruthError, match=problem):
        load_pickle(content, SAFE, "it")


def rewritten_array(**changes: Any) -> bytes:
    """Pickle an array of two numbers whose state says something else."""
    state: dict[str, Any] = {
        "shape": (2,),
        "dtype": np.dtype("f8"),
        "order": False,
        "data": b"\0" * 16,
    } | changes

    class Twisted:
        def __reduce__(self) -> tuple[Any, ...]:
            make, arguments = np.zeros(2).__reduce__()[:2]
            return make, arguments, (1, *state.values())

    return pickle.dumps(Twisted(), protocol=4)


def test_the_rewritten_array_is_sound_unless_changed() -> None:
    assert load_pickle(rewritten_array(), SAFE, "it").tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"shape": (3,)}, "not as large"),
        ({"shape": (2**40, 2**40)}, "not as large"),
        ({"shape": (-2,)}, "shape"),
        ({"shape": (2.0,)}, "shape"),
        ({"shape": (1,) * 40}, "without a shape"),
        ({"dtype": "f8"}, "without a shape and a dtype"),
        ({"dtype": np.dtype("O")}, "not as large"),
        ({"dtype": np.dtype([("a", "O"), ("b", "O")])}, "not admitted"),
        ({"data": [1.0, 2.0]}, "not as large"),
        ({"data": b"\0" * 15}, "not as large"),
    ],
)
def test_an_array_whose_parts_do_not_fit_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(TruthError, match=problem):
        load_pickle(rewritten_array(**change), SAFE, "it")


def test_bytes_never_become_references_to_objects() -> None:
    scalar = np.float64(1.0).__reduce__()[0]

    class Twisted:
        def __reduce__(self) -> tuple[Any, ...]:
            return scalar, (np.dtype("O"), b"\x41" * 8)

    with pytest.raises(TruthError, match="not as large"):
        load_pickle(pickle.dumps(Twisted()), SAFE, "it")


def test_a_stand_in_is_called_instead_of_what_is_named() -> None:
    seen: list[Any] = []
    allowed = SAFE | {("decimal", "Decimal"): lambda text: seen.append(text) or "stood in"}
    assert load_pickle(pickle.dumps(Decimal("1.5")), allowed, "it") == "stood in"
    assert seen == ["1.5"]


def test_a_pickle_cannot_rewrite_the_stand_ins() -> None:
    # Python's unpickler sets attributes of whatever a state is for, a function too.
    twisted = b"cnumpy\ndtype\n(N}V__code__\nI1\nstb."
    with pytest.raises(TruthError, match="__code__"):
        load_pickle(twisted, SAFE, "it")
    assert load_pickle(pickle.dumps(np.arange(2)), SAFE, "it").tolist() == [0, 1]


def test_a_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(pickle.dumps(1) + pickle.dumps("two"))
    assert [load_pickle(file, SAFE, "it"), load_pickle(file, SAFE, "it")] == [1, "two"]


def test_however_a_pickle_is_damaged_there_is_a_result_or_a_truth_error() -> None:
    content = pickle.dumps(PLAIN, protocol=4)
    for length in range(len(content)):
        with pytest.raises(TruthError, match="it cannot be read"):
            load_pickle(content[:length], SAFE, "it")
    # Those left out make Python's unpickler reserve as much memory as the next bytes say.
    values = [value for value in range(256) if value not in b"rp\x96"]
    rng = random.Random(0)
    n_refused = 0
    for _ in range(3_000):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] = rng.choice(values)
        try:
            load_pickle(bytes(damaged), SAFE, "it")
        except TruthError:
            n_refused += 1
    assert n_refused > 500
