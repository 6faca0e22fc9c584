# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Messages on their way to the transport, bounded by their bytes."""

from __future__ import annotations

import collections
import threading
from typing import Iterator

from lossd import errors

DEFAULT_MAX_QUEUED_BYTES = 256 << 20


class SendQueue:
    """Serialised messages by request id, first in, first out. Thread-safe. One thread iterates, which ends once `close`
    was called and all is taken; the message it got last still counts until it asks for the next."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._messages: collections.OrderedDict[str, bytes] = collections.OrderedDict()
        self._bytes = 0
        self._error: errors.LossdError | None = None

    def put(self, request_id: str, message: bytes, timeout: float | None) -> None:
        """Waits, at most `timeout` seconds (None: as long as it takes), until there is room, which there always is if
        nothing waits. ResourceExhausted if there is none by then, what `close` was given once it was called."""
        with self._lock:
            if not self._room.wait_for(lambda: self._error or self._has_room(message), timeout):
                raise errors.ResourceExhausted(
                    f"max_queued_bytes: expected at most {self._max_bytes} bytes, got {self._bytes} that wait to be "
                    f"sent and {len(message)}", request_id=request_id)
            if self._error is not None:
                raise self._error
            self._messages[request_id] = message
            self._bytes += len(message)
            self._filled.notify()

    def _has_room(self, message: bytes) -> bool:
        return self._bytes == 0 or self._bytes + len(message) <= self._max_bytes

    def discard(self, request_id: str) -> None:
        """Forgets a message that nobody waits for any more, if it is still here."""
        with self._lock:
            self._release(len(self._messages.pop(request_id, b"")))

    def close(self, error: errors.LossdError) -> None:
        """Nothing more comes; who would put something gets `error`."""
        with self._lock:
            self._error = self._error or error
            self._filled.notify_all()
            self._room.notify_all()

    def _release(self, size: int) -> None:
        self._bytes -= size
        self._room.notify_all()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._lock:
                self._filled.wait_for(lambda: self._messages or self._error)
                if not self._messages:
                    return
                _, message = self._messages.popitem(last=False)
            yield message
            with self._lock:
                self._release(len(message))
            del message
