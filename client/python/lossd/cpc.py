# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`CPCTask`, a drop-in for the reference's module of that name: parameters live here, the loss on a lossd server."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lossd import specs
from lossd.client import Client, Result
from lossd.default_client import default_client

_HIDDEN_CHANNELS = 256
_BLOCKS = 5


class PixelCNN(nn.Module):
    """The context network's parameters, under the reference's names and in its order of creation. It has no forward:
    the server computes it."""

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


class _Loss(torch.autograd.Function):
    """The loss as a function of z and the parameters, given by name."""

    @staticmethod
    def forward(ctx, task: "CPCTask", names: tuple[str, ...], wanted: tuple[str, ...], *tensors: Tensor) -> Tensor:
        result = task._compute(dict(zip(names, tensors)), wanted)
        ctx.gradients = [result.gradients.get(name) for name in names]
        return result.outputs["loss"]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        return (None, None, None, *(None if g is None else g * grad.to(g.dtype) for g in ctx.gradients))


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
        wanted = tuple(name for name, tensor in inputs.items() if tensor.requires_grad)
        if wanted and torch.is_grad_enabled():
            return _Loss.apply(self, tuple(inputs), wanted, *inputs.values())
        return self._compute(inputs, ()).outputs["loss"]

    def _compute(self, inputs: dict[str, Tensor], wanted: tuple[str, ...]) -> Result:
        client = self._client or default_client()
        return client.compute(specs.cpc(embed_scale=self.embed_scale), inputs, gradients=list(wanted) or "none")

    def extra_repr(self) -> str:
        return f"embed_scale={self.embed_scale}"
