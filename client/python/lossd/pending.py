# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Calls under way."""

from __future__ import annotations

import asyncio
from typing import Generator

import grpc

from lossd import errors
from lossd.request import Request, Result


class PendingResult:
    """A call under way. Thread-safe. `result()` waits for it; in asyncio, `await` does, and cancelling the task that
    awaits cancels the call."""

    def __init__(self, call: grpc.Future, request: Request) -> None:
        self._call = call
        self._request = request

    def result(self, timeout: float | None = None) -> Result:
        """Waits for the result, at most `timeout` seconds; raises a LossdError if the call failed."""
        try:
            message = self._call.result(timeout)
        except grpc.FutureTimeoutError:
            raise errors.DeadlineExceeded(f"expected an answer within {timeout} s, got none",
                                          request_id=self._request.request_id) from None
        except grpc.FutureCancelledError:
            raise errors.Cancelled("the call was cancelled", request_id=self._request.request_id) from None
        except grpc.RpcError as error:
            raise errors.from_rpc_error(error, self._request.request_id) from None
        return self._request.read(message)

    def cancel(self) -> None:
        """Tells the server that the answer is no longer wanted."""
        self._call.cancel()

    def done(self) -> bool:
        """Whether `result` would not wait."""
        return self._call.done()

    def __await__(self) -> Generator[object, None, Result]:
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()

        def wake(_: grpc.Future) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(answered.set)

        self._call.add_done_callback(wake)
        try:
            yield from answered.wait().__await__()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self.result()
