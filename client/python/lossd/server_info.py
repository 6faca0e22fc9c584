# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a server is and can do, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.v1 import loss_service_pb2, tensor_pb2


@dataclass(frozen=True)
class Device:
    """A device that computes: name as in --device, model, threads (CPU)."""

    name: str
    description: str
    threads: int


@dataclass(frozen=True)
class InputInfo:
    """An input of a loss; `anchor.*` stands for `anchor.0`, ... An empty shape: any."""

    name: str
    shape: tuple[str, ...]
    optional: bool


@dataclass(frozen=True)
class LossInfo:
    """A loss of the server's; `dtypes` are names such as "float32"."""

    name: str
    description: str
    inputs: tuple[InputInfo, ...]
    outputs: tuple[str, ...]
    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class Limits:
    """Limits in force, in bytes, calls and estimated operations."""

    max_message_bytes: int
    max_inflight_bytes: int
    max_concurrent_calls: int
    max_request_flops: float


@dataclass(frozen=True)
class ServerInfo:
    """The answer of GetServerInfo."""

    version: str
    revision: str
    devices: tuple[Device, ...]
    losses: tuple[LossInfo, ...]
    limits: Limits

    @classmethod
    def from_proto(cls, message: loss_service_pb2.GetServerInfoResponse) -> ServerInfo:
        limits = message.limits
        return cls(message.version, message.revision,
                   tuple(Device(d.name, d.description, d.threads) for d in message.devices),
                   tuple(_loss(loss) for loss in message.losses),
                   Limits(limits.max_message_bytes, limits.max_inflight_bytes, limits.max_concurrent_calls,
                          limits.max_request_flops))


def _dtype(value: int) -> str:
    known = tensor_pb2.Dtype.DESCRIPTOR.values_by_number.get(value)
    return str(value) if known is None else known.name.removeprefix("DTYPE_").lower()


def _loss(loss: loss_service_pb2.LossInfo) -> LossInfo:
    inputs = tuple(InputInfo(i.name, tuple(i.shape), i.optional) for i in loss.inputs)
    return LossInfo(loss.name, loss.description, inputs, tuple(loss.outputs), tuple(map(_dtype, loss.dtypes)))
