# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The bounded queue between `send` and the transport."""

from __future__ import annotations

import threading

import pytest

import lossd
from lossd.send_queue import SendQueue


_CLOSED = lossd.Cancelled("closed")


def _filled(max_bytes: int, *messages: bytes) -> SendQueue:
    queue = SendQueue(max_bytes)
    for i, message in enumerate(messages):
        queue.put(str(i), message, 0)
    return queue


def test_messages_leave_in_their_order_until_the_queue_is_closed():
    queue = _filled(100, b"a", b"b", b"c")
    queue.close(_CLOSED)
    assert list(queue) == [b"a", b"b", b"c"]
    with pytest.raises(lossd.Cancelled):
        queue.put("3", b"d", None)


def test_the_bound_is_exact_and_names_itself():
    queue = _filled(10, b"12345", b"12345")
    with pytest.raises(lossd.ResourceExhausted, match="max_queued_bytes: expected at most 10 bytes, got 10 .* and 1$"):
        queue.put("2", b"1", 0)


def test_a_message_larger_than_the_bound_passes_alone():
    queue = _filled(1, b"12345")
    with pytest.raises(lossd.ResourceExhausted):
        queue.put("1", b"", 0)
    queue.discard("0")
    queue.put("1", b"12345", 0)


def test_a_message_makes_room_once_the_next_is_asked_for():
    queue = _filled(10, b"12345", b"12345")
    messages = iter(queue)
    next(messages)
    with pytest.raises(lossd.ResourceExhausted):
        queue.put("2", b"1", 0)
    next(messages)
    queue.put("2", b"1", 0)


@pytest.mark.parametrize("make_room", [lambda queue: queue.discard("0"), lambda queue: queue.close(_CLOSED)])
def test_who_waits_for_room_is_woken(make_room):
    queue = _filled(5, b"12345")
    outcome = []

    def put() -> None:
        try:
            queue.put("1", b"1", 60)
            outcome.append("queued")
        except lossd.Cancelled:
            outcome.append("closed")

    waiting = threading.Thread(target=put)
    waiting.start()
    make_room(queue)
    waiting.join()
    assert outcome in (["queued"], ["closed"])
