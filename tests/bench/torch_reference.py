# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The losses as the reference computes them: masks, shifts, every step of CPC as often as it counts, autograd.

What eager PyTorch makes of the formulas users have today. `variants` gives the one way there is to compute a case.
"""

import math

import torch
from torch import nn
from torch.nn import functional


def autograd(leaves, loss):
    """A step: computes loss() and its gradients in `leaves`, and returns both."""

    def step():
        for leaf in leaves:
            leaf.grad = None
        value = loss()
        value.backward()
        return value.detach(), [leaf.grad for leaf in leaves]

    return step


def leaves_of(inputs):
    return [tensor.clone().requires_grad_() for tensor in inputs]


def amdim_loss(sources, targets, clip):
    """AMDIM's NCE loss and regularizer of sources [B, C] and targets [C, B * L]."""
    images, channels = sources.shape
    own = torch.eye(images).unsqueeze(2).expand(-1, -1, targets.shape[1] // images)
    others = 1.0 - own
    raw = (sources @ targets).view(own.shape) / math.sqrt(channels)
    regularizer = 5e-2 * (raw**2).mean()
    scores = clip * torch.tanh(raw / clip)
    positives = (own * scores).sum(dim=1)
    negatives = (others * scores - clip * own).reshape(images, -1)
    highest = negatives.max(dim=1, keepdim=True)[0]
    negative_sum = (others.reshape(images, -1) * torch.exp(negatives - highest)).sum(dim=1, keepdim=True)
    shifted = positives - highest
    return (torch.log(torch.exp(shifted) + negative_sum) - shifted).mean(), regularizer


class FeatureMaps:
    def __init__(self, case, inputs):
        half = len(inputs) // 2
        self.sides = inputs[:half], inputs[half:]
        self.pairs = [(int(item[0]), int(item[1])) for item in case["comparisons"].split(",")]
        self.positions = torch.tensor(case["positions"]).view(len(self.pairs), 2, -1)
        self.masks = {}

    def sample(self, source, positions):
        height, width = source.shape[2:]
        if height not in self.masks:
            self.masks[height] = torch.eye(height * width, dtype=torch.bool).view(-1, 1, height, width)
        return source.masked_select(self.masks[height][positions]).view(source.shape[:2])

    def loss(self):
        total = 0
        for (anchor, positive), positions in zip(self.pairs, self.positions):
            for direction in range(2):
                sources = self.sample(self.sides[direction][anchor], positions[direction])
                target = self.sides[1 - direction][positive]
                targets = target.flatten(2).permute(1, 0, 2).reshape(target.shape[1], -1)
                loss, regularizer = amdim_loss(sources, targets, 10.0)
                total = total + 0.5 * (loss + regularizer)
        return total


def pixel_cnn_block(channels):
    return nn.Sequential(
        nn.Conv2d(channels, 256, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, (1, 3)),
        nn.ConstantPad2d((0, 0, 1, 0), 1),
        nn.Conv2d(256, 256, (2, 1), padding=(0, 1)),
        nn.ReLU(inplace=True),
        nn.Conv2d(256, channels, 1),
    )


class CpcModules(nn.Module):
    """CPC's parameters as the reference initialises them after seed_everything(0)."""

    def __init__(self, channels):
        super().__init__()
        torch.manual_seed(0)
        self.target_cnn = nn.Conv2d(channels, 64, 1)
        self.pred_cnn = nn.Conv2d(channels, 64, 1)
        self.blocks = nn.ModuleList(pixel_cnn_block(channels) for _ in range(5))


def info_nce(predictions, targets):
    """CPC's contrast of maps [B, D, H, W], with its double loop over steps."""
    batch, dim, height, width = targets.shape
    targets = targets.permute(0, 2, 3, 1).reshape(-1, dim)
    losses = []
    for i in range(height - 1):
        for _ in range(i):
            rows = predictions[:, :, : -(i + 1), :] * 0.1
            logits = rows.permute(0, 2, 3, 1).reshape(-1, dim) @ targets.t()
            loss = functional.cross_entropy(logits, step_labels(batch, height, width, i))
            if not torch.isnan(loss):
                losses.append(loss)
    return torch.stack(losses).sum()


def step_labels(batch, height, width, i):
    count = batch * (height - i - 1) * width
    b = torch.arange(count) // ((height - i - 1) * width)
    column = torch.arange(count) % ((height - i - 1) * width)
    return b * height * width + (i + 1) * width + column


class CpcContrast:
    def __init__(self, _case, inputs):
        self.maps = inputs

    def loss(self):
        return info_nce(*self.maps)


class Cpc:

    def __init__(self, _case, inputs):
        self.modules = CpcModules(inputs[0].shape[1])
        self.z = inputs[0]

    def loss(self):
        context = self.z
        for block in self.modules.blocks:
            context = context + block(context)
        return info_nce(self.modules.pred_cnn(functional.relu(context)), self.modules.target_cnn(self.z))


class NtXent:
    def __init__(self, _case, inputs):
        self.views = inputs

    def loss(self):
        out = torch.cat(self.views)
        similarity = torch.exp(out @ out.t() / 0.5)
        others = ~torch.eye(len(out), dtype=torch.bool)
        negatives = similarity.masked_select(others).view(len(out), -1).sum(dim=-1)
        positives = torch.exp((self.views[0] * self.views[1]).sum(dim=-1) / 0.5)
        return -torch.log(torch.cat([positives, positives]) / negatives).mean()


class OfTwo:
    """A loss of two tensors of rows, as the libraries that have it write it, with its default configuration."""

    def __init__(self, formula):
        self.formula = formula

    def __call__(self, _case, inputs):
        self.inputs = inputs
        return self

    def loss(self):
        return self.formula(*self.inputs)


def info_nce_pairs(queries, keys):
    logits = functional.normalize(queries) @ functional.normalize(keys).t() / 0.07
    return functional.cross_entropy(logits, torch.arange(len(logits)))


def clip(images, texts):
    logits = images @ texts.t() / 0.07
    labels = torch.arange(len(logits))
    return (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.t(), labels)) / 2


