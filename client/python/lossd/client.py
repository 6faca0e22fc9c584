# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The client: calls with arrays in and arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

import grpc

from lossd import arrays, errors
from lossd.channel import DEFAULT_MAX_MESSAGE_BYTES, LazyChannel, channel_options
from lossd.pending import PendingResult
from lossd.request import Request, Result
from lossd.send_queue import DEFAULT_MAX_QUEUED_BYTES
from lossd.tls import Tls
from lossd.v1 import loss_service_pb2, losses_pb2

if TYPE_CHECKING:
    from lossd.stream import ComputeStream


class Client:
    """Calls a lossd server. Thread-safe. Copies, also by `pickle`, call the same server.

    A forked child makes a connection of its own if its parent has not called yet; else its calls raise RuntimeError,
    unless gRPC's fork support is on (see `fork_gate`).

    Args:
        target: "host:port", "unix:/path" or any name gRPC resolves; several addresses are used in turn.
        timeout: seconds a call may take, in a stream too, unless the call says otherwise; None: no limit.
        max_message_bytes: largest message in either direction.
        tls: what TLS needs, such as `Tls.from_files("ca.crt")`; None: plain text, unless there are `credentials`.
        auth_token: sent with every call as `authorization: Bearer ...`; empty: none is.
        credentials: of the channel, where `tls` does not do; such a client cannot be pickled.
        metadata: sent with every call, too.
    """

    def __init__(self, target: str = "localhost:50051", *, timeout: float | None = None,
                 max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
                 tls: Tls | None = None, auth_token: str = "", credentials: grpc.ChannelCredentials | None = None,
                 metadata: Sequence[tuple[str, str]] = ()) -> None:
        if tls is not None and credentials is not None:
            raise ValueError("expected tls or credentials, got both")
        token = auth_token.strip()
        if not all("!" <= character <= "~" for character in token):  # gRPC's error would have it in its text.
            raise ValueError("auth_token: expected visible ASCII characters, got others")
        self.target = target
        self.timeout = timeout
        self._settings = dict(timeout=timeout, max_message_bytes=max_message_bytes, tls=tls,
                              auth_token=auth_token, credentials=credentials, metadata=tuple(metadata))
        bearer = (("authorization", f"Bearer {token}"),) if token else ()
        self._metadata = bearer + tuple(metadata)
        self._channel = LazyChannel(target, channel_options(max_message_bytes),
                                    credentials if tls is None else tls.credentials())

    def compute(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *, timeout: float | None = None,
                **options: Any) -> Result:
        """Computes a loss and its gradients, and waits.

        Args:
            loss: from `lossd.specs`, which also tells names and shapes of the inputs.
            inputs: NumPy arrays or torch tensors of any device, by name.
            timeout: seconds this call may take; None: the client's.
            options: `gradients`, `nonfinite`, `timing` and `request_id`, as in `Request`.

        Raises a subclass of LossdError if the call failed, TypeError or ValueError for what cannot be sent.
        """
        request = Request(loss, inputs, **options)
        try:
            message = self._channel.call("Compute", request.encode(), **self._call_options(timeout))
        except grpc.RpcError as error:
            raise errors.from_rpc_error(error, request.request_id) from None
        return request.read(message)

    def compute_async(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *,
                      timeout: float | None = None, **options: Any) -> PendingResult:
        """Starts a call, as `compute`; several may be under way at a time. Its result can be waited for or awaited."""
        request = Request(loss, inputs, **options)
        return PendingResult(self._channel.start("Compute", request.encode(), **self._call_options(timeout)), request)

    def stream(self, *, max_queued_bytes: int = DEFAULT_MAX_QUEUED_BYTES) -> "ComputeStream":
        """Opens a stream of pipelined calls; use it as a context manager. The client's timeout is that of each call.

        max_queued_bytes: what may wait to be sent before `send` waits, too.
        """
        from lossd.stream import ComputeStream

        return ComputeStream(self._channel.stream("ComputeStream"), self._metadata, self.timeout, max_queued_bytes)

    def server_info(self, timeout: float | None = None) -> loss_service_pb2.GetServerInfoResponse:
        """Version, devices, losses and limits of the server."""
        request = loss_service_pb2.GetServerInfoRequest().SerializeToString()
        try:
            message = self._channel.call("GetServerInfo", request, **self._call_options(timeout))
        except grpc.RpcError as error:
            raise errors.from_rpc_error(error, "") from None
        return loss_service_pb2.GetServerInfoResponse.FromString(message)

    def _call_options(self, timeout: float | None) -> dict[str, Any]:
        return dict(timeout=self.timeout if timeout is None else timeout, metadata=self._metadata)

    def close(self) -> None:
        """Closes the connection; calls under way are cancelled. A later call makes a new one."""
        self._channel.close()

    def __reduce__(self) -> tuple:
        if self._settings["credentials"] is not None:
            raise TypeError("a client with credentials cannot be pickled, expected one with tls")
        return _make_client, (self.target, self._settings)

    def __deepcopy__(self, memo: dict) -> "Client":
        return self

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()


def _make_client(target: str, settings: dict[str, Any]) -> Client:
    return Client(target, **settings)
