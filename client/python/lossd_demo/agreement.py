# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""How far the remote loss and the local one are apart on the same maps with the same draws.

Two training runs drift apart, as any two do that round differently; the same maps show the losses themselves.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from lossd_demo.encoder import Encoder
from lossd_demo.images import Digits, random_view
from lossd_demo.training import Task


@dataclass(frozen=True)
class Agreement:
    """Largest differences over some batches.

    Attributes:
        loss: of a loss or the regularizer.
        gradient: of an entry of a gradient, relative to the largest entry of that gradient.
        batches: how many.
    """

    loss: float
    gradient: float
    batches: int


def _differentiate(task: Task, maps: tuple[Tensor, ...], seed: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    torch.manual_seed(seed)
    leaves = tuple(m.detach().requires_grad_() for m in maps)
    half = len(leaves) // 2
    losses, regularizer = task(leaves[:half], leaves[half:])
    gradients = torch.autograd.grad(losses.sum() + regularizer, leaves)
    return torch.cat([losses.detach(), regularizer.detach().view(1)]), gradients


def compare(remote: Task, local: Task, encoder: Encoder, digits: Digits, *, batch: int, batches: int = 10) -> Agreement:
    """Both losses on views of `batches` batches of the training images."""
    encoder = copy.deepcopy(encoder)  # Its normalisation keeps statistics of what it sees.
    loss = gradient = 0.0
    for i in range(batches):
        torch.manual_seed(i)
        images = digits.train_images[torch.randint(0, len(digits.train_images), (batch,))]
        with torch.no_grad():
            maps = encoder(random_view(images)) + encoder(random_view(images))
        (values, gradients), (others, other_gradients) = (_differentiate(task, maps, i) for task in (remote, local))
        loss = max(loss, (values - others).abs().max().item())
        for g, o in zip(gradients, other_gradients):
            gradient = max(gradient, ((g - o).abs().max() / o.abs().max()).item())
    return Agreement(loss, gradient, batches)
