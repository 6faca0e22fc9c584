# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Calls that fail for a while."""

from __future__ import annotations

import concurrent.futures
import socket
import threading
import time
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2, status_pb2

import lossd
from lossd import errors, specs
from lossd.channel import channel_options
from lossd.retries import Attempts, Retry
from lossd_demo.server import ServerProcess

_ONE = {"x.0": np.ones(2, "f4")}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def _refusing(times: int, code: grpc.StatusCode, delay_seconds: float | None, pushback: str = ""):
    """A client of a server that refuses so many calls with that delay and pushback, and the list of when calls came."""
    calls: list[float] = []

    def compute(request: bytes, context: grpc.ServicerContext) -> bytes:
        calls.append(time.monotonic())
        if len(calls) > times:
            return b""
        status = status_pb2.Status(code=code.value[0], message="full")
        if delay_seconds is not None:
            info = error_details_pb2.RetryInfo()
            info.retry_delay.FromMilliseconds(round(delay_seconds * 1000))
            status.details.add().Pack(info)
        trailers = [("grpc-status-details-bin", status.SerializeToString())]
        context.set_trailing_metadata(trailers + ([("grpc-retry-pushback-ms", pushback)] if pushback else []))
        context.abort(code, "full")

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    handler = grpc.unary_unary_rpc_method_handler(compute)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("lossd.v1.LossService", {"Compute": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with lossd.Client(f"127.0.0.1:{port}") as client:
            yield client, calls
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("call", [lambda c: c.compute(specs.squared_norm(), _ONE),
                                  lambda c: c.compute_async(specs.squared_norm(), _ONE).result()])
@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE])
def test_what_the_server_says_of_the_wait_is_obeyed(call, code):
    with _refusing(2, code, 0.2) as (client, calls):
        call(client)
    assert len(calls) == 3
    assert all(later - earlier >= 0.2 for earlier, later in zip(calls, calls[1:]))


@pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE])
def test_pushback_wins_and_forbids(code):
    with _refusing(1, code, 30, "150") as (client, calls):
        client.compute(specs.squared_norm(), _ONE)
    assert len(calls) == 2 and 0.15 <= calls[1] - calls[0] < 20
    with _refusing(1, code, 0.001, "-1") as (client, calls):
        with pytest.raises(lossd.LossdError) as caught:
            client.compute(specs.squared_norm(), _ONE)
    assert len(calls) == 1 and caught.value.code is code and caught.value.permanent


def test_limits_without_a_delay_are_not_tried_again():
    with _refusing(1, grpc.StatusCode.RESOURCE_EXHAUSTED, None) as (client, calls):
        with pytest.raises(lossd.ResourceExhausted, match="full") as caught:
            client.compute(specs.squared_norm(), _ONE)
    assert len(calls) == 1 and caught.value.origin == "server"


def test_retries_end_with_the_timeout_and_can_be_switched_off():
    with _refusing(99, grpc.StatusCode.RESOURCE_EXHAUSTED, 0.3) as (client, calls):
        with pytest.raises(lossd.ResourceExhausted):
            client.compute(specs.squared_norm(), _ONE, timeout=0.2)
        assert len(calls) == 1
        with lossd.Client(client.target, retry=Retry(patience=0)) as impatient, pytest.raises(lossd.ResourceExhausted):
            impatient.compute(specs.squared_norm(), _ONE)
        assert len(calls) == 2


def test_a_call_that_waits_to_be_tried_again_can_be_cancelled():
    with _refusing(99, grpc.StatusCode.RESOURCE_EXHAUSTED, 0.9) as (client, calls):
        pending = client.compute_async(specs.squared_norm(), _ONE)
        while pending._timer is None:
            time.sleep(0.001)
        pending.cancel()
        with pytest.raises(lossd.Cancelled):
            pending.result(60)
    assert len(calls) == 1


def test_the_wait_doubles_up_to_its_bound_and_patience_ends_it():
    attempts = Attempts(Retry(patience=1e6, initial_backoff=0.1, max_backoff=0.4), None)
    delays = [attempts.delay_after(errors.Unavailable("gone")) for _ in range(5)]
    for delay, nominal in zip(delays, (0.1, 0.2, 0.4, 0.4, 0.4)):
        assert 0.8 * nominal <= delay <= 1.2 * nominal
    assert Attempts(Retry(patience=0.01), None).delay_after(errors.Unavailable("gone")) is None
    assert Attempts(Retry(), 0.01).delay_after(errors.Unavailable("gone")) is None
    assert Attempts(Retry(), None).delay_after(errors.InvalidArgument("wrong")) is None


@pytest.mark.parametrize("field, value", [("patience", -1), ("initial_backoff", 0), ("max_backoff", float("nan"))])
def test_settings_are_checked(field, value):
    with pytest.raises(ValueError, match=f"^retry.{field}: expected"):
        Retry(**{field: value})


def test_reconnection_is_as_fast_as_retries_want_it():
    options = dict(channel_options("lossd:1", Retry(), 1))
    assert options["grpc.initial_reconnect_backoff_ms"] == 100 and options["grpc.max_reconnect_backoff_ms"] == 2000


def test_the_callers_channel_options_win():
    made = lossd.Client(channel_options=[("grpc.keepalive_time_ms", 1)])
    assert dict(made._settings.options())["grpc.keepalive_time_ms"] == 1


def test_no_call_is_lost_in_restarts(server):
    port = _free_port()
    flags = [f"--listen=127.0.0.1:{port}", "--threads=1"]
    stop = threading.Event()
    answered = [0] * 4

    def work(worker: int) -> None:
        while not stop.is_set():
            assert client.compute(specs.squared_norm(), {"x.0": np.full(2, worker, "f4")}).objective == worker * worker
            answered[worker] += 1

    with concurrent.futures.ThreadPoolExecutor(4) as pool, lossd.Client(f"127.0.0.1:{port}") as client:
        running = ServerProcess(server.binary, *flags)
        workers = [pool.submit(work, worker) for worker in range(4)]
        try:
            for _ in range(4):
                client.wait_ready()
                client.compute(specs.squared_norm(), _ONE)
                assert running.stop() == 0
                running = ServerProcess(server.binary, *flags)
            client.compute(specs.squared_norm(), _ONE)
        finally:
            stop.set()
            for worker in workers:
                worker.result(60)
            running.stop()
    assert min(answered) > 0


def test_a_client_can_wait_for_its_server(server):
    with lossd.Client(server.target) as client:
        client.wait_ready(30)
        assert client.is_ready()
    with lossd.Client("unix:/nonexistent/lossd") as nobody:
        assert not nobody.is_ready(1)
        with pytest.raises(lossd.Unavailable, match="expected a server that is ready within 0.2 s"):
            nobody.wait_ready(0.2)
