# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Requests to bytes and bytes to responses, by hand: payloads never pass through protobuf strings.

A request is joined once from the stock serialisation of everything small and views over the payloads; a response is
walked, and payloads stay views over the received bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from google.protobuf.message import DecodeError

from lossd import arrays
from lossd.v1 import loss_service_pb2, tensor_pb2

_PAYLOAD_TAG = (tensor_pb2.Tensor.DATA_FIELD_NUMBER << 3) | 2
_INPUT_TAG = (loss_service_pb2.ComputeRequest.INPUTS_FIELD_NUMBER << 3) | 2
_OUTPUT_TAG = (loss_service_pb2.ComputeResponse.OUTPUTS_FIELD_NUMBER << 3) | 2
_GRADIENT_TAG = (loss_service_pb2.ComputeResponse.GRADIENTS_FIELD_NUMBER << 3) | 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class WireTensor:
    """A tensor of a response; `data` is a view over the received message."""

    name: str
    dtype: int
    shape: tuple[int, ...]
    data: memoryview


@dataclass(frozen=True)
class Response:
    """A response: `header` is everything but its tensors."""

    header: loss_service_pb2.ComputeResponse
    outputs: list[WireTensor]
    gradients: list[WireTensor]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_request(header: loss_service_pb2.ComputeRequest, inputs: Mapping[str, arrays.Array]) -> bytes:
    """The serialised request: `header`, which has no inputs, and `inputs`. Payloads are copied once, by the join."""
    pieces: list[bytes | memoryview] = [header.SerializeToString()]
    for name, array in inputs.items():
        dtype, shape, data = arrays.to_wire(name, array)
        described = tensor_pb2.Tensor(name=name, dtype=dtype, shape=shape).SerializeToString()
        described += bytes([_PAYLOAD_TAG]) + _varint(len(data))
        pieces += [bytes([_INPUT_TAG]) + _varint(len(described) + len(data)) + described, data]
    return b"".join(pieces)


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("expected a varint of at most 10 bytes")


def _fields(view: memoryview):
    """Yields (tag, start of the field, start of its value, end of its value)."""
    at = 0
    while at < len(view):
        start = at
        tag, at = _read_varint(view, at)
        kind = tag & 7
        if kind == _BYTES:
            length, at = _read_varint(view, at)
            end = at + length
        elif kind == _VARINT:
            _, end = _read_varint(view, at)
        elif kind in (_FIXED32, _FIXED64):
            end = at + (4 if kind == _FIXED32 else 8)
        else:
            raise ValueError(f"expected a known wire type, got {kind}")
        if end > len(view):
            raise ValueError("expected a whole message, got a truncated one")
        yield tag, start, at, end
        at = end


def _decode_tensor(view: memoryview) -> WireTensor:
    described = bytearray()
    data = view[:0]
    for tag, start, value, end in _fields(view):
        if tag == _PAYLOAD_TAG:
            data = view[value:end]
        else:
            described += view[start:end]
    tensor = tensor_pb2.Tensor.FromString(bytes(described))
    return WireTensor(tensor.name, tensor.dtype, tuple(tensor.shape), data)


def decode_response(message: bytes) -> Response:
    """Walks a serialised response. ValueError if it is malformed."""
    view = memoryview(message)
    rest = bytearray()
    outputs: list[WireTensor] = []
    gradients: list[WireTensor] = []
    try:
        for tag, start, value, end in _fields(view):
            if tag == _OUTPUT_TAG:
                outputs.append(_decode_tensor(view[value:end]))
            elif tag == _GRADIENT_TAG:
                gradients.append(_decode_tensor(view[value:end]))
            else:
                rest += view[start:end]
        return Response(loss_service_pb2.ComputeResponse.FromString(bytes(rest)), outputs, gradients)
    except IndexError as error:
        raise ValueError("expected a whole message, got a truncated one") from error
    except DecodeError as error:
        raise ValueError(str(error)) from error
