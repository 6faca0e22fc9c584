# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The client for asyncio."""

from __future__ import annotations

import asyncio
import functools
import math

import numpy as np
import pytest

import lossd
import lossd.aio
from lossd import specs

_ONE = {"x.0": np.ones(2, "f4")}


def _asynchronous(test):
    """A test that is a coroutine, as an ordinary one."""

    @functools.wraps(test)
    def run(server):
        asyncio.run(asyncio.wait_for(test(server), 120))

    run.__dict__.pop("__wrapped__")
    return run


@_asynchronous
async def test_calls_return_what_the_other_client_does(server):
    async with lossd.aio.Client(server.target, timeout=60) as client:
        with lossd.Client(server.target, timeout=60) as other:
            inputs = {name: np.random.RandomState(1).randn(5, 3).astype("f4") for name in ("out_1", "out_2")}
            got, expected = await client.compute(specs.nt_xent(), inputs), other.compute(specs.nt_xent(), inputs)
            assert got.objective == expected.objective
            np.testing.assert_array_equal(got.gradients["out_2"], expected.gradients["out_2"])
            assert await client.server_info() == other.server_info()
        assert client.max_message_bytes == 256 << 20
        assert (await client.compute(specs.squared_norm(), _ONE, timeout=math.inf)).objective == 1.0


@_asynchronous
async def test_a_thousand_calls_may_be_under_way(server):
    async with lossd.aio.Client(server.target, timeout=100) as client:
        calls = [client.compute(specs.squared_norm(), {"x.0": np.full(2, i, "f4")}) for i in range(1000)]
        assert [result.objective for result in await asyncio.gather(*calls)] == [float(i * i) for i in range(1000)]


@_asynchronous
async def test_errors_are_typed(server):
    async with lossd.aio.Client(server.target, timeout=60) as client:
        with pytest.raises(lossd.InvalidArgument) as caught:
            await client.compute(specs.nt_xent(temperature=-1), {"out_1": np.ones((2, 2)), "out_2": np.ones((2, 2))})
        assert caught.value.field_violations[0].field == "loss.nt_xent.temperature" and caught.value.origin == "server"
    async with lossd.aio.Client("unix:/nonexistent/lossd", retry=lossd.Retry(patience=0)) as nobody:
        with pytest.raises(lossd.Unavailable) as unavailable:
            await nobody.compute(specs.squared_norm(), _ONE)
        assert unavailable.value.origin == "client"
        assert not await nobody.is_ready(1)
        with pytest.raises(lossd.Unavailable, match="ready within 0.2 s"):
            await nobody.wait_ready(0.2)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_streams_are_iterated(server, asynchronous):
    made = [lossd.Request(specs.squared_norm(), {"x.0": np.full(2, i, "f4")}, request_id=str(i)) for i in range(50)]
    made.append(lossd.Request(specs.squared_norm(), {"y": np.ones(1, "f4")}, request_id="bad"))

    async def one_by_one():
        for request in made:
            yield request

    async def run():
        answers = {}
        async with lossd.aio.Client(server.target, timeout=60) as client:
            await client.wait_ready()
            async for answer in client.stream(one_by_one() if asynchronous else made):
                answers[answer.request.request_id] = answer
        return answers

    answers = asyncio.run(asyncio.wait_for(run(), 120))
    assert len(answers) == 51
    assert [answers[str(i)].result().objective for i in range(50)] == [float(i * i) for i in range(50)]
    with pytest.raises(lossd.InvalidArgument, match="y"):
        answers["bad"].result()


@_asynchronous
async def test_what_the_requests_raise_ends_the_stream(server):
    async def broken():
        yield lossd.Request(specs.squared_norm(), _ONE)
        raise KeyError("mine")

    async with lossd.aio.Client(server.target, timeout=60) as client:
        with pytest.raises(KeyError, match="mine"):
            async for _ in client.stream(broken()):
                pass
        with pytest.raises(TypeError, match=r"inputs\[x\.0\]\.dtype"):
            async for _ in client.stream([lossd.Request(specs.squared_norm(), {"x.0": np.ones(1, "c8")})]):
                pass


@_asynchronous
async def test_a_stream_that_cannot_be_opened_says_why(server):
    async with lossd.aio.Client("unix:/nonexistent/lossd", retry=lossd.Retry(patience=0)) as nobody:
        with pytest.raises(lossd.Unavailable):
            async for _ in nobody.stream([lossd.Request(specs.squared_norm(), _ONE)]):
                pass


@_asynchronous
async def test_leaving_the_loop_leaves_the_client_usable(server):
    async def endless():
        while True:
            yield lossd.Request(specs.squared_norm(), _ONE)

    async with lossd.aio.Client(server.target, timeout=60) as client:
        stream = client.stream(endless())
        async for answer in stream:
            assert answer.result().objective == 1.0
            break
        await stream.aclose()
        assert (await client.compute(specs.squared_norm(), _ONE)).objective == 1.0


@_asynchronous
async def test_cancelling_the_task_cancels_the_call(server):
    async with lossd.aio.Client(server.target, timeout=60) as client:
        await client.wait_ready()
        big = {name: np.ones((8192, 64), "f4") for name in ("out_1", "out_2")}
        call = asyncio.ensure_future(client.compute(specs.nt_xent(), big))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@_asynchronous
async def test_a_client_that_was_closed_refuses_every_call(server):
    client = lossd.aio.Client(server.target, timeout=60)
    await client.compute(specs.squared_norm(), _ONE)
    await client.close()
    await client.close()
    for call in (lambda: client.compute(specs.squared_norm(), _ONE), client.server_info, client.is_ready, client.wait_ready,
                 lambda: client.stream([lossd.Request(specs.squared_norm(), _ONE)]).__anext__()):
        with pytest.raises(lossd.Cancelled, match="^the client was closed$"):
            await call()
