# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`nt_xent_loss`, a drop-in for the reference's function of that name, computed by a lossd server."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd import specs
from lossd._gradients import first_derivative, scaled, wanted_gradients
from lossd.client import Client
from lossd.default_client import default_client
from lossd.request import GradientOptions

_NAMES = ("out_1", "out_2")


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, client: Client, temperature: float, gradients: GradientOptions, *views: Tensor) -> Tensor:
        result = client.compute(specs.nt_xent(temperature), dict(zip(_NAMES, views)), gradients=gradients)
        ctx.dtypes = [view.dtype for view in views]
        ctx.save_for_backward(*(result.gradients.get(name) for name in _NAMES))
        return result.outputs["loss"]

    @staticmethod
    @first_derivative
    def backward(ctx, grad: Tensor):
        return (None, None, None, *scaled(ctx.saved_tensors, grad.item(), ctx.dtypes))


def nt_xent_loss(out_1: Tensor, out_2: Tensor, temperature: float, *, client: Client | None = None) -> Tensor:
    """SimCLR's loss [] of two views [N, D] (as the reference: not normalised here), differentiable in both.

    temperature: finite, > 0. client: None: that of `lossd.default_client`. Errors are `lossd.LossdError`.
    """
    views = (out_1, out_2)
    gradients = wanted_gradients(dict(zip(_NAMES, views)))
    return _Loss.apply(client or default_client(), temperature, gradients, *views)
