# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The drop-ins against what the reference's unchanged code gave (tests/golden)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import lossd

_GOLDEN = Path(__file__).resolve().parents[2] / "golden"
_CASES = {path.parent.name: json.loads(path.read_text()) for path in sorted(_GOLDEN.glob("*/case.json"))}


def _matching(task: str) -> list[str]:
    return [name for name, case in _CASES.items() if case["task"] == task and case.get("compare") == "must_match"]


def _array(name: str, entry: dict) -> torch.Tensor:
    return torch.from_numpy(np.load(_GOLDEN / name / entry["file"]))


def _check(got: torch.Tensor, name: str, entry: dict) -> None:
    expected = _array(name, entry) if entry.get("file") else torch.tensor(entry["values"])
    advice = entry["fp64_check"]["advice"]
    torch.testing.assert_close(got.detach().double(), expected.reshape(got.shape).double(), equal_nan=True, **advice)


def _seed_everything(seed: int) -> None:
    np.random.seed(seed)
    torch.manual_seed(seed)


def _seed_for_draws(protocol: dict) -> None:
    """Before the forward pass: by a seed of its own, or by what the creation of the inputs has left."""
    if protocol["sample_seed"] is not None:
        _seed_everything(protocol["sample_seed"])
        return
    _seed_everything(protocol["input_seed"])
    for _ in protocol["input_order"]:
        torch.rand(3, 5, 2, 2)


@pytest.mark.parametrize("name", _matching("FeatureMapContrastiveTask"))
def test_feature_maps_draw_and_compute_as_the_reference(client, monkeypatch, name):
    case = _CASES[name]
    maps = {entry["name"]: _array(name, entry).requires_grad_() for entry in case["inputs"]}
    sides = [tuple(maps[e["name"]] for e in case["inputs"] if e["role"] == role) for role in ("anchor", "positive")]
    sent = []
    compute = client.compute
    monkeypatch.setattr(client, "compute", lambda loss, *a, **o: sent.append(loss) or compute(loss, *a, **o))
    params = case["params"]
    task = lossd.FeatureMapContrastiveTask(params["comparisons"], params["tclip"], params["bidirectional"],
                                           client=client)
    _seed_for_draws(case["seed_protocol"])
    losses, regularizer = task(*sides)
    positions = sent[0].feature_map_contrastive.sampling.positions.values
    assert list(positions) == [index for draw in case["sampling"] for index in draw["flat_index"]]
    _check(losses, name, case["expected"]["losses"])
    _check(regularizer, name, case["expected"]["regularizer"])
    (losses.sum() + params["regularizer_weight"] * regularizer).backward()
    for entry in case["expected"]["gradients"]:
        _check(maps[entry["name"]].grad, name, entry)


def test_cpc_parameters_start_as_the_references_to_the_bit():
    name = "cpc_params_c4_t16_s1"
    case = _CASES[name]
    _seed_everything(case["params"]["init_seed"])
    task = lossd.CPCTask(case["params"]["num_input_channels"], case["params"]["target_dim"])
    state = task.state_dict()
    assert list(state) == [entry["name"] for entry in case["parameters"]]
    for entry in case["parameters"]:
        assert torch.equal(state[entry["name"]], _array(name, entry)), entry["name"]


@pytest.mark.parametrize("name", _matching("CPCTask"))
def test_cpc_computes_as_the_reference(client, name):
    case = _CASES[name]
    params = case["params"]
    _seed_everything(params["init_seed"])
    task = lossd.CPCTask(params["num_input_channels"], params["target_dim"], params["embed_scale"], client=client)
    z = _array(name, case["inputs"][0]).requires_grad_()
    loss = task(z)
    _check(loss, name, case["expected"]["total"])
    loss.backward()
    tensors = {"z": z, **dict(task.named_parameters())}
    # Of large parameters only some elements and sums are stored.
    whole = [entry for entry in case["expected"]["gradients"]
             if entry["name"] in tensors and entry.get("file")
             and _array(name, entry).shape == tensors[entry["name"]].shape]
    assert "z" in [entry["name"] for entry in whole]
    for entry in whole:
        _check(tensors[entry["name"]].grad, name, entry)


@pytest.mark.parametrize("name", _matching("nt_xent_loss"))
def test_nt_xent_computes_as_the_reference(client, name):
    case = _CASES[name]
    views = [_array(name, entry).requires_grad_() for entry in case["inputs"]]
    loss = lossd.nt_xent_loss(*views, case["params"]["temperature"], client=client)
    _check(loss, name, case["expected"]["loss"])
    loss.backward()
    for view, entry in zip(views, case["expected"]["gradients"]):
        _check(view.grad, name, entry)


@pytest.mark.parametrize("row", _CASES["fm_parse_table"]["rows"], ids=lambda row: repr(row["input"]))
def test_comparisons_are_parsed_as_the_reference_parses_them(row):
    if not row["input"].isascii():
        pytest.skip("digits of other scripts are refused")
    if "error" in row:
        with pytest.raises(ValueError):
            lossd.parse_map_indexes(row["input"])
    else:
        assert lossd.parse_map_indexes(row["input"]) == [tuple(pair) for pair in row["result"]]
