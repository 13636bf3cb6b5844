"""The inputs of a layer, cut into the patches that its weight is multiplied with.

Patches are [m, d] with d = k * k * channels, in the order (row, column, channel): that of a
channels-last weight in memory, so that neither patches nor updates are ever transposed. They are
float32 whatever precision the network was computed in.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.distributed.ranks import ALONE, Ranks

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

PATCH_IMAGES = 8
"""Images a step that patches are sampled from."""


class Geometry(NamedTuple):
    """What the places of a convolution's patches depend on.

    Attributes:
        images: Images in the batch.
        height: Height of the layer's input, pixels.
        width: Width of the layer's input, pixels.
        kernel: Width of the square kernel, odd.
        stride: Stride.
    """

    images: int
    height: int
    width: int
    kernel: int
    stride: int


class Places(NamedTuple):
    """Where some patches lie in an input of one geometry.

    Attributes:
        pixels: Position of each patch's pixels among all of the batch, [m * k * k].
        padding: Those of them that lie outside the image, where the input counts as zero.
    """

    pixels: Tensor
    padding: Tensor


NOTHING = torch.empty(0, dtype=torch.int64)


class Draws:
    """Random places to look at: drawn once, and shared by all layers and by some steps.

    A place is an image and a point of the unit square, so layers of different sizes look at the
    same spots of the same images. For each layer alone it is a uniform draw; finding the pixels
    again for each layer and step would take as long as reading them. A draw depends on the seed and
    the request, not on earlier requests.
    """

    def __init__(self, seed: int) -> None:
        """Start with nothing drawn.

        Args:
            seed: Decides all places.
        """
        self._seed = seed
        self._places: dict[tuple[Geometry, int, torch.device], Places] = {}

    def rows(self, n: int, m: int) -> Tensor:
        """Draw `m` of `n` rows without repetition, all of them if there are fewer."""
        return torch.randperm(n, generator=self._generator())[:m]

    def places(self, geometry: Geometry, m: int, device: torch.device) -> Places:
        """Return the places of `m` patches of a few random images."""
        key = (geometry, m, device)
        if key not in self._places:
            places = _find_places(geometry, *self._draw_spots(geometry.images, m))
            self._places[key] = Places(*(p.to(device, non_blocking=True) for p in places))
        return self._places[key]

    def _draw_spots(self, n_images: int, m: int) -> tuple[IntArray, FloatArray]:
        generator = self._generator()
        few = torch.randperm(n_images, generator=generator)[:PATCH_IMAGES]
        image = few[torch.randint(len(few), (m,), generator=generator)]
        square = torch.rand(2, m, generator=generator, dtype=torch.float64)
        return image.numpy(), square.numpy()

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed)


def _find_places(geometry: Geometry, image: IntArray, square: FloatArray) -> Places:
    """Find the pixels of the patches at spots of the unit square (in numpy: it has less overhead).

    Args:
        geometry: The layer's.
        image: Position in the batch of each patch's image, [m].
        square: Row and column of each patch, 0-1, [2, m].
    """
    _, height, width, kernel, stride = geometry
    top = (square[0] * -(-height // stride)).astype(np.int64) * stride
    left = (square[1] * -(-width // stride)).astype(np.int64) * stride
    if kernel == 1:
        return Places(torch.from_numpy((image * height + top) * width + left), NOTHING)
    window = np.arange(-(kernel // 2), kernel // 2 + 1)
    y, x = top[:, None] + window, left[:, None] + window  # [m, k]
    y_inside = np.minimum(np.maximum(y, 0), height - 1)
    x_inside = np.minimum(np.maximum(x, 0), width - 1)
    rows = image[:, None] * height + y_inside
    pixels = rows[:, :, None] * width + x_inside[:, None, :]
    outside = (y != y_inside)[:, :, None] | (x != x_inside)[:, None, :]
    return Places(torch.from_numpy(pixels.reshape(-1)), torch.from_numpy(np.flatnonzero(outside)))


@cache
@torch.inference_mode(False)  # a tensor made in inference mode could not be used in training
def _shares(height: int, width: int, kernel: int, stride: int, device: torch.device) -> Tensor:
    """Return what each pixel contributes to each place of the mean patch, [k * k, height * width].

    A pixel is at one place of a window in one patch at most, so that it contributes one over the
    number of patches, or nothing.
    """
    by_axis = []
    for size in (height, width):
        first = torch.arange(0, size, stride).view(-1, 1, 1)
        offset = torch.arange(-(kernel // 2), kernel // 2 + 1).view(1, -1, 1)
        hits = first + offset == torch.arange(size)  # [patch, offset, pixel]
        by_axis.append(hits.float().mean(dim=0))
    return torch.kron(*by_axis).to(device, non_blocking=True)


class LayerInput:
    """The input of one layer in one step, from which patches are taken.

    Convolution inputs are [batch, channel, height, width], best in channels-last format; linear
    ones are [batch, d]. Of a convolution that works on several groups of channels alone, the
    patches of each group come apart, [group, m, d]. Where several ranks train together, `inputs`
    is this rank's part of the batch; the patches are those of the whole batch, the same on every
    rank.
    """

    def __init__(self, inputs: Tensor, weight: Tensor, stride: int, ranks: Ranks = ALONE) -> None:
        """Keep the input, detached from the graph.

        Args:
            inputs: What the layer was given.
            weight: The layer's weight, [out, in, k, k] or [out, d].
            stride: The convolution's stride.
            ranks: The processes, each of which holds a part of the batch.
        """
        self.ranks = ranks
        self.inputs = inputs.detach()
        self.kernel = weight.shape[-1] if weight.dim() == 4 else 0
        self.stride = stride
        self.groups = inputs.shape[1] // weight.shape[1] if self.kernel else 1

    def mean_patch(self) -> Tensor:
        """Return the mean patch over batch and positions, [1, d], or [group, 1, d]."""
        mean = self._mean_patch_of_part()
        self.ranks.average([mean])
        return self._by_group(mean.float())

    def _by_group(self, patches: Tensor) -> Tensor:
        """Take patches of all channels, [m, k * k * channel], apart by group."""
        if self.groups == 1:
            return patches
        m = len(patches)
        apart = patches.view(m, self.kernel**2, self.groups, -1).permute(2, 0, 1, 3)
        return apart.reshape(self.groups, m, -1)

    def _mean_patch_of_part(self) -> Tensor:
        """Return this rank's mean patch, [1, d], in float32 at least."""
        dtype = torch.promote_types(self.inputs.dtype, torch.float32)
        if not self.kernel:
            return self.inputs.to(dtype).mean(dim=0, keepdim=True)
        n, channels, height, width = self.inputs.shape
        # the mean over images as a product: torch's own sum over the first axis is several times
        # as slow
        by_image = self.inputs.permute(0, 2, 3, 1).reshape(n, -1)  # a view, channels last
        mean = (by_image.new_full((1, n), 1 / n) @ by_image).to(dtype)
        shares = _shares(height, width, self.kernel, self.stride, mean.device).to(dtype)
        return (shares @ mean.view(-1, channels)).view(1, -1)

    def random_patches(self, m: int, draws: Draws) -> Tensor:
        """Return `m` patches at random places of a few random images, [m, d] or [group, m, d].

        Only the pixels drawn are read: unfolding whole images would cost several times as much.
        Of a linear layer's input, rows are drawn without repetition, `m` at most.
        """
        n_images = len(self.inputs) * self.ranks.size
        if not self.kernel:
            return self._read(self.inputs, draws.rows(n_images, m))
        channels, height, width = self.inputs.shape[1:]
        geometry = Geometry(n_images, height, width, self.kernel, self.stride)
        pixels, padding = draws.places(geometry, m, self.inputs.device)
        by_pixel = self.inputs.permute(0, 2, 3, 1).reshape(-1, channels)  # a view, channels last
        read = self._read(by_pixel, pixels)
        if len(padding):
            read.index_fill_(0, padding, 0)
        return self._by_group(read.view(m, -1))

    def _read(self, rows: Tensor, positions: Tensor) -> Tensor:
        """Read rows at positions in the whole batch, [position, channel]; `rows` is our part."""
        positions = positions.to(rows.device, non_blocking=True)
        if self.ranks.size == 1:
            return rows.index_select(0, positions).float()
        positions = positions - self.ranks.rank * len(rows)
        elsewhere = (positions < 0) | (positions >= len(rows))
        read = rows.index_select(0, positions.clamp(0, len(rows) - 1)).float()
        read.masked_fill_(elsewhere.unsqueeze(1), 0)
        self.ranks.add_up(read)  # one rank has each row, the others add zero: exact
        return read
