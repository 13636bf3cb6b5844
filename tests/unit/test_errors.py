"""The errors: one base, exit codes, and suggestions."""

from __future__ import annotations

import inspect

import pytest

from harness import errors


def test_every_error_is_a_harness_error() -> None:
    classes = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
    ]
    assert len(classes) > 5
    assert all(issubclass(c, errors.HarnessError) for c in classes)
    assert all(c.__doc__ for c in classes)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.HarnessError, 1),
        (errors.DataError, 1),
        (errors.TruthError, 1),
        (errors.StoreError, 1),
        (errors.UsageError, 2),
        (errors.ArchError, 2),
        (errors.Interrupted, 130),
    ],
)
def test_exit_codes_are_the_documented_ones(error: type[errors.HarnessError], code: int) -> None:
    assert error.exit_code == code


def test_an_unknown_name_is_answered_with_the_nearest_and_all_names() -> None:
    error = errors.unknown_name("strategy", "ogdd", ["spos", "ogd", "fairnas"])
    assert isinstance(error, errors.UsageError)
    assert str(error) == (
        "Unknown strategy 'ogdd'. Did you mean 'ogd'? Available: fairnas, ogd, spos."
    )


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    error = errors.unknown_name("strategy", "zzz", ["spos", "ogd"])
    assert str(error) == "Unknown strategy 'zzz'. Available: ogd, spos."
