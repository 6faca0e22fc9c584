# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The settings of a client, sync or async: checked once, in a form that can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Sequence

import grpc

from lossd import errors
from lossd._numbers import seconds, whole
from lossd.channel import MAX_MESSAGE_BYTES, channel_options
from lossd.retries import Retry
from lossd.targets import check_target
from lossd.tls import Tls


@dataclass(frozen=True)
class Settings:
    """What `lossd.Client` and `lossd.aio.Client` take; see there."""

    target: str = "localhost:50051"
    timeout: float | None = None
    max_message_bytes: int | None = None
    tls: Tls | None = None
    auth_token: str = field(default="", repr=False)
    credentials: grpc.ChannelCredentials | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    retry: Retry = Retry()
    channel_options: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def checked(cls, target: str, *, timeout: Any, max_message_bytes: Any, metadata: Sequence[tuple[str, str]],
                channel_options: Sequence[tuple[str, Any]], **others: Any) -> Settings:
        """TypeError or ValueError naming the argument that cannot be."""
        if max_message_bytes is not None:
            max_message_bytes = whole("max_message_bytes", max_message_bytes, 1, MAX_MESSAGE_BYTES)
        made = cls(check_target(target), seconds("timeout", timeout), max_message_bytes, metadata=tuple(metadata),
                   channel_options=tuple(channel_options), **others)
        if made.tls is not None and made.credentials is not None:
            raise ValueError("expected tls or credentials, got both")
        if not isinstance(made.retry, Retry):
            raise TypeError(f"retry: expected a lossd.Retry, got {made.retry!r}")
        if not all("!" <= character <= "~" for character in made.token):  # gRPC's error would have it in its text.
            raise ValueError("auth_token: expected visible ASCII characters, got others")
        return made

    @property
    def token(self) -> str:
        return self.auth_token.strip()

    @property
    def call_metadata(self) -> tuple[tuple[str, str], ...]:
        """Sent with every call."""
        return ((("authorization", f"Bearer {self.token}"),) if self.token else ()) + self.metadata

    def options(self) -> list[tuple[str, Any]]:
        """Of the channel; the caller's own come last, and win."""
        limit = self.max_message_bytes or MAX_MESSAGE_BYTES
        return [*channel_options(self.target, self.retry, limit), *self.channel_options]

    def channel_credentials(self) -> grpc.ChannelCredentials | None:
        return self.credentials if self.tls is None else self.tls.credentials()

    def timeout_of(self, timeout: Any) -> float | None:
        """Seconds a call may take that was given `timeout`; None given: the client's."""
        return self.timeout if timeout is None else seconds("timeout", timeout)


def check_size(message: bytes, limit: int | None, request_id: str) -> None:
    """ResourceExhausted, by the client, for a message above the limit."""
    if limit is not None and len(message) > limit:
        raise errors.ResourceExhausted(f"max_message_bytes: expected at most {limit} bytes, got a request of "
                                       f"{len(message)}", request_id=request_id)
