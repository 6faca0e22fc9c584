# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`FeatureMapContrastiveTask`, a drop-in for the reference's module of that name, computed by a lossd server."""

from __future__ import annotations

from typing import Any, Sequence, Union

import numpy as np
import torch
from torch import Tensor

from lossd._contrast import WEIGHTS, ContrastCall, LastWeights, LossesAndRegularizer, Objective
from lossd._gradients import wanted_gradients
from lossd._module import tensors
from lossd._numbers import number, text
from lossd._scalar_loss import is_compiling
from lossd.client import Client, checked_client
from lossd.comparisons import RANDOM, format_map_indexes, parse_map_indexes

Maps = Union[Tensor, Sequence[Tensor]]


def _resolve(pair: tuple[int, int], count: int) -> tuple[int, ...]:
    """Draws what is random of a pair, from NumPy's stream."""
    return tuple(int(np.random.randint(0, count)) if index == RANDOM else index for index in pair)


if hasattr(torch, "compiler"):  # A compiled model would draw from torch's stream instead.
    _resolve = torch.compiler.disable(_resolve)


def _as_tensor(weights: Any, like: Tensor) -> Tensor:
    """Weights as a tensor through which gradients reach those of them that are tensors."""
    if isinstance(weights, Tensor):
        return weights
    if isinstance(weights, (int, float)):
        return torch.tensor(float(weights), device=like.device)
    parts = [w.reshape(()) if isinstance(w, Tensor) else torch.tensor(float(w), device=like.device) for w in weights]
    return torch.stack(parts)


def _as_maps(maps: Maps) -> tuple[Tensor, ...]:
    return tuple(maps) if isinstance(maps, (list, tuple)) else (maps,)


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
        self.map_indexes = parse_map_indexes(text("comparisons", comparisons))
        self.tclip = number("tclip", tclip)
        self.bidirectional = bidirectional
        self.regularizer_scale = number("regularizer_scale", regularizer_scale)
        self._client = checked_client(client)
        self._register(LastWeights(len(self.map_indexes)))

    def _register(self, last: LastWeights) -> None:
        self._last_weights = last
        self._weights_handle = WEIGHTS.add(last)

    def __setstate__(self, state: dict) -> None:
        """Of a copy: it remembers weights of its own."""
        super().__setstate__(state)
        self._register(self._last_weights)

    def forward(self, anchor_maps: Maps, positive_maps: Maps) -> tuple[Tensor, Tensor]:
        """(losses [K], regularizer []) of maps [B, C, H, W], differentiable in every map.

        Any weighting of the two is differentiated exactly; where the weights differ from those of the last backward
        (ones at first) by more than a factor, backward makes a second call.
        """
        return self._losses(*self._prepare(anchor_maps, positive_maps), None)

    def objective(self, anchor_maps: Maps, positive_maps: Maps, loss_weights: Sequence[float] | Tensor | None = None,
                  regularizer_weight: float | Tensor = 1.0) -> Tensor:
        """sum_k loss_weights[k] * losses[k] + regularizer_weight * regularizer, a scalar, for which one call does.

        Weights that are tensors get their gradients, the losses and the regularizer.
        """
        weights = [1.0] * len(self.map_indexes) if loss_weights is None else loss_weights
        call, positions, maps = self._prepare(anchor_maps, positive_maps)
        if is_compiling() or any(isinstance(w, Tensor) for w in (weights, regularizer_weight, *weights)):
            weights, regularizer_weight = _as_tensor(weights, maps[0]), _as_tensor(regularizer_weight, maps[0])
            told = torch.cat([weights.detach().double(), regularizer_weight.detach().double().reshape(1)])
            losses, regularizer = self._losses(call, positions, maps, told)
            return (losses * weights).sum() + regularizer * regularizer_weight
        told = *(number(f"loss_weights[{k}]", weight) for k, weight in enumerate(weights)), number(
            "regularizer_weight", regularizer_weight)
        return Objective.apply(call, positions, told, *maps)

    def _losses(self, call: ContrastCall, positions: Tensor, maps: tuple[Tensor, ...],
                told: Tensor | None) -> tuple[Tensor, Tensor]:
        if is_compiling():
            from lossd._compiled import contrast_op

            losses, regularizer, *_ = contrast_op(list(maps), positions, told, *call)
            return losses, regularizer
        return LossesAndRegularizer.apply(call, positions, told, *maps)

    def _prepare(self, anchor_maps: Maps, positive_maps: Maps) -> tuple[ContrastCall, Tensor, tuple[Tensor, ...]]:
        """The call, the positions drawn for it [K * directions * B], and its maps."""
        anchors, positives = _as_maps(anchor_maps), _as_maps(positive_maps)
        maps = anchors + positives
        tensors(**{f"anchor_maps[{k}]": m for k, m in enumerate(anchors)},
                **{f"positive_maps[{k}]": m for k, m in enumerate(positives)})
        pairs, positions = self._draw(anchors, positives)
        call = ContrastCall(self._client._handle if self._client is not None else 0, self._weights_handle,
                            format_map_indexes(pairs), number("tclip", self.tclip), bool(self.bidirectional),
                            number("regularizer_scale", self.regularizer_scale), len(anchors), wanted_gradients(maps))
        return call, positions, maps

    def _draw(self, anchors: Sequence[Tensor], positives: Sequence[Tensor]) -> tuple[list[tuple[int, int]], Tensor]:
        """Resolved pairs and positions [K * directions * B], drawn in the reference's order."""
        pairs, positions = [], []
        for pair in self.map_indexes:
            a, p = _resolve(pair, len(anchors)) if RANDOM in pair else pair
            if max(a, p) >= min(len(anchors), len(positives)) and (
                    self.bidirectional or a >= len(anchors) or p >= len(positives)):
                raise IndexError(f"comparisons: expected maps up to index {max(a, p)}, got {len(anchors)} anchors and "
                                 f"{len(positives)} positives")
            pairs.append((a, p))
            for source in (anchors[a], positives[a])[:1 + self.bidirectional]:
                positions.append(torch.randint(0, source.shape[-2] * source.shape[-1], (source.shape[0],),
                                               device=source.device))
        return pairs, torch.cat(positions)

    def extra_repr(self) -> str:
        comparisons = ", ".join(":".join("r" if i == RANDOM else str(i) for i in pair) for pair in self.map_indexes)
        return f"comparisons={comparisons!r}, tclip={self.tclip}, bidirectional={self.bidirectional}"
