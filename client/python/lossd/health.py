# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""gRPC's health service, by hand: a question of no bytes, an answer of one small number."""

from __future__ import annotations

from lossd import errors

METHOD = "/grpc.health.v1.Health/Check"
PAUSE_SECONDS = 0.1  # Between questions.
_LONGEST_QUESTION_SECONDS = 5.0
_SERVING = b"\x08\x01"


def patience(timeout: float | None) -> float:
    """Seconds to wait for one answer."""
    return _LONGEST_QUESTION_SECONDS if timeout is None else min(timeout, _LONGEST_QUESTION_SECONDS)


def ill(answer: bytes) -> errors.LossdError | None:
    """Why a server with this answer does not serve; None: it does."""
    if answer == _SERVING:
        return None
    return errors.Unavailable("the server says that it is not serving: it is starting or draining", origin="server")
