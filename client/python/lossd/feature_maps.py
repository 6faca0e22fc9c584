# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`FeatureMapContrastiveTask`, a drop-in for the reference's module of that name, computed by a lossd server."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Sequence, Union

import numpy as np
import torch
from torch import Tensor

from lossd import specs
from lossd._gradients import first_derivative, scaled, wanted_gradients
from lossd.client import Client
from lossd.comparisons import RANDOM, format_map_indexes, parse_map_indexes
from lossd.default_client import default_client
from lossd.request import GradientOptions, Result

Maps = Union[Tensor, Sequence[Tensor]]


@dataclass(frozen=True)
class _Call:
    """Everything that a repetition of a call needs but the maps."""

    client: Client
    names: tuple[str, ...]
    gradients: GradientOptions
    settings: dict[str, Any]
    loss_weights: tuple[float, ...]
    regularizer_weight: float

    def run(self, maps: Sequence[Tensor]) -> tuple[Result, list[Tensor | None]]:
        """The result, and the gradients in the order of the maps."""
        loss = specs.feature_map_contrastive(loss_weights=self.loss_weights,
                                             regularizer_weight=self.regularizer_weight, **self.settings)
        result = self.client.compute(loss, dict(zip(self.names, maps)), gradients=self.gradients)
        return result, [result.gradients.get(name) for name in self.names]


class _LossesAndRegularizer(torch.autograd.Function):
    """(losses [K], regularizer []) of maps, with the gradient for weights that turn out only in backward.

    Forward asks for the gradient of the objective with the weights of the last backward. If the weights that arrive are
    a multiple of them, the gradient is that multiple; otherwise backward makes one second call.
    """

    @staticmethod
    def forward(ctx, task: "FeatureMapContrastiveTask", call: _Call, *maps: Tensor):
        result, gradients = call.run(maps)
        ctx.task, ctx.call = task, call
        ctx.save_for_backward(*maps, *gradients)
        return result.outputs["losses"], result.outputs["regularizer"]

    @staticmethod
    @first_derivative
    def backward(ctx, grad_losses: Tensor, grad_regularizer: Tensor):
        call, count = ctx.call, len(ctx.call.names)
        maps, gradients = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        weights = (*grad_losses.double().tolist(), grad_regularizer.double().item())
        factor = _multiple(weights, (*call.loss_weights, call.regularizer_weight))
        if factor is None:
            ctx.task._weights = weights
            _, gradients = replace(call, loss_weights=weights[:-1], regularizer_weight=weights[-1]).run(maps)
            factor = 1.0
        return (None, None, *scaled(gradients, factor, [m.dtype for m in maps]))


class _Objective(torch.autograd.Function):
    """The objective of maps; its upstream gradient is a scalar, so that forward's gradient always serves."""

    @staticmethod
    def forward(ctx, call: _Call, *maps: Tensor):
        result, gradients = call.run(maps)
        ctx.dtypes = [m.dtype for m in maps]
        ctx.save_for_backward(*gradients)
        return torch.tensor(result.objective, dtype=result.outputs["losses"].dtype, device=maps[0].device)

    @staticmethod
    @first_derivative
    def backward(ctx, grad: Tensor):
        return (None, *scaled(ctx.saved_tensors, grad.item(), ctx.dtypes))


def _multiple(weights: Sequence[float], asked: Sequence[float]) -> float | None:
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


def _as_maps(maps: Maps) -> tuple[Tensor, ...]:
    return (maps,) if isinstance(maps, Tensor) else tuple(maps)


