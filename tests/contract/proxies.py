"""The proxies, each with a plain formulation of its own that it is held to; a new one is one row.

The references work on the naive network of `tests/reference.py` with hooks on its modules, compute
one proxy at a time, and leave every derivative to torch, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.estimators.zero_cost.passes import Batch
from harness.seeding import derive_seed

Network = Callable[[Tensor], Tensor]


class Case(NamedTuple):
    """What a reference is given.

    Attributes:
        make: Makes the naive network, with the weights of the harness's own.
        batch: The first batch.
        second: The second batch.
        seed: The run's seed.
        names: What the harness calls each weight, by its name in the naive network.
    """

    make: Callable[[], nn.Module]
    batch: Batch
    second: Batch
    seed: int
    names: dict[str, str]


def weights_of(network: nn.Module) -> list[Tensor]:
    return [m.weight for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def differentiate(network: nn.Module, batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """Return each weight with the gradient of the loss."""
    F.cross_entropy(network(batch.images), batch.labels).backward()
    return [(w.detach(), w.grad) for w in weights_of(network) if w.grad is not None]


def grad_norm(case: Case) -> float:
    return sum(float(g.norm()) for _, g in differentiate(case.make(), case.batch))


def l2_norm(case: Case) -> float:
    return sum(float(w.detach().norm()) for w in weights_of(case.make()))


def snip(case: Case) -> float:
    return sum(float((w * g).abs().sum()) for w, g in differentiate(case.make(), case.batch))


def plain(case: Case) -> float:
    return sum(float((w * g).sum()) for w, g in differentiate(case.make(), case.batch))


def fisher(case: Case) -> float:
    network = case.make()
    outputs: list[Tensor] = []
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(lambda _m, _i, y: (y.retain_grad(), outputs.append(y))[0])
    differentiate(network, case.batch)
    total = 0.0
    for y in outputs:
        if y.grad is None:
            continue
        product = (y * y.grad).detach().reshape(*y.shape[:2], -1)
        total += float(product.sum(dim=2).pow(2).mean(dim=0).sum() / 2)
    return total


def grasp(case: Case) -> float:
    network = case.make()
    weights = weights_of(network)
    loss = F.cross_entropy(network(case.batch.images), case.batch.labels)
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    along = torch.cat([g.flatten() for g in gradients])
    product = torch.autograd.grad(along @ along.detach(), weights)
    return -sum(float((w.detach() * hg).sum()) for w, hg in zip(weights, product, strict=True))


def input_gradients(case: Case, weights: Tensor | None = None) -> np.ndarray:
    images = case.batch.images.clone().requires_grad_()
    logits = case.make()(images)
    (logits if weights is None else weights * logits).sum().backward()
    assert images.grad is not None
    return images.grad.reshape(len(images), -1).numpy()


def jacov(case: Case) -> float:
    values = np.linalg.eigvals(np.corrcoef(input_gradients(case))).real
    return -sum(np.log(v + 1e-5) + 1 / (v + 1e-5) for v in values)


def epe_nas(case: Case) -> float:
    gradients, labels = input_gradients(case), case.batch.labels.tolist()
    total = 0.0
    for label in set(labels):
        own = [row for row, of in zip(gradients, labels, strict=True) if of == label]
        score = 0.0
        for a in own:
            for b in own:
                score += np.log(abs(np.corrcoef(a, b)[0, 1]) + 1e-5)
        total += abs(score)
    return total


def nwot(case: Case) -> float:
    network = case.make()
    n = len(case.batch.labels)
    kernels: list[np.ndarray] = []

    def count(x: Tensor) -> None:
        on = (x.reshape(n, -1) > 0).to(x.dtype)
        kernels.append((on @ on.T + (1 - on) @ (1 - on).T).double().numpy())

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _m, inputs, _y: count(inputs[0].detach()))
    network.last_bn.register_forward_hook(lambda _m, _i, y: count(y.detach()))
    network(case.batch.images)
    sign, logarithm = np.linalg.slogdet(sum(kernels))
    return float(logarithm) if sign > 0 else -np.inf


def synflow(case: Case) -> float:
    network = case.make()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    network(torch.ones_like(case.batch.images[:1])).sum().backward()
    used = [w for w in weights_of(network) if w.grad is not None]
    return float(np.log(sum(float((w.detach() * w.grad).abs().sum()) for w in used)))


def zen(case: Case) -> float:
    def draw(like: Tensor, name: str) -> Tensor:
        generator = torch.Generator().manual_seed(derive_seed(case.seed, "zen", name))
        return torch.randn(like.shape, generator=generator).to(like)

    network = case.make()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in case.names and parameter.dim() > 1:
                parameter.copy_(draw(parameter, case.names[name]))
    features: list[Tensor] = []
    scales: list[float] = []
    network.last_bn.register_forward_hook(lambda _m, _i, y: features.append(torch.relu(y).detach()))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(
                lambda _m, x, _y: scales.append(
                    float(x[0].var(dim=(0, 2, 3), correction=0).mean().sqrt())
                )
            )
    image = draw(case.batch.images, "image")
    with torch.no_grad():
        network(image)
        own = list(scales)
        network(image + 0.01 * draw(image, "step"))
    distances = [float(d.norm()) for d in features[1] - features[0]]
    return float(np.log(np.mean(distances)) + np.log(own).sum())


def zico(case: Case) -> float:
    of_batches = [
        [g for _, g in differentiate(case.make(), batch)] for batch in (case.batch, case.second)
    ]
    total = 0.0
    for layer in zip(*of_batches, strict=True):
        absolute = torch.stack(layer).abs()
        mean, deviation = absolute.mean(dim=0), absolute.std(dim=0, correction=0)
        if (deviation > 0).any():
            total += float((mean / deviation)[deviation > 0].sum().log())
    return total


def nlc(case: Case) -> float:
    images, network = case.batch.images, case.make()
    logits = network(images).detach()
    generator = torch.Generator().manual_seed(derive_seed(case.seed, "nlc"))
    signs = 2 * torch.randint(0, 2, logits.shape, generator=generator) - 1
    gradients = torch.from_numpy(input_gradients(case, signs))
    covariance = torch.cov(images.reshape(len(images), -1).T, correction=0)
    moved = (gradients @ covariance * gradients).sum(dim=1).mean()
    return -float((moved / torch.cov(logits.T, correction=0).trace()).sqrt())


class Row(NamedTuple):
    """A proxy, and what is known of it.

    Attributes:
        name: Its name.
        reference: Its plain formulation.
        depends_on_dead: Whether dead edges would change it, if they were not left out.
    """

    name: str
    reference: Callable[[Case], float]
    depends_on_dead: bool = False


ROWS = (
    Row("synflow", synflow),
    Row("snip", snip),
    Row("grasp", grasp),
    Row("fisher", fisher),
    Row("grad_norm", grad_norm),
    Row("l2_norm", l2_norm, depends_on_dead=True),
    Row("plain", plain),
    Row("jacov", jacov),
    Row("nwot", nwot, depends_on_dead=True),
    Row("zen", zen, depends_on_dead=True),
    Row("epe_nas", epe_nas),
    Row("zico", zico),
    Row("nlc", nlc),
)
