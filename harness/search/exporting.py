"""What a search found, as a torch module with initial weights, to be trained by anybody."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.files.atomic import write_atomically
from harness.spaces import NetworkShape, load_space


class FoundNetwork(nn.Module):
    """The stand-alone network of one architecture."""

    def __init__(self, space: str, arch: str, shape: NetworkShape, seed: int = 0) -> None:
        """Make it.

        Args:
            space: Its space, by name or `package.module:Class`.
            arch: The architecture, in the space's string.
            shape: The size of the network.
            seed: Of its initial weights; of a generator, of the network that it draws.
        """
        super().__init__()
        self.about = {"space": space, "arch": arch, "shape": asdict(shape), "seed": seed}
        found = load_space(space)
        self.network = found.networks(shape).standalone(found.parse(arch), [seed])

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits [batch, class] of images [batch, channel, height, width]."""
        logits: Tensor = self.network(images)[:, 0]
        return logits


def save_network(network: FoundNetwork, path: Path) -> None:
    """Write a network into a file.

    Raises:
        StoreError: If it cannot be written.
    """
    content = {"about": network.about, "weights": network.state_dict()}
    write_atomically(path, lambda file: torch.save(content, file))


def load_network(path: Path) -> FoundNetwork:
    """Read a network that `save_network` wrote; nothing that the file names is run.

    Raises:
        DataError: If the file is not there, or is none.
    """
    try:
        content = torch.load(path, weights_only=True)
        about, weights = content["about"], content["weights"]
        shape = NetworkShape(**about["shape"])
        network = FoundNetwork(about["space"], about["arch"], shape, about["seed"])
        network.load_state_dict(weights)
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(
            f"{path} is not a network that --export wrote ({type(error).__name__}). Name such a "
            "file, or export the network again."
        ) from error
    return network
