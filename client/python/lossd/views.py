# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses of two views for torch, named and called as in lightly, computed by a lossd server.

A temperature may be a tensor, such as an nn.Parameter, and then gets its gradient.
"""

from __future__ import annotations

from torch import Tensor

from lossd._module import RemoteLoss, one_process, refuse, tensors, unit
from lossd._numbers import number
from lossd._temperature import as_temperature, split_temperature, times
from lossd.client import Client


class _Tempered(RemoteLoss):
    """A loss of normalised views with a temperature, which may be a parameter."""

    def __init__(self, temperature: float | Tensor, gather_distributed: bool, client: Client | None) -> None:
        super().__init__(client)
        one_process(gather_distributed=gather_distributed)
        self.temperature = as_temperature(temperature)

    def _of_views(self, loss: str, out_1: Tensor, out_2: Tensor, **settings: float) -> Tensor:
        """Where the temperature is learned, the views are normalised here, so that it can be divided in."""
        tensors(out0=out_1, out1=out_2)
        root, fixed = split_temperature(self.temperature, 0.5)
        views = (out_1, out_2) if root is None else (times(unit(out_1), root), times(unit(out_2), root))
        return self._compute(loss, {"temperature": fixed, "normalize": root is None, **settings},
                             {"out_1": views[0], "out_2": views[1]})


class NTXentLoss(_Tempered):
    """SimCLR's loss of two views [N, D], which are normalised; lightly's without memory bank."""

    def __init__(self, temperature: float | Tensor = 0.5, memory_bank_size: int = 0, gather_distributed: bool = False, *,
                 client: Client | None = None) -> None:
        super().__init__(temperature, gather_distributed, client)
        refuse("memory_bank_size", memory_bank_size, 0, "the server keeps no negatives")

    def forward(self, out0: Tensor, out1: Tensor) -> Tensor:
        return self._of_views("nt_xent", out0, out1)


class DCLLoss(_Tempered):
    """The decoupled contrastive loss of two views [N, D], N >= 2."""

    def __init__(self, temperature: float | Tensor = 0.1, weight_fn: None = None, gather_distributed: bool = False, *,
                 client: Client | None = None) -> None:
        super().__init__(temperature, gather_distributed, client)
        refuse("weight_fn", weight_fn, None, "a server cannot call functions; DCLWLoss has the paper's weights")

    def forward(self, out0: Tensor, out1: Tensor) -> Tensor:
        return self._of_views("dcl", out0, out1)


class DCLWLoss(_Tempered):
    """The decoupled contrastive loss with weights of the positives, of two views [N, D], N >= 2."""

    def __init__(self, temperature: float = 0.1, sigma: float = 0.5, gather_distributed: bool = False, *,
                 client: Client | None = None) -> None:
        super().__init__(number("temperature", temperature), gather_distributed, client)
        self.sigma = number("sigma", sigma)

    def forward(self, out0: Tensor, out1: Tensor) -> Tensor:
        return self._of_views("dcl", out0, out1, weight_sigma=self.sigma)


class VICRegLoss(RemoteLoss):
    """VICReg of two views [N, D], N >= 2."""

    def __init__(self, lambda_param: float = 25.0, mu_param: float = 25.0, nu_param: float = 1.0,
                 gather_distributed: bool = False, eps: float = 0.0001, *, client: Client | None = None) -> None:
        super().__init__(client)
        one_process(gather_distributed=gather_distributed)
        self.lambda_param = number("lambda_param", lambda_param)
        self.mu_param = number("mu_param", mu_param)
        self.nu_param = number("nu_param", nu_param)
        self.eps = number("eps", eps)

    def forward(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        tensors(z_a=z_a, z_b=z_b)
        settings = {"invariance_weight": self.lambda_param, "variance_weight": self.mu_param,
                    "covariance_weight": self.nu_param, "eps": self.eps}
        return self._compute("vicreg", settings, {"z_1": z_a, "z_2": z_b})


class BarlowTwinsLoss(RemoteLoss):
    """Barlow Twins of two views [N, D], N >= 2."""

    def __init__(self, lambda_param: float = 5e-3, gather_distributed: bool = False, *,
                 client: Client | None = None) -> None:
        super().__init__(client)
        one_process(gather_distributed=gather_distributed)
        self.lambda_param = number("lambda_param", lambda_param)

    def forward(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        tensors(z_a=z_a, z_b=z_b)
        return self._compute("barlow_twins", {"lambda": self.lambda_param}, {"z_1": z_a, "z_2": z_b})
