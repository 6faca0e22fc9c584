# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The losses as their definitions say, in float64 with autograd: plain loops that share nothing with the server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "client" / "python"))
from reference import ReferenceCPC, nt_xent  # noqa: E402

Outputs = dict[str, Tensor]


def _noise_contrast(source: Tensor, target: Tensor, tclip: float, scale: float) -> tuple[Tensor, Tensor]:
    """AMDIM's loss of picked vectors [B, C] against maps [B, C, L], and its regularizer."""
    scores = torch.einsum("bc,jcl->bjl", source, target) / source.shape[1] ** 0.5
    clipped = tclip * torch.tanh(scores / tclip)
    losses = []
    for b in range(len(source)):
        others = torch.cat([clipped[b, j] for j in range(len(source)) if j != b])
        losses += [torch.logsumexp(torch.cat([others, own.view(1)]), 0) - own for own in clipped[b, b]]
    return torch.stack(losses).mean(), scale * scores.square().mean()


def feature_map_contrastive(inputs: dict[str, Tensor], *, pairs: list[tuple[int, int]], positions: Tensor,
                            tclip: float = 10.0, scale: float = 0.05) -> tuple[Tensor, Outputs]:
    """Both directions, with explicit `positions` [K, 2, B]."""
    losses, regularizers = [], []
    for k, (a, p) in enumerate(pairs):
        parts = []
        for direction, (source, target) in enumerate(((f"anchor.{a}", f"positive.{p}"), (f"positive.{a}", f"anchor.{p}"))):
            maps = inputs[source].flatten(2)
            picked = torch.stack([maps[b, :, positions[k, direction, b]] for b in range(len(maps))])
            parts.append(_noise_contrast(picked, inputs[target].flatten(2), tclip, scale))
        losses.append((parts[0][0] + parts[1][0]) / 2)
        regularizers.append((parts[0][1] + parts[1][1]) / 2)
    outputs = {"losses": torch.stack(losses), "regularizer": torch.stack(regularizers).sum(),
               "comparisons": torch.tensor(pairs, dtype=torch.int32), "positions": positions.to(torch.int32)}
    return outputs["losses"].sum() + outputs["regularizer"], outputs


def cpc(inputs: dict[str, Tensor], *, target_dim: int, seed: int) -> tuple[Tensor, Outputs]:
    """The reference's double loop, with the parameters that it makes of a seed; H = 3 has a single step."""
    torch.manual_seed(seed)
    task = ReferenceCPC(inputs["z"].shape[1], target_dim).double()
    loss = task(inputs["z"])
    return loss, {"loss": loss, "step_losses": loss.reshape(1)}


def nt_xent_loss(inputs: dict[str, Tensor], *, temperature: float) -> tuple[Tensor, Outputs]:
    loss = nt_xent(inputs["out_1"], inputs["out_2"], temperature)
    return loss, {"loss": loss}


def squared_norm(inputs: dict[str, Tensor]) -> tuple[Tensor, Outputs]:
    loss = sum(tensor.square().sum() for tensor in inputs.values()) / 2
    return loss, {"loss": loss}


def evaluate(loss: Callable[..., tuple[Tensor, Outputs]], inputs: dict[str, Tensor], **settings
             ) -> tuple[float, Outputs, dict[str, Tensor]]:
    """(objective, outputs, gradients) of inputs that are widened to float64 first; integers have no gradient."""
    wide = {name: tensor.double().requires_grad_() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    objective, outputs = loss(wide, **settings)
    objective.backward()
    return (float(objective.detach()), {name: tensor.detach() for name, tensor in outputs.items()},
            {name: tensor.grad for name, tensor in wide.items() if tensor.requires_grad})
