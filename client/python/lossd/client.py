# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The client: calls with arrays in and arrays out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import grpc

from lossd import arrays, errors, health
from lossd._handles import Handles
from lossd._numbers import seconds
from lossd.channel import LazyChannel
from lossd.pending import PendingResult
from lossd.request import Request, Result
from lossd.retries import Attempts, Retry
from lossd.send_queue import DEFAULT_MAX_QUEUED_BYTES
from lossd.server_info import ServerInfo
from lossd.settings import Settings, check_size
from lossd.tls import Tls
from lossd.v1 import loss_service_pb2, losses_pb2

if TYPE_CHECKING:
    from lossd.stream import ComputeStream


def checked_client(client: Client | None) -> Client | None:
    """TypeError for what is neither a client nor None, such as the name of a server."""
    if client is None or isinstance(client, Client):
        return client
    raise TypeError(f"client: expected a lossd.Client or None, got {client!r}")


class Client:
    """Calls a lossd server. Thread-safe. Copies, also by `pickle`, call the same server.

    A forked child makes a connection of its own if its parent has not called yet; else its calls raise RuntimeError,
    unless gRPC's fork support is on (see `fork_gate`).

    Args:
        target: "host:port", "unix:/path" or any name gRPC resolves; several addresses are used in turn.
        timeout: seconds a call may take, all attempts together, in a stream too, unless the call says otherwise; None
            or infinity: no limit.
        max_message_bytes: largest message in either direction; None: the server's limit, once `server_info` has told.
        tls: what TLS needs, such as `Tls.from_files("ca.crt")`; None: plain text, unless there are `credentials`.
        auth_token: sent with every call as `authorization: Bearer ...`; empty: none is.
        credentials: of the channel, where `tls` does not do; such a client cannot be pickled.
        metadata: sent with every call, too.
        retry: which calls are tried again, and how long.
        channel_options: gRPC's own, such as ("grpc.http_proxy", "..."); they win over the presets.
    """

    def __init__(self, target: str = "localhost:50051", *, timeout: float | None = None,
                 max_message_bytes: int | None = None, tls: Tls | None = None, auth_token: str = "",
                 credentials: grpc.ChannelCredentials | None = None, metadata: Sequence[tuple[str, str]] = (),
                 retry: Retry = Retry(), channel_options: Sequence[tuple[str, Any]] = ()) -> None:
        self._connect(Settings.checked(target, timeout=timeout, max_message_bytes=max_message_bytes, tls=tls,
                                       auth_token=auth_token, credentials=credentials, metadata=metadata, retry=retry,
                                       channel_options=channel_options))

    def _connect(self, settings: Settings) -> None:
        self._settings = settings
        self._server_limit: int | None = None
        self._channel = LazyChannel(settings.target, settings.options(), settings.channel_credentials())
        self._handle = CLIENTS.add(self)

    @property
    def target(self) -> str:
        return self._settings.target

    @property
    def timeout(self) -> float | None:
        return self._settings.timeout

    @property
    def max_message_bytes(self) -> int | None:
        """The largest message that this client sends; None: not known yet, the server decides."""
        return self._settings.max_message_bytes or self._server_limit

    def compute(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *, timeout: float | None = None,
                **options: Any) -> Result:
        """Computes a loss and its gradients, and waits.

        Args:
            loss: from `lossd.specs`, which also tells names and shapes of the inputs.
            inputs: NumPy, torch or JAX arrays of any device, by name.
            timeout: seconds this call may take; None: the client's.
            options: `gradients`, `nonfinite`, `timing` and `request_id`, as in `Request`.

        Raises a subclass of LossdError if the call failed, TypeError or ValueError for what cannot be sent.
        """
        request = Request(loss, inputs, **options)
        attempts = Attempts(self._settings.retry, self._settings.timeout_of(timeout))
        return request.read(self._call("Compute", self._encode(request), attempts, request.request_id))

    def compute_async(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *,
                      timeout: float | None = None, **options: Any) -> PendingResult:
        """Starts a call, as `compute`; several may be under way at a time. Its result can be waited for or awaited."""
        request = Request(loss, inputs, **options)
        attempts = Attempts(self._settings.retry, self._settings.timeout_of(timeout))
        message = self._encode(request)

        def start() -> grpc.Future:
            return self._channel.start("Compute", message, timeout=attempts.time_left(),
                                       metadata=self._settings.call_metadata)

        def connect() -> grpc.Future:
            return self._channel.start(health.METHOD, b"", timeout=attempts.connecting_time(), wait_for_ready=True,
                                       metadata=self._settings.call_metadata)

        return PendingResult(start, connect, attempts, request, self.target)

    def stream(self, *, max_queued_bytes: int = DEFAULT_MAX_QUEUED_BYTES) -> "ComputeStream":
        """Opens a stream of pipelined calls; use it as a context manager. The client's timeout is that of each call.

        max_queued_bytes: what may wait to be sent before `send` waits, too.
        """
        from lossd.stream import ComputeStream

        return ComputeStream(self._channel.stream("ComputeStream"), self._settings.call_metadata, self.timeout,
                             max_queued_bytes, self.target, self.max_message_bytes)

    def server_info(self, timeout: float | None = None) -> ServerInfo:
        """Version, devices, losses and limits of the server, whose limit of messages becomes this client's."""
        attempts = Attempts(self._settings.retry, self._settings.timeout_of(timeout))
        message = self._call("GetServerInfo", b"", attempts, "")
        info = ServerInfo.from_proto(loss_service_pb2.GetServerInfoResponse.FromString(message))
        self._server_limit = info.limits.max_message_bytes or None
        return info

    def is_ready(self, timeout: float = 5.0) -> bool:
        """Whether the server serves, by its own word; False if it says nothing within `timeout` seconds."""
        return self._ill(seconds("timeout", timeout)) is None

    def wait_ready(self, timeout: float | None = 60.0) -> None:
        """Waits until `is_ready`. Unavailable with the reason if that takes longer than `timeout` seconds."""
        attempts = Attempts(Retry(), seconds("timeout", timeout))
        telling = None
        while (ill := self._ill(attempts.time_left())) is not None:
            telling = telling or ill
            left = attempts.time_left()
            if left is not None and left <= health.PAUSE_SECONDS or ill.permanent:
                raise errors.Unavailable(f"{self.target}: expected a server that is ready within {timeout} s, got: "
                                         f"{telling}")
            time.sleep(health.PAUSE_SECONDS)
            self._await_connection(health.patience(attempts.time_left()))

    def _ill(self, timeout: float | None) -> errors.LossdError | None:
        """Why the server does not serve; None: it does."""
        try:
            answer = self._channel.call(health.METHOD, b"", timeout=health.patience(timeout),
                                        metadata=self._settings.call_metadata)
        except grpc.RpcError as error:
            return errors.from_rpc_error(error, "", self.target)
        return health.ill(answer)

    def _await_connection(self, timeout: float) -> None:
        """Waits for a connection, at most `timeout` seconds: gRPC makes progress only while a call waits."""
        try:
            self._channel.call(health.METHOD, b"", timeout=timeout, wait_for_ready=True,
                               metadata=self._settings.call_metadata)
        except grpc.RpcError:
            pass  # The next attempt says why.

    def _encode(self, request: Request) -> bytes:
        message = request.encode()
        check_size(message, self.max_message_bytes, request.request_id)
        return message

    def _call(self, method: str, message: bytes, attempts: Attempts, request_id: str) -> bytes:
        while True:
            try:
                return self._channel.call(method, message, timeout=attempts.time_left(),
                                          metadata=self._settings.call_metadata)
            except grpc.RpcError as error:
                failed = errors.from_rpc_error(error, request_id, self.target)
            delay = attempts.delay_after(failed)
            if delay is None:
                raise attempts.final(failed)
            time.sleep(delay)
            if failed.origin == "client":
                self._await_connection(attempts.connecting_time())

    def close(self) -> None:
        """Closes the connection for good; calls under way are cancelled, and later ones raise Cancelled."""
        self._channel.close()

    def __reduce__(self) -> tuple:
        if self._settings.credentials is not None:
            raise TypeError("a client with credentials cannot be pickled, expected one with tls")
        return _make_client, (self._settings,)

    def __deepcopy__(self, memo: dict) -> "Client":
        return self

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()


CLIENTS: Handles[Client] = Handles("client")


def _make_client(settings: Settings) -> Client:
    client = Client.__new__(Client)
    client._connect(settings)
    return client
