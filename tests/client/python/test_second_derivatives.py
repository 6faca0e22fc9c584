# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What asks for derivatives of gradients is told that there are none."""

from __future__ import annotations

import pytest
import torch

import lossd


def _contrast(client, a):
    losses, regularizer = lossd.FeatureMapContrastiveTask("00", client=client)(a, a.detach())
    return losses.sum() + regularizer


def _contrast_squared(client, a):
    return _contrast(client, a).square()


def _contrast_objective(client, a):
    return lossd.FeatureMapContrastiveTask("00", client=client).objective(a, a.detach())


def _nt_xent(client, a):
    return lossd.nt_xent_loss(a.flatten(1), a.detach().flatten(1), 0.5, client=client)


def _cpc(client, a):
    return lossd.CPCTask(4, 8, client=client)(a)


@pytest.mark.parametrize("loss", [_contrast, _contrast_squared, _contrast_objective, _nt_xent, _cpc])
def test_a_gradient_to_be_differentiated_again_is_refused(client, loss):
    a = torch.randn(3, 4, 3, 3, requires_grad=True)
    objective = loss(client, a)
    with pytest.raises(RuntimeError, match="create_graph=True: lossd computes first derivatives only"):
        torch.autograd.grad(objective, a, create_graph=True)
    assert torch.autograd.grad(loss(client, a), a)[0].any()
