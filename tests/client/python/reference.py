# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The reference's losses as their definition says, in plain torch with autograd, independent of everything of lossd's."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _amdim_nce(source: Tensor, target: Tensor, tclip: float) -> tuple[Tensor, Tensor]:
    """Loss and regularizer of vectors [B, C] against maps [B, C, L], image by image."""
    batch, channels = source.shape
    losses, squares = [], []
    for b in range(batch):
        scores = torch.stack([source[b] @ target[j] for j in range(batch)]) / channels ** 0.5  # [B, L]
        squares.append(scores.square())
        clipped = tclip * torch.tanh(scores / tclip)
        others = torch.cat([clipped[j] for j in range(batch) if j != b] or [clipped.new_zeros(0)])
        for own in clipped[b]:
            losses.append(torch.logsumexp(torch.cat([others, own.view(1)]), 0) - own)
    return torch.stack(losses).mean(), 0.05 * torch.stack(squares).mean()


def feature_map_contrastive(comparisons: str, anchors, positives, tclip: float = 10.0, bidirectional: bool = True):
    """(losses [K], regularizer []), drawing as the reference does: numpy for r, then torch for each direction."""
    losses, regularizers = [], []
    for item in comparisons.split(","):
        a, p = (np.random.randint(0, len(anchors)) if c == "r" else int(c) for c in item.strip())
        directions = [(anchors[a], positives[p]), (positives[a], anchors[p])][:1 + bidirectional]
        parts = []
        for source, target in directions:
            flat = source.flatten(2)
            index = torch.randint(0, flat.shape[2], (flat.shape[0],))
            picked = torch.stack([flat[b, :, index[b]] for b in range(flat.shape[0])])
            parts.append(_amdim_nce(picked, target.flatten(2), tclip))
        losses.append(sum(loss for loss, _ in parts) / len(parts))
        regularizers.append(sum(reg for _, reg in parts) / len(parts))
    return torch.stack(losses), torch.stack(regularizers).sum()


class ReferenceCPC(nn.Module):
    """CPC with the reference's network, names, order of creation and double loop over steps."""

    def __init__(self, channels: int, target_dim: int = 64, embed_scale: float = 0.1, hidden: int = 256) -> None:
        super().__init__()
        self.embed_scale = embed_scale
        self.target_cnn = nn.Conv2d(channels, target_dim, 1)
        self.pred_cnn = nn.Conv2d(channels, target_dim, 1)
        self.context_cnn = nn.Module()
        self.context_cnn.blocks = nn.ModuleList()
        for _ in range(5):
            c1 = nn.Conv2d(channels, hidden, (1, 1))
            c2 = nn.Conv2d(hidden, hidden, (1, 3))
            c3 = nn.Conv2d(hidden, hidden, (2, 1), padding=(0, 1))
            c4 = nn.Conv2d(hidden, channels, (1, 1))
            self.context_cnn.blocks.append(nn.Sequential(c1, nn.ReLU(), c2, nn.ConstantPad2d((0, 0, 1, 0), 1.0), c3,
                                                         nn.ReLU(), c4))

    def forward(self, z: Tensor) -> Tensor:
        context = z
        for block in self.context_cnn.blocks:
            context = context + block(context)
        context = F.relu(context)
        batch, _, height, width = z.shape
        targets = self.target_cnn(z).permute(0, 2, 3, 1).reshape(batch * height * width, -1)
        predictions = self.pred_cnn(context)
        column, row, image = torch.arange(width), torch.arange(height), torch.arange(batch)
        total = z.new_zeros(())
        for i in range(1, height - 1):
            for _ in range(i):  # The reference visits step i exactly i times.
                made = predictions[:, :, :height - i - 1].permute(0, 2, 3, 1).flatten(0, 2) * self.embed_scale
                places = (image[:, None, None] * height + row[i + 1:, None]) * width + column
                total = total + F.cross_entropy(made @ targets.t(), places.reshape(-1))
        return total


def nt_xent(out_1: Tensor, out_2: Tensor, temperature: float) -> Tensor:
    """-log of the positive's share, the diagonal left out."""
    both = torch.cat([out_1, out_2])
    scores = both @ both.t() / temperature
    count = out_1.shape[0]
    partner = torch.arange(2 * count).roll(count)
    return F.cross_entropy(scores.masked_fill(torch.eye(2 * count, dtype=torch.bool), -torch.inf), partner)
