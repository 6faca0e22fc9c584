# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""CPCTask and nt_xent_loss against the reference's definition."""

from __future__ import annotations

import pytest
import torch

import lossd
from reference import ReferenceCPC, nt_xent


def _pair(client, *arguments):
    torch.manual_seed(11)
    reference = ReferenceCPC(*arguments)
    torch.manual_seed(11)
    return reference, lossd.CPCTask(*arguments, client=client)


def test_parameters_have_the_references_names_order_and_initial_bits(client):
    reference, task = _pair(client, 6, 8, 0.5)
    assert list(task.state_dict()) == list(reference.state_dict())
    assert len(task.state_dict()) == 44
    assert all(torch.equal(a, b) for a, b in zip(task.parameters(), reference.parameters()))


@pytest.mark.parametrize("shape", [(2, 6, 5, 4), (1, 6, 3, 3), (3, 6, 7, 7)])
def test_loss_and_every_gradient_are_the_references(client, shape):
    reference, task = _pair(client, 6, 8, 0.5)
    reference.double()
    z = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    mine, theirs = z.clone().requires_grad_(), z.double().requires_grad_()
    loss, expected = task(mine), reference(theirs)
    assert loss.shape == () and abs(loss.item() - expected.item()) <= 1e-5 * expected.item()
    (3.0 * loss).backward()
    (3.0 * expected).backward()
    pairs = [("z", mine.grad, theirs.grad)]
    pairs += [(n, p.grad, q.grad) for (n, p), q in zip(task.named_parameters(), reference.parameters())]
    scale = max(q.abs().max() for _, _, q in pairs)
    for name, got, wanted in pairs:
        assert (got - wanted).abs().max() <= 2e-5 * wanted.abs().max() + 1e-7 * scale, name


def test_training_steps_and_checkpoints_work_as_with_any_module(client):
    _, task = _pair(client, 4, 8, 1.0)
    optimizer = torch.optim.SGD(task.parameters(), lr=1e-2)
    z = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(2))
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = task(z)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    copy = lossd.CPCTask(4, 8, 1.0, client=client)
    copy.load_state_dict(task.state_dict())
    with torch.no_grad():
        assert copy(z).item() == task(z).item()


def test_frozen_parameters_get_no_gradient(client):
    _, task = _pair(client, 4, 8, 0.1)
    for parameter in task.context_cnn.parameters():
        parameter.requires_grad_(False)
    task(torch.randn(2, 4, 4, 4)).backward()
    assert task.pred_cnn.weight.grad is not None
    assert task.context_cnn.blocks[0][0].weight.grad is None
    assert not task.target_cnn.bias.grad.any()


def test_maps_too_small_for_a_prediction_are_refused(client):
    _, task = _pair(client, 4, 8, 0.1)
    with pytest.raises(lossd.InvalidArgument) as caught:
        task(torch.randn(2, 4, 2, 2))
    assert caught.value.field_violations[0].field == "inputs[z].shape"


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nt_xent_is_the_references(client, temperature):
    generator = torch.Generator().manual_seed(3)
    views = [torch.nn.functional.normalize(torch.randn(9, 5, generator=generator), dim=1) for _ in range(2)]
    mine = [v.clone().requires_grad_() for v in views]
    theirs = [v.double().requires_grad_() for v in views]
    loss = lossd.nt_xent_loss(*mine, temperature, client=client)
    expected = nt_xent(*theirs, temperature)
    assert abs(loss.item() - expected.item()) <= 1e-5
    loss.backward()
    expected.backward()
    for got, wanted in zip(mine, theirs):
        assert (got.grad - wanted.grad).abs().max() <= 1e-5 * wanted.grad.abs().max()
    with torch.no_grad():
        assert not lossd.nt_xent_loss(*mine, temperature, client=client).requires_grad
