# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Gradients on their way from the wire to autograd."""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple, Sequence

import torch
from torch import Tensor

NARROW = (torch.float16, torch.bfloat16)


def wanted_gradients(tensors: Sequence[Tensor]) -> list[int]:
    """The places of tensors that require a gradient; none where gradients are disabled."""
    if not torch.is_grad_enabled():
        return []
    return [place for place, tensor in enumerate(tensors) if tensor.requires_grad]


def wire_gradient_dtype(dtypes: Sequence[torch.dtype]) -> torch.dtype | None:
    """In which gradients of inputs of these dtypes are asked for; None: each in its input's.

    Those of 16-bit inputs come in float32: backward multiplies them by the upstream gradient, and what a loss scaler is
    to save would be lost in rounding before.
    """
    return torch.float32 if any(dtype in NARROW for dtype in dtypes) else None


def first_derivative(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a `backward` whose gradients are constants to autograd: where they are to be differentiated again, as in a
    gradient penalty, it raises RuntimeError rather than let that derivative silently be missing."""

    @functools.wraps(backward)
    def wrapper(ctx, *upstream: Tensor):
        if torch.is_grad_enabled():
            raise RuntimeError("expected a backward without create_graph=True: lossd computes first derivatives only")
        return backward(ctx, *upstream)

    return wrapper


class Layout(NamedTuple):
    """What a gradient must be like to suit its input."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> Layout:
        return cls(tensor.dtype, tuple(tensor.shape), tensor.stride())

    def is_dense(self) -> bool:
        """Whether the elements fill their memory, each once."""
        expected = 1
        for stride, extent in sorted((s, e) for s, e in zip(self.stride, self.shape) if e != 1):
            if stride != expected:
                return False
            expected *= extent
        return True


def scaled(gradient: Tensor, factor: Tensor | float, layout: Layout) -> Tensor:
    """`factor` times a gradient, rounded once to the dtype of its input, and lying as that does: what keeps gradients
    (DDP's buckets, optimisers) expects them to lie as their parameters do."""
    product = (gradient * factor).to(layout.dtype)
    if product.stride() == layout.stride or not layout.is_dense():
        return product
    return torch.empty_strided(layout.shape, layout.stride, dtype=layout.dtype, device=product.device).copy_(product)
