# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses over pairs of embeddings, as their definitions say, in float64 with autograd."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Inputs, Answer = dict[str, Tensor], tuple[Tensor, dict[str, Tensor]]


def _accuracy(scores: Tensor) -> Tensor:
    own = scores.diagonal()
    return (scores.max(1).values <= own).double().mean()


def info_nce(inputs: Inputs, *, temperature: float = 0.07) -> Answer:
    query, key = F.normalize(inputs["query"]), F.normalize(inputs["key"])
    others = [F.normalize(inputs[name]) for name in sorted(inputs) if name.startswith("negative.")]
    scores = query @ torch.cat([key, *others]).t() / temperature
    loss = F.cross_entropy(scores, torch.arange(len(query)))
    return loss, {"loss": loss, "accuracy": _accuracy(scores)}


def clip(inputs: Inputs, *, scale: float) -> Answer:
    scores = scale * inputs["image"] @ inputs["text"].t()
    own = torch.arange(len(scores))
    loss = (F.cross_entropy(scores, own) + F.cross_entropy(scores.t(), own)) / 2
    return loss, {"loss": loss, "accuracy": _accuracy(scores)}


def siglip(inputs: Inputs, *, scale: float, bias: float) -> Answer:
    scores = scale * inputs["image"] @ inputs["text"].t() + bias
    signs = 2 * torch.eye(len(scores), dtype=scores.dtype) - 1
    loss = F.softplus(-signs * scores).sum() / len(scores)
    return loss, {"loss": loss}


def sup_con(inputs: Inputs, *, temperature: float = 0.1) -> Answer:
    features, labels = F.normalize(inputs["features"]), inputs["labels"]
    scores = features @ features.t() / temperature
    rows = []
    for i in range(len(scores)):
        others = [k for k in range(len(scores)) if k != i]
        positives = [k for k in others if labels[k] == labels[i]]
        if positives:
            rows.append(torch.logsumexp(scores[i, others], 0) - scores[i, positives].mean())
    loss = torch.stack(rows).mean()
    return loss, {"loss": loss}


def dcl(inputs: Inputs, *, temperature: float = 0.1) -> Answer:
    views = [F.normalize(inputs[name]) for name in ("out_1", "out_2")]
    terms = []
    for a, b in (views, views[::-1]):
        for i in range(len(a)):
            others = [k for k in range(len(a)) if k != i]
            scores = torch.cat([a[i] @ a[others].t(), a[i] @ b[others].t()]) / temperature
            terms.append(torch.logsumexp(scores, 0) - a[i] @ b[i] / temperature)
    loss = torch.stack(terms).mean()
    return loss, {"loss": loss}


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix - torch.diag(matrix.diagonal())


def vicreg(inputs: Inputs) -> Answer:
    views = (inputs["z_1"], inputs["z_2"])
    invariance = (views[0] - views[1]).square().mean()
    variance = sum(F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean() for z in views) / 2
    centred = [z - z.mean(0) for z in views]
    covariance = sum(_off_diagonal(z.t() @ z / (len(z) - 1)).square().sum() / z.shape[1] for z in centred)
    loss = 25 * invariance + 25 * variance + covariance
    return loss, {"loss": loss, "invariance": invariance, "variance": variance, "covariance": covariance}


def barlow_twins(inputs: Inputs) -> Answer:
    normal = [(z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt() for z in (inputs["z_1"], inputs["z_2"])]
    correlation = normal[0].t() @ normal[1] / len(normal[0])
    invariance = (correlation.diagonal() - 1).square().sum()
    redundancy = _off_diagonal(correlation).square().sum()
    loss = invariance + 5e-3 * redundancy
    return loss, {"loss": loss, "invariance": invariance, "redundancy": redundancy}
