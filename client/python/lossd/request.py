# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Requests and results: arrays in, arrays out."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from lossd import arrays, errors
from lossd._numbers import number
from lossd._messages import Response, WireTensor, decode_response, encode_request
from lossd.v1 import loss_service_pb2, losses_pb2

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
    """The answer to a call. Arrays are torch tensors if an input was one, JAX arrays if one was that, else NumPy's.

    Gradients on the CPU are views over the received message (NumPy's are read-only), which lives as long as they do.

    Attributes:
        objective: the scalar whose gradient is returned.
        outputs: the loss's small named results.
        gradients: of the objective, by name of the input (or parameter), in the order of the inputs.
        nonfinite: names of inputs, outputs and gradients that hold a NaN or an infinity.
        request_id: of the request.
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
            options.dtype = arrays.wire_dtype("gradients.dtype", self.dtype)
        scale = number("gradients.scale", self.scale)
        if scale != 1.0:
            options.scale = scale
        return options


@dataclass
class Request:
    """One loss over one group of named arrays.

    Attributes:
        loss: made by `lossd.specs`, or a `lossd.v1.LossSpec`.
        inputs: NumPy, torch or JAX arrays (any device), or what exports itself by DLPack; see `lossd.specs` for their
            names and shapes.
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
        if not isinstance(self.loss, losses_pb2.LossSpec):
            raise TypeError(f"loss: expected a LossSpec, as lossd.specs makes them, got {self.loss!r}")
        if self.nonfinite not in _POLICIES:
            raise ValueError(f'nonfinite: expected "report" or "reject", got "{self.nonfinite}"')
        gradients = self.gradients if isinstance(self.gradients, GradientOptions) else GradientOptions(self.gradients)
        self.request_id = self.request_id or uuid.uuid4().hex
        header = loss_service_pb2.ComputeRequest(request_id=self.request_id, loss=self.loss,
                                                 gradients=gradients.to_proto())
        header.options.nonfinite_policy = _POLICIES[self.nonfinite]
        if self.timing:
            header.options.timing = True
        if timeout is not None:  # 0 would be no time on the wire.
            header.options.timeout.FromTimedelta(datetime.timedelta(seconds=max(timeout, 1e-6)))
        return encode_request(header, self.inputs)

    def read(self, message: bytes) -> Result:
        """The result in a serialised response; Internal if it cannot be read."""
        try:
            return self.decode(decode_response(message))
        except ValueError as malformed:
            raise errors.unreadable(malformed, self.request_id) from malformed

    def decode(self, response: Response) -> Result:
        """The result, with arrays of the kind of the inputs; ValueError if the response is malformed."""
        header = response.header
        outputs = {tensor.name: self._output(tensor) for tensor in response.outputs}
        gradients = {tensor.name: self._gradient(tensor) for tensor in response.gradients}
        timing = _timing(header.timing) if header.HasField("timing") else None
        return Result(header.objective, outputs, gradients, list(header.nonfinite), header.request_id, timing)

    def _like(self, name: str) -> arrays.Array:
        """The input that decides the kind and the device of a result: that of the name, else the first of torch or JAX."""
        kinds = (arrays.is_torch, arrays.is_jax)
        if name in self.inputs and any(is_kind(self.inputs[name]) for is_kind in kinds):
            return self.inputs[name]
        return next((array for is_kind in kinds for array in self.inputs.values() if is_kind(array)), None)

    def _output(self, tensor: WireTensor) -> arrays.Array:
        """A copy: outputs are small, and a view would keep the message's gradients in memory with it."""
        made = arrays.from_wire(tensor.dtype, tensor.shape, memoryview(bytearray(tensor.data)), self._like(""))
        return made.clone() if arrays.is_torch(made) else made.copy()

    def _gradient(self, tensor: WireTensor) -> arrays.Array:
        """A view over the message, or an array on its input's device."""
        return arrays.from_wire(tensor.dtype, tensor.shape, tensor.data, self._like(tensor.name))


def _timing(timing: loss_service_pb2.Timing) -> Timing:
    seconds = [getattr(timing, stage).ToNanoseconds() * 1e-9
               for stage in ("decode", "queue", "compute", "encode")]
    return Timing(*seconds, timing.batch_requests)
