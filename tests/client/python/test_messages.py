# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The hand-written serialisers against stock protobuf."""

from __future__ import annotations

import numpy as np
import pytest

from lossd import specs
from lossd._messages import decode_response
from lossd.client import Request
from lossd.v1 import loss_service_pb2, tensor_pb2


def test_stock_protobuf_reads_what_the_client_writes():
    x, y = np.arange(300, dtype="f4").reshape(3, 100), np.array(7, "i8")
    message = Request(specs.squared_norm(), {"x.0": x, "x.1": y}, request_id="r", timing=True).encode(timeout=1.5)
    parsed = loss_service_pb2.ComputeRequest.FromString(message)
    assert parsed.request_id == "r" and parsed.options.timing and parsed.options.timeout.ToMilliseconds() == 1500
    assert [(t.name, t.dtype, list(t.shape)) for t in parsed.inputs] == [
        ("x.0", tensor_pb2.DTYPE_FLOAT32, [3, 100]), ("x.1", tensor_pb2.DTYPE_INT64, [])]
    assert parsed.inputs[0].data == x.tobytes() and parsed.inputs[1].data == y.tobytes()


def _response() -> loss_service_pb2.ComputeResponse:
    response = loss_service_pb2.ComputeResponse(request_id="r", objective=2.5, nonfinite=["a"])
    response.outputs.add(name="loss", dtype=tensor_pb2.DTYPE_FLOAT32, data=b"\0\0\0\0")
    response.gradients.add(name="g", dtype=tensor_pb2.DTYPE_FLOAT64, shape=[2], data=bytes(16))
    return response


def test_the_client_reads_what_stock_protobuf_writes():
    decoded = decode_response(_response().SerializeToString())
    assert decoded.header.objective == 2.5 and list(decoded.header.nonfinite) == ["a"]
    assert not decoded.header.outputs and not decoded.header.gradients
    assert (decoded.outputs[0].name, decoded.outputs[0].shape) == ("loss", ())
    assert (decoded.gradients[0].name, decoded.gradients[0].shape, len(decoded.gradients[0].data)) == ("g", (2,), 16)


def test_every_truncation_is_an_error_or_a_shorter_message():
    message = _response().SerializeToString()
    for length in range(len(message)):
        try:
            loss_service_pb2.ComputeResponse.FromString(message[:length])
        except Exception:
            with pytest.raises(Exception):
                decode_response(message[:length])
        else:
            decode_response(message[:length])
