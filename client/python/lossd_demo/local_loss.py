# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The reference's feature-map loss in plain torch with autograd: what the remote loss is compared with."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor

from lossd import parse_map_indexes


def _nce(source: Tensor, target: Tensor, tclip: float) -> tuple[Tensor, Tensor]:
    """Loss and regularizer of source vectors [B, C] against every location of target maps [B, C, H, W]."""
    batch, channels = source.shape
    scores = torch.einsum("bc,jcl->bjl", source, target.flatten(2)) / channels ** 0.5  # [B, B, L]
    regularizer = 0.05 * scores.square().mean()
    scores = tclip * torch.tanh(scores / tclip)
    own = torch.eye(batch, dtype=torch.bool).unsqueeze(2)  # Locations of the same image are no negatives.
    negatives = scores.masked_fill(own, -torch.inf).flatten(1).logsumexp(1, keepdim=True)  # [B, 1]
    positives = scores[torch.arange(batch), torch.arange(batch)]  # [B, L]
    return torch.nn.functional.softplus(negatives - positives).mean(), regularizer


def _sample(maps: Tensor) -> Tensor:
    """One vector [B, C] of each image's map, at a random location."""
    batch = maps.shape[0]
    flat = maps.flatten(2)
    return flat[torch.arange(batch), :, torch.randint(0, flat.shape[2], (batch,))]


class LocalFeatureMapContrastiveTask:
    """Same arguments, same draws, same result as `lossd.FeatureMapContrastiveTask` for comparisons without `r`."""

    def __init__(self, comparisons: str, tclip: float = 10.0) -> None:
        self.map_indexes = parse_map_indexes(comparisons)
        self.tclip = tclip

    def __call__(self, anchors: Sequence[Tensor], positives: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        losses, regularizers = [], []
        for a, p in self.map_indexes:
            forth = _nce(_sample(anchors[a]), positives[p], self.tclip)
            back = _nce(_sample(positives[a]), anchors[p], self.tclip)
            losses.append((forth[0] + back[0]) / 2)
            regularizers.append((forth[1] + back[1]) / 2)
        return torch.stack(losses), torch.stack(regularizers).sum()
