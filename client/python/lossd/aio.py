# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The client for asyncio.

    async with lossd.aio.Client("localhost:50051") as client:
        result = await client.compute(lossd.specs.squared_norm(), {"x.0": x})
        async for answer in client.stream(requests):
            print(answer.request.request_id, answer.result().objective)
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence

import grpc
import grpc.aio

from lossd import arrays, errors, health
from lossd._messages import decode_response
from lossd._numbers import seconds
from lossd.request import Request, Result
from lossd.retries import Attempts, Retry
from lossd.server_info import ServerInfo
from lossd.settings import Settings, check_size
from lossd.tls import Tls
from lossd.v1 import loss_service_pb2, losses_pb2

_SERVICE = "/lossd.v1.LossService/"
Requests = Iterable[Request] | AsyncIterable[Request]


@dataclass(frozen=True)
class Answer:
    """The answer to a request of a stream: `error` is None if it has a result."""

    request: Request
    error: errors.LossdError | None
    _result: Result | None

    def result(self) -> Result:
        """Raises the error, if there is one."""
        if self.error is not None:
            raise self.error
        assert self._result is not None
        return self._result


class Client:
    """Calls a lossd server from coroutines of one event loop, in which its first call must be made. Takes what
    `lossd.Client` takes. Does not survive a fork."""

    def __init__(self, target: str = "localhost:50051", *, timeout: float | None = None,
                 max_message_bytes: int | None = None, tls: Tls | None = None, auth_token: str = "",
                 credentials: grpc.ChannelCredentials | None = None, metadata: Sequence[tuple[str, str]] = (),
                 retry: Retry = Retry(), channel_options: Sequence[tuple[str, Any]] = ()) -> None:
        self._settings = Settings.checked(target, timeout=timeout, max_message_bytes=max_message_bytes, tls=tls,
                                          auth_token=auth_token, credentials=credentials, metadata=metadata,
                                          retry=retry, channel_options=channel_options)
        self._server_limit: int | None = None
        self._channel: grpc.aio.Channel | None = None
        self._closed = False

    @property
    def target(self) -> str:
        return self._settings.target

    @property
    def max_message_bytes(self) -> int | None:
        """The largest message that this client sends; None: not known yet, the server decides."""
        return self._settings.max_message_bytes or self._server_limit

    async def compute(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *,
                      timeout: float | None = None, **options: Any) -> Result:
        """As `lossd.Client.compute`. Cancelling the task that awaits cancels the call."""
        request = Request(loss, inputs, **options)
        message = request.encode()
        check_size(message, self.max_message_bytes, request.request_id)
        attempts = Attempts(self._settings.retry, self._settings.timeout_of(timeout))
        return request.read(await self._call("Compute", message, attempts, request.request_id))

    async def stream(self, requests: Requests, *, timeout: float | None = None) -> AsyncIterator[Answer]:
        """Sends requests on one stream as fast as the server takes them, and yields answers as they come. `timeout`, or
        the client's, is each message's own. A LossdError here, not in an answer, ends the stream; leaving the loop
        cancels it."""
        limit = self._settings.timeout_of(timeout)
        waiting: dict[str, Request] = {}
        call = self._get().stream_stream(_SERVICE + "ComputeStream")(metadata=self._settings.call_metadata)
        sender = asyncio.ensure_future(self._send_all(call, requests, limit, waiting))
        sender.add_done_callback(lambda done: done.cancelled() or done.exception() is None or call.cancel())
        try:
            async for message in call:
                answer = _answer(message, waiting)
                if answer is not None:
                    yield answer
            await sender
        except (grpc.RpcError, asyncio.CancelledError) as error:
            if sender.done() and not sender.cancelled() and sender.exception() is not None:
                raise sender.exception() from None
            if isinstance(error, grpc.RpcError):
                raise errors.from_rpc_error(error, "", self.target) from None
            raise
        finally:
            sender.cancel()
            call.cancel()

    async def _send_all(self, call: grpc.aio.StreamStreamCall, requests: Requests, timeout: float | None,
                        waiting: dict[str, Request]) -> None:
        """Writes wait until the transport has room. What the requests raise ends the stream."""
        async for request in _each(requests):
            message = request.encode(timeout)
            check_size(message, self.max_message_bytes, request.request_id)
            if request.request_id in waiting:
                raise ValueError(f"request_id: expected one that is not under way, got {request.request_id}")
            waiting[request.request_id] = request
            try:
                await call.write(message)
            except (grpc.RpcError, asyncio.InvalidStateError):
                return  # The stream has ended; its reader says why.
        await call.done_writing()

    async def server_info(self, timeout: float | None = None) -> ServerInfo:
        """As `lossd.Client.server_info`."""
        attempts = Attempts(self._settings.retry, self._settings.timeout_of(timeout))
        message = await self._call("GetServerInfo", b"", attempts, "")
        info = ServerInfo.from_proto(loss_service_pb2.GetServerInfoResponse.FromString(message))
        self._server_limit = info.limits.max_message_bytes or None
        return info

    async def is_ready(self, timeout: float = 5.0) -> bool:
        """Whether the server serves, by its own word; False if it says nothing within `timeout` seconds."""
        try:
            answer = await self._once(health.METHOD, b"", health.patience(seconds("timeout", timeout)))
        except grpc.RpcError:
            return False
        return health.ill(answer) is None

    async def wait_ready(self, timeout: float | None = 60.0) -> None:
        """Waits until `is_ready`. Unavailable if that takes longer than `timeout` seconds."""
        limit = seconds("timeout", timeout)
        end = None if limit is None else time.monotonic() + limit
        while not await self.is_ready():
            if end is not None and time.monotonic() + health.PAUSE_SECONDS > end:
                raise errors.Unavailable(f"{self.target}: expected a server that is ready within {timeout} s, got none")
            await asyncio.sleep(health.PAUSE_SECONDS)

    def _get(self) -> grpc.aio.Channel:
        if self._closed:
            raise errors.closed()
        if self._channel is None:
            options, credentials = self._settings.options(), self._settings.channel_credentials()
            self._channel = (grpc.aio.insecure_channel(self.target, options) if credentials is None else
                             grpc.aio.secure_channel(self.target, credentials, options))
        return self._channel

    async def _once(self, path: str, message: bytes, timeout: float | None, **options: Any) -> bytes:
        method = self._get().unary_unary(path)
        return await method(message, timeout=timeout, metadata=self._settings.call_metadata, **options)

    async def _call(self, method: str, message: bytes, attempts: Attempts, request_id: str) -> bytes:
        while True:
            try:
                return await self._once(_SERVICE + method, message, attempts.time_left())
            except grpc.RpcError as error:
                failed = errors.from_rpc_error(error, request_id, self.target)
            delay = attempts.delay_after(failed)
            if delay is None:
                raise attempts.final(failed)
            await asyncio.sleep(delay)
            if failed.origin == "client":
                await self._await_connection(attempts.connecting_time())

    async def _await_connection(self, timeout: float) -> None:
        try:
            await self._once(health.METHOD, b"", timeout, wait_for_ready=True)
        except grpc.RpcError:
            pass  # The next attempt says why.

    async def close(self) -> None:
        """Closes the connection for good; calls under way are cancelled, and later ones raise Cancelled."""
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self.close()


async def _each(requests: Requests) -> AsyncIterator[Request]:
    if hasattr(requests, "__aiter__"):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request


def _answer(message: bytes, waiting: dict[str, Request]) -> Answer | None:
    """None for an answer that nobody waits for."""
    try:
        response = decode_response(message)
    except ValueError as malformed:
        raise errors.unreadable(malformed, "") from malformed
    request = waiting.pop(response.header.request_id, None)
    if request is None:
        return None
    if response.header.status.code != 0:
        return Answer(request, errors.from_status(response.header.status, request.request_id), None)
    try:
        return Answer(request, None, request.decode(response))
    except ValueError as malformed:
        return Answer(request, errors.unreadable(malformed, request.request_id), None)
