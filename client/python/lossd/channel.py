# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""A channel with the presets large tensors need; made on first use, anew in every process.

gRPC's own defaults stop at 4 MiB a message and forget to retry what is above 256 KiB; a channel of the parent, used in
a forked child, disturbs both.
"""

from __future__ import annotations

import json
import os
import threading
import weakref

import grpc

from lossd import errors
from lossd.fork_gate import GATE
from lossd.retries import Retry
from lossd.targets import is_local

MAX_MESSAGE_BYTES = (1 << 31) - 1  # What gRPC can count.

_SERVICE = "/lossd.v1.LossService/"
_STREAM = {"service": "lossd.v1.LossService", "method": "ComputeStream"}


def channel_options(target: str, retry: Retry, max_receive_bytes: int) -> list[tuple[str, object]]:
    """Options for `grpc.insecure_channel`: message limits, reconnection as fast as retries want it, retries of streams
    that also hold for large messages, keepalive. No proxy stands between this machine and itself."""
    services = {"loadBalancingConfig": [{"round_robin": {}}],
                "methodConfig": [{"name": [_STREAM], **retry.service_policy()}]}
    options: list[tuple[str, object]] = [
        ("grpc.max_send_message_length", -1),  # Checked before: see Client.
        ("grpc.max_receive_message_length", max_receive_bytes),
        ("grpc.enable_retries", 1),
        ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
        ("grpc.service_config", json.dumps(services)),
        ("grpc.initial_reconnect_backoff_ms", round(retry.initial_backoff * 1000)),
        ("grpc.min_reconnect_backoff_ms", 5000),  # How long an attempt to connect may take.
        ("grpc.max_reconnect_backoff_ms", round(retry.max_backoff * 1000)),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    return options + [("grpc.enable_http_proxy", 0)] if is_local(target) else options


_channels: weakref.WeakSet[LazyChannel] = weakref.WeakSet()
_abandoned: list[grpc.Channel] = []  # Of the parent: destroying one would say goodbye on its connection.


def _forget_all() -> None:
    for channel in list(_channels):
        if channel._channel is not None:
            _abandoned.append(channel._channel)
        channel._forget()


os.register_at_fork(after_in_child=_forget_all)


class LazyChannel:
    """A channel to `target` for the calling process. Thread-safe; after a fork, the child makes its own.

    Errors are gRPC's, Cancelled once it was closed, and RuntimeError in a child that cannot call (see `fork_gate`).
    """

    def __init__(self, target: str, options: list[tuple[str, object]],
                 credentials: grpc.ChannelCredentials | None = None) -> None:
        self.target = target
        self._options = options
        self._credentials = credentials
        self._closed = False
        self._forget()
        _channels.add(self)

    def _forget(self) -> None:
        self._lock = threading.Lock()  # Another thread of the parent may have held it.
        self._channel: grpc.Channel | None = None
        self._methods: dict[str, grpc.UnaryUnaryMultiCallable] = {}

    def _get(self) -> grpc.Channel:
        if self._closed:
            raise errors.closed()
        if self._channel is None:
            # Channels of equal options share connections, also with those of the parent, which are of no use here.
            options = [*self._options, ("lossd.process", os.getpid())]
            if self._credentials is None:
                self._channel = grpc.insecure_channel(self.target, options=options)
            else:
                self._channel = grpc.secure_channel(self.target, self._credentials, options=options)
        return self._channel

    def _method(self, name: str) -> grpc.UnaryUnaryMultiCallable:
        with self._lock:
            if name not in self._methods:
                path = name if name.startswith("/") else _SERVICE + name
                self._methods[name] = self._get().unary_unary(path)
            return self._methods[name]

    def call(self, method: str, request: bytes, **options) -> bytes:
        """Calls a method of the loss service, or of another by its full path, and waits. grpc.RpcError if it failed."""
        GATE.enter()
        try:
            return self._method(method)(request, **options)
        except ValueError as error:
            raise self._closed_meanwhile(error) from None
        finally:
            GATE.leave()

    def start(self, method: str, request: bytes, **options) -> grpc.Future:
        """Starts a call."""
        GATE.enter()
        try:
            call = self._method(method).future(request, **options)
        except ValueError as error:
            GATE.leave()
            raise self._closed_meanwhile(error) from None
        except BaseException:
            GATE.leave()
            raise
        call.add_done_callback(lambda _: GATE.leave())
        return call

    def stream(self, method: str) -> grpc.StreamStreamMultiCallable:
        """The bidirectional method of that name."""
        GATE.enter()
        try:
            with self._lock:
                return self._get().stream_stream(_SERVICE + method)
        finally:
            GATE.leave()

    def _closed_meanwhile(self, error: ValueError) -> Exception:
        """What to raise for an error of gRPC's, which is a ValueError also for a channel that was closed just now."""
        return errors.closed() if self._closed else error

    def close(self) -> None:
        """Closes the channel for good; calls under way are cancelled."""
        with self._lock:
            self._closed = True
            channel, self._channel, self._methods = self._channel, None, {}
        if channel is not None:
            channel.close()
