"""How estimators are named: lists, combinations, weights, brackets."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.estimators.naming import (
    Term,
    find_label,
    parse_names,
    parse_terms,
    split_names,
    split_settings,
)

KNOWN = {"a", "b", "a+b", "c+d", "2*a", "own(n=3,f=x+y)", "spos [lr=0.1, c=2]", "+", "e + f"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, []),
        ("", []),
        ("a, b,,a", ["a", "b"]),
        ("own(n=3,f=x+y),a", ["own(n=3,f=x+y)", "a"]),
        ("spos [lr=0.1, c=2], b", ["spos [lr=0.1, c=2]", "b"]),
        ("a+2*b,c", ["a+2*b", "c"]),
        ("a),b", ["a)", "b"]),
    ],
)
def test_commas_within_brackets_do_not_separate(text: str | None, names: list[str]) -> None:
    assert split_names(text) == names


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a", [Term("a")]),
        ("b+a", [Term("b"), Term("a")]),
        ("a + 2.5 * b", [Term("a"), Term("b", 2.5)]),
        ("a+b", [Term("a+b")]),  # a label of that name is not taken apart
        ("b+c+d", [Term("b"), Term("c+d")]),
        ("+", [Term("+")]),
        ("b+e + f", [Term("b"), Term("e + f")]),
        ("c+d+3*b", [Term("c+d"), Term("b", 3.0)]),
        ("2*a+c+d", [Term("2*a"), Term("c+d")]),
        (".5*b+own(n=3,f=x+y)", [Term("b", 0.5), Term("own(n=3,f=x+y)")]),
        ("spos [lr=0.1, c=2]+a", [Term("spos [lr=0.1, c=2]"), Term("a")]),
        ("x+a+y", [Term("x"), Term("a"), Term("y")]),  # unknown ones are the caller's to refuse
    ],
)
def test_components_are_found_by_the_names_that_there_are(text: str, terms: list[Term]) -> None:
    assert parse_terms(text, KNOWN) == terms


@pytest.mark.parametrize("text", ["+a", "b+", "b++a", ""])
def test_a_component_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="without a name"):
        parse_terms(text, KNOWN)


@pytest.mark.parametrize("text", ["0*a", "b+0.0*a"])
def test_a_component_of_weight_0_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"gives a the weight 0\. Leave it out"):
        parse_terms(text, KNOWN)


def test_a_component_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"names b twice.*2\*b"):
        parse_terms("b+a+2*b", {"a", "b"})


def test_an_option_that_names_nothing_is_refused() -> None:
    assert parse_names(None, "--estimators") == []
    with pytest.raises(UsageError, match="--estimators ' ,' names no estimator"):
        parse_names(" ,", "--estimators")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("jacov", ("jacov", ())),
        ("own(n=32,f = x+y)", ("own", ("n=32", "f=x+y"))),
        ("own ( n=3 )", ("own", ("n=3",))),
        ("pack.age:Own(a=[1, 2],b=(3,4))", ("pack.age:Own", ("a=[1, 2]", "b=(3,4)"))),
        ("own()", ("own", ())),
    ],
)
def test_settings_stand_in_round_brackets(name: str, parts: tuple[str, tuple[str, ...]]) -> None:
    assert split_settings(name) == parts


@pytest.mark.parametrize("name", ["own(n=3", "own(3)", "(n=3)", "own(n=3)x", "own(=3)", "own(n=)"])
def test_brackets_without_settings_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"is not an estimator with settings.*round brackets"):
        split_settings(name)


LABELS = (
    "nest(of=own(n=3, f=y), k=1)",
    "own(n=3, f=x+y)",
    "own(n=3, f=y)",
    "own(n=4, f=x+y)",
    "other(n=3)",
    "params (a.csv)",
)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("own(n=4)", "own(n=4, f=x+y)"),
        ("own(f=y)", "own(n=3, f=y)"),
        ("own(f=x+y,n=3)", "own(n=3, f=x+y)"),
        ("nest(of=own(n=3,f=y))", "nest(of=own(n=3, f=y), k=1)"),
        ("other", "other(n=3)"),
        ("params (a.csv)", "params (a.csv)"),
        ("own(n=3)", "own(n=3)"),  # two have it
        ("own", "own"),
        ("own(n=5)", "own(n=5)"),
        ("params", "params"),
        ("own(n=3", "own(n=3"),
    ],
)
def test_a_name_may_leave_out_settings_where_one_label_has_them(name: str, label: str) -> None:
    assert find_label(name, LABELS) == label
