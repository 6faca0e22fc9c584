# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""FeatureMapContrastiveTask against the reference's definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint

import lossd
from reference import feature_map_contrastive


def _maps(seed: int, *shapes, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes)


def _seed(value: int) -> None:
    torch.manual_seed(value)
    np.random.seed(value)


def _gradients(function, maps, weigh):
    objective = weigh(*function())
    return objective.detach(), torch.autograd.grad(objective, maps, allow_unused=True)


def _assert_close(got, expected, tolerance=2e-5):
    for g, e in zip(got, expected):
        e = torch.zeros_like(g) if e is None else e
        assert (g - e).abs().max() <= tolerance * e.abs().max() + 1e-9


def test_documentation_example(client):
    torch.manual_seed(0)
    a1, a2, b1, b2 = (torch.rand(3, 5, 2, 2, requires_grad=True) for _ in range(4))
    losses, regularizer = lossd.FeatureMapContrastiveTask("01, 11", client=client)((a1, a2), (b1, b2))
    np.testing.assert_allclose(losses.detach(), [2.2351, 2.1902], atol=5e-5)
    np.testing.assert_allclose(regularizer.detach(), 0.0324, atol=5e-5)
    (losses.sum() + regularizer).backward()
    sums = [m.grad.abs().sum().item() for m in (a1, a2, b1, b2)]
    np.testing.assert_allclose(sums, [0.126709, 0.447835, 0.144148, 0.452817], atol=1e-6)


