"""Strategies: how they are found, and what makes orthogonal gradient descent what it is."""

from __future__ import annotations

import copy
from collections import defaultdict

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import MismatchError, UsageError
from harness.spaces.nb201.encoding import Arch, arch_at
from harness.spaces.nb201.network import NB201SuperNet
from harness.spaces.values import NetworkShape
from harness.strategies import REGISTRY, check_strategy, load_strategy
from harness.strategies.ogd import OrthogonalGradientDescent
from harness.strategies.projecting import STEPS_OF_DRAWS, ProjectingStrategy
from harness.strategies.spos import SinglePathOneShot
from harness.supernet.base import SuperNet
from harness.supernet.layers import ConvBN
from harness.supernet.patches import LayerInput
from harness.training.loop import Trainer
from harness.training.sgd import learning_rate
from tests.tiny import (
    assert_same_state,
    copy_weights_of,
    read_by_projector,
    tiny_config,
    tiny_strategy,
    tiny_trainer,
)

PROJECTORS = ("covariance", "nullspace", "rls")


def make(projector: str, **settings: object) -> Trainer:
    return make_with({"projector": projector, "alpha": 0.1, "c": 0.5, "threshold": 0.5}, **settings)


def make_with(ogd: dict[str, object], **settings: object) -> Trainer:
    ogd = read_by_projector({"refresh": 1, "patches": 32, **ogd})
    return tiny_trainer(tiny_config(strategy="ogd", ogd=ogd, **settings))


def matrices(trainer: Trainer) -> dict[str, Tensor]:
    """Return copies of all projectors' matrices that are not the identity, by weight name."""
    strategy = trainer.strategy
    assert isinstance(strategy, OrthogonalGradientDescent)
    found = {name: projector.matrix() for name, projector in strategy._projectors.items()}
    return {name: p.clone() for name, p in found.items() if p is not None}


def last_path(trainer: Trainer) -> Arch:
    return arch_at(int(trainer.log.tables["steps"]["path_index"][-1]))


def test_every_registered_strategy_can_be_loaded() -> None:
    assert load_strategy("spos") is SinglePathOneShot
    assert load_strategy("ogd") is OrthogonalGradientDescent
    for name in REGISTRY:
        assert check_strategy(name) == REGISTRY[name]


def test_a_strategy_of_ones_own_is_found_by_module_and_class() -> None:
    assert load_strategy("harness.strategies.spos:SinglePathOneShot") is SinglePathOneShot


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ogdd", r"^Unknown strategy 'ogdd'\. Did you mean 'ogd'\? Available: fairnas, "),
        ("no.such.module:X", r"^Strategy 'no\.such\.module:X': .* cannot be imported"),
        (
            "harness.settings.run:RunConfig",
            r"'RunConfig' in 'harness\.settings\.run' is not a subclass of",
        ),
        (
            "harness.settings.run:Missing",
            r"there is no 'Missing' in 'harness\.settings\.run'",
        ),
        ("harness.strategies.base:Strategy", r"'Strategy' does not define sample_paths"),
    ],
)
def test_what_is_no_strategy_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_strategy(name)


def test_paths_are_drawn_from_all_architectures_by_the_step_alone() -> None:
    trainer = tiny_trainer(tiny_config(steps=60, batch_size=2))
    for _ in range(60):
        trainer.train_step()
    paths = trainer.log.tables["steps"]["path_index"]
    assert len(set(paths)) > 55  # uniform over 15,625: two equal ones among 60 are rare
    assert min(paths) < 3_000 < 12_000 < max(paths)


def plain_update(network: SuperNet, trainer: Trainer, arch: Arch, step: int) -> dict[str, Tensor]:
    """Return the final update of plain SGD on `network`, momentum and weight decay in it."""
    config = trainer.config
    images, labels = trainer.sampler.batch(step)
    network.zero_grad(set_to_none=True)
    F.cross_entropy(network(images, arch), labels).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm)
    momentum = trainer.state_dict()["momentum"]
    with torch.no_grad():
        return {
            name: config.momentum * momentum.get(name, torch.zeros_like(weight))
            + weight.grad
            + config.weight_decay * weight
            for name, weight in network.named_parameters()
            if weight.grad is not None
        }


