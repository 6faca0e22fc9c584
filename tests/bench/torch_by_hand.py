# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The losses rewritten by hand in torch operations, as well as these allow.

Sources are gathered by index, CPC takes one log-sum-exp a position and only the rows that matter, gradients are in
closed form or by autograd. `variants` gives several ways to compute a case; who measures takes the fastest.
"""

import math

import torch
from torch.nn import functional
import torch_reference
from torch_reference import CpcModules, autograd, leaves_of


def amdim_direction(source_map, target_map, positions, clip):
    """AMDIM's NCE loss and regularizer with sources drawn at `positions`, for autograd."""
    images, channels = source_map.shape[:2]
    sources = source_map.flatten(2)[torch.arange(images), :, positions]
    targets = target_map.flatten(2).permute(1, 0, 2).reshape(channels, -1)
    raw = (sources @ targets / math.sqrt(channels)).view(images, images, -1)
    regularizer = 5e-2 * (raw**2).mean()
    scores = clip * torch.tanh(raw / clip)
    own = torch.eye(images, dtype=torch.bool)
    negatives = scores.masked_fill(own[:, :, None], -math.inf).flatten(1).logsumexp(dim=1, keepdim=True)
    return functional.softplus(negatives - scores[own]).mean(), regularizer


def amdim_closed(sources, targets, clip):
    """Loss with regularizer and its gradients, for sources [C, B] and targets [C, B * L]; |clip| <= 40."""
    channels, images = sources.shape
    locations = targets.shape[1] // images
    scale = 1 / math.sqrt(channels)
    raw = (sources * scale).t() @ targets
    loss = 5e-2 * torch.dot(raw.flatten(), raw.flatten()) / raw.numel()
    clipped = torch.tanh(raw / clip)
    slopes = 1 - clipped * clipped
    grid = (images, images, locations)
    exponentials = clipped.mul_(clip)
    own = exponentials.view(grid).diagonal(0, 0, 1)
    positives = own.clone()
    exponentials.exp_()
    own.zero_()
    sums = exponentials.sum(dim=1)
    gaps = sums.log() - positives
    loss = loss + functional.softplus(gaps).mean()
    shares = torch.sigmoid(gaps) / (images * locations)
    exponentials *= (shares.sum(dim=0) / sums)[:, None]
    own.copy_(-shares)
    exponentials *= slopes
    exponentials.add_(raw, alpha=0.1 / raw.numel()).mul_(0.5 * scale)
    return 0.5 * loss, targets @ exponentials.t(), sources @ exponentials


class FeatureMaps:
    def __init__(self, case, inputs, closed=amdim_closed):
        half = len(inputs) // 2
        self.sides = inputs[:half], inputs[half:]
        self.pairs = [(int(item[0]), int(item[1])) for item in case["comparisons"].split(",")]
        self.positions = torch.tensor(case["positions"]).view(len(self.pairs), 2, -1)
        self.images = torch.arange(inputs[0].shape[0])
        self.direction = closed

    def walk(self):
        for (anchor, positive), positions in zip(self.pairs, self.positions):
            for side in range(2):
                yield (side, anchor), (1 - side, positive), positions[side]

    def loss(self):
        total = 0
        for source, target, positions in self.walk():
            maps = [self.sides[side][index] for side, index in (source, target)]
            loss, regularizer = amdim_direction(*maps, positions, 10.0)
            total = total + 0.5 * (loss + regularizer)
        return total

    def closed(self):
        # Maps and gradients as [C, B, L]: then each product is one, and each map is rearranged once.
        maps = {(side, index): item.flatten(2).permute(1, 0, 2).contiguous()
                for side, items in enumerate(self.sides) for index, item in enumerate(items)}
        gradients = {key: None for key in maps}
        total = 0
        sources = []
        for source, target, positions in self.walk():
            columns = maps[source][:, self.images, positions]
            loss, source_gradient, target_gradient = self.direction(columns, maps[target].flatten(1), 10.0)
            total = total + loss
            sources.append((source, positions, source_gradient))
            if gradients[target] is None:
                gradients[target] = target_gradient.view(maps[target].shape)
            else:
                gradients[target] += target_gradient.view(maps[target].shape)
        for source, positions, gradient in sources:
            if gradients[source] is None:
                gradients[source] = torch.zeros_like(maps[source])
            gradients[source][:, self.images, positions] += gradient
        return total, [gradient.permute(1, 0, 2).contiguous() for gradient in gradients.values()]


