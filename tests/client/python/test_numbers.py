# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Where a number is taken, a tensor's gradient arrives or is refused, and None is no number."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import lossd
from lossd import specs
from lossd._numbers import number, seconds, whole
from reference import feature_map_contrastive, nt_xent


def _views(dtype=torch.float64):
    generator = torch.Generator().manual_seed(4)
    return [torch.nn.functional.normalize(torch.randn(6, 5, generator=generator, dtype=torch.float64), dim=1).to(dtype)
            .requires_grad_() for _ in range(2)]


def test_a_learned_temperature_gets_its_gradient(client):
    mine, theirs = _views(), _views()
    for temperature in (nn.Parameter(torch.tensor(0.2)), torch.tensor([0.2], dtype=torch.float64, requires_grad=True)):
        oracle = temperature.detach().double().requires_grad_()
        loss, expected = lossd.nt_xent_loss(*mine, temperature, client=client), nt_xent(*theirs, oracle)
        got = torch.autograd.grad(loss, [temperature, *mine])
        wanted = torch.autograd.grad(expected.sum(), [oracle, *theirs])
        torch.testing.assert_close(loss.detach(), expected.detach().reshape(()), rtol=1e-6, atol=0)
        for g, w in zip(got, wanted):
            torch.testing.assert_close(g.double(), w, rtol=1e-5, atol=1e-9)


def test_a_learned_temperature_of_16_bit_views_is_not_rounded_once_more(client):
    temperature = nn.Parameter(torch.tensor(0.3))
    views = _views(torch.bfloat16)
    loss = lossd.nt_xent_loss(*views, temperature, client=client)
    wide = lossd.nt_xent_loss(*(v.detach().float() for v in views), 0.3, client=client)
    torch.testing.assert_close(loss.detach(), wide, rtol=1e-6, atol=0)
    loss.backward()
    assert temperature.grad.isfinite() and views[0].grad.dtype == torch.bfloat16


def test_a_temperature_whose_gradient_nobody_wants_is_a_number(client):
    views = [v.detach() for v in _views()]
    with torch.no_grad():
        assert lossd.nt_xent_loss(*views, nn.Parameter(torch.tensor(0.5)), client=client) == lossd.nt_xent_loss(
            *views, 0.5, client=client)
    assert lossd.nt_xent_loss(*views, torch.tensor(0.5), client=client) == lossd.nt_xent_loss(
        *views, np.float32(0.5), client=client)


@pytest.mark.parametrize("as_list", [False, True])
def test_learned_weights_get_the_losses_and_the_regularizer(client, as_list):
    generator = torch.Generator().manual_seed(5)
    maps = [torch.randn(3, 4, 2, 2, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(4)]
    weights = nn.Parameter(torch.tensor([2.0, -0.5], dtype=torch.float64))
    weight = nn.Parameter(torch.tensor(0.25, dtype=torch.float64))
    torch.manual_seed(1)
    losses, regularizer = feature_map_contrastive("00, 11", maps[:2], maps[2:])
    expected = (losses * weights).sum() + weight * regularizer
    wanted = torch.autograd.grad(expected, [weights, weight, *maps])
    torch.manual_seed(1)
    given = list(weights) if as_list else weights
    objective = lossd.FeatureMapContrastiveTask("00, 11", client=client).objective(maps[:2], maps[2:], given, weight)
    torch.testing.assert_close(objective, expected, rtol=1e-6, atol=0)
    for got, want in zip(torch.autograd.grad(objective, [weights, weight, *maps]), wanted):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name, call", [
    ("tclip", lambda value: lossd.FeatureMapContrastiveTask("00", tclip=value)),
    ("regularizer_scale", lambda value: lossd.FeatureMapContrastiveTask("00", regularizer_scale=value)),
    ("embed_scale", lambda value: lossd.CPCTask(4, embed_scale=value)),
    ("temperature", lambda value: specs.nt_xent(value)),
    ("regularizer_weight", lambda value: specs.feature_map_contrastive(regularizer_weight=value)),
    (r"loss_weights\[1\]", lambda value: specs.feature_map_contrastive(loss_weights=[1.0, value])),
    ("embed_scale", lambda value: specs.cpc(embed_scale=value)),
    ("gradients.scale", lambda value: lossd.GradientOptions(scale=value).to_proto()),
    ("timeout", lambda value: lossd.Client(timeout=value)),
])
def test_a_gradient_that_would_get_lost_is_refused(name, call):
    with pytest.raises(TypeError, match=f"^{name}: expected a number, got a tensor that requires a gradient"):
        call(nn.Parameter(torch.tensor(1.0)))


