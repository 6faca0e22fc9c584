# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The messages of a case as arguments of the client."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

import lossd
from lossd.v1 import loss_service_pb2, tensor_pb2

_DTYPES = {"FLOAT32": "<f4", "FLOAT16": "<f2", "FLOAT64": "<f8", "INT32": "<i4", "INT64": "<i8", "UINT8": "u1"}


def bfloat16_bits(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32 values, which must need no rounding."""
    return (values.astype("<f4").view("<u4") >> 16).astype(np.uint16)


def make_array(described: dict[str, Any]) -> np.ndarray | lossd.Bfloat16Bits:
    """An input of the case, as the client takes it."""
    shape, dtype = described["shape"], described["dtype"]
    if "data" in described:
        data = base64.b64decode(described["data"])
        if dtype == "BFLOAT16":
            return lossd.Bfloat16Bits(np.frombuffer(data, "<u2").reshape(shape))
        return np.frombuffer(data, _DTYPES[dtype]).reshape(shape)
    fill = described["fill"]
    elements = np.arange(int(np.prod(shape)), dtype=np.int64)
    values = fill["scale"] * ((elements * fill["step"]) % fill["modulus"] + fill["offset"])
    if dtype == "BFLOAT16":
        return lossd.Bfloat16Bits(bfloat16_bits(values).reshape(shape))
    return values.astype(_DTYPES[dtype]).reshape(shape)


class Message:
    """A message: `arguments` and `options` are what `Client.compute` and `ComputeStream.send` take."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.expect = described["expect"]
        self.inputs = {tensor["name"]: make_array(tensor) for tensor in described["inputs"]}
        request = loss_service_pb2.ComputeRequest.FromString(base64.b64decode(described["request_binary"]))
        self.arguments = (request.loss, self.inputs)
        self.options: dict[str, Any] = dict(gradients=_gradients(request.gradients), request_id=request.request_id,
                                            timing=request.options.timing)
        if request.options.nonfinite_policy == loss_service_pb2.ComputeOptions.NONFINITE_POLICY_REJECT:
            self.options["nonfinite"] = "reject"
        if request.options.HasField("timeout"):
            self.options["timeout"] = request.options.timeout.ToTimedelta().total_seconds()


def _gradients(options: loss_service_pb2.GradientOptions) -> lossd.GradientOptions:
    modes = loss_service_pb2.GradientOptions
    select = {modes.MODE_NONE: "none", modes.MODE_NAMED: list(options.names)}.get(options.mode, "all")
    dtype = tensor_pb2.Dtype.Name(options.dtype).removeprefix("DTYPE_").lower() if options.dtype else None
    return lossd.GradientOptions(select, dtype, options.scale if options.HasField("scale") else 1.0)
