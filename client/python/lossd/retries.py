# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Which calls are tried again, and when."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass

import grpc

from lossd import errors
from lossd._numbers import number

STREAM_ATTEMPTS = 5  # As many as gRPC allows.


@dataclass(frozen=True)
class Retry:
    """How calls are tried again that end UNAVAILABLE (a restart, a drain, no connection), or RESOURCE_EXHAUSTED where the
    server says that waiting helps. What the server says of the wait is obeyed.

    Attributes:
        patience: seconds from a call's first failure after which it is given up, within the call's timeout; 0: no call
            is tried again.
        initial_backoff: seconds before the second attempt, and before the second attempt to connect; doubled from then
            on, give or take a fifth, up to `max_backoff`.
    """

    patience: float = 10.0
    initial_backoff: float = 0.1
    max_backoff: float = 2.0

    def __post_init__(self) -> None:
        for name in ("patience", "initial_backoff", "max_backoff"):
            value = number(f"retry.{name}", getattr(self, name))
            expected, good = "0.001 to 3600 s", 0.001 <= value <= 3600
            if name == "patience":
                expected, good = "seconds, at least 0", value >= 0
            if not good:
                raise ValueError(f"retry.{name}: expected {expected}, got {value!r}")

    def service_policy(self) -> dict:
        """gRPC's form, for streams, which gRPC itself tries again until the first answer has come."""
        if self.patience == 0:
            return {}
        return {"retryPolicy": {"maxAttempts": STREAM_ATTEMPTS, "initialBackoff": f"{self.initial_backoff:.3f}s",
                                "maxBackoff": f"{self.max_backoff:.3f}s", "backoffMultiplier": 2,
                                "retryableStatusCodes": ["UNAVAILABLE"]}}


class Attempts:
    """The attempts of one call. Belongs to one thread at a time."""

    def __init__(self, retry: Retry, timeout: float | None) -> None:
        self._retry = retry
        self._backoff = retry.initial_backoff
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        self._end = math.inf  # Of patience.
        self._telling: errors.LossdError | None = None  # gRPC says why in the first attempt, and less in later ones.

    def connecting_time(self) -> float:
        """Seconds that are left to find a connection."""
        return max(min(self._end, self._deadline) - time.monotonic(), 0)

    def time_left(self) -> float | None:
        """Seconds that the next attempt may take; None: no limit."""
        return None if math.isinf(self._deadline) else max(self._deadline - time.monotonic(), 0)

    def final(self, error: errors.LossdError) -> errors.LossdError:
        """What to raise when `error` is the last one."""
        if error.code is grpc.StatusCode.UNAVAILABLE and self._telling is not None and not error.hinted:
            return self._telling
        return error

    def delay_after(self, error: errors.LossdError) -> float | None:
        """Seconds to wait before the call is tried again after `error`; None: it is not."""
        if error.hinted and self._telling is None:
            self._telling = error
        if self._retry.patience == 0 or error.permanent:
            return None
        if error.code is grpc.StatusCode.UNAVAILABLE:
            delay = self._backoff if error.retry_delay is None else error.retry_delay
            self._backoff = min(2 * self._backoff, self._retry.max_backoff)
        elif error.code is grpc.StatusCode.RESOURCE_EXHAUSTED and error.retry_delay is not None:
            delay = error.retry_delay
        else:
            return None
        delay *= random.uniform(1.0, 1.2) if error.retry_delay is not None else random.uniform(0.8, 1.2)
        now = time.monotonic()
        self._end = min(self._end, now + self._retry.patience)
        return delay if now + delay < min(self._end, self._deadline) else None
