# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses that people train with, against their definitions in plain torch."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import lossd

_N, _D = 6, 4


@pytest.fixture(autouse=True)
def has_the_losses(client):
    missing = {"info_nce", "clip", "siglip", "sup_con", "dcl", "vicreg", "barlow_twins"} - {
        loss.name for loss in client.server_info().losses}
    if missing:
        pytest.skip(f"this server has no {', '.join(sorted(missing))}")


def _rows(count: int, seed: int = 0, rows: int = _N):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, _D, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(count)]


def _agree(mine, oracle, inputs):
    """Values and gradients, also of what is learned."""
    torch.testing.assert_close(mine.detach(), oracle.detach(), rtol=1e-6, atol=1e-9)
    for got, wanted in zip(torch.autograd.grad(3 * mine, inputs), torch.autograd.grad(3 * oracle, inputs)):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-7)


def _temperatures(value: float):
    return [value, torch.tensor(value, dtype=torch.float64, requires_grad=True)]


def _learned(*values):
    return [v for v in values if isinstance(v, torch.Tensor)]


def _nt_xent(a, b, temperature):
    both = F.normalize(torch.cat([a, b]), dim=1)
    scores = (both @ both.t() / temperature).masked_fill(torch.eye(len(both), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(scores, torch.arange(len(both)).roll(len(a)))


def _dcl(a, b, temperature, sigma=None):
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    weights = 1.0 if sigma is None else 2 - len(a) * F.softmax((a * b).sum(1) / sigma, 0).detach()
    total = 0
    for one, two in ((a, b), (b, a)):
        own = torch.eye(len(one), dtype=torch.bool)
        others = torch.cat([(one @ one.t() / temperature).masked_fill(own, -torch.inf),
                            (one @ two.t() / temperature).masked_fill(own, -torch.inf)], 1)
        total = total + (others.logsumexp(1) - weights * (one * two).sum(1) / temperature).mean() / 2
    return total


def _info_nce(query, key, temperature, negatives=(), symmetric=False, smoothing=0.0):
    query, key = F.normalize(query, dim=1), F.normalize(key, dim=1)
    columns = torch.cat([key, *(F.normalize(n, dim=1) for n in negatives)])
    labels = torch.arange(len(query))
    loss = F.cross_entropy(query @ columns.t() / temperature, labels, label_smoothing=smoothing)
    if symmetric:
        loss = (loss + F.cross_entropy(key @ query.t() / temperature, labels, label_smoothing=smoothing)) / 2
    return loss


def _clip(image, text, scale, bias):
    scores, labels = scale * image @ text.t() + bias, torch.arange(len(image))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.t(), labels)) / 2


def _siglip(image, text, scale, bias):
    signs = 2 * torch.eye(len(image), dtype=image.dtype) - 1
    return F.softplus(-signs * (scale * image @ text.t() + bias)).sum() / len(image)


def _sup_con(features, labels, temperature):
    u = F.normalize(features, dim=1)
    own = torch.eye(len(u), dtype=torch.bool)
    logs = (u @ u.t() / temperature).masked_fill(own, -torch.inf).log_softmax(1)
    positives = (labels[:, None] == labels[None]) & ~own
    rows = [-logs[i][positives[i]].mean() for i in range(len(u)) if positives[i].any()]
    return torch.stack(rows).mean()


@pytest.mark.parametrize("temperature", _temperatures(0.3))
def test_nt_xent(client, temperature):
    views = _rows(2)
    _agree(lossd.NTXentLoss(temperature, client=client)(*views), _nt_xent(*views, temperature), views + _learned(temperature))


@pytest.mark.parametrize("temperature", _temperatures(0.2))
def test_dcl(client, temperature):
    views = _rows(2)
    _agree(lossd.DCLLoss(temperature, client=client)(*views), _dcl(*views, temperature), views + _learned(temperature))


