# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Compares every loss of a running server with the library its users know: losses and gradients, in FLOAT64 and FLOAT32.

Prints the largest differences, relative to the largest entry, and exits 1 where one is above what is allowed (1e-5 of the
largest entry in FLOAT64; in FLOAT32 what docs/losses.md allows at the scores of these inputs).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Callable, Mapping

import lossd
import numpy as np
import torch
from libraries import LIBRARIES
from lossd.v1 import losses_pb2

ALLOWED = {torch.float64: 1e-5, torch.float32: 2e-5}
ROWS, WIDTH = 48, 32


@dataclass
class Case:
    """A loss, its inputs (name -> tensor of float64 or labels), and the same by a library."""

    name: str
    spec: losses_pb2.LossSpec
    inputs: Mapping[str, torch.Tensor]
    reference: Callable[..., torch.Tensor]
    without_gradient: tuple[str, ...] = field(default=())


def rows(seed: int, count: int = ROWS, unit: bool = False) -> torch.Tensor:
    """Normally distributed rows, of norm 1 if so wished."""
    values = torch.randn(count, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(values) if unit else values


def two_views(first: str, second: str, distance: float = 0.5) -> dict[str, torch.Tensor]:
    """A view and a noisy copy of it."""
    return {first: rows(1), second: rows(1) + distance * rows(2)}


def spec(**loss) -> losses_pb2.LossSpec:
    return losses_pb2.LossSpec(**loss)


def info_nce_cases() -> list[Case]:
    ranked = {"query": rows(1), "key": rows(1) + rows(2), "negative.0": rows(3), "negative.1": rows(4)}
    guides = {"guide." + name: rows(9 + i) + rows(5) for i, name in enumerate(list(ranked)[:3])}
    few = {name: ranked[name] for name in ("query", "key", "negative.0")}
    masked = losses_pb2.FalseNegatives()
    absolute = losses_pb2.FalseNegatives(margin=0.1)
    relative = losses_pb2.FalseNegatives(margin_strategy=losses_pb2.FalseNegatives.MARGIN_STRATEGY_RELATIVE, margin=0.3)
    cases = [
        Case("info_nce", spec(info_nce=losses_pb2.InfoNce(temperature=0.05)), ranked, LIBRARIES.ranking(20)),
        Case("info_nce, smoothed", spec(info_nce=losses_pb2.InfoNce(temperature=0.1, label_smoothing=0.1)), ranked,
             LIBRARIES.cross_entropy(0.1, 0.1, False)),
        Case("info_nce, both ways", spec(info_nce=losses_pb2.InfoNce(temperature=0.1, symmetric=True)),
             {name: ranked[name] for name in ("query", "key")}, LIBRARIES.cross_entropy(0.1, 0, True)),
    ]
    for name, rule, strategy, margin in (("no margin", masked, "absolute", 0.0), ("absolute", absolute, "absolute", 0.1),
                                         ("relative", relative, "relative", 0.3)):
        cases.append(Case(f"info_nce, guided, {name}",
                          spec(info_nce=losses_pb2.InfoNce(temperature=0.1, false_negatives=rule)), {**few, **guides},
                          LIBRARIES.guided(0.1, strategy, margin), tuple(guides)))
    return cases


def pair_cases() -> list[Case]:
    pairs = {"image": rows(1, unit=True), "text": torch.nn.functional.normalize(rows(1) + rows(2)),
             "logit_scale": torch.tensor(14.0, dtype=torch.float64)}
    biased = {**pairs, "logit_bias": torch.tensor(-9.0, dtype=torch.float64)}
    return [
        Case("clip", spec(clip=losses_pb2.Clip()), pairs, LIBRARIES.clip()),
        Case("clip, normalised here", spec(clip=losses_pb2.Clip(normalize=True)),
             {**two_views("image", "text"), "logit_scale": pairs["logit_scale"]}, LIBRARIES.clip(unit_rows=False)),
        Case("siglip", spec(siglip=losses_pb2.SigLip()), biased, LIBRARIES.siglip()),
    ]


def view_cases() -> list[Case]:
    views = two_views("out_1", "out_2")
    twins = two_views("z_1", "z_2")
    labelled = {"features": rows(7), "labels": torch.arange(ROWS) % 5}
    few = {"features": rows(8), "labels": torch.arange(ROWS) // 2}
    return [
        Case("nt_xent", spec(nt_xent=losses_pb2.NtXent(temperature=0.1, normalize=True)), views,
             LIBRARIES.nt_xent_of_lightly(0.1)),
        Case("nt_xent, other library", spec(nt_xent=losses_pb2.NtXent(temperature=0.1, normalize=True)), views,
             LIBRARIES.nt_xent_of_metric_learning(0.1)),
        Case("dcl", spec(dcl=losses_pb2.Dcl(temperature=0.1)), views, LIBRARIES.dcl(0.1)),
        Case("dcl, weighted", spec(dcl=losses_pb2.Dcl(temperature=0.1, weight_sigma=0.5)), views,
             LIBRARIES.weighted_dcl(0.1, 0.5)),
        Case("sup_con", spec(sup_con=losses_pb2.SupCon(temperature=0.1)), labelled, LIBRARIES.sup_con(0.1)),
        Case("sup_con, pairs", spec(sup_con=losses_pb2.SupCon(temperature=0.07)), few, LIBRARIES.sup_con(0.07)),
        Case("vicreg", spec(vicreg=losses_pb2.VicReg()), twins, LIBRARIES.vicreg()),
        Case("barlow_twins", spec(barlow_twins=losses_pb2.BarlowTwins()), twins, LIBRARIES.barlow_twins(5e-3)),
    ]


def relative_error(got: np.ndarray, expected: torch.Tensor) -> float:
    expected = expected.detach().numpy().reshape(got.shape)
    return float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-12))


def compare(client: lossd.Client, case: Case, dtype: torch.dtype) -> tuple[float, float]:
    """Largest relative differences of the loss and of the gradients."""
    stored = {name: value.to(dtype) if value.is_floating_point() else value for name, value in case.inputs.items()}
    exact = {name: value.to(torch.float64) if value.is_floating_point() else value for name, value in stored.items()}
    wanted = [name for name, value in exact.items() if value.is_floating_point() and name not in case.without_gradient]
    for name in wanted:
        exact[name] = exact[name].clone().requires_grad_()
    expected = case.reference(**{name.replace(".", "_"): value for name, value in exact.items()})
    expected.backward()
    result = client.compute(case.spec, {name: value.numpy() for name, value in stored.items()})
    loss = abs(result.objective - expected.item()) / max(1.0, abs(expected.item()))
    gradients = max(relative_error(np.asarray(result.gradients[name], dtype="float64"), exact[name].grad)
                    for name in wanted if exact[name].grad is not None)
    return loss, gradients


def main(target: str) -> int:
    client = lossd.Client(target)
    failed = 0
    print(f"{'loss':28} {'float64 loss':>13} {'gradients':>10} {'float32 loss':>13} {'gradients':>10}")
    for case in info_nce_cases() + pair_cases() + view_cases():
        wide = compare(client, case, torch.float64)
        narrow = compare(client, case, torch.float32)
        good = max(wide) <= ALLOWED[torch.float64] and max(narrow) <= ALLOWED[torch.float32]
        failed += not good
        print(f"{case.name:28} {wide[0]:13.1e} {wide[1]:10.1e} {narrow[0]:13.1e} {narrow[1]:10.1e}"
              f"{'' if good else '  DIFFERS'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
