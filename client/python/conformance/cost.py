# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What the Python client costs beside the plain stub, in one run: the same calls, in turn, by generated messages over a
plain channel and by lossd.Client. Prints one line of JSON: microseconds of this process's processor time for a call of
four elements, and for a MB of a call of 2^20, both directions counted.

usage: cost.py TARGET
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import grpc
import numpy as np

import lossd
from lossd.v1 import loss_service_pb2, tensor_pb2

_SMALL, _LARGE = 4, 1 << 20
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def plain_call(stub: grpc.UnaryUnaryMultiCallable, x: np.ndarray) -> np.ndarray:
    """As the generated stub is used: arrays to bytes, messages, bytes to arrays."""
    request = loss_service_pb2.ComputeRequest(request_id="a")
    request.loss.squared_norm.SetInParent()
    request.inputs.add(name="x.0", dtype=tensor_pb2.DTYPE_FLOAT32, shape=x.shape, data=x.tobytes())
    response = stub(request)
    return np.frombuffer(response.gradients[0].data, np.float32).reshape(x.shape)


def measure(calls, rounds: int, batch: int) -> list[float]:
    """Median microseconds of each of the calls, made in turn, in batches long enough for the clock."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, times):
            start = time.process_time()
            for _ in range(batch):
                call()
            taken.append((time.process_time() - start) / batch * 1e6)
    return [statistics.median(taken) for taken in times]


def main() -> None:
    target = sys.argv[1]
    stub = grpc.insecure_channel(target, _OPTIONS).unary_unary(
        "/lossd.v1.LossService/Compute", request_serializer=loss_service_pb2.ComputeRequest.SerializeToString,
        response_deserializer=loss_service_pb2.ComputeResponse.FromString)
    figures = {}
    with lossd.Client(target) as client:
        for elements, rounds, batch in ((_SMALL, 15, 100), (_LARGE, 15, 2)):
            x, spec = np.ones(elements, np.float32), lossd.specs.squared_norm()
            calls = (lambda: client.compute(spec, {"x.0": x}).gradients["x.0"], lambda: plain_call(stub, x))
            assert all(np.array_equal(call(), x) for call in calls)
            figures[elements] = measure(calls, rounds, batch)
    megabytes = 2 * 4 * _LARGE / 1e6
    print(json.dumps({"call_us": figures[_SMALL][0], "stub_call_us": figures[_SMALL][1],
                      "mb_us": figures[_LARGE][0] / megabytes, "stub_mb_us": figures[_LARGE][1] / megabytes}))


if __name__ == "__main__":
    main()
