# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The losses as operators of torch's, for graphs: torch.compile and torch.export keep them as single nodes.

Needs torch 2.4 or newer. The operators compute what the autograd functions of `_scalar_loss` and `feature_maps` do, by
the same code. Their gradients are results of their own, which nobody may differentiate.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

import torch
from torch import Tensor

from lossd._gradients import Layout, first_derivative, scaled, wire_gradient_dtype
from lossd._contrast import ContrastCall, KeptMaps
from lossd._scalar_loss import ScalarCall


def _empty_results(tensors: Sequence[Tensor], wanted: Sequence[int]) -> tuple[torch.dtype, list[Tensor]]:
    """The dtype of outputs, and tensors as the gradients of `run` will be."""
    wide = any(tensor.dtype == torch.float64 for tensor in tensors)
    narrow = wire_gradient_dtype([tensors[place].dtype for place in wanted])
    empty = [torch.empty(tensors[place].shape, dtype=narrow or tensors[place].dtype, device=tensors[place].device)
             for place in wanted]
    return torch.float64 if wide else torch.float32, empty


@torch.library.custom_op("lossd::scalar_loss", mutates_args=())
def scalar_loss_op(tensors: Sequence[Tensor], client: int, loss: str, fields: str, values: Sequence[float], names: str,
                   wanted: Sequence[int]) -> List[Tensor]:
    """The loss [] and the wanted gradients; see ScalarCall."""
    return ScalarCall(client, loss, fields, list(values), names, list(wanted)).run(tensors)


@scalar_loss_op.register_fake
def _(tensors, client, loss, fields, values, names, wanted):
    dtype, gradients = _empty_results(tensors, wanted)
    return [tensors[0].new_empty((), dtype=dtype), *gradients]


def _scalar_setup(ctx, inputs, output) -> None:
    tensors, wanted = inputs[0], inputs[-1]
    ctx.count, ctx.wanted = len(tensors), wanted
    ctx.layouts = [Layout.of(tensors[place]) for place in wanted]
    ctx.save_for_backward(*output[1:])


@first_derivative
def _scalar_backward(ctx, upstream):
    made: list[Tensor | None] = [None] * ctx.count
    for place, gradient, layout in zip(ctx.wanted, ctx.saved_tensors, ctx.layouts):
        made[place] = scaled(gradient, upstream[0], layout)
    return (made, *[None] * 6)


scalar_loss_op.register_autograd(_scalar_backward, setup_context=_scalar_setup)


@torch.library.custom_op("lossd::contrast", mutates_args=())
def contrast_op(maps: Sequence[Tensor], positions: Tensor, told: Optional[Tensor], client: int, weights: int,
                comparisons: str, tclip: float, bidirectional: bool, regularizer_scale: float, anchors: int,
                wanted: Sequence[int]) -> List[Tensor]:
    """losses [K], regularizer [], the weights asked for [K + 1], and the wanted gradients; see ContrastCall."""
    call = ContrastCall(client, weights, comparisons, tclip, bidirectional, regularizer_scale, anchors, list(wanted))
    asked = call.asked(told)
    result, gradients = call.compute(maps, positions, asked)
    return [result.outputs["losses"], result.outputs["regularizer"],
            torch.tensor(asked, dtype=torch.float64, device=maps[0].device), *gradients]


@contrast_op.register_fake
def _(maps, positions, told, client, weights, comparisons, tclip, bidirectional, regularizer_scale, anchors, wanted):
    dtype, gradients = _empty_results(maps, wanted)
    count = comparisons.count(",") + 1
    return [maps[0].new_empty((count,), dtype=dtype), maps[0].new_empty((), dtype=dtype),
            maps[0].new_empty((count + 1,), dtype=torch.float64), *gradients]


@torch.library.custom_op("lossd::contrast_backward", mutates_args=())
def contrast_backward_op(maps: Sequence[Tensor], positions: Tensor, asked: Tensor, gradients: Sequence[Tensor],
                         upstream: Tensor, client: int, weights: int, comparisons: str, tclip: float,
                         bidirectional: bool, regularizer_scale: float, anchors: int,
                         wanted: Sequence[int]) -> List[Tensor]:
    """The gradients of the wanted maps for the weights `upstream` [K + 1]."""
    call = ContrastCall(client, weights, comparisons, tclip, bidirectional, regularizer_scale, anchors, list(wanted))
    layouts = [Layout.of(maps[place]) for place in wanted]
    return call.run_backward(maps, positions, asked.tolist(), gradients, upstream, layouts)


@contrast_backward_op.register_fake
def _(maps, positions, asked, gradients, upstream, client, weights, comparisons, tclip, bidirectional,
      regularizer_scale, anchors, wanted):
    return [torch.empty_like(maps[place]) for place in wanted]  # Which keeps the strides of what is dense.


def _contrast_setup(ctx, inputs, output) -> None:
    maps, ctx.positions, _, *ctx.call = inputs
    ctx.kept = KeptMaps(ctx, maps, *output[2:])


@first_derivative
def _contrast_backward(ctx, upstream):
    maps, (asked, *gradients) = ctx.kept.restore(ctx.saved_tensors)
    weights = torch.cat([upstream[0].double(), upstream[1].double().reshape(1)])
    wanted = ctx.call[-1]
    found = contrast_backward_op(maps, ctx.positions, asked, gradients, weights, *ctx.call)
    made: list[Tensor | None] = [None] * len(maps)
    for place, gradient in zip(wanted, found):
        made[place] = gradient
    return (made, None, None, *[None] * len(ctx.call))


contrast_op.register_autograd(_contrast_backward, setup_context=_contrast_setup)
