# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Timeouts that are long, none or nonsense: nothing a caller passes ends a thread or a call of others."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

import lossd
from lossd import specs

_ONE = {"x.0": np.ones(2, "f4")}
_NO_LIMIT = [math.inf, 1e10, 1e300]


@pytest.mark.parametrize("timeout", _NO_LIMIT)
def test_very_long_is_no_limit(client, timeout):
    assert client.compute(specs.squared_norm(), _ONE, timeout=timeout).objective == 1.0
    pending = client.compute_async(specs.squared_norm(), _ONE, timeout=timeout)
    assert pending.result(timeout).objective == 1.0
    with client.stream() as stream:
        assert stream.send(specs.squared_norm(), _ONE, timeout=timeout).result(60).objective == 1.0
        stream.close(timeout)
    with lossd.Client(client.target, timeout=timeout) as patient:
        assert patient.compute(specs.squared_norm(), _ONE).objective == 1.0
        assert patient.server_info(timeout).version == lossd.__version__


@pytest.mark.parametrize("timeout", [-1, math.nan])
def test_nonsense_is_refused_where_it_is_passed(client, timeout):
    with client.stream() as stream:
        for call in (client.compute, client.compute_async, stream.send):
            with pytest.raises(ValueError, match="^timeout: expected seconds"):
                call(specs.squared_norm(), _ONE, timeout=timeout)
        assert stream.send(specs.squared_norm(), _ONE).result(60).objective == 1.0


def test_no_time_at_all_is_a_deadline_that_has_passed(client):
    large = {"x.0": np.ones(1 << 22, "f4")}  # Its answer does not come before the deadline is looked at.
    with pytest.raises(lossd.DeadlineExceeded):
        client.compute(specs.squared_norm(), large, timeout=0)
    with client.stream() as stream, pytest.raises(lossd.DeadlineExceeded):
        stream.send(specs.squared_norm(), large, timeout=0).result(60)


def test_a_long_timeout_does_not_hold_up_a_short_one(client):
    with client.stream() as stream:
        threads = (stream._reader, stream._outstanding.thread)
        for timeout in (*_NO_LIMIT, 1e8):
            stream.send(specs.squared_norm(), _ONE, timeout=timeout).result(60)
        assert all(thread.is_alive() for thread in threads)


def test_a_callback_that_exits_ends_no_thread(client):
    called = threading.Event()

    def leave(_) -> None:
        called.set()
        raise SystemExit

    with client.stream() as stream:
        first = stream.send(specs.squared_norm(), _ONE)
        first.add_done_callback(leave)
        first.result(60)
        assert stream.send(specs.squared_norm(), _ONE).result(60).objective == 1.0
        assert called.wait(60)