@pytest.mark.parametrize("projector", PROJECTORS)
def test_ogd_applies_the_final_update_projected_with_what_earlier_paths_stored(
    projector: str,
) -> None:
    trainer = make(projector, weight_decay=0.01)
    n_projected = 0
    for step in range(5):
        network, stored = copy.deepcopy(trainer.network), matrices(trainer)
        before, twin = copy_weights_of(trainer), copy.deepcopy(trainer)
        twin.train_step()
        updates = plain_update(network, trainer, last_path(twin), step)
        trainer.train_step()
        for name, update in updates.items():
            expected = update
            if name in stored:
                moved = update.double().movedim(1, -1)  # patches are (row, column, channel)
                flat = moved.flatten(start_dim=1) @ stored[name].double()
                expected = flat.view(moved.shape).movedim(-1, 1).to(update.dtype)
                n_projected += 1
            lr = learning_rate(trainer.config, step)
            # float32, and the product with P is taken there too
            torch.testing.assert_close(
                trainer.weights[name], before[name] - lr * expected, rtol=1e-5, atol=1e-6
            )
            momentum = trainer.state_dict()["momentum"][name]  # this stays as it is without P
            torch.testing.assert_close(momentum, update, rtol=1e-5, atol=1e-6)
    assert n_projected > 20


def test_ogd_protects_every_convolution_and_the_classifier_but_no_bias_and_no_scale() -> None:
    trainer = make("covariance", steps=20)
    for _ in range(20):
        trainer.train_step()
    projected = set(matrices(trainer))
    every = set(trainer.weights)
    assert projected <= {name for name in every if trainer.weights[name].dim() > 1}
    shared = {name for name in every if not name.startswith("cells.")}
    assert {name for name in shared if trainer.weights[name].dim() > 1} <= projected
    assert any(name.startswith("cells.") for name in projected)


def test_ogd_with_rls_stores_the_mean_inputs_of_the_path_it_has_just_trained() -> None:
    trainer = make("rls")
    trainer.train_step()
    network, stored = copy.deepcopy(trainer.network), matrices(trainer)
    trainer.train_step()
    strides = {m.name: m.stride for m in network.modules() if isinstance(m, ConvBN)}
    inputs: defaultdict[str, list[LayerInput]] = defaultdict(list)

    def tap(name: str, x: Tensor) -> None:
        inputs[name].append(LayerInput(x, trainer.weights[name], strides.get(name, 1)))

    with torch.no_grad():  # the weights before the step: its inputs are those of its forward pass
        network(trainer.sampler.batch(1)[0], last_path(trainer), tap=tap)
    after = matrices(trainer)
    assert set(after) == set(stored) | set(inputs)
    for name, p in after.items():
        expected = stored.get(name, torch.eye(len(p))).double()
        for layer in inputs.get(name, []):
            x = layer.mean_patch().double().flatten()
            x = x * (len(x) ** 0.5 / x.norm())
            px = expected @ x
            expected = expected - torch.outer(px, px) / (0.1 + x @ px)
        # at alpha = 0.1 in float32
        torch.testing.assert_close(p.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("projector", "forgets"), [("rls", True), ("covariance", False), ("nullspace", False)]
)
def test_ogd_begins_a_new_epoch_after_the_last_batch_of_each(projector: str, forgets: bool) -> None:
    trainer = make(projector)
    assert trainer.sampler.batches_per_epoch == 6
    assert trainer.strategy.diagnostics() == {}
    for step in range(8):
        trainer.train_step()
        fresh = forgets and step == 5
        assert (matrices(trainer) == {}) == fresh
        plasticity = trainer.strategy.diagnostics()["plasticity"]
        assert plasticity == 1.0 if fresh else plasticity < 1.0


@pytest.mark.parametrize("projector", PROJECTORS)
def test_all_projectors_of_the_benchmarks_network_take_less_than_100_mb(projector: str) -> None:
    config = tiny_config(strategy="ogd", ogd={"projector": projector})
    weights = dict(NB201SuperNet(NetworkShape(16, 5, 32, 3, 10), 0).named_parameters())
    strategy = tiny_strategy(config, weights)
    n_bytes = 0
    for name, weight in weights.items():
        if weight.dim() < 2:
            continue
        layer_projector = strategy._projector(name)  # type: ignore[attr-defined]
        layer_projector.store(torch.rand(1, weight[0].numel()))
        n_bytes += sum(t.numel() * t.element_size() for t in layer_projector.state_dict().values())
    assert 10e6 < n_bytes < 100e6


