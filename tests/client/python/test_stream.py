# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Streams: pipelined calls, and what becomes of them when the server falls silent."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import threading

import numpy as np
import pytest

import lossd
from conftest import BINARY
from lossd import specs
from lossd_demo.server import ServerProcess

_ONE = {"x.0": np.ones(2, "f4")}


def _ends(function) -> None:
    """Calls `function` on a thread of its own, so that a test of what must not hang fails where it does."""
    ended = threading.Event()
    threading.Thread(target=lambda: (function(), ended.set()), daemon=True).start()
    assert ended.wait(60)


def _stop(pid: int) -> None:
    """Stops a child, and returns once none of its threads runs."""
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)


@pytest.fixture()
def silent_server():
    """A server that the system has stopped: it is connected, and says nothing until `wake()`."""
    with ServerProcess(str(BINARY), "--threads=1") as process:
        with lossd.Client(process.target) as connected:  # Clients of one process share its connection.
            connected.server_info()
            process.silence = lambda: _stop(process.pid)
            process.wake = lambda: os.kill(process.pid, signal.SIGCONT)
            process.silence()
            try:
                yield process
            finally:
                process.wake()


def test_stream_answers_every_call_and_errors_end_only_their_own(client):
    with client.stream() as stream:
        good = [stream.send(specs.squared_norm(), {"x.0": np.full(10, i, np.float32)}) for i in range(20)]
        bad = stream.send(specs.squared_norm(), {"y": np.ones(1, "f4")})
        assert [f.result(30).objective for f in good] == [5.0 * i * i for i in range(20)]
        with pytest.raises(lossd.InvalidArgument, match="y"):
            bad.result(30)
        assert stream.send(specs.squared_norm(), {"x.0": np.ones(2, "f4")}).result(30).objective == 1.0


def test_a_stream_that_breaks_gives_its_error_to_every_call():
    with lossd.Client("unix:/nonexistent/lossd") as nobody:
        stream = nobody.stream()
        pending = stream.send(specs.squared_norm(), {"x.0": np.ones(1, "f4")})
        with pytest.raises(lossd.Unavailable):
            pending.result(30)
        stream.close()
        with pytest.raises(lossd.LossdError):
            stream.send(specs.squared_norm(), {"x.0": np.ones(1, "f4")})


def test_leaving_waits_for_every_answer(client):
    with client.stream() as stream:
        pending = [stream.send(specs.squared_norm(), {"x.0": np.full(2, i, "f4")}) for i in range(20)]
    assert [future.result(0).objective for future in pending] == [float(i * i) for i in range(20)]


def test_the_clients_timeout_holds_for_every_message(silent_server):
    with lossd.Client(silent_server.target, timeout=0.05) as client:
        stream = client.stream()
        pending = stream.send(specs.squared_norm(), _ONE, request_id="a")
        with pytest.raises(lossd.DeadlineExceeded, match="0.05 s") as caught:
            pending.result(60)
        assert caught.value.request_id == "a"
        _ends(stream.close)


def test_a_message_has_its_own_timeout(silent_server):
    with lossd.Client(silent_server.target) as client:
        stream = client.stream()
        patient = stream.send(specs.squared_norm(), _ONE)
        hasty = stream.send(specs.squared_norm(), _ONE, timeout=0.05)
        with pytest.raises(lossd.DeadlineExceeded):
            hasty.result(60)
        assert not patient.done()
        silent_server.wake()
        assert patient.result(60).objective == 1.0
        _ends(stream.close)


def test_timeouts_go_with_the_messages(client, monkeypatch):
    timeouts = []
    encode = lossd.Request.encode
    monkeypatch.setattr(lossd.Request, "encode", lambda self, t=None: timeouts.append(t) or encode(self, t))
    with client.stream() as stream:
        stream.send(specs.squared_norm(), _ONE)
        stream.send(specs.squared_norm(), _ONE, timeout=30)
    assert timeouts == [client.timeout, 30]


def test_an_exception_in_the_context_cancels_what_is_under_way(silent_server):
    pending = []

    def interrupt() -> None:
        with lossd.Client(silent_server.target) as client, pytest.raises(KeyboardInterrupt), client.stream() as stream:
            pending.append(stream.send(specs.squared_norm(), _ONE))
            raise KeyboardInterrupt

    _ends(interrupt)
    with pytest.raises(lossd.Cancelled):
        pending[0].result(0)


def test_close_can_be_told_how_long_to_wait(silent_server):
    with lossd.Client(silent_server.target) as client:
        stream = client.stream()
        pending = stream.send(specs.squared_norm(), _ONE)
        _ends(lambda: stream.close(timeout=0))
        with pytest.raises(lossd.Cancelled):
            pending.result(0)


def test_a_callback_may_cancel_the_stream(client):
    stream = client.stream()
    first = stream.send(specs.squared_norm(), _ONE)
    first.add_done_callback(lambda _: stream.cancel())
    _ends(stream.close)
    with pytest.raises(lossd.Cancelled):
        stream.send(specs.squared_norm(), _ONE)


def test_an_answer_that_comes_after_its_timeout_harms_nobody(silent_server):
    with lossd.Client(silent_server.target) as client:
        with client.stream() as stream:
            late = stream.send(specs.squared_norm(), _ONE, timeout=0.05)
            with pytest.raises(lossd.DeadlineExceeded):
                late.result(60)
            silent_server.wake()
            assert stream.send(specs.squared_norm(), _ONE).result(60).objective == 1.0


def test_what_waits_to_be_sent_is_bounded(silent_server):
    x = {"x.0": np.ones(1 << 20, "f4")}  # 4 MiB.
    sent = []

    def send_all() -> None:
        with pytest.raises(lossd.ResourceExhausted, match="max_queued_bytes: expected at most 16777216 bytes"):
            for _ in range(100):
                sent.append(stream.send(specs.squared_norm(), x, timeout=None if len(sent) < 3 else 0.05))

    with lossd.Client(silent_server.target) as client, client.stream(max_queued_bytes=16 << 20) as stream:
        _ends(send_all)
        assert 3 <= len(sent) < 100
        silent_server.wake()
        assert all(future.result(60).objective == 0.5 * (1 << 20) for future in sent[:3])


def test_more_than_the_queue_holds_is_sent_as_it_drains(client):
    with client.stream(max_queued_bytes=1) as stream:
        pending = [stream.send(specs.squared_norm(), {"x.0": np.full(1 << 16, i, "f4")}) for i in range(20)]
    assert [future.result(0).objective for future in pending] == [i * i * 32768.0 for i in range(20)]


def test_a_callback_does_not_wait_for_room(silent_server):
    silenced, refused = threading.Event(), concurrent.futures.Future()

    def send_again(_) -> None:
        silenced.wait(60)
        with pytest.raises(lossd.ResourceExhausted):
            for _ in range(100):
                stream.send(specs.squared_norm(), {"x.0": np.ones(1 << 18, "f4")})
        refused.set_result(True)

    with lossd.Client(silent_server.target) as client, client.stream(max_queued_bytes=1 << 21) as stream:
        first = stream.send(specs.squared_norm(), _ONE)
        first.add_done_callback(send_again)
        silent_server.wake()
        first.result(60)
        silent_server.silence()
        silenced.set()
        assert refused.result(60)
        silent_server.wake()
