# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The losses as plain formulas of their inputs, with every option at lossd's default: oracles in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch_losses
from torch.nn import functional
from torch_losses import clip, info_nce, nt_xent, siglip
from torch_reference import FeatureMaps  # torch_losses has made it to be found.

__all__ = ["barlow_twins", "clip", "cpc", "dcl", "info_nce", "maps", "nt_xent", "siglip", "sup_con", "vicreg"]


def dcl(out_1, out_2, temperature=0.1):
    z = functional.normalize(torch.cat([out_1, out_2]), dim=1)
    scores = z @ z.T / temperature
    positives = scores.diagonal(len(out_1)).repeat(2)
    itself = torch.eye(len(z), dtype=torch.bool)
    out = itself | itself.roll(len(out_1), 1)
    return (scores.masked_fill(out, float("-inf")).logsumexp(1) - positives).mean()


def sup_con(features, labels, temperature=0.1):
    z = functional.normalize(features, dim=1)
    scores = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool)
    own = (labels[:, None] == labels) & ~itself
    margins = scores.masked_fill(itself, float("-inf")).logsumexp(1, keepdim=True) - scores
    counts = own.sum(1)
    return ((margins * own).sum(1) / counts.clamp(min=1))[counts > 0].mean()


def vicreg(z_1, z_2, eps=1e-4):
    loss = 25 * functional.mse_loss(z_1, z_2)
    for z in (z_1, z_2):
        away = z - z.mean(0)
        covariance = away.T @ away / (len(z) - 1)
        loss = loss + 25 * functional.relu(1 - (covariance.diagonal() + eps).sqrt()).mean() / 2
        loss = loss + (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]
    return loss


def barlow_twins(z_1, z_2, lambda_=5e-3, eps=1e-5):
    z_1, z_2 = ((z - z.mean(0)) / (z.var(0, unbiased=False) + eps).sqrt() for z in (z_1, z_2))
    correlation = z_1.T @ z_2 / len(z_1)
    diagonal = correlation.diagonal()
    return (diagonal - 1).square().sum() + lambda_ * (correlation.square().sum() - diagonal.square().sum())


def cpc(z):
    return torch_losses.Cpc(z.shape[1]).double()(z)


def maps(positions: Sequence[int]) -> Callable:
    """Of one comparison, with these places of the sources, in both directions."""
    def loss(anchor, positive):
        case = {"comparisons": "00", "positions": list(positions)}
        return FeatureMaps(case, [anchor, positive]).loss()
    return loss
