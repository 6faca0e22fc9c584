# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a stream has sent and not yet heard of."""

from __future__ import annotations

import concurrent.futures
import logging
import math
import threading
import time
from dataclasses import dataclass, field
from typing import Callable

from lossd import errors
from lossd._messages import Response
from lossd.request import Request, Result

SLACK_SECONDS = 1.0  # Beyond its timeout, for an answer to come: the server's own DEADLINE_EXCEEDED says more.


@dataclass
class Message:
    """A request on its way, and the future that gets its result or its LossdError. `timeout` in seconds."""

    request: Request
    timeout: float | None
    future: concurrent.futures.Future[Result] = field(default_factory=concurrent.futures.Future)
    deadline: float = field(init=False)  # Of time.monotonic().

    def __post_init__(self) -> None:
        self.deadline = math.inf if self.timeout is None else time.monotonic() + self.timeout + SLACK_SECONDS

    def answer(self, response: Response) -> None:
        if response.header.status.code != 0:
            return self.fail(errors.from_status(response.header.status, response.header.request_id))
        try:
            result = self.request.decode(response)
        except ValueError as malformed:
            return self.fail(errors.unreadable(malformed, self.request.request_id))
        except Exception as error:  # Such as no memory for it: this message's own misfortune.
            return self.fail(error)
        self._settle(lambda: self.future.set_result(result))

    def fail(self, error: Exception) -> None:
        self._settle(lambda: self.future.set_exception(error))

    def _settle(self, settle: Callable[[], None]) -> None:
        """Callbacks run in here, and must not end the thread that every other message relies on, not by SystemExit
        either."""
        try:
            if self.future.set_running_or_notify_cancel():
                settle()
        except BaseException:
            logging.getLogger("lossd").exception("a callback of request %s failed", self.request.request_id)


class Outstanding:
    """Messages that wait for their answers, by request id. Thread-safe. `thread` fails those whose timeout has passed,
    calls `expired` with their request ids, and ends with `end`."""

    def __init__(self, expired: Callable[[str], None]) -> None:
        self._expired = expired
        self._lock = threading.Lock()
        self._empty = threading.Condition(self._lock)
        self._hurry = threading.Condition(self._lock)  # The next check must come earlier.
        self._next_check = math.inf
        self._messages: dict[str, Message] = {}
        self._refusal: errors.LossdError | None = None
        self._ended = False
        self.overdue = False  # Whether a message went without an answer.
        self.thread = threading.Thread(target=self._watch_deadlines, name="lossd-stream-deadlines", daemon=True)
        self.thread.start()

    def add(self, message: Message) -> None:
        """Raises what `refuse` or `end` was given, ValueError if the request id is under way."""
        request_id = message.request.request_id
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            if request_id in self._messages:
                raise ValueError(f"request_id: expected one that is not under way, got {request_id}")
            self._messages[request_id] = message
            if message.deadline < self._next_check:
                self._hurry.notify()

    def take(self, request_id: str) -> Message | None:
        """The message, which no longer waits; None if there is none."""
        with self._lock:
            message = self._messages.pop(request_id, None)
            self._notify_if_empty()
        return message

    def refuse(self, error: errors.LossdError) -> None:
        """No message comes after this: `add` raises `error`."""
        with self._lock:
            if self._refusal is None:
                self._refusal = error

    def end(self, error: errors.LossdError) -> None:
        """Fails what waits."""
        with self._lock:
            self._refusal = error
            self._ended = True
            unanswered, self._messages = self._messages, {}
            self._notify_if_empty()
            self._hurry.notify()
        for message in unanswered.values():
            message.fail(error)

    def wait_until_empty(self, timeout: float | None) -> bool:
        """Waits until nothing waits, at most `timeout` seconds; whether that is so."""
        with self._lock:
            return self._empty.wait_for(lambda: not self._messages, timeout)

    def _notify_if_empty(self) -> None:
        if not self._messages:
            self._empty.notify_all()

    def _watch_deadlines(self) -> None:
        """Looks again when the earliest deadline there was at the last look has passed."""
        while True:
            with self._lock:
                late = self._take_late()
                if not late:
                    if self._ended:
                        return
                    self._next_check = min((m.deadline for m in self._messages.values()), default=math.inf)
                    wait = self._next_check - time.monotonic()
                    self._hurry.wait(None if math.isinf(wait) else max(wait, 0))
            for message in late:
                self._expired(message.request.request_id)
                message.fail(errors.DeadlineExceeded(f"expected an answer within {message.timeout} s, got none",
                                                     request_id=message.request.request_id))

    def _take_late(self) -> list[Message]:
        now = time.monotonic()
        late = [message for message in self._messages.values() if message.deadline <= now]
        for message in late:
            del self._messages[message.request.request_id]
        if late:
            self.overdue = True
            self._notify_if_empty()
        return late