def test_dclw(client):
    views = _rows(2)
    _agree(lossd.DCLWLoss(0.2, 0.4, client=client)(*views), _dcl(*views, 0.2, 0.4), views)


@pytest.mark.parametrize("temperature", _temperatures(0.15))
@pytest.mark.parametrize("options", [{}, {"symmetric": True, "label_smoothing": 0.1}])
def test_info_nce(client, temperature, options):
    views, negatives = _rows(2), _rows(1, 1, rows=3) + _rows(1, 2, rows=1)
    mine = lossd.InfoNCE(temperature, client=client, **options)(*views, negatives=negatives)
    oracle = _info_nce(*views, temperature, negatives, options.get("symmetric", False), options.get("label_smoothing", 0.0))
    _agree(mine, oracle, views + negatives + _learned(temperature))


@pytest.mark.parametrize("strategy, bound", [("absolute", lambda own: own - 0.1), ("relative", lambda own: own - 0.1 * own.abs())])
def test_info_nce_takes_out_false_negatives_by_their_guides(client, strategy, bound):
    views, guides = _rows(2), [g.detach() for g in _rows(2, 5)]
    q, k, gq, gk = (F.normalize(x, dim=1) for x in (*views, *guides))
    similar = gq @ gk.t()
    out = (similar > bound(similar.diagonal()[:, None])) & ~torch.eye(_N, dtype=torch.bool)
    oracle = F.cross_entropy((q @ k.t() / 0.1).masked_fill(out, -torch.inf), torch.arange(_N))
    assert out.any()
    _agree(lossd.InfoNCE(0.1, margin=0.1, margin_strategy=strategy, client=client)(*views, guides=guides), oracle, views)
    spec = lossd.specs.info_nce(0.1, margin=0.1, margin_strategy=strategy)
    inputs = dict(zip(("query", "key", "guide.query", "guide.key"), (*(v.detach() for v in views), *guides)))
    assert client.compute(spec, inputs).objective == pytest.approx(oracle.item())


@pytest.mark.parametrize("make", [lossd.InfoNCE, lossd.specs.info_nce])
def test_a_margin_strategy_is_one_that_there_is_and_has_a_margin(make):
    with pytest.raises(ValueError, match="^margin_strategy: expected a margin beside 'relative', got none$"):
        make(margin_strategy="relative")
    with pytest.raises(ValueError, match="^margin_strategy: expected 'absolute' or 'relative', got 'both'$"):
        make(margin=0.1, margin_strategy="both")
    with pytest.raises(TypeError, match="^margin_strategy: expected a text, got None$"):
        make(margin=0.1, margin_strategy=None)


def test_guides_without_margin_are_refused():
    with pytest.raises(ValueError, match="^guides: expected a margin beside them, got none$"):
        lossd.InfoNCE()(_ROWS, _ROWS, guides=[_ROWS, _ROWS])


@pytest.mark.parametrize("argument", ["normalize", "symmetric"])
def test_flags_of_info_nce_are_bools(argument):
    with pytest.raises(TypeError, match=f"^{argument}: expected True or False, got 'no'$"):
        lossd.InfoNCE(**{argument: "no"})


@pytest.mark.parametrize("call", [lambda loss, x: loss(x, x, x), lambda loss, x: loss(x, x, negative_keys=x)])
def test_negatives_that_would_take_the_place_of_keys_are_refused(call):
    with pytest.raises(TypeError, match="^negative_keys: expected None, got negatives that would take the place of the other keys"):
        call(lossd.InfoNCE(), _ROWS)


@pytest.mark.parametrize("cls, oracle", [("ClipLoss", _clip), ("SigLipLoss", _siglip)])
def test_clip_and_siglip(client, cls, oracle):
    image, text = _rows(2)
    scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (3.0, -1.5))
    made = getattr(lossd, cls)(client=client)
    _agree(made(image, text, scale, bias), oracle(image, text, scale, bias), [image, text, scale, bias])
    _agree(made(image, text, 3.0), oracle(image, text, 3.0, 0.0), [image, text])
    assert made(image, text, scale, output_dict=True).keys() == {"contrastive_loss"}


