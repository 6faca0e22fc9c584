# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Differences from a library that computed in float64, and the share that they are of what docs/losses.md allows."""

from __future__ import annotations

from typing import Mapping, NamedTuple

import torch
from torch import Tensor


class Bounds(NamedTuple):
    """Relative bounds of the loss and of gradients; half an ulp of the type."""

    loss: float
    gradients: float
    rounding: float


BOUNDS = {torch.float64: Bounds(1e-12, 1e-12, 2.0**-53), torch.float32: Bounds(1e-6, 1e-5, 2.0**-24)}


class Difference(NamedTuple):
    """Largest differences: of the loss, relative to max(1, |loss|), and of gradients, relative to the tensor's largest
    entry. `share`: of what is allowed; at most 1 is accurate, NaN is not."""

    loss: float
    gradients: float
    share: float


class Computed(NamedTuple):
    """A loss [] and its gradients by name."""

    loss: Tensor
    gradients: Mapping[str, Tensor]


def largest(values: list[float]) -> float:
    """The largest, or NaN where one is NaN."""
    return torch.tensor(values, dtype=torch.float64).max().item()


def difference(got: Computed, expected: Computed, kappa: float, dtype: torch.dtype) -> Difference:
    """`kappa`: the largest score without cancellation. The rule's A, the largest entry of a gradient's sum without
    cancellation, is at least the largest entry of the gradient, which stands for it: this asks for more than the rule."""
    bounds = BOUNDS[dtype]
    size = max(1.0, expected.loss.abs().item())
    loss = (got.loss.double() - expected.loss).abs().item()
    shares, relative = [loss / (bounds.loss * size + bounds.rounding * kappa)], []
    for name, gradient in expected.gradients.items():
        error = (got.gradients[name].double().reshape(gradient.shape) - gradient).abs().max()
        relative.append((error / gradient.abs().max()).item())
        shares.append(relative[-1] / max(bounds.gradients, 4 * bounds.rounding * (8 + kappa)))
    return Difference(loss / size, largest(relative), largest(shares))
