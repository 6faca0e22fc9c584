# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Cases of the losses: each in every dtype that it takes, the forms of gradients, sizes, and what is not finite."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import oracle
from case_parts import DTYPES, FLOATS, case, computed, expected, filled, input_of, message, refused

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def drawn(seed: int, *shape: int, dtype: str = "FLOAT32") -> Tensor:
    """Standard normal numbers, rounded to `dtype`."""
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(DTYPES[dtype])


def documentation_example() -> dict:
    """The reference's, with the draws that its seed makes, from the golden case."""
    folder = GOLDEN / "fm_doc_example"
    golden = json.loads((folder / "case.json").read_text())
    names = {"a0": "anchor.0", "a1": "anchor.1", "b0": "positive.0", "b1": "positive.1"}
    tensors = {wire: torch.from_numpy(np.load(folder / f"{name}.npy")) for name, wire in names.items()}
    positions = torch.tensor([draw["flat_index"] for draw in golden["sampling"]]).reshape(2, 2, 3)
    request = {"requestId": "documentation", "loss": {"featureMapContrastive": {
        "comparisons": "01, 11", "sampling": {"seed": {"torchSeed": "0", "torchSkip": "240"}}}}}
    results = golden["expected"]
    outputs = [expected("losses", torch.tensor(results["losses"]["values_fp64"]), "FLOAT32", 1e-6),
               expected("regularizer", torch.tensor(results["regularizer"]["values_fp64"][0]), "FLOAT32", 1e-6),
               expected("comparisons", torch.tensor([[0, 1], [1, 1]], dtype=torch.int32), "INT32", 0),
               expected("positions", positions.to(torch.int32), "INT32", 0)]
    gradients = [expected(wire, torch.from_numpy(np.load(folder / f"grad_{name}.npy")), "FLOAT32", 1e-5)
                 for name, wire in names.items()]
    expect = {"objective": {"value": results["objective"]["values_fp64"][0], "tolerance": 5e-6},
              "outputs": outputs, "gradients": gradients, "nonfinite": []}
    inputs = [input_of(name, tensor) for name, tensor in tensors.items()]
    return case("documentation_example", "the reference's documentation example, golden", [message(request, inputs, expect)])


def feature_maps(dtype: str) -> dict:
    tensors = {f"{side}.{i}": drawn(10 * i + s, 3, 4, 2, 2 + i, dtype=dtype)
               for s, side in enumerate(("anchor", "positive")) for i in range(2)}
    positions = torch.tensor([[[0, 1, 3], [2, 2, 0]], [[5, 0, 1], [4, 3, 2]]])
    spec = {"comparisons": "00, 10", "tclip": 4.0, "regularizerScale": 0.1,
            "sampling": {"positions": {"values": positions.flatten().tolist()}}}
    made = computed("featureMapContrastive", spec, tensors, oracle.feature_map_contrastive, pairs=[(0, 0), (1, 0)],
                    positions=positions, tclip=4.0, scale=0.1)
    return case(f"feature_map_contrastive_{dtype.lower()}", f"feature_map_contrastive in {dtype}, explicit positions", [made])


def cpc(dtype: str) -> dict:
    made = computed("cpc", {"targetDim": 8, "initSeed": "7"}, {"z": drawn(3, 2, 4, 3, 4, dtype=dtype)}, oracle.cpc,
                    target_dim=8, seed=7)
    return case(f"cpc_{dtype.lower()}", f"cpc in {dtype}, parameters initialised from a seed", [made])


def nt_xent_tensors(seed: int, dtype: str = "FLOAT32") -> dict[str, Tensor]:
    return {name: drawn(seed + i, 4, 6, dtype=dtype) for i, name in enumerate(("out_1", "out_2"))}


def nt_xent(dtype: str) -> dict:
    made = computed("ntXent", {"temperature": 0.5}, nt_xent_tensors(5, dtype), oracle.nt_xent_loss, temperature=0.5)
    return case(f"nt_xent_{dtype.lower()}", f"nt_xent in {dtype}", [made])


def squared_norm_expect(inputs: list[dict], half_sum: float, gradients: bool = True) -> dict:
    wide = "FLOAT64" if inputs[0]["dtype"] == "FLOAT64" else "FLOAT32"
    tolerance = 0 if half_sum == 0 else float(f"{2e-7 * half_sum:.3g}")
    return {"objective": {"value": half_sum, "tolerance": tolerance},
            "outputs": [{"name": "loss", "dtype": wide, "shape": [], "values": [half_sum], "tolerance": tolerance}],
            "gradients": [{"name": tensor["name"], "dtype": tensor["dtype"], "shape": tensor["shape"],
                           "equals_input": tensor["name"]} for tensor in inputs] if gradients else [],
            "nonfinite": []}


def filled_half_sum(count: int) -> float:
    """Of `filled` inputs."""
    values = 0.25 * ((np.arange(count, dtype=np.int64) * 31) % 17 - 8)
    return float(np.square(values).sum() / 2)


def squared_norm(name: str, about: str, inputs: list[dict], count: int) -> dict:
    floats = inputs[0]["dtype"] in FLOATS
    made = message({"requestId": name, "loss": {"squaredNorm": {}}}, inputs,
                   squared_norm_expect(inputs, filled_half_sum(count), floats))
    return case(name, about, [made])


