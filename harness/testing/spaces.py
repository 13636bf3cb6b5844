"""The laws of a search space: functions that raise AssertionError where one is broken.

    from harness.testing.spaces import check_networks, check_space

    def test_my_space():
        check_space(MySpace())
        check_networks(MySpace(), NetworkShape(4, 1, 16, 3, 10))

`LAWS` and `NETWORK_LAWS` hold the same laws one by one, for a parametrised test.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.errors import ArchError
from harness.spaces.base import Space
from harness.spaces.kinds import Grid
from harness.spaces.values import Architecture, Cost, NetworkShape
from harness.supernet.base import SuperNet

N_ARCHS, N_COMPUTED = 60, 12
"""How many architectures are looked at, and for how many networks are computed."""

_MOST_LISTED = 20_000
"""Architectures of a space all of which are looked at."""


def check_space(space: Space) -> None:
    """Hold a space to all laws that need no network."""
    for law in LAWS:
        law(space)


def check_networks(space: Space, shape: NetworkShape) -> None:
    """Hold a space's networks of one size to all laws that apply."""
    for law in NETWORK_LAWS if space.has_supernet else LAWS_OF_NETWORKS_ALONE:
        law(space, shape)


def sample(space: Space, n: int = N_ARCHS) -> list[Architecture]:
    """Return the first architectures of the canonical permutation."""
    n = n if space.size is None else min(n, space.size)
    return [space.at(key) for key in space.prefix(n)]


def _is_at_most(cost: Cost, other: Cost) -> bool:
    return all(a <= b for a, b in zip(cost, other, strict=True))


def strings_and_keys_name_one_architecture(space: Space) -> None:
    """`parse` and `at` undo `format` and `key`, and no two architectures share a name."""
    archs = sample(space)
    for arch in archs:
        assert space.parse(space.format(arch)) == arch, f"{arch} is parsed as another"
        assert hash(space.parse(space.format(arch))) == hash(arch)
        key = space.key(arch)
        assert type(key) is int, f"the key of {arch} is not an int"
        assert 0 <= key < 2**63, f"the key of {arch} is not within 63 bits"
        assert space.at(key) == arch, f"key {key} finds another architecture than {arch}"
        assert str(arch) == space.format(arch), f"str() of {arch} is not its canonical string"
        assert space.forms["string"].read(str(arch)) == arch, f"no form reads the string of {arch}"
    assert len(set(archs)) == len(archs), "`at` gives one architecture for several keys"


def nonsense_is_refused(space: Space) -> None:
    """A string, a key or a text of another form that names no architecture raises ArchError."""
    nonsense: list[tuple[Callable[[Any], Architecture], Any]] = [
        (space.parse, "\x00 no architecture"),
        (space.at, 2**63 - 1),
    ]
    nonsense += [(form.read, "\x00 no architecture") for form in space.forms.values()]
    for read, text in nonsense:
        try:
            found = read(text)
        except ArchError:
            continue
        raise AssertionError(f"{text!r} was taken for {found}")