def convolve(block, x):
    """A block of the PixelCNN, by torch's convolutions."""
    return x + block(x)


def multiply(block, x):
    """The same as products of positions with weights: x is [B, H, W, C]."""
    first, _, second, _, third, _, fourth = block
    inner = functional.linear(x, first.weight.flatten(1), first.bias).relu()
    inner = torch.cat([inner[:, :, :-2], inner[:, :, 1:-1], inner[:, :, 2:]], dim=3)
    inner = functional.linear(inner, second.weight.permute(0, 2, 3, 1).flatten(1), second.bias)
    inner = functional.pad(inner, (0, 0, 0, 0, 1, 0), value=1.0)
    inner = torch.cat([inner[:, :-1], inner[:, 1:]], dim=3)
    inner = functional.linear(inner, third.weight.permute(0, 2, 3, 1).flatten(1))
    inner = (functional.pad(inner, (0, 0, 1, 1)) + third.bias).relu()
    return x + functional.linear(inner, fourth.weight.flatten(1), fourth.bias)


def scores_closed(predictions, targets, weights, picked, pick_weights):
    """CPC's loss of scores against all targets, one log-sum-exp a position, and the gradients of both factors."""
    scores = (predictions * 0.1) @ targets.t()
    picks = scores.flatten()[picked]
    highest = scores.amax(dim=1, keepdim=True)
    scores.sub_(highest).exp_()
    sums = scores.sum(dim=1)
    loss = torch.dot(weights, sums.log() + highest.flatten()) - torch.dot(pick_weights, picks)
    scores *= (weights / sums)[:, None]
    scores.flatten()[picked] -= pick_weights
    return loss, 0.1 * (scores @ targets), 0.1 * (scores.t() @ predictions)


def contrast_plan(batch, height, width):
    """Weights of positions, and which scores are picked with which weights."""
    positions = torch.arange(batch * (height - 2) * width).view(batch, height - 2, width)
    targets = torch.arange(batch * height * width).view(batch, height, width)
    weights = torch.zeros(positions.shape)
    picked, pick_weights = [], []
    for i in range(1, height - 1):
        rows = height - i - 1
        weight = i / (batch * rows * width)
        weights[:, :rows] += weight
        picked.append((positions[:, :rows] * targets.numel() + targets[:, i + 1 :]).flatten())
        pick_weights.append(torch.full(picked[-1].shape, weight))
    return weights.flatten(), torch.cat(picked), torch.cat(pick_weights)


def scores_loss(predictions, targets, weights, picked, pick_weights):
    """The same loss for autograd."""
    scores = (predictions * 0.1) @ targets.t()
    return torch.dot(weights, scores.logsumexp(dim=1)) - torch.dot(pick_weights, scores.flatten()[picked])


class CpcContrast:
    """The contrast alone, of maps [B, D, H, W]."""

    def __init__(self, inputs):
        self.maps = inputs
        self.plan = contrast_plan(*(inputs[0].shape[i] for i in (0, 2, 3)))

    def factors(self):
        predictions, targets = (x.permute(0, 2, 3, 1) for x in self.maps)
        return predictions[:, :-2].flatten(0, 2), targets.flatten(0, 2)

    def loss(self):
        return scores_loss(*self.factors(), *self.plan)

    def closed(self):
        loss, predictions, targets = scores_closed(*self.factors(), *self.plan)
        batch, dim, height, width = self.maps[0].shape
        gradients = torch.zeros(batch, height, width, dim), targets.view(batch, height, width, dim)
        gradients[0][:, :-2] = predictions.view(batch, height - 2, width, dim)
        return loss, [gradient.permute(0, 3, 1, 2).contiguous() for gradient in gradients]


