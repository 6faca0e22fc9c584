# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What the losses that are modules have in common."""

from __future__ import annotations

from typing import Any, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from lossd._scalar_loss import scalar_loss
from lossd.client import Client


class RemoteLoss(torch.nn.Module):
    """A module that a lossd server computes. Arguments of the original's that mean something else here, or nothing, are
    refused unless they have the original's default. `client`: None: that of `lossd.default_client`."""

    def __init__(self, client: Client | None) -> None:
        super().__init__()
        self._client = client

    def _compute(self, loss: str, settings: Mapping[str, float], inputs: Mapping[str, Tensor]) -> Tensor:
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
