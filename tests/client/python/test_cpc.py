# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""CPCTask and nt_xent_loss against the reference's definition."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.utils.prune

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


def _weight_norm(task):
    torch.nn.utils.weight_norm(task.target_cnn)
    return {"target_cnn.weight_g", "target_cnn.weight_v"}


def _spectral_norm(task):
    torch.nn.utils.spectral_norm(task.context_cnn.blocks[1][2])
    return {"context_cnn.blocks.1.2.weight_orig"}


def _parametrization(task):
    torch.nn.utils.parametrizations.spectral_norm(task.pred_cnn)
    return {"pred_cnn.parametrizations.weight.original"}


def _pruning(task):
    torch.nn.utils.prune.l1_unstructured(task.pred_cnn, "weight", amount=0.5)
    return {"pred_cnn.weight_orig"}


@pytest.mark.parametrize("change", [_weight_norm, _spectral_norm, _parametrization, _pruning])
def test_what_makes_weights_gets_their_gradients(client, change):
    reference, task = _pair(client, 4, 8, 0.5)
    torch.manual_seed(0)
    names = change(reference)
    torch.manual_seed(0)
    assert change(task) == names
    assert list(task.state_dict()) == list(reference.state_dict())
    z = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(3))
    for _ in range(2):  # A second backward must not meet the first one's graph.
        for module in (reference, task):
            module.zero_grad()
        loss, expected = task(z), reference(z)
        assert abs(loss.item() - expected.item()) <= 1e-5 * expected.item()
        loss.backward()
        expected.backward()
    got, wanted = dict(task.named_parameters()), dict(reference.named_parameters())
    for name in names:
        scale = wanted[name].grad.abs().max()
        assert scale > 0 and (got[name].grad - wanted[name].grad).abs().max() <= 1e-4 * scale, name


def test_a_subclass_may_have_more_parameters(client):
    class WithHead(lossd.CPCTask):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.head = torch.nn.Linear(4, 2)

    _, task = _pair(client, 4, 8, 0.5)
    mine = WithHead(4, 8, 0.5, client=client)
    mine.load_state_dict(task.state_dict(), strict=False)
    z = torch.randn(2, 4, 5, 5)
    assert mine(z).item() == task(z).item()


def test_a_convolution_without_a_bias_is_told(client):
    _, task = _pair(client, 4, 8, 0.5)
    task.pred_cnn = torch.nn.Conv2d(4, 8, 1, bias=False)
    with pytest.raises(TypeError, match="bias: expected convolutions with a weight and a bias"):
        task(torch.randn(2, 4, 5, 5))


def test_gradients_lie_as_their_parameters_do(client, tmp_path):
    distributed = torch.distributed
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        _, task = _pair(client, 4, 8, 0.5)
        wrapped = torch.nn.parallel.DistributedDataParallel(task.to(memory_format=torch.channels_last))
        z = torch.randn(2, 4, 5, 5).to(memory_format=torch.channels_last).requires_grad_()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            wrapped(z).backward()
    finally:
        distributed.destroy_process_group()
    assert all(p.grad.stride() == p.stride() for p in task.parameters())
    assert z.grad.stride() == z.stride()
