"""Small neural networks of the features: one compares architectures, one regresses.

Axes: n, rows with a label; pool, rows to predict; f, features; level, lengths of training.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from harness.estimators.predictors.models.base import Regression
from harness.stats.correlation import FloatArray, dense_ranks, mean_ranks
from harness.training.threads import one_thread

N_NETWORKS = 3
"""Networks of different initial weights, whose outputs are averaged."""

WIDTH, N_STEPS, LEARNING_RATE = 128, 300, 1e-3

MOST_ROWS = 512
"""Rows of a step, drawn at random where there are more."""


class _Perceptrons(Regression):
    """Perceptrons with two hidden layers on standardised features, in double precision.

    AdamW (Loshchilov & Hutter 2019, with PyTorch's weight decay of 0.01) takes 300 steps on all
    rows at once, or on 512 of them. Widths of 64 to 256, one to three layers, 100 to 1,000 steps
    and decays of 0.01 and 1 changed the comparator's tau by 0.01 at most for 128 labels of
    CIFAR-100's truth (architectures from offset 12,000 on, label seeds 100 to 103).
    """

    def fit(self, x: FloatArray, y: FloatArray, seed: int) -> None:
        """Train the networks."""
        self._mean, self._spread = x.mean(axis=0), x.std(axis=0)
        self._spread[self._spread < 1e-12] = 1.0
        inputs, targets = self._standardise(x), torch.from_numpy(y)
        generator = torch.Generator().manual_seed(seed)
        with one_thread():
            self._networks = [self._train(inputs, targets, generator) for _ in range(N_NETWORKS)]
            # Equally spaced: one of each label where all have several encodings.
            self._known = inputs[:: -(-len(inputs) // MOST_ROWS)]

    def predict(self, x: FloatArray) -> FloatArray:
        """Average the networks."""
        inputs = self._standardise(x)
        with one_thread(), torch.no_grad():
            found = [self._judge(network, inputs) for network in self._networks]
            return np.asarray(torch.stack(found).mean(dim=0).numpy(), dtype=np.float64)

    @abstractmethod
    def _slope(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the gradient of the loss by the scores of some rows, [n]."""

    @abstractmethod
    def _judge(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """Return a network's predictions, [pool]."""

    def _train(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> nn.Module:
        network = _make_network(inputs.shape[1], generator)
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
        for _ in range(N_STEPS):
            rows = torch.randperm(len(inputs), generator=generator)[:MOST_ROWS]
            scores = network(inputs[rows])[:, 0]
            optimizer.zero_grad()
            scores.backward(self._slope(scores.detach(), targets[rows]))
            optimizer.step()
        return network

    def _standardise(self, x: FloatArray) -> Tensor:
        return torch.from_numpy((x - self._mean) / self._spread)


class Comparator(_Perceptrons):
    """The probability that one architecture is better than another, learned from all pairs.

    p(a better than b) = sigmoid(s(a) - s(b)), where s is the network; its mean cross-entropy over
    the pairs of the labels is minimised, ties counting half. A prediction is the mean probability
    of beating a labelled architecture, which orders architectures as s does.

    Reference: Chen et al., Contrastive Neural Architecture Search with Neural Architecture
    Comparators, CVPR 2021, arXiv 2103.05471 (CTNAS), section 3.2. There p = sigmoid(w . [z(a),
    z(b)] + c), z an embedding; this is s(a) + s'(b) + c, with s and s' read from the same z, and
    opposite answers for the two orders are left to training. Deviations: s' = -s and c = 0, so that
    the two orders agree; a perceptron on the predictor's features takes the place of the graph
    network, so that any space and feature can be compared; three networks are averaged; all pairs
    are in each step, where the authors' code draws one partner for each architecture; there are no
    pseudo-labels. With s' = -s it is RankNet (Burges et al. 2005).
    """

    predicts = "share of the labels that it beats"

    def _slope(self, scores: Tensor, targets: Tensor) -> Tensor:
        beats = torch.sigmoid(scores[:, None] - scores) - _compare(targets)
        return 2 * beats.mean(dim=1) / len(scores)

    def _judge(self, network: nn.Module, inputs: Tensor) -> Tensor:
        known = network(self._known)[:, 0]
        parts = network(inputs)[:, 0].split(MOST_ROWS)
        return torch.cat([torch.sigmoid(part[:, None] - known).mean(dim=1) for part in parts])


class Network(_Perceptrons):
    """The comparator's ablation: the same networks, fitted to the ranks by least squares.

    Fitted to accuracies instead, tau on CIFAR-100's truth is 0.12 / 0.04 / 0.02 lower (32 / 128 /
    512 labels; architectures from offset 12,000 on, label seeds 100 to 102).
    """

    predicts = "standardised rank among the labels"

    def target(self, y: FloatArray) -> FloatArray:
        """Return standardised ranks, ties their mean."""
        ranks = mean_ranks(dense_ranks(y))
        return np.asarray((ranks - ranks.mean()) / (ranks.std() or 1.0), dtype=np.float64)

    def _slope(self, scores: Tensor, targets: Tensor) -> Tensor:
        return 2 * (scores - targets) / len(scores)

    def _judge(self, network: nn.Module, inputs: Tensor) -> Tensor:
        found: Tensor = network(inputs)[:, 0]
        return found


def _compare(y: Tensor) -> Tensor:
    """Say which of each pair is better, by the longest training that both have.

    Args:
        y: Accuracies, [n], or [n, level], ascending in length; NaN where not trained.

    Returns:
        1 where the row's accuracy is higher than the column's, 0 where lower, else 1/2, [n, n].
    """
    difference = torch.zeros(len(y), len(y), dtype=y.dtype)
    for own in y.reshape(len(y), -1).T:
        of_level = own[:, None] - own
        difference = torch.where(torch.isnan(of_level), difference, of_level)
    return (torch.sign(difference) + 1) / 2


def _make_network(n_features: int, generator: torch.Generator) -> nn.Sequential:
    """Make a perceptron with PyTorch's usual initial weights, from a generator of its own."""
    sizes = (n_features, WIDTH, WIDTH, 1)
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes):
        linear = nn.utils.skip_init(nn.Linear, n_in, n_out, dtype=torch.float64)
        for parameter in (linear.weight, linear.bias):
            nn.init.uniform_(parameter, -(n_in**-0.5), n_in**-0.5, generator=generator)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