@pytest.mark.parametrize("comparisons, bidirectional", [("00", True), ("01, 11", True), ("0r, r1", True),
                                                        ("10, rr", False), ("01, 11", False)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_same_seed_same_draws_same_result(client, comparisons, bidirectional, dtype):
    shapes = [(4, 6, 3, 3), (4, 6, 2, 5)]
    anchors, positives = _maps(1, *shapes, dtype=dtype), _maps(2, *shapes, dtype=dtype)
    task = lossd.FeatureMapContrastiveTask(comparisons, 5.0, bidirectional, client=client)

    def weigh(losses, regularizer):
        return losses.sum() + regularizer

    _seed(7)
    expected = _gradients(lambda: feature_map_contrastive(comparisons, anchors, positives, 5.0, bidirectional),
                          anchors + positives, weigh)
    after = torch.randint(0, 1 << 30, (1,)), np.random.randint(1 << 30)
    _seed(7)
    got = _gradients(lambda: task(anchors, positives), anchors + positives, weigh)
    assert (torch.randint(0, 1 << 30, (1,)), np.random.randint(1 << 30)) == after, "the streams have moved apart"
    assert got[0].dtype == dtype
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-6)
    _assert_close(got[1], expected[1])


def test_weights_known_only_in_backward_are_exact_and_cost_a_second_call_only_when_they_are_new(counting_client):
    anchors, positives = _maps(3, (3, 4, 2, 2), (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2), (3, 4, 2, 2))
    task = lossd.FeatureMapContrastiveTask("00, 11", client=counting_client)
    maps = anchors + positives
    weights = torch.tensor([0.25, -3.0])
    for scale, calls in ((1.0, 2), (1.0, 1), (8.0, 1)):
        def weigh(losses, regularizer):
            return scale * ((losses * weights).sum() + 2.0 * regularizer)

        _seed(5)
        expected = _gradients(lambda: feature_map_contrastive("00, 11", anchors, positives), maps, weigh)
        _seed(5)
        counting_client.calls = 0
        got = _gradients(lambda: task(anchors, positives), maps, weigh)
        assert counting_client.calls == calls
        _assert_close(got[1], expected[1])


def test_plain_sum_needs_one_call_and_zero_weights_none(counting_client):
    anchors, positives = _maps(3, (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2))
    task = lossd.FeatureMapContrastiveTask("00", client=counting_client)
    losses, regularizer = task(anchors, positives)
    (0.5 * (losses.sum() + regularizer)).backward()
    assert counting_client.calls == 1
    losses, regularizer = task(anchors, positives)
    gradient, = torch.autograd.grad(0 * losses.sum() + 0 * regularizer, anchors)
    assert counting_client.calls == 2
    assert not gradient.any()


def test_objective_never_needs_a_second_call(counting_client):
    anchors, positives = _maps(3, (3, 4, 2, 2), (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2), (3, 4, 2, 2))
    task = lossd.FeatureMapContrastiveTask("00, 11", client=counting_client)
    _seed(1)
    losses, regularizer = feature_map_contrastive("00, 11", anchors, positives)
    expected = torch.autograd.grad(0.1 * (2 * losses[0] - losses[1] + 0.5 * regularizer), anchors + positives)
    _seed(1)
    objective = task.objective(anchors, positives, loss_weights=[2, -1], regularizer_weight=0.5)
    assert objective.shape == ()
    _assert_close(torch.autograd.grad(0.1 * objective, anchors + positives), expected)
    assert counting_client.calls == 1


def test_backward_twice_with_retained_graph_gives_twice_the_gradient(client):
    anchors, positives = _maps(3, (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2))
    losses, regularizer = lossd.FeatureMapContrastiveTask("00", client=client)(anchors, positives)
    objective = losses.sum() + regularizer
    objective.backward(retain_graph=True)
    once = anchors[0].grad.clone()
    objective.backward()
    assert torch.equal(anchors[0].grad, 2 * once)


def test_without_gradients_none_are_asked_for(client, monkeypatch):
    asked = []
    compute = client.compute
    monkeypatch.setattr(client, "compute", lambda *a, **o: asked.append(o["gradients"]) or compute(*a, **o))
    anchors, positives = _maps(3, (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2))
    task = lossd.FeatureMapContrastiveTask("00", client=client)
    with torch.no_grad():
        losses, _ = task(anchors, positives)
    assert not losses.requires_grad
    task(anchors, tuple(m.detach() for m in positives))[0].sum().backward()
    assert [options.select for options in asked] == ["none", ["anchor.0"], ["anchor.0"]]
    assert anchors[0].grad is not None


def test_checkpoint_recomputes_with_the_same_draws(client):
    anchors, positives = _maps(3, (3, 4, 3, 3)), _maps(4, (3, 4, 3, 3))
    task = lossd.FeatureMapContrastiveTask("00", client=client)

    def objective(a, p):
        losses, regularizer = task((a,), (p,))
        return losses.sum() + regularizer

    torch.manual_seed(9)
    expected = torch.autograd.grad(objective(anchors[0], positives[0]), anchors)
    torch.manual_seed(9)
    checkpoint(objective, anchors[0], positives[0]).backward()
    assert torch.equal(anchors[0].grad, expected[0])


def test_results_may_be_changed_in_place(client):
    anchors, positives = _maps(3, (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2))
    losses, regularizer = lossd.FeatureMapContrastiveTask("00", client=client)(anchors, positives)
    before = losses.item()
    losses *= 2
    assert losses.item() == 2 * before
    (losses.sum() + regularizer).backward()


def test_bare_tensors_tuples_and_lists_are_the_same(client):
    a, p = _maps(3, (3, 4, 2, 2), (3, 4, 2, 2))
    task = lossd.FeatureMapContrastiveTask("00", client=client)
    results = []
    for anchors, positives in ((a, p), ((a,), (p,)), ([a], [p]), ((a,), [p])):
        torch.manual_seed(2)
        results.append(task(anchors, positives)[0].item())
    assert len(set(results)) == 1


def test_half_precision_maps_get_gradients_of_their_dtype(client):
    anchors, positives = _maps(3, (3, 4, 2, 2), dtype=torch.bfloat16), _maps(4, (3, 4, 2, 2), dtype=torch.bfloat16)
    losses, regularizer = lossd.FeatureMapContrastiveTask("00", client=client)(anchors, positives)
    (losses.sum() + regularizer).backward()
    assert losses.dtype == torch.float32 and anchors[0].grad.dtype == torch.bfloat16


def test_a_task_prints_its_arguments():
    assert repr(lossd.FeatureMapContrastiveTask("01, r:12", 5.0)) == (
        "FeatureMapContrastiveTask(comparisons='0:1, r:12', tclip=5.0, bidirectional=True)")


def test_indices_beyond_the_maps_are_refused(client):
    anchors, positives = _maps(3, (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2))
    with pytest.raises(IndexError, match="index 1"):
        lossd.FeatureMapContrastiveTask("01", client=client)(anchors, positives)
    with pytest.raises(lossd.InvalidArgument, match="tclip"):
        lossd.FeatureMapContrastiveTask("00", tclip=0.0, client=client)(anchors, positives)


@pytest.mark.parametrize("weigh", [lambda losses, regularizer: losses.sum() + regularizer,
                                   lambda losses, regularizer: losses[0] - 3 * losses[1]])
def test_maps_of_a_teacher_under_inference_mode_are_constants(client, weigh):
    students = _maps(3, (3, 4, 2, 2), (3, 4, 2, 2))
    with torch.inference_mode():
        teachers = tuple(m.detach() * 1 for m in _maps(4, (3, 4, 2, 2), (3, 4, 2, 2)))
    task = lossd.FeatureMapContrastiveTask("00, 11", client=client)
    _seed(2)
    weigh(*task(students, teachers)).backward()
    ordinary = tuple(m.clone() for m in teachers)
    _seed(2)
    expected = torch.autograd.grad(weigh(*feature_map_contrastive("00, 11", students, ordinary)), students)
    _assert_close([m.grad for m in students], expected)
    task.objective(students, teachers).backward()
    lossd.nt_xent_loss(students[0].flatten(1), teachers[0].flatten(1), 0.5, client=client).backward()


def test_maps_changed_in_place_before_a_second_call_are_noticed(client):
    anchors, positives = _maps(3, (3, 4, 2, 2)), tuple(m.detach() for m in _maps(4, (3, 4, 2, 2)))
    losses, regularizer = lossd.FeatureMapContrastiveTask("00", client=client)(anchors, positives)
    positives[0].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (losses.sum() + 2 * regularizer).backward()


def test_losses_may_outlive_their_task_and_its_client(server):
    anchors, positives = _maps(3, (3, 4, 2, 2)), _maps(4, (3, 4, 2, 2))
    task = lossd.FeatureMapContrastiveTask("00", client=lossd.Client(server.target, timeout=60))
    losses, regularizer = task(anchors, positives)
    del task
    (losses.sum() + 2 * regularizer).backward()
    assert anchors[0].grad.any()