@pytest.mark.parametrize("temperature", _temperatures(0.1))
def test_sup_con(client, temperature):
    features, labels = _rows(1), torch.tensor([0, 1, 0, 2, 1, 0])
    mine = lossd.SupConLoss(temperature, client=client)(features[0], labels)
    _agree(mine, _sup_con(features[0], labels, temperature), features + _learned(temperature))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_of_every_kind_of_whole_number_are_labels(client, dtype):
    features, labels = _rows(1)[0].detach(), torch.tensor([0, 1, 0, 1, 1, 0])
    loss = lossd.SupConLoss(client=client)
    assert loss(features, labels.to(dtype)) == loss(features, labels)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64])
def test_labels_that_would_be_rounded_into_one_another_are_refused(client, dtype):
    labels = torch.tensor([0.2, 0.2, 0.5, 0.5, 0.8, float("nan")]).to(dtype)
    with pytest.raises(TypeError, match=f"^labels: expected whole numbers, got {dtype}"):
        lossd.SupConLoss(client=client)(_rows(1)[0], labels)


def test_vicreg(client):
    a, b = views = _rows(2)
    variance = covariance = 0
    for z in views:
        variance = variance + F.relu(1 - (z.var(0) + 1e-3).sqrt()).mean() / 2
        square = z.t().cov().square()
        covariance = covariance + (square.sum() - square.diagonal().sum()) / _D
    oracle = 20 * F.mse_loss(a, b) + 15 * variance + 2 * covariance
    _agree(lossd.VICRegLoss(20, 15, 2, eps=1e-3, client=client)(*views), oracle, views)