class Cpc:
    def __init__(self, inputs, block):
        self.modules = CpcModules(inputs[0].shape[1])
        self.block = block
        self.z = inputs[0]
        if block is multiply:
            self.z = self.z.permute(0, 2, 3, 1).contiguous()
        else:
            self.z = self.z.contiguous(memory_format=torch.channels_last)
            self.modules.to(memory_format=torch.channels_last)
        self.z.requires_grad_()
        self.factors = self.compute_factors
        self.leaves = [self.z, *self.modules.parameters()]
        self.plan = contrast_plan(*(inputs[0].shape[i] for i in (0, 2, 3)))

    def compute_factors(self):
        """Predictions of all rows but the last two, and all targets: [positions, D] each."""
        heads = self.modules.pred_cnn, self.modules.target_cnn
        if self.block is multiply:
            context = self.z[:, :-2]
            for block in self.modules.blocks:
                context = multiply(block, context)
            maps = context.relu(), self.z
            return [functional.linear(x, head.weight.flatten(1), head.bias).flatten(0, 2)
                    for x, head in zip(maps, heads)]
        context = self.z[:, :, :-2]
        for block in self.modules.blocks:
            context = convolve(block, context)
        maps = context.relu(), self.z
        return [head(x).permute(0, 2, 3, 1).flatten(0, 2) for x, head in zip(maps, heads)]

    def loss(self):
        return scores_loss(*self.factors(), *self.plan)

    def closed(self):
        """The contrast in closed form, the network by autograd."""
        for leaf in self.leaves:
            leaf.grad = None
        factors = self.factors()
        loss, *gradients = scores_closed(*(x.detach() for x in factors), *self.plan)
        torch.autograd.backward(factors, gradients)
        return loss, [leaf.grad for leaf in self.leaves]


