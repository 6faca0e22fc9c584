# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Pipelined calls on one stream: answered as they finish, matched by request id."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from typing import Any, Mapping, Sequence

import grpc

from lossd import arrays, errors
from lossd._messages import Response, decode_response
from lossd.request import Request, Result
from lossd.v1 import losses_pb2


class ComputeStream:
    """Calls on one stream. Thread-safe. An error of one call does not end the stream; when the stream breaks, every
    call under way gets its error. Leaving the context waits for all answers. Belongs to the process that opened it."""

    def __init__(self, method: grpc.StreamStreamMultiCallable, metadata: Sequence[tuple[str, str]] = ()) -> None:
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._pending: dict[str, tuple[Request, concurrent.futures.Future[Result]]] = {}
        self._error: errors.LossdError | None = None
        self._responses = method(iter(self._outgoing.get, None), metadata=metadata)
        self._reader = threading.Thread(target=self._read, name="lossd-stream", daemon=True)
        self._reader.start()

    def send(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *, timeout: float | None = None,
             **options: Any) -> concurrent.futures.Future[Result]:
        """Sends a request, as `Client.compute`; its result, or LossdError, arrives in the future. `timeout` is this
        message's own. Raises the stream's LossdError once that has ended."""
        request = Request(loss, inputs, **options)
        message = request.encode(timeout)
        future: concurrent.futures.Future[Result] = concurrent.futures.Future()
        with self._lock:
            if self._error is not None:
                raise self._error
            if request.request_id in self._pending:
                raise ValueError(f"request_id: expected one that is not under way, got {request.request_id}")
            self._pending[request.request_id] = (request, future)
            self._outgoing.put(message)
        return future

    def _read(self) -> None:
        try:
            for message in self._responses:
                self._answer(decode_response(message))
            error: errors.LossdError = errors.Cancelled("the stream has ended")
        except grpc.RpcError as rpc_error:
            error = errors.from_rpc_error(rpc_error, "")
        except ValueError as malformed:
            self._responses.cancel()
            error = errors.unreadable(malformed, "")
        with self._lock:
            self._error = error
            pending, self._pending = self._pending, {}
        self._outgoing.put(None)  # gRPC's thread may be waiting for another message.
        for _, future in pending.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    def _answer(self, response: Response) -> None:
        with self._lock:
            request, future = self._pending.pop(response.header.request_id, (None, None))
        if future is None or not future.set_running_or_notify_cancel():
            return
        try:
            if response.header.status.code != 0:
                raise errors.from_status(response.header.status, response.header.request_id)
            future.set_result(request.decode(response))
        except errors.LossdError as error:
            future.set_exception(error)
        except ValueError as malformed:
            future.set_exception(errors.unreadable(malformed, request.request_id))

    def close(self) -> None:
        """Says that nothing more comes, and waits for all answers."""
        with self._lock:
            if self._error is None:
                self._error = errors.Cancelled("the stream was closed")
            self._outgoing.put(None)
        self._reader.join()

    def __enter__(self) -> "ComputeStream":
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()