def test_barlow_twins(client):
    a, b = views = _rows(2)
    a, b = ((z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt() for z in views)
    c = a.t() @ b / _N
    squares = (c - torch.eye(_D)).square()
    oracle = squares.diagonal().sum() + 0.01 * (squares.sum() - squares.diagonal().sum())
    _agree(lossd.BarlowTwinsLoss(0.01, client=client)(*views), oracle, views)


@pytest.mark.parametrize("make, argument", [
    (lambda: lossd.NTXentLoss(memory_bank_size=4096), "memory_bank_size"), (lambda: lossd.DCLLoss(weight_fn=max), "weight_fn"),
    (lambda: lossd.VICRegLoss(gather_distributed=True), "gather_distributed"), (lambda: lossd.ClipLoss(world_size=2), "world_size"),
    (lambda: lossd.InfoNCE(reduction="sum"), "reduction"), (lambda: lossd.InfoNCE(negative_mode="paired"), "negative_mode"),
    (lambda: lossd.InfoNCE(0.1, "mean", "paired"), "negative_mode")])
def test_what_a_server_cannot_do_is_refused(make, argument):
    with pytest.raises(ValueError, match=f"^{argument}: expected"):
        make()


_ROWS = torch.zeros(4, 3)
_CALLS = [
    ("query", lambda x: lossd.InfoNCE()(x, _ROWS)), ("positive_key", lambda x: lossd.InfoNCE()(_ROWS, x)),
    (r"negatives\[1\]", lambda x: lossd.InfoNCE()(_ROWS, _ROWS, negatives=[_ROWS, x])),
    (r"guides\[0\]", lambda x: lossd.InfoNCE(margin=0.1)(_ROWS, _ROWS, guides=[x, _ROWS])),
    ("image_features", lambda x: lossd.ClipLoss()(x, _ROWS, 1.0)), ("text_features", lambda x: lossd.SigLipLoss()(_ROWS, x, 1.0)),
    ("embeddings", lambda x: lossd.SupConLoss()(x, torch.arange(4))), ("labels", lambda x: lossd.SupConLoss()(_ROWS, x)),
    ("out0", lambda x: lossd.NTXentLoss()(x, _ROWS)), ("out1", lambda x: lossd.DCLLoss()(_ROWS, x)),
    ("out1", lambda x: lossd.DCLWLoss()(_ROWS, x)), ("z_a", lambda x: lossd.VICRegLoss()(x, _ROWS)),
    ("z_b", lambda x: lossd.BarlowTwinsLoss()(_ROWS, x)), ("out_2", lambda x: lossd.nt_xent_loss(_ROWS, x, 0.5)),
    ("z", lambda x: lossd.CPCTask(3)(x)),
    (r"anchor_maps\[0\]", lambda x: lossd.FeatureMapContrastiveTask("00")([x], [_ROWS[None, None]])),
    (r"positive_maps\[0\]", lambda x: lossd.FeatureMapContrastiveTask("00")(_ROWS[None, None], [x])),
]


@pytest.mark.parametrize("argument, call", _CALLS, ids=[argument for argument, _ in _CALLS])
def test_what_is_no_dense_tensor_is_refused_by_name(argument, call):
    for other, kind in ((_ROWS.numpy(), "ndarray"), (None, "NoneType"), ("x", "str")):
        with pytest.raises(TypeError, match=f"^{argument}: expected a torch tensor, got {kind}$"):
            call(other)
    with pytest.raises(TypeError, match=f"^{argument}: expected a dense tensor, got one of layout torch.sparse_coo$"):
        call(_ROWS.to_sparse())


@pytest.mark.parametrize("make", [
    lambda c: lossd.InfoNCE(client=c), lambda c: lossd.VICRegLoss(client=c), lambda c: lossd.CPCTask(3, client=c),
    lambda c: lossd.FeatureMapContrastiveTask("00", client=c), lambda c: lossd.nt_xent_loss(_ROWS, _ROWS, 0.5, client=c)])
def test_the_name_of_a_server_is_no_client(make):
    with pytest.raises(TypeError, match="^client: expected a lossd.Client or None, got 'localhost:50051'$"):
        make("localhost:50051")


def test_comparisons_are_a_text():
    with pytest.raises(TypeError, match="^comparisons: expected a text, got None$"):
        lossd.FeatureMapContrastiveTask(None)


@pytest.mark.parametrize("make", [lambda c: lossd.InfoNCE(client=c), lambda c: lossd.NTXentLoss(client=c),
                                  lambda c: lossd.VICRegLoss(client=c)])
def test_float64_beside_float32_is_computed_in_float64(client, make):
    a, b = _rows(2)
    narrow = b.detach().float().requires_grad_()
    mixed, wide = make(client)(a, narrow), make(client)(a, narrow.double())
    assert mixed.dtype == torch.float64 and mixed == wide
    mixed.backward()
    assert narrow.grad.dtype == torch.float32


def _documented_defaults():
    """(drop-in, argument, default) of the table in docs/losses.md."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "losses.md").read_text()
    table = text.split("## Defaults of the torch drop-ins")[1].split("\n## ")[0]
    names: list[str] = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or cells[0] == "drop-in" or set(line) <= set("|-"):
            continue
        names = re.findall(r"`(\w+)`", cells[0]) or names
        for name in names if cells[1] != "-" else ():
            yield name, cells[1], cells[2].replace("*", "")


@pytest.mark.parametrize("name, argument, told", list(_documented_defaults()))
def test_defaults_are_those_of_the_documentation(name, argument, told):
    drop_in = getattr(lossd, name)
    function = drop_in.forward if argument.endswith(" of the call") else drop_in
    default = inspect.signature(function).parameters[argument.split("`")[1]].default
    words = {"given": inspect.Parameter.empty, "true": True, "false": False, "none": None, "none, which is 0": None}
    assert default == (words[told] if told in words else ast.literal_eval(told))


def test_every_loss_that_is_a_drop_in_has_its_defaults_documented():
    assert {name for name, _, _ in _documented_defaults()} == set(lossd._TORCH_DROP_INS) - {"PixelCNN"}
