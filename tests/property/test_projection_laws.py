"""The laws of the projectors, over random sizes, strengths and stored patches, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.strategies.ogd_settings import STRENGTHS, OgdSettings
from harness.strategies.projection import LEAST_SQUARE, Projector, make_projector

SLACK = 1e-9
"""float64 over a few dozen updates of matrices with entries of at most 1."""

NAMES = ("rls", "covariance", "nullspace")


@pytest.fixture(scope="module", autouse=True)
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Case(NamedTuple):
    """A projector's size and strength, what it stored, and an update."""

    d: int
    strength: float
    beta: float
    batches: list[Tensor]
    update: Tensor


@st.composite
def cases(draw: Any) -> Case:
    d = draw(st.integers(1, 20))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    batches = []
    for _ in range(draw(st.integers(1, 6))):
        m, scale = draw(st.integers(1, 10)), 10.0 ** draw(st.integers(-3, 3))
        batch = scale * torch.randn(m, d, generator=generator)
        if draw(st.booleans()):
            batch = batch.relu()  # as features are; a patch may then be all zeros
        batches.append(batch)
    update = torch.randn(draw(st.integers(1, 5)), d, generator=generator)
    strength = 10.0 ** draw(st.floats(-3, 2))
    return Case(d, strength, draw(st.sampled_from([0.0, 0.5, 0.99])), batches, update)


def make(name: str, case: Case) -> Projector:
    s = case.strength
    average = {} if name == "rls" else {"beta": case.beta, "refresh": 1}
    options = OgdSettings(projector=name, **{STRENGTHS[name]: s}, **average)
    return make_projector(case.d, torch.device("cpu"), options)


def matrix(projector: Projector) -> Tensor:
    p = projector.matrix()
    return torch.eye(projector.d) if p is None else p


def stored(name: str, case: Case) -> Tensor:
    projector = make(name, case)
    for batch in case.batches:
        projector.store(batch)
    return matrix(projector)


def scaled_columns(case: Case) -> Tensor:
    """Return A, [d, m]: the stored patches of `rls`, each at unit mean square.

    Those that are zero up to rounding are not stored.
    """
    x = torch.cat(case.batches)
    x = x[(x**2).sum(dim=1) > case.d * LEAST_SQUARE]
    return (x * (case.d**0.5 / x.norm(dim=1, keepdim=True))).T


def covariance(case: Case) -> Tensor:
    """Return the bias-corrected R of `covariance`."""
    r = torch.zeros(case.d, case.d)
    for batch in case.batches:
        r = case.beta * r + (1 - case.beta) * batch.T @ batch / len(batch)
    return r / (1 - case.beta ** len(case.batches))


@pytest.mark.parametrize("name", NAMES)
@given(case=cases())
@settings(max_examples=50)
def test_p_is_symmetric_with_eigenvalues_from_zero_to_one(name: str, case: Case) -> None:
    projector = make(name, case)
    for batch in case.batches:
        projector.store(batch)
        p = matrix(projector)
        torch.testing.assert_close(p, p.T, rtol=0, atol=SLACK)
        eigenvalues = torch.linalg.eigvalsh((p + p.T) / 2)
        assert eigenvalues.min() >= -SLACK
        assert eigenvalues.max() <= 1 + SLACK
        assert projector.plasticity <= 1 + SLACK


@pytest.mark.parametrize("name", NAMES)
@given(case=cases())
@settings(max_examples=50)
def test_a_projected_gradient_never_points_against_the_gradient(name: str, case: Case) -> None:
    projector = make(name, case)
    for batch in case.batches:
        projector.store(batch)
    projected = projector.project(case.update)
    assert (case.update * projected).sum() >= -SLACK
    assert projected.norm() <= case.update.norm() * (1 + SLACK)


@given(case=cases())
@settings(max_examples=50)
def test_rls_equals_its_closed_form(case: Case) -> None:
    a, alpha = scaled_columns(case), case.strength
    expected = alpha * torch.linalg.inv(alpha * torch.eye(case.d) + a @ a.T)
    torch.testing.assert_close(stored("rls", case), expected, rtol=0, atol=SLACK)


