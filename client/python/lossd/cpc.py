# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`CPCTask`, a drop-in for the reference's module of that name: parameters live here, the loss on a lossd server."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lossd import specs
from lossd._gradients import first_derivative, scaled, wanted_gradients
from lossd.client import Client
from lossd.default_client import default_client
from lossd.request import GradientOptions
from lossd.v1.losses_pb2 import LossSpec

_HIDDEN_CHANNELS = 256
_BLOCKS = 5


class PixelCNN(nn.Module):
    """The context network, with the reference's names, order of creation and initialisation. The loss does not call its
    forward: the server computes it."""

    def __init__(self, num_channels: int, num_blocks: int = _BLOCKS, hidden_channels: int = _HIDDEN_CHANNELS) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self._block(num_channels, hidden_channels) for _ in range(num_blocks))

    @staticmethod
    def _block(channels: int, hidden: int) -> nn.Sequential:
        activation = nn.ReLU(inplace=True)
        return nn.Sequential(nn.Conv2d(channels, hidden, kernel_size=(1, 1)), activation,
                             nn.Conv2d(hidden, hidden, kernel_size=(1, 3)), nn.ConstantPad2d((0, 0, 1, 0), 1.0),
                             nn.Conv2d(hidden, hidden, kernel_size=(2, 1), padding=(0, 1)), activation,
                             nn.Conv2d(hidden, channels, kernel_size=(1, 1)))

    def forward(self, z: Tensor) -> Tensor:
        """The context [B, C, H, W] of maps z [B, C, H, W], computed here, for those who look at it."""
        for block in self.blocks:
            z = z + block(z)
        return torch.relu(z)


class _Loss(torch.autograd.Function):
    """The loss as a function of z and the parameters, given by name."""

    @staticmethod
    def forward(ctx, client: Client, loss: LossSpec, names: tuple[str, ...], gradients: GradientOptions,
                *tensors: Tensor) -> Tensor:
        result = client.compute(loss, dict(zip(names, tensors)), gradients=gradients)
        ctx.dtypes = [tensor.dtype for tensor in tensors]
        ctx.save_for_backward(*(result.gradients.get(name) for name in names))
        return result.outputs["loss"]

    @staticmethod
    @first_derivative
    def backward(ctx, grad: Tensor):
        return (None, None, None, None, *scaled(ctx.saved_tensors, grad.item(), ctx.dtypes))


class CPCTask(nn.Module):
    """Contrastive predictive coding over feature maps.

    Args:
        num_input_channels: C of the maps.
        target_dim: dimension of predictions and targets.
        embed_scale: factor of the scores.
        client: of the server that computes; None: that of `lossd.default_client`.

    Parameters, their names, their order and their initialisation under a torch seed are the reference's, so that any
    optimiser and its checkpoints work as before. Errors are `lossd.LossdError`.
    """

    def __init__(self, num_input_channels: int, target_dim: int = 64, embed_scale: float = 0.1, *,
                 client: Client | None = None) -> None:
        super().__init__()
        self.target_cnn = nn.Conv2d(num_input_channels, target_dim, kernel_size=1)
        self.pred_cnn = nn.Conv2d(num_input_channels, target_dim, kernel_size=1)
        self.context_cnn = PixelCNN(num_input_channels)
        self.target_dim = target_dim
        self.embed_scale = embed_scale
        self._client = client

    def forward(self, z: Tensor) -> Tensor:
        """The loss [] of maps z [B, C, H, W], H, W >= 3, differentiable in z and every parameter."""
        inputs = {"z": z, **{f"parameters.{name}": tensor for name, tensor in self.named_parameters()}}
        return _Loss.apply(self._client or default_client(), specs.cpc(embed_scale=self.embed_scale), tuple(inputs),
                           wanted_gradients(inputs), *inputs.values())

    def extra_repr(self) -> str:
        return f"embed_scale={self.embed_scale}"
