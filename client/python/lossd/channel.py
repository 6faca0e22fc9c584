# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""A channel with the presets large tensors need; made on first use, anew in every process.

gRPC's own defaults stop at 4 MiB a message and forget to retry what is above 256 KiB; a channel that existed before a
fork hangs in the child.
"""

from __future__ import annotations

import json
import os
import threading
import weakref

import grpc

DEFAULT_MAX_MESSAGE_BYTES = 256 << 20

_RETRIES = {
    "methodConfig": [{
        "name": [{"service": "lossd.v1.LossService"}],
        "retryPolicy": {
            "maxAttempts": 4,
            "initialBackoff": "0.1s",
            "maxBackoff": "2s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }],
    "loadBalancingConfig": [{"round_robin": {}}],
}


def channel_options(max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES) -> list[tuple[str, object]]:
    """Options for `grpc.insecure_channel`: message limits, retries that also hold for large messages, keepalive."""
    return [
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.enable_retries", 1),
        ("grpc.per_rpc_retry_buffer_size", max_message_bytes),
        ("grpc.service_config", json.dumps(_RETRIES)),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.max_pings_without_data", 0),
    ]


_channels: weakref.WeakSet[LazyChannel] = weakref.WeakSet()


def _forget_all() -> None:
    for channel in list(_channels):
        channel._forget()


os.register_at_fork(after_in_child=_forget_all)


class LazyChannel:
    """A channel to `target` for the calling process. Thread-safe; after a fork, the child makes its own."""

    def __init__(self, target: str, options: list[tuple[str, object]]) -> None:
        self.target = target
        self._options = options
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._pid = 0
        _channels.add(self)

    def _forget(self) -> None:
        self._lock = threading.Lock()  # Another thread of the parent may have held it.
        self._channel = None

    def get(self) -> grpc.Channel:
        """The channel; made on the first call."""
        with self._lock:
            if self._channel is None or self._pid != os.getpid():
                self._channel = grpc.insecure_channel(self.target, options=self._options)
                self._pid = os.getpid()
            return self._channel

    def close(self) -> None:
        """Closes the channel; calls under way are cancelled. A later call of `get` makes a new one."""
        with self._lock:
            if self._channel is not None and self._pid == os.getpid():
                self._channel.close()
            self._channel = None
