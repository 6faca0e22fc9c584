# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Pipelined calls on one stream: answered as they finish, matched by request id."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import Any, Mapping, Sequence

import grpc

from lossd import arrays, errors
from lossd._messages import decode_response
from lossd._numbers import seconds
from lossd.outstanding import SLACK_SECONDS, Message, Outstanding
from lossd.request import Request, Result
from lossd.send_queue import DEFAULT_MAX_QUEUED_BYTES, SendQueue
from lossd.settings import check_size
from lossd.v1 import losses_pb2


class ComputeStream:
    """Calls on one stream. Thread-safe. An error of one call does not end the stream; when the stream breaks, every
    call under way gets its error. Leaving the context waits for all answers; leaving it with an exception cancels what
    is under way. Belongs to the process that opened it."""

    def __init__(self, method: grpc.StreamStreamMultiCallable, metadata: Sequence[tuple[str, str]] = (),
                 timeout: float | None = None, max_queued_bytes: int = DEFAULT_MAX_QUEUED_BYTES,
                 target: str = "", max_message_bytes: int | None = None) -> None:
        self._timeout = timeout
        self._target = target
        self._max_message_bytes = max_message_bytes
        self._outgoing = SendQueue(max_queued_bytes)
        self._outstanding = Outstanding(self._outgoing.discard)
        self._responses = method(iter(self._outgoing), metadata=metadata)
        self._reader = threading.Thread(target=self._read, name="lossd-stream", daemon=True)
        self._reader.start()

    def send(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *, timeout: float | None = None,
             **options: Any) -> concurrent.futures.Future[Result]:
        """Sends a request, as `Client.compute`; its result, or LossdError, arrives in the future. `timeout` is this
        message's own, None: the client's; the future ends soon after it even if the server says nothing. Raises the
        stream's LossdError once that has ended.

        Waits while more than the stream's `max_queued_bytes` would wait to be sent, at most `timeout`; in a future's
        callback, which holds up the stream, not at all. Then raises ResourceExhausted."""
        request = Request(loss, inputs, **options)
        message = Message(request, self._timeout if timeout is None else seconds("timeout", timeout))
        encoded = request.encode(message.timeout)
        check_size(encoded, self._max_message_bytes, request.request_id)
        self._outstanding.add(message)
        try:
            in_callback = threading.current_thread() in (self._reader, self._outstanding.thread)
            self._outgoing.put(request.request_id, encoded, 0 if in_callback else message.timeout)
        except BaseException:
            self._outstanding.take(request.request_id)
            raise
        return message.future

    def _read(self) -> None:
        try:
            for message in self._responses:
                response = decode_response(message)
                answered = self._outstanding.take(response.header.request_id)
                if answered is not None:
                    answered.answer(response)
            error: errors.LossdError = errors.Cancelled("the stream has ended")
        except grpc.RpcError as rpc_error:
            error = errors.from_rpc_error(rpc_error, "", self._target)
        except ValueError as malformed:
            self._responses.cancel()
            error = errors.unreadable(malformed, "")
        self._outstanding.end(error)
        self._outgoing.close(error)  # gRPC's thread may be waiting for another message.

    def close(self, timeout: float | None = None) -> None:
        """Says that nothing more comes, and waits for all answers, each as long as it may take. What is unanswered
        after `timeout` seconds is cancelled; None: nothing is."""
        self._refuse()
        try:
            if self._outstanding.wait_until_empty(seconds("timeout", timeout)) and not self._outstanding.overdue:
                self._reader.join(SLACK_SECONDS)  # The server has but to say that this was all.
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Ends the stream at once; calls under way get Cancelled. May be called in a future's callback."""
        self._refuse()
        self._responses.cancel()  # Does nothing where the stream has ended.
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _refuse(self) -> None:
        closed = errors.Cancelled("the stream was closed")
        self._outstanding.refuse(closed)
        self._outgoing.close(closed)

    def __enter__(self) -> "ComputeStream":
        return self

    def __exit__(self, kind: type[BaseException] | None, *unused: object) -> None:
        if kind is None:
            self.close()
        else:
            self.cancel()
