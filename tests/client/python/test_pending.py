# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Calls under way, by futures and in asyncio."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

import lossd
from lossd import specs

_ONE = {"x.0": np.ones(2, "f4")}


@contextmanager
def _serve(compute):
    """A server of this process whose Compute is `compute(request bytes, context) -> bytes`."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    handler = grpc.unary_unary_rpc_method_handler(compute)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("lossd.v1.LossService",
                                                                          {"Compute": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with lossd.Client(f"127.0.0.1:{port}") as client:
            yield client
    finally:
        server.stop(None).wait()


@contextmanager
def _silent_server():
    """A client of a server that never answers, and the events that a call has arrived and that it was given up."""
    arrived, given_up = threading.Event(), threading.Event()

    def compute(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.add_callback(given_up.set)
        arrived.set()
        given_up.wait(60)
        return b""

    with _serve(compute) as client:
        yield client, arrived, given_up


def test_several_calls_may_be_under_way(client):
    pending = [client.compute_async(specs.squared_norm(), {"x.0": np.full(2, i, "f4")}) for i in range(8)]
    assert [call.result(30).objective for call in pending] == [float(i * i) for i in range(8)]
    assert all(call.done() for call in pending)
    with pytest.raises(lossd.InvalidArgument):
        client.compute_async(specs.nt_xent(), _ONE).result()


def test_cancelled_calls_raise_and_the_server_hears_of_it():
    with _silent_server() as (client, arrived, given_up):
        pending = client.compute_async(specs.squared_norm(), _ONE)
        with pytest.raises(lossd.DeadlineExceeded, match="got none"):
            pending.result(0)
        assert arrived.wait(60)
        pending.cancel()
        with pytest.raises(lossd.Cancelled):
            pending.result()
        assert given_up.wait(60)


def test_timeouts_are_deadline_exceeded():
    with _silent_server() as (client, _, _), pytest.raises(lossd.DeadlineExceeded):
        client.compute(specs.squared_norm(), _ONE, timeout=0.05)


def test_calls_can_be_awaited(client):
    async def gather():
        calls = [client.compute_async(specs.squared_norm(), {"x.0": np.full(2, i, "f4")}) for i in range(8)]
        return await asyncio.gather(*calls)

    assert [result.objective for result in asyncio.run(gather())] == [float(i * i) for i in range(8)]

    async def fail():
        await client.compute_async(specs.nt_xent(), _ONE)

    with pytest.raises(lossd.InvalidArgument):
        asyncio.run(fail())


def test_cancelling_the_awaiting_task_cancels_the_call():
    async def give_up(client, arrived):
        async def call():
            await client.compute_async(specs.squared_norm(), _ONE)

        task = asyncio.create_task(call())
        assert await asyncio.get_running_loop().run_in_executor(None, arrived.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with _silent_server() as (client, arrived, given_up):
        asyncio.run(give_up(client, arrived))
        assert given_up.wait(60)


@pytest.mark.parametrize("answer", [b"\xff", b"\x7a\x04\x10\x01\x18\x05", b"\x7a\x02\x10\x63"],
                         ids=["no message", "no data for its shape", "unknown dtype"])
def test_answers_that_cannot_be_read_are_internal(answer):
    with _serve(lambda request, context: answer) as client:
        with pytest.raises(lossd.Internal, match="cannot be read"):
            client.compute(specs.squared_norm(), _ONE)


def test_a_call_that_finds_no_server_at_first_is_tried_again():
    attempts = []

    def compute(request: bytes, context: grpc.ServicerContext) -> bytes:
        attempts.append(len(request))
        if len(attempts) < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
        return b""

    with _serve(compute) as client:
        client.compute(specs.squared_norm(), {"x.0": np.zeros(1 << 18, "f4")})  # 1 MiB, above gRPC's own 256 KiB.
    assert len(attempts) == 3 and len(set(attempts)) == 1