def squared_norms() -> list[dict]:
    cases = [squared_norm(f"squared_norm_{dtype.lower()}", f"squared_norm in {dtype}: the gradient is the input, to the bit",
                          [filled("x.0", dtype, [3, 5])], 15) for dtype in FLOATS]
    for dtype in ("INT32", "INT64", "UINT8"):
        values = torch.tensor([0, 1, 2, 3, 200], dtype=DTYPES[dtype])
        tensors = [input_of("x.0", values)]
        made = message({"requestId": "integers", "loss": {"squaredNorm": {}}}, tensors,
                       squared_norm_expect(tensors, 20007.0, gradients=False))
        cases.append(case(f"squared_norm_{dtype.lower()}", f"squared_norm in {dtype}: integers have no gradient", [made]))
    return cases + [
        squared_norm("squared_norm_empty", "no elements at all", [filled("x.0", "FLOAT32", [0, 3])], 0),
        squared_norm("squared_norm_scalar", "a tensor of rank 0", [filled("x.0", "FLOAT32", [])], 1),
        squared_norm("squared_norm_1mb", "1 MB, there and back", [filled("x.0", "FLOAT32", [500, 500])], 250_000),
        squared_norm("squared_norm_20mb", "20 MB, there and back: more than gRPC's clients take by default",
                     [filled("x.0", "FLOAT32", [5_000_000])], 5_000_000),
    ]


def gradient_forms() -> list[dict]:
    """Which gradients, and in what form."""
    tensors = nt_xent_tensors(8)
    cases = []
    for name, options in (("none", {"mode": "MODE_NONE"}), ("named", {"mode": "MODE_NAMED", "names": ["out_2"]}),
                          ("bfloat16", {"dtype": "DTYPE_BFLOAT16"}), ("scaled", {"scale": 1024.0})):
        made = computed("ntXent", {}, tensors, oracle.nt_xent_loss, request={"gradients": options}, temperature=0.5,
                        gradient_dtype="BFLOAT16" if "dtype" in options else None)
        kept = {"none": (), "named": ("out_2",)}.get(name, ("out_1", "out_2"))
        made["expect"]["gradients"] = [g for g in made["expect"]["gradients"] if g["name"] in kept]
        cases.append(case(f"gradients_{name}", f"gradients: {json.dumps(options)}", [made]))
    return cases


def parameter_gradients() -> dict:
    """An answer of 6 MB to a request of 144 bytes."""
    shapes = {"target_cnn.weight": [64, 4, 1, 1], "target_cnn.bias": [64], "pred_cnn.weight": [64, 4, 1, 1], "pred_cnn.bias": [64]}
    for block in range(5):
        for layer, shape in ((0, [256, 4, 1, 1]), (2, [256, 256, 1, 3]), (4, [256, 256, 2, 1]), (6, [4, 256, 1, 1])):
            shapes[f"context_cnn.blocks.{block}.{layer}.weight"] = shape
            shapes[f"context_cnn.blocks.{block}.{layer}.bias"] = shape[:1]
    gradients = [{"name": f"parameters.{name}", "dtype": "FLOAT32", "shape": shape} for name, shape in shapes.items()]
    request = {"requestId": "parameters", "loss": {"cpc": {}},
               "gradients": {"mode": "MODE_NAMED", "names": ["parameters.*"]}}
    return message(request, [input_of("z", drawn(3, 1, 4, 3, 3))], {"gradients": gradients})


def nonfinite() -> list[dict]:
    nan = torch.tensor([1.0, float("nan"), float("inf")])
    values = {"name": "x.0", "dtype": "FLOAT32", "shape": [3], "equals_input": "x.0"}
    reported = {"outputs": [{"name": "loss", "dtype": "FLOAT32", "shape": [], "values": ["nan"], "tolerance": 0}],
                "gradients": [values], "nonfinite": ["x.0", "loss"]}
    norm = {"loss": {"squaredNorm": {}}}
    reject = {**norm, "options": {"nonfinitePolicy": "NONFINITE_POLICY_REJECT"}}
    return [
        case("nonfinite_report", "NaN and infinity are computed with, and named",
             [message({"requestId": "nan", **norm}, [input_of("x.0", nan)], reported)]),
        case("nonfinite_reject", "NaN in an input is refused where the policy says so",
             [message({"requestId": "nan", **reject}, [input_of("x.0", nan)],
                      refused("INVALID_ARGUMENT", field="inputs[x.0].data", origin="server"))]),
        case("out_of_range", "finite inputs with a result that is not",
             [message({"requestId": "huge", **reject}, [input_of("x.0", torch.tensor([3e38, 3e38]))],
                      refused("OUT_OF_RANGE", origin="server"))]),
    ]


def all_cases() -> list[dict]:
    cases = [documentation_example()]
    for loss in (feature_maps, cpc, nt_xent):
        cases += [loss(dtype) for dtype in FLOATS]
    cases += squared_norms() + gradient_forms() + nonfinite()
    return cases + [case("large_answer", "an answer of 6 MB to a small request: every gradient of cpc's parameters",
                         [parameter_gradients()])]