def test_projectors_of_a_version_that_learned_in_another_way_are_refused() -> None:
    trainer = make("covariance")
    trainer.train_step()
    state = trainer.strategy.state_dict()
    trainer.strategy.load_state_dict(state)
    with pytest.raises(MismatchError, match="by an earlier version"):
        trainer.strategy.load_state_dict({**state, "format": 2})


def test_steps_look_at_the_same_places_for_a_while_wherever_a_run_was_resumed() -> None:
    strategy, resumed, other = (make("covariance", seed=s).strategy for s in (0, 0, 1))
    assert all(isinstance(s, ProjectingStrategy) for s in (strategy, resumed, other))
    rows = [strategy._draws_of(step).rows(64, 5).tolist() for step in range(2 * STEPS_OF_DRAWS)]
    assert rows[0] != rows[STEPS_OF_DRAWS]
    assert rows == [rows[0]] * STEPS_OF_DRAWS + [rows[STEPS_OF_DRAWS]] * STEPS_OF_DRAWS
    later = STEPS_OF_DRAWS + 3
    assert resumed._draws_of(later).rows(64, 5).tolist() == rows[later]
    assert other._draws_of(later).rows(64, 5).tolist() != rows[later]


@pytest.mark.parametrize("projector", PROJECTORS)
def test_options_of_ogd_at_their_neutral_values_change_no_bit(projector: str) -> None:
    strength = {"projector": projector, "alpha": 0.1, "c": 0.5, "threshold": 0.5}
    end = 0.1 if projector == "rls" else 0.5
    neutral = {"strength_end": end, "warmup_frac": 0.0, "layers": "both"}
    plain, spelled_out = make_with(strength), make_with({**strength, **neutral})
    for trainer in (plain, spelled_out):
        for _ in range(8):
            trainer.train_step()
    assert_same_state(copy_weights_of(plain), copy_weights_of(spelled_out))
    assert_same_state(plain.strategy.state_dict(), spelled_out.strategy.state_dict())


@pytest.mark.parametrize("projector", PROJECTORS)
def test_through_the_warm_up_ogd_is_plain_sgd_while_its_projectors_already_learn(
    projector: str,
) -> None:
    ogd = make_with({"projector": projector, "warmup_frac": 0.5, "alpha": 0.1, "threshold": 0.5})
    plain = tiny_trainer(tiny_config())
    for step in range(5):
        assert_same_state(copy_weights_of(ogd), copy_weights_of(plain), f"step {step}")
        assert (matrices(ogd) != {}) == (step > 0)
        ogd.train_step()
        plain.train_step()  # step 4 of 8 is the first projected one
    assert not torch.equal(ogd.weights["stem.weight"], plain.weights["stem.weight"])


@pytest.mark.parametrize(
    ("projector", "name", "first"),
    [("covariance", "c", 10.0), ("nullspace", "threshold", 1.0), ("rls", "alpha", 1.0)],
)
def test_the_strength_moves_geometrically_to_its_end_over_training(
    projector: str, name: str, first: float
) -> None:
    trainer = make_with({"projector": projector, name: first, "strength_end": first / 16}, steps=4)
    seen = []
    for _ in range(4):
        trainer.train_step()
        assert isinstance(trainer.strategy, OrthogonalGradientDescent)
        seen.append(trainer.strategy._projectors["stem.weight"].strength)
    assert seen == pytest.approx([first / 2, first / 4, first / 8, first / 16])


@pytest.mark.parametrize(("layers", "searchable"), [("searchable", True), ("shared", False)])
def test_only_the_layers_asked_for_are_projected(layers: str, searchable: bool) -> None:
    trainer = make_with({"layers": layers})
    for _ in range(5):
        trainer.train_step()
    projected = set(matrices(trainer))
    assert projected
    assert all(name.startswith("cells.") == searchable for name in projected)


def test_rls_whose_alpha_ends_small_is_exact_from_the_start() -> None:
    trainer = make_with({"projector": "rls", "alpha": 1.0, "strength_end": 0.01})
    trainer.train_step()
    assert {p.dtype for p in matrices(trainer).values()} == {torch.float64}
