# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Calls of the feature map loss for torch: losses and regularizer, with the gradient for weights that turn out only in
backward.

Forward asks for the gradient of the objective with the weights of the last backward, or with those it is told. If the
weights that arrive are a multiple of them, the gradient is that multiple; otherwise backward makes one second call.
Everything about a call but its tensors is numbers and texts, as in `_scalar_loss`.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence

import torch
from torch import Tensor

from lossd import specs
from lossd._gradients import Layout, first_derivative, scaled, wire_gradient_dtype
from lossd._handles import Handles
from lossd._scalar_loss import client_of
from lossd.request import GradientOptions, Result


class LastWeights:
    """The weights of a task's last backward: of each loss, then of the regularizer."""

    def __init__(self, losses: int) -> None:
        self.weights: tuple[float, ...] = (1.0,) * (losses + 1)


WEIGHTS: Handles[LastWeights] = Handles("task")


class ContrastCall(NamedTuple):
    """A call. `weights`: a handle of LastWeights; `anchors`: how many of the maps are anchors; `wanted`: places of maps
    that get a gradient."""

    client: int
    weights: int
    comparisons: str
    tclip: float
    bidirectional: bool
    regularizer_scale: float
    anchors: int
    wanted: list[int]

    def names(self, maps: Sequence[Tensor]) -> list[str]:
        return [f"anchor.{i}" if i < self.anchors else f"positive.{i - self.anchors}" for i in range(len(maps))]

    def compute(self, maps: Sequence[Tensor], positions: Tensor,
                asked: Sequence[float]) -> tuple[Result, list[Tensor]]:
        """The result, and the wanted gradients for the weights `asked`, contiguous."""
        names = self.names(maps)
        gradients = GradientOptions("none")
        if self.wanted:
            dtype = wire_gradient_dtype([maps[place].dtype for place in self.wanted])
            gradients = GradientOptions([names[place] for place in self.wanted], dtype=dtype)
        loss = specs.feature_map_contrastive(
            self.comparisons, tclip=self.tclip, bidirectional=self.bidirectional, positions=positions.tolist(),
            regularizer_scale=self.regularizer_scale, loss_weights=asked[:-1], regularizer_weight=asked[-1])
        result = client_of(self.client).compute(loss, dict(zip(names, maps)), gradients=gradients)
        return result, [result.gradients[names[place]] for place in self.wanted]

    def asked(self, told: Tensor | None) -> tuple[float, ...]:
        """The weights to ask for: those that were told, else the last ones."""
        return WEIGHTS[self.weights].weights if told is None else tuple(told.double().tolist())

    def run_backward(self, maps: Sequence[Tensor], positions: Tensor, asked: Sequence[float],
                     gradients: Sequence[Tensor], upstream: Tensor, layouts: Sequence[Layout]) -> list[Tensor]:
        """The gradients of the wanted maps for the weights `upstream` [K + 1]."""
        arrived = tuple(upstream.double().tolist())
        factor = multiple(arrived, asked)
        if factor is None:
            task = WEIGHTS.get(self.weights)
            if task is not None:  # A task may be gone before its losses are.
                task.weights = arrived
            gradients, factor = self.compute(maps, positions, arrived)[1], 1.0
        return [scaled(gradient, factor, layout) for gradient, layout in zip(gradients, layouts)]


def multiple(weights: Sequence[float], asked: Sequence[float]) -> float | None:
    """The factor f with weights == f * asked, exactly; None if there is none. NaN, which is what the gradient then is,
    if a weight is not finite."""
    if not all(map(math.isfinite, weights)):
        return math.nan
    if not any(weights):
        return 0.0
    largest = max(range(len(asked)), key=lambda i: abs(asked[i]))
    if asked[largest] == 0:
        return None
    # Products of two float32 values are exact in float64, so equality means proportionality.
    if all(w * asked[largest] == weights[largest] * a for w, a in zip(weights, asked)):
        return weights[largest] / asked[largest]
    return None


class KeptMaps:
    """Maps between forward and backward, kept so that a change in place is noticed; those of inference mode, which know
    no changes, as they are."""

    def __init__(self, ctx, maps: Sequence[Tensor], *others: Tensor) -> None:
        self._inference = {place: m for place, m in enumerate(maps) if m.is_inference()}
        self._count = len(maps)
        ctx.save_for_backward(*(m for place, m in enumerate(maps) if place not in self._inference), *others)

    def restore(self, saved: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The maps, and what else was saved."""
        rest = iter(saved)
        maps = [self._inference[place] if place in self._inference else next(rest) for place in range(self._count)]
        return maps, list(rest)


class LossesAndRegularizer(torch.autograd.Function):
    """(losses [K], regularizer []) of maps."""

    @staticmethod
    def forward(ctx, call: ContrastCall, positions: Tensor, told: Tensor | None, *maps: Tensor):
        asked = call.asked(told)
        result, gradients = call.compute(maps, positions, asked)
        ctx.call, ctx.positions, ctx.asked = call, positions, asked
        ctx.client = client_of(call.client)  # Which a second call needs, whoever else forgets it.
        ctx.layouts = [Layout.of(maps[place]) for place in call.wanted]
        ctx.kept = KeptMaps(ctx, maps, *gradients)
        return result.outputs["losses"], result.outputs["regularizer"]

    @staticmethod
    @first_derivative
    def backward(ctx, grad_losses: Tensor, grad_regularizer: Tensor):
        maps, gradients = ctx.kept.restore(ctx.saved_tensors)
        upstream = torch.cat([grad_losses.double(), grad_regularizer.double().reshape(1)])
        made: list[Tensor | None] = [None] * len(ctx.needs_input_grad)
        found = ctx.call.run_backward(maps, ctx.positions, ctx.asked, gradients, upstream, ctx.layouts)
        for place, gradient in zip(ctx.call.wanted, found):
            made[3 + place] = gradient
        return tuple(made)


class Objective(torch.autograd.Function):
    """The objective of maps; its upstream gradient is a scalar, so that forward's gradient always serves."""

    @staticmethod
    def forward(ctx, call: ContrastCall, positions: Tensor, weights: tuple[float, ...], *maps: Tensor):
        result, gradients = call.compute(maps, positions, weights)
        ctx.call = call
        ctx.layouts = [Layout.of(maps[place]) for place in call.wanted]
        ctx.save_for_backward(*gradients)
        losses = result.outputs["losses"]
        return torch.tensor(result.objective, dtype=losses.dtype, device=losses.device)

    @staticmethod
    @first_derivative
    def backward(ctx, grad: Tensor):
        factor = grad.item()
        made: list[Tensor | None] = [None] * len(ctx.needs_input_grad)
        for place, gradient, layout in zip(ctx.call.wanted, ctx.saved_tensors, ctx.layouts):
            made[3 + place] = scaled(gradient, factor, layout)
        return tuple(made)
