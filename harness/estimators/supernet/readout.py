"""A readout fitted to each path: how well its features separate the classes.

All paths share the classifier, which the paths of the last steps have adapted to themselves: a
good path that was trained long ago is scored through a readout that fits others. Here the
classifier is replaced by a linear readout fitted to each path's features in closed form. Each image
is scored by the readout fitted to all other images of its batch (leave-one-out, Allen, 1974), so no
further images are needed and no image is scored by a readout that was fitted to it.

Ranking paths by a refitted readout is our own choice; its effect on tau is measured in `results/`.
The supernet and its training do not change.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

from harness.estimators.supernet.measuring import BatchSums, SumBatch, sum_batch
from harness.settings.run import Readout
from harness.supernet.base import SuperNet

RIDGE = 0.01
"""Penalty on the weights of standardised features, relative to the number of images."""

_LEAST_STD = 1e-3
"""Added to a feature's standard deviation: one that is constant on the batch says nothing."""


class ReadoutSums(NamedTuple):
    """Sums of a path's results over the images of one batch, by either readout.

    Attributes:
        shared: By the supernet's classifier.
        refitted: By the one fitted to the path; its "loss" is the squared leave-one-out error.
    """

    shared: BatchSums
    refitted: BatchSums


def choose_readout(network: SuperNet, readout: Readout) -> tuple[SuperNet, SumBatch[BatchSums]]:
    """Return a network and the function that scores its outputs by a readout.

    Args:
        network: The supernet; not changed.
        readout: Which.

    Returns:
        A network, and what scores its outputs.
    """
    if readout == "shared":
        return network, sum_batch
    return network.without_classifier(), sum_refitted


def both_readouts(network: SuperNet) -> tuple[SuperNet, SumBatch[ReadoutSums]]:
    """Return a network and the function that scores its outputs by both readouts at once.

    Args:
        network: The supernet; not changed.

    Returns:
        A network, and what scores its outputs.
    """

    def sum_both(features: torch.Tensor, labels: torch.Tensor) -> ReadoutSums:
        shared = sum_batch(network.classifier(features), labels)
        return ReadoutSums(shared, sum_refitted(features, labels))

    return network.without_classifier(), sum_both


def sum_refitted(features: torch.Tensor, labels: torch.Tensor) -> BatchSums:
    """Score features by the leave-one-out errors of a ridge regression onto the classes.

    With standardised features X, one-hot labels Y of zero mean, and the hat matrix
    H = X (X^T X + RIDGE n I)^-1 X^T + 1/n, image i has the residual (y_i - (HY)_i) / (1 - H_ii)
    under the regression on all other images.

    Args:
        features: [batch, feature].
        labels: int64, [batch].

    Returns:
        The summed squared error (over classes, too), and how many images have their own class's
        output as the largest; NaN and none where features are not finite.
    """
    if not features.isfinite().all():
        return BatchSums(math.nan, 0)
    n = len(labels)
    x = features.double()
    x = (x - x.mean(0)) / (x.std(0) + _LEAST_STD)
    one_hot = F.one_hot(labels).double()
    y = one_hot - one_hot.mean(0)
    gram = x.T @ x
    gram.diagonal().add_(RIDGE * n)
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(gram), x.T, upper=False)
    leverage = whitened.square().sum(0) + 1 / n
    residual = (y - whitened.T @ (whitened @ y)) / (1 - leverage).unsqueeze(1)
    correct = (one_hot - residual).argmax(1) == labels  # the predictions, with the class means
    return BatchSums(residual.square().sum().item(), int(correct.sum().item()))
