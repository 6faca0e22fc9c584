# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Gradients on their way from the wire to autograd."""

from __future__ import annotations

import functools
from typing import Any, Callable, Mapping, Sequence

import torch
from torch import Tensor

from lossd.request import GradientOptions

_NARROW = (torch.float16, torch.bfloat16)


def wanted_gradients(inputs: Mapping[str, Tensor]) -> GradientOptions:
    """Asks for the gradient of every input that requires one; for none where gradients are disabled.

    Those of 16-bit inputs come in float32: backward multiplies them by the upstream gradient, and what a loss scaler is
    to save would be lost in rounding before.
    """
    wanted = [name for name, tensor in inputs.items() if tensor.requires_grad] if torch.is_grad_enabled() else []
    if not wanted:
        return GradientOptions("none")
    narrow = any(inputs[name].dtype in _NARROW for name in wanted)
    return GradientOptions(wanted, dtype=torch.float32 if narrow else None)


def first_derivative(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a `backward` whose gradients are constants to autograd: where they are to be differentiated again, as in a
    gradient penalty, it raises RuntimeError rather than let that derivative silently be missing."""

    @functools.wraps(backward)
    def wrapper(ctx, *upstream: Tensor):
        if torch.is_grad_enabled():
            raise RuntimeError("expected a backward without create_graph=True: lossd computes first derivatives only")
        return backward(ctx, *upstream)

    return wrapper


def scaled(gradients: Sequence[Tensor | None], factor: float, dtypes: Sequence[torch.dtype]) -> list[Tensor | None]:
    """`factor` times each gradient, rounded once to the dtype of its input."""
    return [None if g is None else (g * factor).to(dtype) for g, dtype in zip(gradients, dtypes)]
