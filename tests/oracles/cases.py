# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Requests, and what stands for each in the libraries that users know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

import torch
from libraries import LIBRARIES, Loss
from lossd import specs
from lossd.v1.losses_pb2 import LossSpec
from torch import Tensor
from torch.nn.functional import normalize

ROWS, WIDTH = 130, 32  # Up to 64 x 64 scores are computed in float64, whatever is asked for.


@dataclass(frozen=True)
class Case:
    """A loss, its inputs (float64, or labels) by name, the same by a library, and the largest score without
    cancellation. Gradients of the inputs in `constant` are not compared: there are none, or they are zero."""

    name: str
    spec: LossSpec
    inputs: Mapping[str, Tensor]
    reference: Loss
    kappa: float = 0.0
    constant: tuple[str, ...] = ()


def rows(seed: int, count: int = ROWS) -> Tensor:
    """Normally distributed rows [count, WIDTH]."""
    return torch.randn(count, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def two_views(first: str, second: str, distance: float = 0.5) -> dict[str, Tensor]:
    """A view and a noisy copy of it."""
    return {first: rows(1), second: rows(1) + distance * rows(2)}


def unit_pairs() -> dict[str, Tensor]:
    """Images and texts as models give them to the loss: of norm 1."""
    return {"image": normalize(rows(1)), "text": normalize(rows(1) + rows(2))}


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def largest_score(a: Tensor, b: Tensor, scale: float, bias: float = 0.0) -> float:
    """Without cancellation."""
    return scale * (a.abs() @ b.abs().T).max().item() + abs(bias)


def ranking_cases() -> list[Case]:
    pairs = {"query": rows(1), "key": rows(1) + rows(2)}
    ranked = {**pairs, "negative.0": rows(3), "negative.1": rows(4, 70)}
    per_row = {**pairs, "negative.0": rows(3)}
    smoothed = specs.info_nce(0.1, label_smoothing=0.1)
    smoothed_both = specs.info_nce(0.1, label_smoothing=0.1, symmetric=True)
    both = specs.info_nce(0.1, symmetric=True)
    return [
        Case("info_nce", specs.info_nce(0.05), ranked, LIBRARIES.ranking(20), 20),
        Case("info_nce, smoothed", smoothed, ranked, LIBRARIES.cross_entropy(0.1, 0.1, False), 10),
        Case("info_nce, smoothed, both ways", smoothed_both, pairs, LIBRARIES.cross_entropy(0.1, 0.1, True), 10),
        Case("info_nce, both ways", both, pairs, LIBRARIES.ranking(10, both_ways=True), 10),
        Case("info_nce, both ways, negatives", both, per_row, LIBRARIES.ranking(10, both_ways=True), 10),
    ]


def masked_cases() -> list[Case]:
    inputs = {"query": rows(1), "key": rows(1) + 2 * rows(2), "negative.0": rows(3)}
    guides = {"guide." + name: rows(9 + i) + rows(5) for i, name in enumerate(inputs)}
    cases = []
    for name, margin, strategy in (("no margin", 0.0, "absolute"), ("absolute", 0.1, "absolute"), ("relative", 0.3, "relative")):
        rows_only, both = (specs.info_nce(0.1, symmetric=symmetric, margin=margin, margin_strategy=strategy)
                           for symmetric in (False, True))
        cases.append(Case(f"info_nce, guided, {name}", rows_only, {**inputs, **guides},
                          LIBRARIES.guided(0.1, strategy, margin), 10, tuple(guides)))
        cases.append(Case(f"info_nce, its own guide, both ways, {name}", both, inputs,
                          LIBRARIES.guided(0.1, strategy, margin, both_ways=True), 10))
    return cases


def pair_cases() -> list[Case]:
    pairs, scale, bias = unit_pairs(), 14.0, -9.0
    scaled = {**pairs, "logit_scale": scalar(scale)}
    biased = {**scaled, "logit_bias": scalar(bias)}
    size = largest_score(*pairs.values(), scale)
    return [
        Case("clip", specs.clip(), scaled, LIBRARIES.clip(), size),
        Case("clip, biased", specs.clip(), biased, LIBRARIES.clip(), size - bias, ("logit_bias",)),
        Case("clip, normalised here", specs.clip(normalize=True),
             {**two_views("image", "text"), "logit_scale": scalar(scale)}, LIBRARIES.clip(unit_rows=False), scale),
        Case("siglip", specs.siglip(), biased, LIBRARIES.siglip(), size - bias),
    ]


def view_cases() -> list[Case]:
    views, twins = two_views("out_1", "out_2"), two_views("z_1", "z_2")
    flat = {name: torch.cat([view[:, 1:], torch.full((ROWS, 1), 0.3)], dim=1) for name, view in twins.items()}
    half_flat = {**twins, "z_1": flat["z_1"]}
    many = {"features": rows(7), "labels": torch.arange(ROWS) % 5}
    few = {"features": rows(8), "labels": torch.arange(ROWS) // 2}
    lone = {"features": rows(8), "labels": torch.arange(ROWS) // 3}
    simclr = specs.nt_xent(0.1, normalize=True)
    return [
        Case("nt_xent", simclr, views, LIBRARIES.nt_xent_of_lightly(0.1), 10),
        Case("nt_xent, other library", simclr, views, LIBRARIES.nt_xent_of_metric_learning(0.1), 10),
        Case("dcl", specs.dcl(0.1), views, LIBRARIES.dcl(0.1), 10),
        Case("dcl, weighted", specs.dcl(0.1, weight_sigma=0.5), views, LIBRARIES.weighted_dcl(0.1, 0.5), 10),
        Case("sup_con", specs.sup_con(0.1), many, LIBRARIES.sup_con(0.1), 10),
        Case("sup_con, pairs", specs.sup_con(0.07), few, LIBRARIES.sup_con(0.07), 1 / 0.07),
        Case("sup_con, rows without positive", specs.sup_con(0.1), lone, LIBRARIES.sup_con(0.1), 10),
        Case("vicreg", specs.vicreg(), twins, LIBRARIES.vicreg()),
        Case("vicreg, a constant column", specs.vicreg(), flat, LIBRARIES.vicreg()),
        Case("barlow_twins", specs.barlow_twins(), twins, LIBRARIES.barlow_twins(5e-3)),
        Case("barlow_twins, a constant column", specs.barlow_twins(), half_flat, LIBRARIES.barlow_twins(5e-3)),
    ]


def all_cases() -> list[Case]:
    return ranking_cases() + masked_cases() + pair_cases() + view_cases()
