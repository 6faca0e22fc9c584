# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""scikit-learn's bundled handwritten digits, and random views of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor


@dataclass(frozen=True)
class Digits:
    """Images [N, 1, 8, 8] in [0, 1] and labels [N], split once and for all."""

    train_images: Tensor
    train_labels: np.ndarray
    test_images: Tensor
    test_labels: np.ndarray


def load(test_images: int = 597, seed: int = 0) -> Digits:
    """The digits, shuffled by `seed`, the last `test_images` of them for testing."""
    bunch = load_digits()
    order = np.random.RandomState(seed).permutation(len(bunch.target))
    images = torch.from_numpy(bunch.images[order]).float().div_(16).unsqueeze(1)
    labels = bunch.target[order]
    return Digits(images[:-test_images], labels[:-test_images], images[-test_images:], labels[-test_images:])


def random_view(images: Tensor) -> Tensor:
    """Each image rotated, scaled, shifted, with other contrast and noise: another look at the same digit."""
    count = images.shape[0]
    angle = (torch.rand(count) - 0.5) * 0.7
    scale = 1 + (torch.rand(count) - 0.5) * 0.4
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = (torch.rand(count, 2) - 0.5) * 0.6
    transform = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(transform, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, align_corners=False)
    contrast = 0.6 + 0.8 * torch.rand(count, 1, 1, 1)
    return (moved * contrast + 0.1 * torch.randn_like(moved)).clamp_(0, 1.5)
