# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""16-bit inputs under loss scaling and autocast."""

from __future__ import annotations

import pytest
import torch

import lossd

_SCALE = 65536.0  # What torch's GradScaler starts with: more than float16 can hold.


def _inputs(dtype: torch.dtype, *shape: int):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).mul(0.1).to(dtype).requires_grad_() for _ in range(2)]


def _contrast(client, a, b):
    losses, regularizer = lossd.FeatureMapContrastiveTask("00", client=client)(a, b)
    return losses.sum() + regularizer


def _contrast_objective(client, a, b):
    return lossd.FeatureMapContrastiveTask("00", client=client).objective(a, b)


def _nt_xent(client, a, b):
    return lossd.nt_xent_loss(a.flatten(1), b.flatten(1), 0.5, client=client)


def _cpc(client, a, b):
    return lossd.CPCTask(6, 8, client=client)(a) + 0 * b.float().sum()


@pytest.mark.parametrize("loss", [_contrast, _contrast_objective, _nt_xent, _cpc])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_scaled_losses_have_the_scaled_gradients_rounded_once(client, loss, dtype):
    shape = (64, 6, 4, 4)
    narrow = _inputs(dtype, *shape)
    wide = [tensor.detach().float().requires_grad_() for tensor in narrow]
    gradients = []
    for inputs in (narrow, wide):
        torch.manual_seed(1)
        gradients.append(torch.autograd.grad(_SCALE * loss(client, *inputs), inputs[0])[0])
    assert gradients[0].dtype == dtype
    assert gradients[0].isfinite().all()
    assert torch.equal(gradients[0], gradients[1].to(dtype))


def test_autocast_activations_meet_float32_parameters(client):
    torch.manual_seed(0)
    convolution, task = torch.nn.Conv2d(3, 4, 3), lossd.CPCTask(4, 8, client=client)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = convolution(torch.randn(2, 3, 7, 7))
        loss = task(z)
    assert z.dtype == torch.bfloat16 and loss.dtype == torch.float32
    loss.backward()
    assert task.pred_cnn.weight.grad.dtype == convolution.weight.grad.dtype == torch.float32


def test_upstream_gradients_that_are_not_finite_reach_the_inputs_as_they_would_by_autograd(client):
    a, b = _inputs(torch.float32, 3, 4, 2, 2)
    losses, regularizer = lossd.FeatureMapContrastiveTask("00", client=client)(a, b)
    (float("inf") * losses.sum() + regularizer).backward()
    assert not a.grad.isfinite().any()
