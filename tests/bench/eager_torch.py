#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The losses in eager PyTorch with autograd, timed on request: what engine_bench measures lossd against.

Reads JSON lines: {"case": {...}, "threads": n} makes ready and answers "ready"; {"run": n} computes the loss and all
gradients n times and answers the seconds that took: elapsed, or with the argument "processor" those of this process's
threads. The formulas are those of the reference, with index gathers in
place of its masks and without its Python loops over masks.
"""

import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional


def amdim_direction(source_map, target_map, positions, clip):
    """AMDIM's NCE loss and regularizer with sources drawn at `positions`."""
    images, channels = source_map.shape[:2]
    sources = source_map.flatten(2)[torch.arange(images), :, positions]
    targets = target_map.flatten(2).permute(1, 0, 2).reshape(channels, -1)
    raw = (sources @ targets / math.sqrt(channels)).view(images, images, -1)
    regularizer = 5e-2 * (raw**2).mean()
    scores = clip * torch.tanh(raw / clip)
    own = torch.eye(images, dtype=torch.bool)
    negatives = scores.masked_fill(own[:, :, None], -math.inf).flatten(1).logsumexp(dim=1, keepdim=True)
    return functional.softplus(negatives - scores[own]).mean(), regularizer


class FeatureMaps:
    def __init__(self, case):
        def view():
            return [torch.randn(shape, requires_grad=True) for shape in case["maps"]]

        self.sides = (view(), view())
        self.pairs = [(int(item[0]), int(item[1])) for item in case["comparisons"].split(",")]
        self.leaves = self.sides[0] + self.sides[1]

    def loss(self):
        total = 0
        for anchor, positive in self.pairs:
            for direction in range(2):
                source = self.sides[direction][anchor]
                positions = torch.randint(source.shape[2] * source.shape[3], (source.shape[0],))
                losses = amdim_direction(source, self.sides[1 - direction][positive], positions, 10.0)
                total = total + 0.5 * (losses[0] + losses[1])
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


class Cpc:
    """CPCTask with its double loop over steps."""

    def __init__(self, case):
        channels = case["z"][1]
        self.z = torch.randn(case["z"], requires_grad=True)
        self.target_cnn = nn.Conv2d(channels, 64, 1)
        self.pred_cnn = nn.Conv2d(channels, 64, 1)
        self.blocks = nn.ModuleList(pixel_cnn_block(channels) for _ in range(5))
        modules = nn.ModuleList([self.target_cnn, self.pred_cnn, self.blocks])
        self.leaves = [self.z, *modules.parameters()]

    def loss(self):
        context = self.z
        for block in self.blocks:
            context = context + block(context)
        targets = self.target_cnn(self.z)
        predictions = self.pred_cnn(functional.relu(context))
        batch, dim, height, width = targets.shape
        targets = targets.permute(0, 2, 3, 1).reshape(-1, dim)
        losses = []
        for i in range(height - 1):
            for _ in range(i):
                rows = predictions[:, :, : -(i + 1), :] * 0.1
                logits = rows.permute(0, 2, 3, 1).reshape(-1, dim) @ targets.t()
                labels = self.labels(batch, height, width, i)
                loss = functional.cross_entropy(logits, labels)
                if not torch.isnan(loss):
                    losses.append(loss)
        return torch.stack(losses).sum()

    @staticmethod
    def labels(batch, height, width, i):
        count = batch * (height - i - 1) * width
        b = torch.arange(count) // ((height - i - 1) * width)
        column = torch.arange(count) % ((height - i - 1) * width)
        return b * height * width + (i + 1) * width + column


class NtXent:
    def __init__(self, case):
        def view():
            return functional.normalize(torch.randn(case["rows"], case["width"])).requires_grad_()

        self.leaves = [view(), view()]

    def loss(self):
        out = torch.cat(self.leaves)
        similarity = torch.exp(out @ out.t() / 0.5)
        others = ~torch.eye(len(out), dtype=torch.bool)
        negatives = similarity.masked_select(others).view(len(out), -1).sum(dim=-1)
        positives = torch.exp((self.leaves[0] * self.leaves[1]).sum(dim=-1) / 0.5)
        return -torch.log(torch.cat([positives, positives]) / negatives).mean()


LOSSES = {"feature_map_contrastive": FeatureMaps, "cpc": Cpc, "nt_xent": NtXent}


def run(loss, times, clock):
    begin = clock()
    for _ in range(times):
        for leaf in loss.leaves:
            leaf.grad = None
        loss.loss().backward()
    return clock() - begin


def main():
    torch.manual_seed(0)
    clock = time.process_time if sys.argv[1:] == ["processor"] else time.perf_counter
    loss = None
    for line in sys.stdin:
        message = json.loads(line)
        if "case" in message:
            torch.set_num_threads(message["threads"])
            loss = LOSSES[message["case"]["loss"]](message["case"])
            print("ready", flush=True)
        else:
            print(repr(run(loss, message["run"], clock)), flush=True)


if __name__ == "__main__":
    main()
