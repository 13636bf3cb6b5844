"""What a search found, as a torch module with initial weights, to be trained by anybody."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.files.atomic import write_atomically
from harness.spaces import REGISTRY, NetworkShape, Space, load_space

_FAULTS = (
    *(OSError, RuntimeError, EOFError, pickle.UnpicklingError),
    *(LookupError, TypeError, ValueError, AttributeError),
)
"""What goes wrong in reading another file."""


class FoundNetwork(nn.Module):
    """The stand-alone network of one architecture."""

    def __init__(self, space: Space, arch: str, shape: NetworkShape, seed: int = 0) -> None:
        """Make it.

        Args:
            space: Its space.
            arch: The architecture, in the space's string.
            shape: The size of the network.
            seed: Of its initial weights; of a generator, of the network that it draws.
        """
        super().__init__()
        self.about = {
            "space": _name(space),
            "arch": arch,
            "shape": asdict(shape),
            "seed": seed,
        }
        self.network = space.networks(shape).standalone(space.parse(arch), [seed])

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits [batch, class] of images [batch, channel, height, width]."""
        logits: Tensor = self.network(images)[:, 0]
        return logits


def _name(space: Space) -> str:
    """Return the registered name of a space, or `package.module:Class`."""
    place = f"{type(space).__module__}:{type(space).__qualname__}"
    return next((name for name, own in REGISTRY.items() if own == place), place)


def save_network(network: FoundNetwork, path: Path) -> None:
    """Write a network into a file.

    Raises:
        StoreError: If it cannot be written.
    """
    content = {"about": network.about, "weights": network.state_dict()}
    write_atomically(path, lambda file: torch.save(content, file))


def load_network(path: Path, space: Space | None = None) -> FoundNetwork:
    """Read a network that `save_network` wrote; nothing that the file names is imported.

    Args:
        path: The file.
        space: Its space; needed unless it has a registered name.

    Raises:
        DataError: If the file is not there, is none, or is of another space.
    """
    try:
        content = torch.load(path, weights_only=True)
        about, weights = content["about"], content["weights"]
        name, shape = about["space"], NetworkShape(**about["shape"])
        if space is None and name in REGISTRY:
            space = load_space(name)
        if space is None or _name(space) != name:
            given = "none was given" if space is None else f"{_name(space)} was given"
            raise DataError(
                f"{path} has a network of the space {name}, and {given}. Give that space to "
                "load_network; one's own is not loaded by what a file says."
            )
        network = FoundNetwork(space, about["arch"], shape, about["seed"])
        network.load_state_dict(weights)
    except _FAULTS as error:
        raise DataError(
            f"{path} is not a network that --export wrote ({type(error).__name__}). Name such a "
            "file, or export the network again."
        ) from error
    return network
