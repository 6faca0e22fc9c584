#!/usr/bin/env python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""What the Python client costs beside the plain stub, in one run: the same calls, in turn, by generated messages over a
plain channel and by lossd.Client. Prints medians and their ratio for a small and for large messages.

usage: PYTHONPATH=build/release/python:client/python tests/bench/python_cost.py build/release/bin/lossd [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time

import grpc
import numpy as np

import lossd
from lossd.v1 import loss_service_pb2, tensor_pb2
from lossd_demo.server import ServerProcess


def plain_call(stub, x: np.ndarray) -> np.ndarray:
    """As the generated stub is used: arrays to bytes, messages, bytes to arrays."""
    request = loss_service_pb2.ComputeRequest(request_id="a")
    request.loss.squared_norm.SetInParent()
    request.inputs.add(name="x.0", dtype=tensor_pb2.DTYPE_FLOAT32, shape=x.shape, data=x.tobytes())
    response = stub(request)
    return np.frombuffer(response.gradients[0].data, np.float32).reshape(x.shape)


def measure(calls, rounds: int) -> list[float]:
    """Median seconds of each of the calls, made in turn."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, times):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def main() -> None:
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with ServerProcess(sys.argv[1], "--threads=1") as server, lossd.Client(server.target) as client:
        stub = grpc.insecure_channel(server.target, options).unary_unary(
            "/lossd.v1.LossService/Compute", request_serializer=loss_service_pb2.ComputeRequest.SerializeToString,
            response_deserializer=loss_service_pb2.ComputeResponse.FromString)
        for elements in (4, 1 << 18, 1 << 22):
            x, spec = np.ones(elements, np.float32), lossd.specs.squared_norm()
            calls = (lambda: plain_call(stub, x), lambda: client.compute(spec, {"x.0": x}).gradients["x.0"])
            assert all(np.array_equal(call(), x) for call in calls)
            plain, mine = measure(calls, max(rounds * 64 // (64 + elements // 4096), 10))
            print(f"{elements * 4:>9} bytes: plain stub {plain * 1e6:8.0f} us, lossd.Client {mine * 1e6:8.0f} us, "
                  f"ratio {mine / plain:.2f}")


if __name__ == "__main__":
    main()
