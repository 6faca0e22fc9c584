# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The client: calls with arrays in and arrays out."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

import grpc

from lossd import arrays, errors
from lossd._messages import Response, WireTensor, decode_response, encode_request
from lossd.channel import DEFAULT_MAX_MESSAGE_BYTES, LazyChannel, channel_options
from lossd.v1 import loss_service_pb2, losses_pb2

_METHOD = "/lossd.v1.LossService/"
_MODES = {"all": loss_service_pb2.GradientOptions.MODE_ALL, "none": loss_service_pb2.GradientOptions.MODE_NONE}
_POLICIES = {"report": loss_service_pb2.ComputeOptions.NONFINITE_POLICY_REPORT,
             "reject": loss_service_pb2.ComputeOptions.NONFINITE_POLICY_REJECT}


@dataclass(frozen=True)
class Timing:
    """Where a call's time went on the server, in seconds, and how many requests its batch had."""

    decode: float
    queue: float
    compute: float
    encode: float
    batch_requests: int


@dataclass(frozen=True)
class Result:
    """The answer to a call. Arrays are torch tensors if an input was one, else NumPy arrays (read-only).

    Attributes:
        objective: the scalar whose gradient is returned.
        outputs: the loss's small named results.
        gradients: of the objective, by name of the input (or parameter), in the order of the inputs.
        nonfinite: names of inputs, outputs and gradients that hold a NaN or an infinity.
        timing: if asked for.
    """

    objective: float
    outputs: dict[str, arrays.Array]
    gradients: dict[str, arrays.Array]
    nonfinite: list[str]
    request_id: str
    timing: Timing | None = None


@dataclass
class GradientOptions:
    """Which gradients come back, and how: "all" (of every floating input), "none", or names, of which a last `*` makes
    a prefix. `dtype` (NumPy, torch or a name) defaults to the input's; `scale` multiplies before rounding."""

    select: str | Sequence[str] = "all"
    dtype: Any = None
    scale: float = 1.0

    def to_proto(self) -> loss_service_pb2.GradientOptions:
        options = loss_service_pb2.GradientOptions()
        if isinstance(self.select, str):
            if self.select not in _MODES:
                raise ValueError(f'gradients: expected "all", "none" or a list of names, got "{self.select}"')
            options.mode = _MODES[self.select]
        else:
            options.mode = loss_service_pb2.GradientOptions.MODE_NAMED
            options.names.extend(self.select)
        if self.dtype is not None:
            options.dtype = arrays.wire_dtype(self.dtype)
        if self.scale != 1.0:
            options.scale = self.scale
        return options


@dataclass
class Request:
    """One loss over one group of named arrays.

    Attributes:
        loss: made by `lossd.specs`, or a `lossd.v1.LossSpec`.
        inputs: NumPy arrays or torch tensors (any device); see `lossd.specs` for their names and shapes.
        gradients: what comes back; "all", "none" and lists of names may be given directly.
        nonfinite: "report" (compute and name what is not finite) or "reject".
        timing: whether the server says where the time went.
        request_id: echoed, and in the server's log; made up if empty.
    """

    loss: losses_pb2.LossSpec
    inputs: Mapping[str, arrays.Array]
    gradients: GradientOptions | str | Sequence[str] = field(default_factory=GradientOptions)
    nonfinite: str = "report"
    timing: bool = False
    request_id: str = ""

    def encode(self, timeout: float | None = None) -> bytes:
        """The serialised lossd.v1.ComputeRequest; `timeout` seconds for this message, or no limit of its own."""
        if self.nonfinite not in _POLICIES:
            raise ValueError(f'nonfinite: expected "report" or "reject", got "{self.nonfinite}"')
        gradients = self.gradients if isinstance(self.gradients, GradientOptions) else GradientOptions(self.gradients)
        self.request_id = self.request_id or uuid.uuid4().hex
        header = loss_service_pb2.ComputeRequest(request_id=self.request_id, loss=self.loss,
                                                 gradients=gradients.to_proto())
        header.options.nonfinite_policy = _POLICIES[self.nonfinite]
        if self.timing:
            header.options.timing = True
        if timeout is not None:
            header.options.timeout.FromTimedelta(datetime.timedelta(seconds=timeout))
        return encode_request(header, self.inputs)

    def decode(self, response: Response) -> Result:
        """The result, with arrays of the kind of the inputs, on the device of the first torch input."""
        header = response.header
        tensors = [array for array in self.inputs.values() if arrays.is_torch(array)]

        def array_of(tensor: WireTensor) -> arrays.Array:
            if tensors:
                return arrays.torch_from_wire(tensor.dtype, tensor.shape, tensor.data, tensors[0].device)
            return arrays.numpy_from_wire(tensor.dtype, tensor.shape, tensor.data)

        timing = None
        if header.HasField("timing"):
            seconds = [getattr(header.timing, stage).ToTimedelta().total_seconds()
                       for stage in ("decode", "queue", "compute", "encode")]
            timing = Timing(*seconds, header.timing.batch_requests)
        return Result(header.objective, {t.name: array_of(t) for t in response.outputs},
                      {t.name: array_of(t) for t in response.gradients}, list(header.nonfinite), header.request_id,
                      timing)


class PendingResult:
    """A call under way."""

    def __init__(self, call: Any, request: Request) -> None:
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
        return self._request.decode(decode_response(message))

    def cancel(self) -> None:
        """Tells the server that the answer is no longer wanted."""
        self._call.cancel()

    def done(self) -> bool:
        return self._call.done()


class Client:
    """Calls a lossd server. Thread-safe; usable after a fork (each process makes its own connection).

    Args:
        target: "host:port", "unix:/path" or any name gRPC resolves; several addresses are used in turn.
        timeout: seconds a call may take, unless the call says otherwise; None: no limit.
        max_message_bytes: largest message in either direction.
    """

    def __init__(self, target: str = "localhost:50051", *, timeout: float | None = None,
                 max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES) -> None:
        self.target = target
        self.timeout = timeout
        self._channel = LazyChannel(target, channel_options(max_message_bytes))

    def compute(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *, timeout: float | None = None,
                **options: Any) -> Result:
        """Computes a loss and its gradients, and waits. `options` are the other attributes of `Request`."""
        return self.compute_async(loss, inputs, timeout=timeout, **options).result()

    def compute_async(self, loss: losses_pb2.LossSpec, inputs: Mapping[str, arrays.Array], *,
                      timeout: float | None = None, **options: Any) -> PendingResult:
        """Starts a call; several may be under way at a time."""
        request = Request(loss, inputs, **options)
        return PendingResult(self._call("Compute").future(request.encode(), timeout=timeout or self.timeout), request)

    def stream(self) -> "ComputeStream":
        """Opens a stream of pipelined calls; use it as a context manager."""
        from lossd.stream import ComputeStream

        return ComputeStream(self._channel.get().stream_stream(_METHOD + "ComputeStream"))

    def server_info(self, timeout: float | None = None) -> loss_service_pb2.GetServerInfoResponse:
        """Version, devices, losses and limits of the server."""
        request = loss_service_pb2.GetServerInfoRequest().SerializeToString()
        try:
            message = self._call("GetServerInfo")(request, timeout=timeout or self.timeout)
        except grpc.RpcError as error:
            raise errors.from_rpc_error(error, "") from None
        return loss_service_pb2.GetServerInfoResponse.FromString(message)

    def _call(self, method: str) -> grpc.UnaryUnaryMultiCallable:
        return self._channel.get().unary_unary(_METHOD + method)

    def close(self) -> None:
        """Closes the connection; calls under way are cancelled."""
        self._channel.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()
