# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The torch drop-ins against the classes whose place they take: arguments, and losses and gradients by autograd."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping

import lossd
import torch
from accuracy import Computed, Difference, difference
from cases import ROWS, largest_score, rows, scalar, two_views, unit_pairs
from torch import Tensor

_UPSTREAM = -1.5  # What the loss is multiplied by: gradients of drop-ins are scaled in backward.


@dataclass(frozen=True)
class DropIn:
    """A drop-in, the class it stands for, what both are made with and called with, and the largest score without
    cancellation. `apart`: arguments that docs/losses.md tells apart."""

    name: str
    library: type
    inputs: Mapping[str, Tensor]
    kappa: float = 0.0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()

    def title(self) -> str:
        return f"`lossd.{self.name}({', '.join(f'{name}={value}' for name, value in self.arguments.items())})`"


def drop_ins() -> list[DropIn]:
    from info_nce import InfoNCE
    from lightly.loss import BarlowTwinsLoss, DCLLoss, DCLWLoss, NTXentLoss, VICRegLoss
    from open_clip.loss import ClipLoss, SigLipLoss
    from pytorch_metric_learning.losses import SupConLoss

    views, twins = two_views("out0", "out1"), two_views("z_a", "z_b")
    pairs = {name + "_features": value for name, value in unit_pairs().items()}
    scaled = {**pairs, "logit_scale": scalar(14)}
    biased = {**scaled, "logit_bias": scalar(-9)}
    size = largest_score(*pairs.values(), 14)
    labelled = {"embeddings": rows(7), "labels": torch.arange(ROWS) % 5}
    keys = {"query": rows(1), "positive_key": rows(1) + rows(2)}
    shared = frozenset({"labels", "indices_tuple", "ref_emb", "ref_labels"})
    return [
        DropIn("InfoNCE", InfoNCE, keys, 10),
        DropIn("InfoNCE", InfoNCE, keys, 50, {"temperature": 0.02}),
        DropIn("ClipLoss", ClipLoss, scaled, size),
        DropIn("SigLipLoss", SigLipLoss, biased, size + 9),
        DropIn("SupConLoss", SupConLoss, labelled, 10, apart=shared),
        DropIn("SupConLoss", SupConLoss, labelled, 4, {"temperature": 0.25}, shared),
        DropIn("NTXentLoss", NTXentLoss, views, 2),
        DropIn("NTXentLoss", NTXentLoss, views, 20, {"temperature": 0.05}),
        DropIn("DCLLoss", DCLLoss, views, 10),
        DropIn("DCLLoss", DCLLoss, views, 5, {"temperature": 0.2}),
        DropIn("DCLWLoss", DCLWLoss, views, 10),
        DropIn("DCLWLoss", DCLWLoss, views, 5, {"temperature": 0.2, "sigma": 0.3}),
        DropIn("VICRegLoss", VICRegLoss, twins),
        DropIn("VICRegLoss", VICRegLoss, twins,
               arguments={"lambda_param": 10, "mu_param": 20, "nu_param": 3, "eps": 1e-3}),
        DropIn("BarlowTwinsLoss", BarlowTwinsLoss, twins),
        DropIn("BarlowTwinsLoss", BarlowTwinsLoss, twins, arguments={"lambda_param": 0.02}),
    ]


def _by_place(function: Callable[..., Any], apart: frozenset[str]) -> dict[str, Any]:
    """Arguments that can be passed by place, in their order, and their defaults."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind in kinds and name not in apart}


def signature_differences(drop_in: DropIn) -> list[str]:
    """Where a call that the library's class takes would be refused, or mean something else. What is required there may
    have a default here."""
    found = []
    for part in ("__init__", "forward"):
        mine, theirs = (_by_place(getattr(kind, part), drop_in.apart) for kind in (getattr(lossd, drop_in.name), drop_in.library))
        required = inspect.Parameter.empty
        same = list(mine) == list(theirs) and all(default in (required, mine[name]) for name, default in theirs.items())
        if not same:
            found.append(f"lossd.{drop_in.name}.{part}: expected {theirs}, got {mine}")
    return found


def _computed(loss: torch.nn.Module, inputs: Mapping[str, Tensor]) -> Computed:
    """Of copies of the inputs, passed by name."""
    wanted = {name: value.clone().requires_grad_() for name, value in inputs.items() if value.is_floating_point()}
    value = loss(**{**inputs, **wanted})
    (_UPSTREAM * value).backward()
    return Computed(value.detach(), {name: tensor.grad for name, tensor in wanted.items()})


def compared(client: lossd.Client, drop_in: DropIn, dtype: torch.dtype) -> Difference:
    """In `dtype` against the library in float64, of the same values."""
    stored = {name: value.to(dtype) if value.is_floating_point() else value for name, value in drop_in.inputs.items()}
    exact = {name: value.double() if value.is_floating_point() else value for name, value in stored.items()}
    got = _computed(getattr(lossd, drop_in.name)(**drop_in.arguments, client=client), stored)
    if got.loss.dtype != dtype or got.loss.shape != ():
        raise TypeError(f"lossd.{drop_in.name}: expected a loss [] of {dtype}, got {list(got.loss.shape)} of {got.loss.dtype}")
    return difference(got, _computed(drop_in.library(**drop_in.arguments), exact), drop_in.kappa, dtype)