class NtXent:
    def __init__(self, inputs):
        self.views = inputs
        self.rows = 2 * len(inputs[0])
        self.index = torch.arange(self.rows)
        self.partners = self.index.roll(self.rows // 2)

    def loss(self):
        out = torch.cat(self.views)
        scores = (out * 2.0) @ out.t()
        scores.fill_diagonal_(-math.inf)
        return functional.cross_entropy(scores, self.partners)

    def closed(self):
        out = torch.cat(self.views)
        loss, gradient = self.scores(out, 0, self.rows)
        # Both roles of the rows in one product.
        return loss, ((gradient + gradient.t()) @ out * 2.0).chunk(2)

    def in_chunks(self, chunk=512):
        """The same with scores that stay in cache, for one product more."""
        out = torch.cat(self.views)
        result = torch.zeros_like(out)
        total = 0
        for begin in range(0, self.rows, chunk):
            end = min(begin + chunk, self.rows)
            loss, gradient = self.scores(out, begin, end)
            total = total + loss
            result[begin:end].addmm_(gradient, out, alpha=2.0)
            result.addmm_(gradient.t(), out[begin:end], alpha=2.0)
        return total, result.chunk(2)

    def scores(self, out, begin, end):
        """The part of the loss of rows [begin, end), and its gradient by their scores."""
        rows, partners = self.index[: end - begin], self.partners[begin:end]
        scores = (out[begin:end] * 2.0) @ out.t()
        scores[rows, self.index[begin:end]] = -math.inf
        picks = scores[rows, partners]
        highest = scores.amax(dim=1, keepdim=True)
        scores.sub_(highest).exp_()
        sums = scores.sum(dim=1)
        loss = (sums.log() + highest.flatten() - picks).sum() / self.rows
        scores *= (1 / (self.rows * sums))[:, None]
        scores[rows, partners] -= 1 / self.rows
        return loss, scores


def feature_map_variants(case, inputs, transform):
    leaves = leaves_of(inputs)
    return {"closed gradients": FeatureMaps(case, inputs, transform(amdim_closed)).closed,
            "autograd": autograd(leaves, transform(FeatureMaps(case, leaves).loss))}


def cpc_variants(_case, inputs, transform):
    result = {}
    for name, block in (("convolutions", convolve), ("products", multiply)):
        whole, closed = Cpc(inputs, block), Cpc(inputs, block)
        result[f"{name}, autograd"] = autograd(whole.leaves, transform(whole.loss))
        closed.factors = transform(closed.factors)
        result[f"{name}, closed contrast"] = closed.closed
    return result


def contrast_variants(_case, inputs, transform):
    leaves = leaves_of(inputs)
    return {"closed gradients": transform(CpcContrast(inputs).closed),
            "autograd": autograd(leaves, transform(CpcContrast(leaves).loss))}


def nt_xent_variants(_case, inputs, transform):
    loss, leaves = NtXent(inputs), leaves_of(inputs)
    return {"closed gradients": transform(loss.closed),
            "closed gradients in chunks": transform(loss.in_chunks),
            "autograd": autograd(leaves, transform(NtXent(leaves).loss))}


def unit_rows(rows):
    lengths = rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return rows / lengths, lengths


def through_norms(gradient, units, lengths):
    return (gradient - units * (gradient * units).sum(dim=1, keepdim=True)) / lengths


def softmax_gradient(scores, scale):
    """Row-wise cross-entropy of the diagonal and its gradient by scores before `scale`, in the place of `scores`."""
    picked = scores.diagonal().clone()
    highest = scores.amax(dim=1, keepdim=True)
    scores.sub_(highest).exp_()
    sums = scores.sum(dim=1)
    loss = (sums.log() + highest.flatten() - picked).mean()
    scores *= (scale / len(scores) / sums)[:, None]
    scores.diagonal().sub_(scale / len(scores))
    return loss, scores


def info_nce_closed(queries, keys):
    (queries, of_queries), (keys, of_keys) = unit_rows(queries), unit_rows(keys)
    loss, gradient = softmax_gradient(queries @ keys.t() / 0.07, 1 / 0.07)
    return loss, [through_norms(gradient @ keys, queries, of_queries),
                  through_norms(gradient.t() @ queries, keys, of_keys)]


def clip_closed(images, texts):
    scores = images @ texts.t() / 0.07
    other, turned = softmax_gradient(scores.t().contiguous(), 1 / 0.07)
    loss, gradient = softmax_gradient(scores, 1 / 0.07)
    gradient.add_(turned.t()).mul_(0.5)
    return (loss + other) / 2, [gradient @ texts, gradient.t() @ images]


def siglip_closed(images, texts):
    margins = images @ texts.t() * 10.0 - 10.0
    margins.diagonal().neg_()
    loss = functional.softplus(margins).sum() / len(margins)
    gradient = margins.sigmoid_().mul_(10.0 / len(margins))
    gradient.diagonal().neg_()
    return loss, [gradient @ texts, gradient.t() @ images]


def variants_of_two(closed, formula):
    def make(_case, inputs, transform):
        leaves = leaves_of(inputs)
        made = {"autograd": autograd(leaves, transform(lambda: formula(*leaves)))}
        return made if closed is None else {"closed gradients": transform(lambda: closed(*inputs)), **made}
    return make


def torch_compile(function):
    return torch.compile(function, dynamic=False)


VARIANTS = {"feature_map_contrastive": feature_map_variants, "cpc": cpc_variants, "cpc_contrast": contrast_variants,
            "nt_xent": nt_xent_variants,
            "info_nce": variants_of_two(info_nce_closed, torch_reference.info_nce_pairs),
            "clip": variants_of_two(clip_closed, torch_reference.clip),
            "siglip": variants_of_two(siglip_closed, torch_reference.siglip),
            "vicreg": variants_of_two(None, torch_reference.vicreg),
            "barlow_twins": variants_of_two(None, torch_reference.barlow_twins)}


def variants(case, inputs):
    """The ways to compute the case: name -> function that returns loss and gradients."""
    return VARIANTS[case["loss"]](case, inputs, lambda function: function)


def compiled_variants(case, inputs):
    """The same, compiled."""
    return VARIANTS[case["loss"]](case, inputs, torch_compile)