def prefixes_nest_without_repeats(space: Space) -> None:
    """A sample is part of every larger one, and an offset passes over its beginning."""
    n = N_ARCHS if space.size is None else min(N_ARCHS, space.size)
    keys = space.prefix(n)
    assert len(set(keys)) == n, "a prefix repeats an architecture"
    for m in (1, n // 2, n - 1):
        assert space.prefix(m) == keys[:m], f"the first {m} are not the beginning of the first {n}"
        assert space.prefix(n - m, m) == keys[m:], f"offset {m} does not pass over {m}"
    if space.size is not None:
        try:
            space.prefix(space.size + 1)
        except ArchError:
            return
        raise AssertionError(f"{space.size + 1} architectures of {space.size} were given")


def networks_are_counted_once(space: Space) -> None:
    """Where architectures are names of networks, prefixes begin with one name of each.

    Of a large space, only some of the other names are looked at.
    """
    if space.n_networks is None or space.size is None:
        return
    n = space.size if space.size <= _MOST_LISTED else space.n_networks + N_ARCHS
    is_own = [space.identity(arch) == arch for arch in map(space.at, space.prefix(n))]
    assert all(is_own[: space.n_networks]), "a prefix repeats a network before all were named"
    assert not any(is_own[space.n_networks :]), f"there are {sum(is_own)} networks"


def draws_depend_on_the_generator_alone(space: Space) -> None:
    """Equal generators draw the same; draws differ from each other."""
    first, second = (
        [space.draw(rng) for _ in range(N_ARCHS)]
        for rng in (np.random.RandomState(0), np.random.RandomState(0))
    )
    assert first == second, "equal generators draw different architectures"
    assert len(set(first)) > 1, "all draws are the same architecture"
    for arch in first:
        assert space.at(space.key(arch)) == arch


def positions_name_architectures(space: Space) -> None:
    """`at_position` undoes `position`, but for the name of a network; places are in range."""
    try:
        axes = space.axes
    except ArchError:
        return
    assert len({axis.name for axis in axes}) == len(axes), "two axes have one name"
    for axis in axes:
        assert len(set(axis.values)) == len(axis.values), f"{axis.name} repeats a value"
    for arch in sample(space):
        position = space.position(arch)
        for axis, place in zip(axes, position, strict=True):
            assert 0 <= place < len(axis.values), f"{axis.name} of {arch} is out of range"
        found = space.at_position(position)
        assert space.identity(found) == space.identity(arch), f"{arch} is {found} by its position"


def representatives_stand_for_their_class(space: Space) -> None:
    """`canonical` and `identity` are idempotent, and cost no more than what they represent."""
    shape = NetworkShape(4, 1, 16, 3, 10)
    for arch in sample(space):
        cost = space.cost(arch, shape)
        for name, of in (("canonical", space.canonical), ("identity", space.identity)):
            stand_in = of(arch)
            assert of(stand_in) == stand_in, f"{name} of {arch} has another {name}"
            assert _is_at_most(space.cost(stand_in, shape), cost), f"{name} of {arch} costs more"
            assert space.is_live(stand_in) == space.is_live(arch), (
                f"of {arch} and its {name}, only one is live"
            )
        weights = space.weights(space.canonical(arch))
        assert weights == space.weights(arch), f"canonical of {arch} has other weights"


def costs_are_positive_and_their_live_part_is_a_part(space: Space) -> None:
    """The live part of a network costs no more than the whole."""
    for arch in sample(space):
        cost = space.cost(arch, NetworkShape(4, 1, 16, 3, 10))
        assert 0 < cost.live_params <= cost.params
        assert 0 < cost.live_flops <= cost.flops


def populations_are_what_they_say(space: Space) -> None:
    """Facts have one value an architecture; a partition names a member of the class."""
    for name, trait in space.traits.items():
        for arch in sample(space):
            value = trait.of(arch)
            assert value == trait.of(arch)
            if trait.is_partition:
                member = space.at(int(value))
                assert trait.of(member) == value, f"{name} of {arch} names another class"
        if trait.size is not None and space.size is not None and space.size <= _MOST_LISTED:
            values = [trait.of(space.at(key)) for key in space.prefix(space.size)]
            found = len(set(values)) if trait.is_partition else sum(map(bool, values))
            assert found == trait.size, f"{name} has {found} members, not {trait.size}"


def baselines_are_finite_and_repeat(space: Space) -> None:
    """A free score is a number, the same every time; the floor is one of them.

    No live part is smaller than that of an architecture that no signal passes.
    """
    assert space.floor in space.baselines
    for baseline in space.baselines.values():
        scores = [baseline.score(arch) for arch in sample(space)]
        assert np.isfinite(scores).all()
        assert scores == [baseline.score(arch) for arch in sample(space)]
    for name in ("live_params", "live_flops"):
        score = space.baselines[name].score
        lowest = min(score(arch) for arch in sample(space))
        for arch in sample(space):
            assert space.is_live(arch) or score(arch) == lowest, f"{arch} is dead, yet has {name}"


def features_describe_each_architecture_alone(space: Space) -> None:
    """Features are finite numbers with fixed names, whichever architectures are asked for."""
    archs = sample(space)
    for name, features in space.features.items():
        of_all, of_some = features.of(archs), features.of(archs[::-2])
        assert list(of_all) == list(of_some), f"{name} has other names for other architectures"
        for column, values in of_all.items():
            assert values.shape == (len(archs),), f"{name}, {column}: shape {values.shape}"
            assert np.isfinite(values).all(), f"{name}, {column} is not finite"
            same = np.array_equal(values[::-2], of_some[column])
            assert same, f"{name}, {column} depends on which others are asked for"
        if features.redraw is not None:
            first, again, other = (
                features.redraw(archs, np.random.RandomState(seed)) for seed in (0, 0, 1)
            )
            assert list(first) == list(of_all), f"{name} has other names for other encodings"
            drawn = [np.stack(list(columns.values())) for columns in (first, again, other)]
            assert np.isfinite(drawn[0]).all(), f"{name} is not finite for other encodings"
            assert np.array_equal(drawn[0], drawn[1]), f"{name}: equal generators draw differently"
            assert not np.array_equal(drawn[0], drawn[2]), f"{name} has one encoding only"


def graphs_go_forward(space: Space) -> None:
    """What is drawn of an architecture has edges from earlier nodes to later ones alone."""
    for arch in sample(space, N_COMPUTED):
        for graph in space.graphs(arch):
            for source, target, _ in graph.edges:
                assert 0 <= source < target < len(graph.nodes), f"{arch}: {source} -> {target}"


def a_grid_has_a_choice_for_each_slot(space: Space) -> None:
    """`from_choices` undoes `choices`; the largest and the smallest are that."""
    if not isinstance(space, Grid):
        return
    shape = NetworkShape(4, 1, 16, 3, 10)
    ends = [space.cost(arch, shape) for arch in (space.smallest, space.largest)]
    for arch in sample(space):
        choices = space.choices(arch)
        assert len(choices) == len(space.slots)
        assert all(0 <= c < len(names) for c, names in zip(choices, space.slots, strict=True))
        assert space.from_choices(choices) == arch
        cost = space.cost(arch, shape)
        assert _is_at_most(cost, ends[1]), f"{arch} costs more than the largest"
        if space.is_live(arch):
            assert ends[0].live_params <= cost.live_params, f"{arch} costs less than the smallest"
    assert space.is_live(space.smallest)


LAWS = (
    prefixes_nest_without_repeats,
    networks_are_counted_once,
    strings_and_keys_name_one_architecture,
    nonsense_is_refused,
    draws_depend_on_the_generator_alone,
    positions_name_architectures,
    representatives_stand_for_their_class,
    costs_are_positive_and_their_live_part_is_a_part,
    populations_are_what_they_say,
    baselines_are_finite_and_repeat,
    features_describe_each_architecture_alone,
    graphs_go_forward,
    a_grid_has_a_choice_for_each_slot,
)
"""Each takes a space."""


def _draw_images(shape: NetworkShape) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((6, shape.image_channels, *shape.image_pixels()), generator=generator)
    return images.contiguous(memory_format=torch.channels_last)


def _make(space: Space, shape: NetworkShape) -> tuple[SuperNet, Tensor]:
    return space.networks(shape).supernet(0), _draw_images(shape)


def equal_seeds_make_equal_supernets(space: Space, shape: NetworkShape) -> None:
    """Initial weights depend on the seed alone."""
    first, again, other = (space.networks(shape).supernet(seed).state_dict() for seed in (0, 0, 1))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@torch.no_grad()
def a_class_gives_the_same_bits(space: Space, shape: NetworkShape) -> None:
    """An architecture and its canonical form have the same output under shared weights."""
    network, images = _make(space, shape)
    for arch in sample(space, N_COMPUTED):
        logits = network(images, arch)
        assert logits.shape == (len(images), shape.classes)
        assert logits.isfinite().all()
        assert torch.equal(logits, network(images, space.canonical(arch))), (
            f"{arch} and its canonical form differ"
        )


@torch.inference_mode()
def sharing_changes_no_bit(space: Space, shape: NetworkShape) -> None:
    """What `share` returns computes what `forward` does, in any order."""
    network, images = _make(space, shape)
    archs = list(dict.fromkeys(map(space.canonical, sample(space, N_COMPUTED))))
    ordered = network.order(archs)
    assert len(ordered) == len(archs) and set(ordered) == set(archs), (  # noqa: PT018
        "`order` loses or invents architectures"
    )
    output = network.share(images)
    for arch in (*ordered, *reversed(ordered), *sample(space, N_COMPUTED)):
        assert torch.equal(output(arch), network(images, arch)), f"sharing changes {arch}"


def _trained_names(network: SuperNet, images: Tensor, arch: Architecture) -> set[str]:
    """Return the names of the weights that get a gradient from an architecture."""
    network.zero_grad(set_to_none=True)
    network(images, arch).sum().backward()
    return {name for name, weight in network.named_parameters() if weight.grad is not None}


def architectures_train_their_own_weights(space: Space, shape: NetworkShape) -> None:
    """Architectures with no `Space.weights` in common train no searchable weight in common."""
    network, images = _make(space, shape)
    assert network.searchable < {name for name, _ in network.named_parameters()}
    trained = {
        arch: _trained_names(network, images, arch) & network.searchable
        for arch in sample(space, N_COMPUTED)
    }
    for arch, names in trained.items():
        assert bool(names) == bool(space.weights(arch)), f"{arch} trains {sorted(names)}"
        for other, others in trained.items():
            if not space.weights(arch) & space.weights(other):
                assert not names & others, f"{arch} and {other} both train {names & others}"


def a_tap_hears_of_every_layer(space: Space, shape: NetworkShape) -> None:
    """It is told the matrices that are trained, and the features that the classifier reads."""
    network, images = _make(space, shape)
    weights = dict(network.named_parameters())
    groups = network.groups
    assert network.strides.keys() | groups.keys() <= weights.keys()
    for arch in sample(space, N_COMPUTED):
        heard: dict[str, Tensor] = {}
        logits = network(images, arch, tap=heard.__setitem__)
        trained = _trained_names(network, images, arch)
        assert heard.keys() <= weights.keys()
        unheard = {name for name in trained if weights[name].dim() > 1} - heard.keys()
        assert not unheard, f"a tap is not told of {sorted(unheard)}"
        features = network.without_classifier()(images, arch)
        assert torch.equal(network.classifier(features), logits)
        for name, layer_input in heard.items():
            channels = weights[name].shape[1] * groups.get(name, 1)
            assert layer_input.shape[1] == channels, f"{name} has other channels"


@torch.no_grad()
def a_copy_in_bf16_is_near(space: Space, shape: NetworkShape) -> None:
    """Its logits are float32, and near; the original stays as it is.

    Near is what rounding the weights and the images to bf16 changes, a few times.
    """
    network, images = _make(space, shape)
    before = copy.deepcopy(network.state_dict())
    half, rounded = network.to_bf16(), copy.deepcopy(network)
    for weight in rounded.parameters():
        weight.copy_(weight.bfloat16())
    for arch in sample(space, N_COMPUTED):
        logits, exact = half(images.bfloat16(), arch), network(images, arch)
        assert logits.dtype == torch.float32
        alike = rounded(images.bfloat16().float(), arch)
        # bf16 has 8 bits, and batch norm over few values makes more of them
        most = 0.1 * exact.norm() + 3 * (alike - exact).norm()
        assert (logits - exact).norm() <= most, f"{arch} is far off in bf16"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def networks_alone_share_nothing(space: Space, shape: NetworkShape) -> None:
    """Networks side by side equal each one alone, and have the parameters that `cost` counts."""
    networks = space.networks(shape)
    images = _draw_images(shape)
    for arch in sample(space, N_COMPUTED // 2):
        pair = networks.standalone(arch, (3, 4)).double()
        logits = pair(torch.cat([images, images.flip(0)], dim=1).double())
        assert logits.shape == (len(images), 2, shape.classes)
        logits.sum().backward()
        pair.eval()
        for place, seed in enumerate((3, 4)):
            alone = networks.standalone(arch, (seed,)).double()
            x = (images if place == 0 else images.flip(0)).double()
            torch.testing.assert_close(alone(x)[:, 0], logits[:, place])
            cost = space.network_cost(arch, shape, seed)
            n = sum(p.numel() for p in alone.parameters())
            assert cost.live_params <= n <= cost.params, f"{arch} has {n} parameters"


NETWORK_LAWS = (
    equal_seeds_make_equal_supernets,
    a_class_gives_the_same_bits,
    sharing_changes_no_bit,
    architectures_train_their_own_weights,
    a_tap_hears_of_every_layer,
    a_copy_in_bf16_is_near,
    networks_alone_share_nothing,
)
"""Each takes a space and the size of its networks."""

LAWS_OF_NETWORKS_ALONE = (networks_alone_share_nothing,)
"""Those that hold without a supernet."""