@given(case=cases())
@settings(max_examples=50)
def test_rls_bounds_what_an_update_does_to_stored_patches(case: Case) -> None:
    a, alpha = scaled_columns(case), case.strength
    change = ((case.update @ stored("rls", case) @ a) ** 2).sum()
    spectrum = torch.linalg.eigvalsh(a @ a.T).clamp_min(0)
    sharp = (alpha**2 * spectrum / (alpha + spectrum) ** 2).max()
    energy = (case.update**2).sum()
    assert sharp <= alpha / 4 * (1 + SLACK)
    assert change <= energy * sharp * (1 + 1e-6) + SLACK


@given(case=cases())
@settings(max_examples=50)
def test_rls_never_gives_back_what_it_took_before_a_new_epoch(case: Case) -> None:
    projector = make("rls", case)
    before = torch.eye(case.d)
    for batch in case.batches:
        projector.store(batch)
        after = matrix(projector).clone()
        difference = before - after
        assert torch.linalg.eigvalsh((difference + difference.T) / 2).min() >= -SLACK
        before = after
    projector.new_epoch()
    assert projector.matrix() is None


@given(case=cases())
@settings(max_examples=50)
def test_covariance_bounds_what_an_update_does_to_the_average_patch(case: Case) -> None:
    r = covariance(case)
    a = case.strength * r.trace() / case.d
    p = stored("covariance", case)
    change = (case.update @ p @ r @ p @ case.update.T).trace()
    energy = (case.update**2).sum()
    assert change <= energy * a / 4 * (1 + 1e-6) + SLACK * float(r.trace())


@given(case=cases())
@settings(max_examples=50)
def test_covariance_equals_the_direct_inverse_and_keeps_its_plasticity(case: Case) -> None:
    r, c = covariance(case), case.strength
    p = stored("covariance", case)
    if r.trace() > 0:
        expected = torch.linalg.inv(torch.eye(case.d) + r / (c * r.trace() / case.d))
        torch.testing.assert_close(p, expected, rtol=0, atol=SLACK)
    assert p.trace() / case.d >= c / (1 + c) - SLACK


@given(case=cases())
@settings(max_examples=50)
def test_nullspace_is_idempotent_and_bounds_what_an_update_does_to_the_average_patch(
    case: Case,
) -> None:
    r, threshold = covariance(case), case.strength
    p = stored("nullspace", case)
    torch.testing.assert_close(p @ p, p, rtol=0, atol=SLACK)
    change = (case.update @ p @ r @ p @ case.update.T).trace()
    bound = threshold * r.trace() / case.d
    assert change <= (case.update**2).sum() * bound * (1 + 1e-6) + SLACK * float(r.trace())
    assert p.trace() / case.d >= 1 - 1 / threshold - SLACK


@pytest.mark.parametrize("name", ["covariance", "rls"])
@given(case=cases())
@settings(max_examples=25)
def test_soft_projectors_only_shrink_what_is_projected_again(name: str, case: Case) -> None:
    p = stored(name, case)
    difference = p - p @ p  # has eigenvalues l (1 - l): zero only where P is 0 or 1
    assert torch.linalg.eigvalsh((difference + difference.T) / 2).min() >= -SLACK


@pytest.mark.parametrize("name", NAMES)
def test_in_the_limit_outputs_on_stored_inputs_do_not_change_at_all(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, update = torch.randn(5, 12, generator=generator), torch.randn(3, 12, generator=generator)
    changes = []
    for strength in (1e-1, 1e-2, 1e-3, 1e-8):
        limit = {STRENGTHS[name]: strength, "refresh": 1}  # c under 1e-3 too
        options = OgdSettings(projector=name).model_copy(update=limit)
        projector = make_projector(12, torch.device("cpu"), options)
        projector.store(x)
        changes.append(float((projector.project(update) @ x.T).norm()))
        free = projector.project(update)
        assert free.norm() > 0.1 * update.norm()  # 7 of 12 directions are free: learning goes on
    assert changes == sorted(changes, reverse=True) or name == "nullspace"
    assert changes[-1] < 1e-6


@given(case=cases(), scale=st.floats(1e-3, 1e3))
@settings(max_examples=25)
def test_covariance_does_not_depend_on_the_scale_of_the_patches(case: Case, scale: float) -> None:
    scaled = case._replace(batches=[scale * batch for batch in case.batches])
    first, second = stored("covariance", case), stored("covariance", scaled)
    torch.testing.assert_close(first, second, rtol=0, atol=SLACK)