def siglip(images, texts):
    logits = 10.0 * images @ texts.t() - 10.0
    labels = 2 * torch.eye(len(logits)) - 1
    return -functional.logsigmoid(labels * logits).sum() / len(logits)


def off_diagonal(square):
    return square[~torch.eye(len(square), dtype=torch.bool)]


def vicreg(first, second):
    variance = covariance = 0
    for view in (first, second):
        centred = view - view.mean(dim=0)
        variance = variance + functional.relu(1 - torch.sqrt(view.var(dim=0) + 1e-4)).mean() / 2
        covariance = covariance + off_diagonal(centred.t() @ centred / (len(view) - 1)).square().sum() / view.shape[1]
    return 25 * functional.mse_loss(first, second) + 25 * variance + covariance


def barlow_twins(first, second):
    first, second = (functional.batch_norm(view, None, None, training=True) for view in (first, second))
    correlation = first.t() @ second / len(first)
    return (correlation.diagonal() - 1).square().sum() + 5e-3 * off_diagonal(correlation).square().sum()


LOSSES = {"feature_map_contrastive": FeatureMaps, "cpc": Cpc, "cpc_contrast": CpcContrast, "nt_xent": NtXent,
          "info_nce": OfTwo(info_nce_pairs), "clip": OfTwo(clip), "siglip": OfTwo(siglip), "vicreg": OfTwo(vicreg),
          "barlow_twins": OfTwo(barlow_twins)}


def variants(case, inputs):
    """The ways to compute the case: name -> function that returns loss and gradients."""
    leaves = leaves_of(inputs)
    loss = LOSSES[case["loss"]](case, leaves)
    if isinstance(loss, Cpc):
        leaves = [*leaves, *loss.modules.parameters()]
    return {"autograd": autograd(leaves, loss.loss)}
