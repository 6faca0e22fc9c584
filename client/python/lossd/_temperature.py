# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Temperatures that are learned.

A score <q, k> / T has the gradient of T in closed form, minus the sum of <q, dq> over T: autograd finds it where the
operand is divided here, and the server's temperature is 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lossd._gradients import NARROW
from lossd._numbers import number


def is_learned(value: object) -> bool:
    """Whether a gradient of this value is wanted."""
    return isinstance(value, Tensor) and value.requires_grad and torch.is_grad_enabled()


def as_temperature(value: float | Tensor) -> float | Tensor:
    """A module's temperature: a tensor that is learned stays one."""
    return value if isinstance(value, Tensor) and value.requires_grad else number("temperature", value)


def split_temperature(temperature: float | Tensor, power: float = 1.0) -> tuple[Tensor | None, float]:
    """(None, the temperature) for a number; for a tensor that requires a gradient (its `power`-th inverse, 1.0): the
    factor of every operand of the score, of which there is one (power 1) or two (power 0.5)."""
    if not is_learned(temperature):
        return None, number("temperature", temperature.detach() if isinstance(temperature, Tensor) else temperature)
    if temperature.numel() != 1:
        raise TypeError(f"temperature: expected one number, got a tensor of shape {tuple(temperature.shape)}")
    wide = temperature.float() if temperature.dtype in NARROW else temperature
    return wide.reshape(()).pow(-power), 1.0


def times(operand: Tensor, factor: Tensor | None) -> Tensor:
    """The operand of a score with its temperature in it; 16-bit ones are widened, not rounded once more."""
    if factor is None:
        return operand
    return (operand.float() if operand.dtype in NARROW else operand) * factor
