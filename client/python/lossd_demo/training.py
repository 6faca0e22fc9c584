# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Self-supervised training and the linear probe that judges it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from tqdm import tqdm

from lossd_demo.encoder import Encoder
from lossd_demo.images import Digits, random_view

Task = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Run:
    """A trained encoder, the objective of every step, and how long it took."""

    encoder: Encoder
    curve: list[float]
    seconds: float
    loss_seconds: float  # Of that, in the loss's forward and backward up to the maps.


def new_encoder(seed: int) -> Encoder:
    torch.manual_seed(seed)
    return Encoder()


def train(task: Task, digits: Digits, *, steps: int, batch: int, seed: int, label: str) -> Run:
    """Trains a new encoder with `task`; equal seeds give equal images, views and draws, whatever computes the loss."""
    encoder = new_encoder(seed)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3, weight_decay=1e-5)
    torch.manual_seed(seed + 1)
    curve, loss_seconds, started = [], 0.0, time.monotonic()
    bar = tqdm(range(steps), desc=label, unit="step", mininterval=0.5)
    for _ in bar:
        images = digits.train_images[torch.randint(0, len(digits.train_images), (batch,))]
        maps_a, maps_b = encoder(random_view(images)), encoder(random_view(images))
        leaves_a, leaves_b = (tuple(m.detach().requires_grad_() for m in maps) for maps in (maps_a, maps_b))
        before = time.monotonic()
        losses, regularizer = task(leaves_a, leaves_b)
        objective = losses.sum() + regularizer
        objective.backward()
        loss_seconds += time.monotonic() - before
        optimizer.zero_grad()
        torch.autograd.backward(maps_a + maps_b, [leaf.grad for leaf in leaves_a + leaves_b])
        optimizer.step()
        curve.append(objective.item())
        bar.set_postfix(objective=f"{curve[-1]:.4f}", refresh=False)
    return Run(encoder, curve, time.monotonic() - started, loss_seconds)


def probe_accuracy(encoder: Encoder, digits: Digits, labels_per_class: int, draws: int = 5) -> float:
    """Mean test accuracy of logistic regressions on the frozen features of a few labelled images a class."""
    train, test = encoder.describe(digits.train_images).numpy(), encoder.describe(digits.test_images).numpy()
    accuracies = []
    for draw in range(draws):
        random = np.random.RandomState(draw)
        chosen = np.concatenate([random.choice(np.flatnonzero(digits.train_labels == c), labels_per_class, False)
                                 for c in range(10)])
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        probe.fit(train[chosen], digits.train_labels[chosen])
        accuracies.append(probe.score(test, digits.test_labels))
    return float(np.mean(accuracies))
