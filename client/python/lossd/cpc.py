# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""`CPCTask`, a drop-in for the reference's module of that name: parameters live here, the loss on a lossd server."""

from __future__ import annotations

from typing import Iterator

import torch
from torch import Tensor, nn

from lossd._module import tensors
from lossd._numbers import number
from lossd._scalar_loss import scalar_loss
from lossd.client import Client, checked_client

_HIDDEN_CHANNELS = 256
_BLOCKS = 5
_CONVOLUTIONS_OF_A_BLOCK = (0, 2, 4, 6)


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


def _effective(module: nn.Module, z: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The tensors that a convolution computes with, whatever makes them: hooks that run before a forward (weight_norm,
    spectral_norm, pruning) are run, and parametrizations read."""
    takes_keywords = getattr(module, "_forward_pre_hooks_with_kwargs", {})
    for key, hook in module._forward_pre_hooks.items():
        hook(module, (z,), {}) if key in takes_keywords else hook(module, (z,))
    for name in ("weight", "bias"):
        tensor = getattr(module, name, None)
        if tensor is None:
            raise TypeError(f"{name}: expected convolutions with a weight and a bias, got {module}")
        yield name, tensor


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
        self.embed_scale = number("embed_scale", embed_scale)
        self._client = checked_client(client)

    def forward(self, z: Tensor) -> Tensor:
        """The loss [] of maps z [B, C, H, W], H, W >= 3, differentiable in z and every parameter, and in what weights are
        made of by weight_norm, spectral_norm, pruning or a parametrization."""
        tensors(z=z)
        inputs = {"z": z}
        for path, module in self._convolutions():
            for name, tensor in _effective(module, z):
                inputs[f"parameters.{path}.{name}"] = tensor
        return scalar_loss(self._client, "cpc", {"embed_scale": number("embed_scale", self.embed_scale)}, inputs)

    def _convolutions(self) -> Iterator[tuple[str, nn.Module]]:
        """The 22 that the loss has, by path, whatever else a subclass may have added."""
        yield "target_cnn", self.target_cnn
        yield "pred_cnn", self.pred_cnn
        for k, block in enumerate(self.context_cnn.blocks):
            for place in _CONVOLUTIONS_OF_A_BLOCK:
                yield f"context_cnn.blocks.{k}.{place}", block[place]

    def extra_repr(self) -> str:
        return f"embed_scale={self.embed_scale}"
