# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses that are one number, for torch: any loss of the server's whose gradient is that of its output `loss`.

Everything about a call but its tensors is numbers and texts, so that the same call can stand in the graph of a compiled
model (see `_compiled`).
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

import torch
from torch import Tensor

from lossd._gradients import Layout, first_derivative, scaled, wanted_gradients, wire_gradient_dtype
from lossd.client import CLIENTS, Client
from lossd.default_client import default_client
from lossd.request import GradientOptions
from lossd.v1.losses_pb2 import LossSpec


class ScalarCall(NamedTuple):
    """A call. `client`: a handle, 0: the default client. `fields`: names of the loss's configuration, comma separated, of
    which `values` has the values. `names`: of the tensors, comma separated; `wanted`: places of those that get a gradient."""

    client: int
    loss: str
    fields: str
    values: list[float]
    names: str
    wanted: list[int]

    def spec(self) -> LossSpec:
        spec = LossSpec()
        configuration = getattr(spec, self.loss)
        configuration.SetInParent()
        for name, value in zip(self.fields.split(","), self.values):
            _set(configuration, name, value)
        return spec

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The loss [], and the wanted gradients, contiguous."""
        names = self.names.split(",")
        asked = GradientOptions("none")
        if self.wanted:
            dtype = wire_gradient_dtype([tensors[place].dtype for place in self.wanted])
            asked = GradientOptions([names[place] for place in self.wanted], dtype=dtype)
        result = client_of(self.client).compute(self.spec(), dict(zip(names, tensors)), gradients=asked)
        return [result.outputs["loss"], *(result.gradients[names[place]] for place in self.wanted)]


def _set(configuration, path: str, value: float) -> None:
    """Sets a field, or a field of a field ("false_negatives.margin"), whatever its type."""
    *parents, name = path.split(".")
    for parent in parents:
        configuration = getattr(configuration, parent)
    field = configuration.DESCRIPTOR.fields_by_name[name]
    setattr(configuration, name, value if field.cpp_type == field.CPPTYPE_DOUBLE else
            bool(value) if field.cpp_type == field.CPPTYPE_BOOL else int(value))


def client_of(handle: int) -> Client:
    return CLIENTS[handle] if handle else default_client()


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, call: ScalarCall, *tensors: Tensor) -> Tensor:
        loss, *gradients = call.run(tensors)
        ctx.wanted = call.wanted
        ctx.layouts = [Layout.of(tensors[place]) for place in call.wanted]
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    @first_derivative
    def backward(ctx, upstream: Tensor):
        factor = upstream.item()
        made: list[Tensor | None] = [None] * len(ctx.needs_input_grad)
        for place, gradient, layout in zip(ctx.wanted, ctx.saved_tensors, ctx.layouts):
            made[1 + place] = scaled(gradient, factor, layout)
        return tuple(made)


def is_compiling() -> bool:
    """Whether torch traces a graph now; False in a torch that cannot."""
    compiler = getattr(torch, "compiler", None)
    return compiler is not None and hasattr(compiler, "is_compiling") and compiler.is_compiling()


def scalar_loss(client: Client | None, loss: str, settings: Mapping[str, float], inputs: Mapping[str, Tensor]) -> Tensor:
    """The loss [] of `inputs`, differentiable in each; `client` None: the default one."""
    tensors = list(inputs.values())
    call = ScalarCall(client._handle if client is not None else 0, loss, ",".join(settings),
                      [float(value) for value in settings.values()], ",".join(inputs), wanted_gradients(tensors))
    if is_compiling():
        from lossd._compiled import scalar_loss_op

        return scalar_loss_op(tensors, *call)[0]
    return _Loss.apply(call, *tensors)
