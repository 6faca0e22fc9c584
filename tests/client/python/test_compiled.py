# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses in graphs of torch.compile: one graph, the same bits."""

from __future__ import annotations

import pytest
import torch

import lossd

if not hasattr(torch, "compiler") or not hasattr(torch.library, "custom_op"):
    pytest.skip("torch older than 2.4 keeps no graphs", allow_module_level=True)


class _Model(torch.nn.Module):
    def __init__(self, client) -> None:
        super().__init__()
        self.encoder = torch.nn.Conv2d(3, 4, 1)
        self.contrast = lossd.FeatureMapContrastiveTask("00, 11", client=client)
        self.cpc = lossd.CPCTask(4, 8, client=client)
        self.temperature = torch.nn.Parameter(torch.tensor(0.5))
        self.client = client

    def forward(self, x, y):
        a, b = self.encoder(x), self.encoder(y)
        losses, regularizer = self.contrast((a, b), (b, a))
        total = losses[0] + 2 * losses[1] + regularizer + self.contrast.objective((a, b), (b, a), [0.5, 2.0])
        return total + self.cpc(a) + lossd.nt_xent_loss(a.flatten(1), b.flatten(1), self.temperature, client=self.client)


@pytest.fixture()
def model(client):
    torch.manual_seed(1)
    return _Model(client)


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()


def _gradients(model, function):
    model.zero_grad()
    generator = torch.Generator().manual_seed(2)
    x, y = (torch.randn(2, 3, 5, 5, generator=generator) for _ in range(2))
    torch.manual_seed(3)
    loss = function(x, y)
    loss.backward()
    return [loss.detach(), *(p.grad.clone() for p in model.parameters())]


def test_a_compiled_model_is_one_graph_with_the_same_result(model):
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    expected = _gradients(model, model)
    for got, want in zip(_gradients(model, compiled), expected):
        torch.testing.assert_close(got, want, rtol=1e-6, atol=1e-7)


def test_random_comparisons_break_the_graph_and_draw_as_ever(client):
    import numpy as np

    task = lossd.FeatureMapContrastiveTask("0r", client=client)
    maps = [torch.randn(2, 3, 2, 2) for _ in range(3)]
    results = []
    for function in (task, torch.compile(task, backend="aot_eager")):
        np.random.seed(4)
        torch.manual_seed(4)
        results.append(function(maps, maps)[0].item())
    assert results[0] == results[1]


def test_operators_keep_torchs_rules(client):
    from lossd import _compiled

    x = [torch.randn(3, 4, requires_grad=True), torch.randn(3, 4)]
    torch.library.opcheck(_compiled.scalar_loss_op, (x, client._handle, "nt_xent", "temperature", [0.5], "out_1,out_2", [0]))
    task = lossd.FeatureMapContrastiveTask("00", client=client)
    maps = [torch.randn(2, 3, 2, 2, requires_grad=True) for _ in range(2)]
    arguments = (maps, torch.tensor([0, 1, 2, 3]), torch.ones(2, dtype=torch.float64), client._handle,
                 task._weights_handle, "0:0", 10.0, True, 0.05, 1, [0, 1])
    torch.library.opcheck(_compiled.contrast_op, arguments)


def test_a_second_derivative_is_refused(client):
    views = [torch.randn(3, 4, requires_grad=True) for _ in range(2)]
    loss = torch.compile(lambda a, b: lossd.nt_xent_loss(a, b, 0.5, client=client), backend="aot_eager")(*views)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(loss, views, create_graph=True)[0].sum().backward()
