# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""A small convolutional encoder with feature maps at two scales."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Images [B, 1, 8, 8] to two maps of equal channels: the whole image [B, C, 1, 1] and its parts [B, C, 4, 4]."""

    def __init__(self, channels: int = 64, width: int = 48) -> None:
        super().__init__()
        self.parts = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
                                   nn.Conv2d(width, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
                                   nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.whole = nn.Sequential(nn.Conv2d(width, 2 * width, 4), nn.BatchNorm2d(2 * width), nn.ReLU())
        self.project_parts = nn.Conv2d(width, channels, 1)
        self.project_whole = nn.Conv2d(2 * width, channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The maps that are contrasted, whole image first."""
        parts = self.parts(images)
        return self.project_whole(self.whole(parts)), self.project_parts(parts)

    @torch.no_grad()
    def describe(self, images: Tensor) -> Tensor:
        """What a probe sees of images: the features [B, F] of the whole image, before projection."""
        training = self.training
        self.eval()
        features = self.whole(self.parts(images)).flatten(1)
        self.train(training)
        return features
