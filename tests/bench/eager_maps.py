# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""feature_map_contrastive of one pair of maps in eager PyTorch, for the servers that lossd is compared with."""

import torch
from torch_reference import amdim_loss


def bidirectional_loss(anchor, positive):
    """The objective by the reference's formulas, at positions that are drawn, for autograd."""
    total = 0
    images, channels = anchor.shape[:2]
    for source, target in ((anchor, positive), (positive, anchor)):
        positions = torch.randint(source.shape[2] * source.shape[3], (images,))
        sources = source.flatten(2)[torch.arange(images), :, positions]
        targets = target.flatten(2).permute(1, 0, 2).reshape(channels, -1)
        loss, regularizer = amdim_loss(sources, targets, 10.0)
        total = total + 0.5 * (loss + regularizer)
    return total
