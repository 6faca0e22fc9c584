# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Typed exceptions: one class a status code, with the server's details as attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2, status_pb2

from lossd.targets import proxy_hint

_DETAILS_KEY = "grpc-status-details-bin"
_PUSHBACK_KEY = "grpc-retry-pushback-ms"


@dataclass(frozen=True)
class FieldViolation:
    """A field of the request that the server refused."""

    field: str
    description: str


class LossdError(Exception):
    """A call that failed.

    Attributes:
        code: the gRPC status code.
        message: the server's text; names field, expectation and value.
        field_violations: the fields that must change (INVALID_ARGUMENT).
        quota_violations: texts of the limits that were exceeded (RESOURCE_EXHAUSTED).
        retry_delay: seconds to wait before trying again; None where retrying cannot help or nothing was said.
        request_id: of the failed request; empty if it had none.
        origin: who refused: "server", or "client" for what this side found itself (its own limits, no connection, a
            timeout that passed here).
        permanent: whether trying again unchanged is known to be in vain, as with a certificate that is not trusted, or
            where the server wants no other attempt.
    """

    code = grpc.StatusCode.UNKNOWN
    permanent = False
    hinted = False  # Whether the text has more than gRPC said.

    def __init__(self, message: str, *, details: status_pb2.Status | None = None, request_id: str = "",
                 code: grpc.StatusCode | None = None, origin: str = "client") -> None:
        super().__init__(message)
        self.message = message
        self.origin = origin
        self.request_id = request_id
        self.field_violations: list[FieldViolation] = []
        self.quota_violations: list[str] = []
        self.retry_delay: float | None = None
        if code is not None:
            self.code = code
        for detail in details.details if details is not None else ():
            self._read(detail)

    def _read(self, detail) -> None:
        bad_request = error_details_pb2.BadRequest()
        quota = error_details_pb2.QuotaFailure()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(bad_request):
            self.field_violations += [FieldViolation(v.field, v.description) for v in bad_request.field_violations]
        elif detail.Unpack(quota):
            self.quota_violations += [v.description for v in quota.violations]
        elif detail.Unpack(retry):
            self.retry_delay = retry.retry_delay.ToTimedelta().total_seconds()


class InvalidArgument(LossdError):
    """The request must change."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class ResourceExhausted(LossdError):
    """A limit was exceeded."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(LossdError):
    """No server answers, or it is starting or draining."""

    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(LossdError):
    """The timeout passed first."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Cancelled(LossdError):
    """The call was cancelled."""

    code = grpc.StatusCode.CANCELLED


class OutOfRange(LossdError):
    """Finite inputs gave a non-finite result, and the policy rejects that."""

    code = grpc.StatusCode.OUT_OF_RANGE


class Unimplemented(LossdError):
    """The server does not have this loss."""

    code = grpc.StatusCode.UNIMPLEMENTED


class Unauthenticated(LossdError):
    """The server wants a token that was not sent, or another one than that."""

    code = grpc.StatusCode.UNAUTHENTICATED


class Internal(LossdError):
    """A bug in the server; its log has a line with the same request id."""

    code = grpc.StatusCode.INTERNAL


_CLASSES = {cls.code: cls for cls in (InvalidArgument, ResourceExhausted, Unavailable, DeadlineExceeded, Cancelled,
                                      OutOfRange, Unimplemented, Unauthenticated, Internal)}
_UNREADABLE = ("if the client has tls, its roots, certificate or key cannot be read, or the key is that of another "
               "certificate")
_HINTS = {
    "certificate verify failed": "the client's tls trusts none who signed the server's certificate",
    "CERTIFICATE_VERIFY_FAILED": "the client's tls trusts none who signed the server's certificate",
    "wrong version number": "the server speaks plain text there, without tls",
    "WRONG_VERSION_NUMBER": "the server speaks plain text there, without tls",
    ": Socket closed": "servers do so that want the client's tls, or in it a certificate that they trust",
    "empty address list": _UNREADABLE,
    "Failed to create security handshaker": _UNREADABLE,
}
_PERMANENT = ("certificate verify failed", "CERTIFICATE_VERIFY_FAILED", "wrong version number", "WRONG_VERSION_NUMBER",
              "empty address list", "Failed to create security handshaker")
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_OWN_LIMIT = re.compile(r"received message larger than max|message larger than max \(", re.IGNORECASE)


def _make(code: grpc.StatusCode, message: str, details: status_pb2.Status | None, request_id: str,
          origin: str) -> LossdError:
    return _CLASSES.get(code, LossdError)(message, details=details, request_id=request_id, code=code, origin=origin)


def _with_hint(code: grpc.StatusCode, text: str) -> str:
    """What gRPC says of a connection that did not come about, and what it leaves unsaid."""
    if code is grpc.StatusCode.UNAVAILABLE:
        for said, meaning in _HINTS.items():
            if said in text:
                return f"{text}; {meaning}"
    return text


def _origin(code: grpc.StatusCode, text: str) -> str:
    """Of an error without the details that a lossd server sends with its own."""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return "client" if _OWN_LIMIT.search(text) and "SERVER" not in text else "server"
    ours = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED,
            grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
    return "client" if code in ours else "server"


def from_rpc_error(error: grpc.RpcError, request_id: str, target: str = "") -> LossdError:
    """The exception for a failed call of `target`."""
    trailers = {key: value for key, value in error.trailing_metadata() or ()}  # Of grpc.aio it is no mapping for dict().
    details = status_pb2.Status.FromString(trailers[_DETAILS_KEY]) if _DETAILS_KEY in trailers else None
    code, said = error.code(), error.details() or error.code().name
    text = _with_hint(code, said)
    if code is grpc.StatusCode.UNAVAILABLE and details is None:
        text += proxy_hint(target)
    made = _make(code, text, details, request_id, _origin(code, said) if details is None else "server")
    made.hinted = text != said
    made.permanent = code is grpc.StatusCode.UNAVAILABLE and any(mark in said for mark in _PERMANENT)
    if _PUSHBACK_KEY in trailers:
        _push_back(made, trailers[_PUSHBACK_KEY])
    return made


def _push_back(error: LossdError, said: str) -> None:
    """What gRPC's retry design lets a server say of the next attempt: milliseconds, or anything else if there should be none."""
    if re.fullmatch(r"[0-9]{1,9}", said):
        error.retry_delay = int(said) / 1000
    else:
        error.permanent = True


def from_status(status: status_pb2.Status, request_id: str) -> LossdError:
    """The exception for a message that failed in a stream."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return _make(code, status.message, status, request_id, "server")


def closed() -> Cancelled:
    """The exception for a call of a client that was closed."""
    return Cancelled("the client was closed")


def unreadable(malformed: ValueError, request_id: str) -> Internal:
    """The exception for an answer that is no response."""
    return Internal(f"the server's answer cannot be read: {malformed}", request_id=request_id)
