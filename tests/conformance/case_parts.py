# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What cases are made of: inputs, requests and expectations, from torch tensors and an oracle's answers."""

from __future__ import annotations

import base64
from typing import Any, Callable

import torch
from torch import Tensor

import oracle
from case_format import binary_of

DTYPES = {"FLOAT32": torch.float32, "FLOAT16": torch.float16, "BFLOAT16": torch.bfloat16, "FLOAT64": torch.float64,
          "INT32": torch.int32, "INT64": torch.int64, "UINT8": torch.uint8}
FLOATS = ("FLOAT32", "FLOAT16", "BFLOAT16", "FLOAT64")
NAMES = {dtype: name for name, dtype in DTYPES.items()}
# Relative to the largest element: what the contract promises, and what the rounding to the gradient's type adds.
LOSS_TOLERANCE = {"FLOAT64": 1e-12}
GRADIENT_TOLERANCE = {"FLOAT32": 1e-5, "FLOAT16": 2 ** -10, "BFLOAT16": 2 ** -8, "FLOAT64": 1e-11}
SMALLEST = {"FLOAT16": 2.0 ** -24, "FLOAT32": 1e-10, "BFLOAT16": 1e-10, "FLOAT64": 1e-14}

Message = dict[str, Any]


def bytes_of(tensor: Tensor) -> bytes:
    """Elements as on the wire."""
    flat = tensor.detach().contiguous().flatten()
    if flat.dtype == torch.bfloat16:
        flat = flat.view(torch.int16)
    return flat.numpy().tobytes()


def input_of(name: str, tensor: Tensor) -> dict:
    return {"name": name, "dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
            "data": base64.b64encode(bytes_of(tensor)).decode()}


def filled(name: str, dtype: str, shape: list[int]) -> dict:
    """An input of multiples of 1/4 in [-2, 2]: its squares' sum is exact in float64, whatever the order."""
    return {"name": name, "dtype": dtype, "shape": shape, "fill": {"step": 31, "modulus": 17, "offset": -8, "scale": 0.25}}


def _number(value: float) -> float | str:
    return value if value == value and abs(value) != float("inf") else str(value)


def expected(name: str, tensor: Tensor, dtype: str, relative: float) -> dict:
    """An expected tensor; the tolerance is `relative` to its largest element."""
    values = tensor.double().flatten()
    largest = float(values.abs().max()) if len(values) else 0.0
    exact = not tensor.dtype.is_floating_point
    return {"name": name, "dtype": dtype, "shape": list(tensor.shape), "values": [_number(v) for v in values.tolist()],
            "tolerance": 0 if exact else float(f"{max(relative * largest, SMALLEST[dtype]):.3g}")}


def message(request: dict, inputs: list[dict], expect: dict) -> Message:
    return {"request": request, "request_binary": binary_of(request), "inputs": inputs, "expect": expect}


def refused(code: str | list[str], **details: Any) -> dict:
    """An expected error."""
    return {"error": {"code": [code] if isinstance(code, str) else code, **details}}


def computed(loss: str, spec: dict, tensors: dict[str, Tensor], function: Callable, *, request: dict | None = None,
             gradient_dtype: str | None = None, **settings: Any) -> Message:
    """A message with the answer that the oracle's `function` gives."""
    objective, outputs, gradients = oracle.evaluate(function, tensors, **settings)
    dtype = NAMES[next(iter(tensors.values())).dtype]
    wide = "FLOAT64" if dtype == "FLOAT64" else "FLOAT32"
    relative = LOSS_TOLERANCE.get(dtype, 1e-6)
    scale = (request or {}).get("gradients", {}).get("scale", 1.0)
    expect = {
        "objective": {"value": objective, "tolerance": float(f"{relative * max(1.0, abs(objective)):.3g}")},
        "outputs": [expected(name, out, wide if out.dtype.is_floating_point else NAMES[out.dtype], relative)
                    for name, out in outputs.items()],
        "gradients": [expected(name, scale * gradient, gradient_dtype or dtype, GRADIENT_TOLERANCE[gradient_dtype or dtype])
                      for name, gradient in gradients.items()],
        "nonfinite": [],
    }
    full = {"requestId": loss, "loss": {loss: spec}, **(request or {})}
    return message(full, [input_of(name, tensor) for name, tensor in tensors.items()], expect)


def case(name: str, about: str, messages: list[Message], *, server: str = "plain", kind: str = "compute",
         client: dict | None = None, **more: Any) -> dict:
    return {"name": name, "about": about, "server": server, "kind": kind, "client": client or {}, "messages": messages, **more}
