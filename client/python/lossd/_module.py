# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What the losses that are modules have in common."""

from __future__ import annotations

from typing import Any, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from lossd._scalar_loss import scalar_loss
from lossd.client import Client, checked_client


def tensors(**arguments: Any) -> None:
    """TypeError naming the first argument that is no dense tensor of torch's."""
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}: expected a torch tensor, got {type(value).__name__}")
        if value.layout != torch.strided:
            raise TypeError(f"{name}: expected a dense tensor, got one of layout {value.layout}")


class RemoteLoss(torch.nn.Module):
    """A module that a lossd server computes. Arguments of the original's that mean something else here, or nothing, are
    refused unless they have the original's default. `client`: None: that of `lossd.default_client`."""

    def __init__(self, client: Client | None) -> None:
        super().__init__()
        self._client = checked_client(client)

    def _compute(self, loss: str, settings: Mapping[str, float], inputs: Mapping[str, Tensor]) -> Tensor:
        if any(tensor.dtype == torch.float64 for tensor in inputs.values()):  # Beside which the server takes no narrower.
            inputs = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
        return scalar_loss(self._client, loss, settings, inputs)


def refuse(argument: str, value: Any, default: Any, why: str) -> None:
    """ValueError for an argument that has another value than its default."""
    if value is not default and value != default:
        raise ValueError(f"{argument}: expected {default!r}, got {value!r}: {why}")


def one_process(**arguments: Any) -> None:
    """ValueError for arguments that ask for the batches of other processes, too."""
    for name, value in arguments.items():
        refuse(name, value, {"rank": value, "world_size": 1}.get(name, False), "each call is a batch of its own here")


def unit(rows: Tensor) -> Tensor:
    return F.normalize(rows.float() if rows.dtype in (torch.float16, torch.bfloat16) else rows, dim=1)