@pytest.mark.parametrize("none", [None, "0.5", True])
def test_what_is_no_number_is_refused(client, none):
    with pytest.raises(TypeError, match="^tclip: expected a number, got"):
        lossd.FeatureMapContrastiveTask("00", tclip=none)
    with pytest.raises(TypeError, match="^temperature: expected a number, got"):
        lossd.nt_xent_loss(*_views(), none, client=client)
    task = lossd.FeatureMapContrastiveTask("00", client=client)
    task.tclip = none
    with pytest.raises(TypeError, match="^tclip: "):
        task(torch.ones(2, 3, 2, 2), torch.ones(2, 3, 2, 2))


def test_numbers_of_every_kind_are_numbers():
    assert [number("x", v) for v in (1, 2.5, np.float64(3), np.array([4.0]), torch.tensor(5))] == [1, 2.5, 3, 4, 5]
    with pytest.raises(TypeError, match="^x: expected a number"):
        number("x", np.ones(2))


def test_timeouts_are_seconds_or_no_limit():
    assert [seconds("t", v) for v in (None, 0, 1.5, float("inf"), 1e10)] == [None, 0, 1.5, None, None]
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="^t: expected seconds, at least 0, or None, got"):
            seconds("t", wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1 << 31, 1.5, float("inf")])
def test_limits_are_checked_at_construction(wrong):
    with pytest.raises(ValueError, match="^max_message_bytes: expected"):
        lossd.Client(max_message_bytes=wrong)
    assert whole("x", (1 << 31) - 1, 1, (1 << 31) - 1) == (1 << 31) - 1


_MAPS = specs.feature_map_contrastive


@pytest.mark.parametrize("name, kind, call", [
    *((name, "number", call) for name, call in {
        "temperature": lambda v: specs.nt_xent(temperature=v), "label_smoothing": lambda v: specs.info_nce(label_smoothing=v),
        "margin": lambda v: specs.info_nce(margin=v), "logit_scale": lambda v: specs.clip(logit_scale=v),
        "logit_bias": lambda v: specs.siglip(logit_bias=v), "weight_sigma": lambda v: specs.dcl(weight_sigma=v),
        "eps": lambda v: specs.vicreg(eps=v), "lambda_": lambda v: specs.barlow_twins(v), "tclip": lambda v: _MAPS(tclip=v),
        "loss_weights[0]": lambda v: _MAPS(loss_weights=[v]), "embed_scale": lambda v: specs.cpc(embed_scale=v),
        "target_dim": lambda v: specs.cpc(target_dim=v), "init_seed": lambda v: specs.cpc(init_seed=v),
        "seed": lambda v: _MAPS(seed=v), "numpy_skip": lambda v: _MAPS(seed=1, numpy_skip=v),
        "positions[1]": lambda v: _MAPS(positions=[0, v])}.items()),
    ("normalize", "True or False", lambda v: specs.sup_con(normalize=v)),
    ("bidirectional", "True or False", lambda v: _MAPS(bidirectional=v)),
    ("comparisons", "a text", lambda v: _MAPS(v)),
])
def test_what_a_field_of_a_loss_cannot_hold_is_refused_by_name(name, kind, call):
    for wrong in (["a"], object()) if name == "comparisons" else ("a", object()):
        with pytest.raises(TypeError) as caught:
            call(wrong)
        assert str(caught.value).startswith(f"{name}: expected ") and kind in str(caught.value)


def test_whole_numbers_of_a_loss_have_the_wires_range():
    assert specs.cpc(init_seed=(1 << 64) - 1).cpc.init_seed == (1 << 64) - 1
    assert _MAPS(positions=np.array([3, 4])).feature_map_contrastive.sampling.positions.values == [3, 4]
    for name, call in (("init_seed", lambda: specs.cpc(init_seed=1 << 64)), ("seed", lambda: _MAPS(seed=-1)),
                       ("target_dim", lambda: specs.cpc(target_dim=1 << 31)),
                       ("positions[0]", lambda: _MAPS(positions=[1 << 31])), ("target_dim", lambda: specs.cpc(target_dim=2.5))):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value).startswith(f"{name}: expected ")
    with pytest.raises(TypeError, match="^positions: expected whole numbers, got 5"):
        _MAPS(positions=5)


def test_switches_of_a_loss_are_pythons_and_numpys():
    assert [specs.nt_xent(normalize=v).nt_xent.normalize for v in (True, np.True_, 1, False, np.False_, 0)] == [True] * 3 + [False] * 3
