# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`nt_xent_loss`, a drop-in for the reference's function of that name, computed by a lossd server."""

from __future__ import annotations

from torch import Tensor

from lossd._module import tensors
from lossd._scalar_loss import scalar_loss
from lossd._temperature import split_temperature, times
from lossd.client import Client, checked_client


def nt_xent_loss(out_1: Tensor, out_2: Tensor, temperature: float | Tensor, *, client: Client | None = None) -> Tensor:
    """SimCLR's loss [] of two views [N, D] (as the reference: not normalised here), differentiable in both, and in the
    temperature where that is a tensor.

    temperature: finite, > 0. client: None: that of `lossd.default_client`. Errors are `lossd.LossdError`.
    """
    tensors(out_1=out_1, out_2=out_2)
    root, fixed = split_temperature(temperature, 0.5)
    views = {"out_1": times(out_1, root), "out_2": times(out_2, root)}
    return scalar_loss(checked_client(client), "nt_xent", {"temperature": fixed}, views)
