# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Calls under way."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import Callable, Generator

import grpc

from lossd import errors
from lossd._numbers import seconds
from lossd.request import Request, Result
from lossd.retries import Attempts


class PendingResult:
    """A call under way, tried again as `attempts` says. Thread-safe. `result()` waits for it; in asyncio, `await` does,
    and cancelling the task that awaits cancels the call."""

    def __init__(self, start: Callable[[], grpc.Future], connect: Callable[[], grpc.Future], attempts: Attempts,
                 request: Request, target: str) -> None:
        self._start = start
        self._connect = connect
        self._attempts = attempts
        self._request = request
        self._target = target
        self._lock = threading.Lock()
        self._settled = False
        self._timer: threading.Timer | None = None
        self._answer: concurrent.futures.Future[bytes] = concurrent.futures.Future()
        self._call = start()
        self._call.add_done_callback(self._ended)

    def _go_on(self, start: Callable[[], grpc.Future], then: Callable[[grpc.Future], None]) -> None:
        """Starts another call, unless this was cancelled meanwhile."""
        with self._lock:
            if self._settled:
                return
            self._timer = None
            try:
                self._call = call = start()
            except Exception as error:  # This is a child that cannot call.
                failed = error
            else:
                failed = None
        if failed is not None:
            self._settle(lambda: self._answer.set_exception(failed))
        else:
            call.add_done_callback(then)

    def _try_again(self) -> None:
        self._go_on(self._start, self._ended)

    def _reconnect(self) -> None:
        """gRPC looks for a connection only while a call waits for it."""
        self._go_on(self._connect, lambda call: self._go_on(self._start, self._ended) if not call.cancelled() else
                    self._settle(lambda: self._answer.set_exception(self._cancellation())))

    def _ended(self, call: grpc.Future) -> None:
        """On gRPC's thread: an answer, an error, or another attempt."""
        try:
            message = call.result()
        except grpc.FutureCancelledError:
            failed: errors.LossdError = self._cancellation()
        except grpc.RpcError as error:
            failed = errors.from_rpc_error(error, self._request.request_id, self._target)
        else:
            self._settle(lambda: self._answer.set_result(message))
            return
        delay = self._attempts.delay_after(failed)
        if delay is None:
            self._settle(lambda: self._answer.set_exception(self._attempts.final(failed)))
            return
        with self._lock:
            if not self._settled:
                self._timer = threading.Timer(delay, self._reconnect if failed.origin == "client" else self._try_again)
                self._timer.daemon = True
                self._timer.start()

    def _settle(self, settle: Callable[[], None]) -> None:
        """The first to come decides; callbacks run without the lock."""
        with self._lock:
            first, self._settled = not self._settled, True
        if first:
            settle()

    def _cancellation(self) -> errors.Cancelled:
        return errors.Cancelled("the call was cancelled", request_id=self._request.request_id)

    def result(self, timeout: float | None = None) -> Result:
        """Waits for the result, at most `timeout` seconds; raises a LossdError if the call failed."""
        try:
            message = self._answer.result(seconds("timeout", timeout))
        except concurrent.futures.TimeoutError:
            raise errors.DeadlineExceeded(f"expected an answer within {timeout} s, got none",
                                          request_id=self._request.request_id) from None
        return self._request.read(message)

    def cancel(self) -> None:
        """Tells the server that the answer is no longer wanted."""
        with self._lock:
            call, timer = self._call, self._timer
        call.cancel()
        if timer is not None:
            timer.cancel()
            self._settle(lambda: self._answer.set_exception(self._cancellation()))

    def done(self) -> bool:
        """Whether `result` would not wait."""
        return self._answer.done()

    def __await__(self) -> Generator[object, None, Result]:
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()

        def wake(_: concurrent.futures.Future) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(answered.set)

        self._answer.add_done_callback(wake)
        try:
            yield from answered.wait().__await__()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self.result()