class FeatureMapContrastiveTask(torch.nn.Module):
    """Contrasts feature maps of two views: each sampled position of a source map against all positions of a target map.

    Args:
        comparisons: pairs of map indices, anchor first: "00, 11"; `r` is drawn at random; indices above 9 as "10:12".
        tclip: scores x are clipped to tclip * tanh(x / tclip).
        bidirectional: whether each pair is also compared with the roles exchanged.
        client: of the server that computes; None: that of `lossd.default_client`.
        regularizer_scale: of the mean squared score inside the regularizer.

    Random indices and positions are drawn here, with NumPy's and torch's generators in the reference's order, and sent:
    seeds and checkpoint recomputation behave as they do with the reference. Errors are `lossd.LossdError`.
    """

    parse_map_indexes = staticmethod(parse_map_indexes)

    def __init__(self, comparisons: str = "00, 11", tclip: float = 10.0, bidirectional: bool = True, *,
                 client: Client | None = None, regularizer_scale: float = 0.05) -> None:
        super().__init__()
        self.map_indexes = parse_map_indexes(comparisons)
        self.tclip = tclip
        self.bidirectional = bidirectional
        self.regularizer_scale = regularizer_scale
        self._client = client
        self._weights: tuple[float, ...] = (1.0,) * (len(self.map_indexes) + 1)

    def forward(self, anchor_maps: Maps, positive_maps: Maps) -> tuple[Tensor, Tensor]:
        """(losses [K], regularizer []) of maps [B, C, H, W], differentiable in every map.

        Any weighting of the two is differentiated exactly; where the weights differ from those of the last backward
        (ones at first) by more than a factor, backward makes a second call.
        """
        call, maps = self._prepare(anchor_maps, positive_maps, self._weights[:-1], self._weights[-1])
        return _LossesAndRegularizer.apply(self, call, *maps)

    def objective(self, anchor_maps: Maps, positive_maps: Maps, loss_weights: Sequence[float] | None = None,
                  regularizer_weight: float = 1.0) -> Tensor:
        """sum_k loss_weights[k] * losses[k] + regularizer_weight * regularizer, a scalar; never needs a second call."""
        weights = tuple(loss_weights) if loss_weights is not None else (1.0,) * len(self.map_indexes)
        call, maps = self._prepare(anchor_maps, positive_maps, weights, regularizer_weight)
        return _Objective.apply(call, *maps)

    def _prepare(self, anchor_maps: Maps, positive_maps: Maps, loss_weights: tuple[float, ...],
                 regularizer_weight: float) -> tuple[_Call, tuple[Tensor, ...]]:
        anchors, positives = _as_maps(anchor_maps), _as_maps(positive_maps)
        names = tuple(f"anchor.{i}" for i in range(len(anchors))) + tuple(
            f"positive.{i}" for i in range(len(positives)))
        maps = anchors + positives
        gradients = wanted_gradients(dict(zip(names, maps)))
        pairs, positions = self._draw(anchors, positives)
        settings = dict(comparisons=format_map_indexes(pairs), positions=positions, tclip=self.tclip,
                        bidirectional=self.bidirectional, regularizer_scale=self.regularizer_scale)
        client = self._client or default_client()
        return _Call(client, names, gradients, settings, loss_weights, regularizer_weight), maps

    def _draw(self, anchors: Sequence[Tensor], positives: Sequence[Tensor]) -> tuple[list[tuple[int, int]], list[int]]:
        """Resolved pairs and positions [K, directions, B], drawn in the reference's order."""
        pairs, positions = [], []
        for pair in self.map_indexes:
            a, p = (np.random.randint(0, len(anchors)) if index == RANDOM else index for index in pair)
            if max(a, p) >= min(len(anchors), len(positives)) and (
                    self.bidirectional or a >= len(anchors) or p >= len(positives)):
                raise IndexError(f"comparisons: expected maps up to index {max(a, p)}, got {len(anchors)} anchors and "
                                 f"{len(positives)} positives")
            pairs.append((a, p))
            for source in (anchors[a], positives[a])[:1 + self.bidirectional]:
                batch, places = source.shape[0], source.shape[-2] * source.shape[-1]
                positions += torch.randint(0, places, (batch,), device=source.device).tolist()
        return pairs, positions

    def extra_repr(self) -> str:
        comparisons = ", ".join(":".join("r" if i == RANDOM else str(i) for i in pair) for pair in self.map_indexes)
        return f"comparisons={comparisons!r}, tclip={self.tclip}, bidirectional={self.bidirectional}"
