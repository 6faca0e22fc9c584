# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses for JAX that can be differentiated (once) and jitted: each calls a lossd server from the host.

    loss = lossd.jax.nt_xent_loss(out_1, out_2, 0.1)
    gradients = jax.grad(lossd.jax.nt_xent_loss, argnums=(0, 1))(out_1, out_2, 0.1)

`client=None` is that of `lossd.default_client`. Configurations are numbers of Python's, not traced values.
"""

from __future__ import annotations

import functools
from typing import Any, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from lossd import specs
from lossd._numbers import number
from lossd.client import CLIENTS, Client
from lossd.default_client import default_client
from lossd.request import GradientOptions
from lossd.v1.losses_pb2 import LossSpec


def loss_of(loss: LossSpec, inputs: Mapping[str, jax.Array], *, client: Client | None = None) -> jax.Array:
    """The objective [] of any loss of `lossd.specs`, differentiable in every floating input."""
    names = tuple(inputs)
    handle = 0 if client is None else client._handle
    return _objective(loss.SerializeToString(deterministic=True), names, handle, *(jnp.asarray(inputs[n]) for n in names))


def nt_xent_loss(out_1: jax.Array, out_2: jax.Array, temperature: float, *, client: Client | None = None) -> jax.Array:
    """SimCLR's loss [] of two views [N, D], which are not normalised here."""
    return loss_of(specs.nt_xent(number("temperature", temperature)), {"out_1": out_1, "out_2": out_2}, client=client)


def cpc_loss(z: jax.Array, parameters: Mapping[str, jax.Array] | None = None, *, target_dim: int | None = None,
             embed_scale: float | None = None, init_seed: int | None = None, client: Client | None = None) -> jax.Array:
    """CPC's loss [] of maps z [B, C, H, W]; `parameters` by their state_dict names, or initialised from a seed."""
    inputs = {"z": z, **{f"parameters.{name}": value for name, value in (parameters or {}).items()}}
    return loss_of(specs.cpc(target_dim=target_dim, embed_scale=embed_scale, init_seed=init_seed), inputs, client=client)


def feature_map_objective(anchors: Any, positives: Any, comparisons: str = "00, 11", *, client: Client | None = None,
                          **configuration: Any) -> jax.Array:
    """sum_k loss_weights[k] * losses[k] + regularizer_weight * regularizer of maps [B, C, H, W]; `configuration` as of
    `lossd.specs.feature_map_contrastive`: give `positions` or a `seed`, else the server draws anew each call."""
    inputs = {f"anchor.{i}": m for i, m in enumerate(anchors)} | {f"positive.{i}": m for i, m in enumerate(positives)}
    return loss_of(specs.feature_map_contrastive(comparisons, **configuration), inputs, client=client)


def _dtype(arrays: tuple[jax.Array, ...]) -> Any:
    return jnp.float64 if any(a.dtype == jnp.float64 for a in arrays) else jnp.float32


def _call(loss: bytes, names: tuple[str, ...], handle: int, select: Any, *arrays: np.ndarray) -> list[np.ndarray]:
    """On the host: the objective, and the selected gradients."""
    client = CLIENTS[handle] if handle else default_client()
    inputs = {name: np.asarray(array) for name, array in zip(names, arrays)}
    result = client.compute(LossSpec.FromString(loss), inputs, gradients=GradientOptions(select))
    dtype = np.float64 if any(a.dtype == np.float64 for a in inputs.values()) else np.float32
    return [np.asarray(result.objective, dtype), *result.gradients.values()]


def _shape(array: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _objective(loss: bytes, names: tuple[str, ...], handle: int, *arrays: jax.Array) -> jax.Array:
    results = (jax.ShapeDtypeStruct((), _dtype(arrays)),)
    return jax.pure_callback(lambda *a: tuple(_call(loss, names, handle, "none", *a)), results, *arrays)[0]


def _forward(loss: bytes, names: tuple[str, ...], handle: int, *arrays: jax.Array):
    floating = [jnp.issubdtype(array.dtype, jnp.floating) for array in arrays]
    select = [name for name, is_floating in zip(names, floating) if is_floating]
    shapes = (jax.ShapeDtypeStruct((), _dtype(arrays)), *(_shape(a) for a, is_f in zip(arrays, floating) if is_f))
    objective, *gradients = jax.pure_callback(lambda *a: tuple(_call(loss, names, handle, select, *a)), shapes, *arrays)
    wanted = iter(gradients)
    kept = [next(wanted) if is_floating else array for array, is_floating in zip(arrays, floating)]
    return objective, kept


def _backward(loss: bytes, names: tuple[str, ...], handle: int, kept: list[jax.Array], upstream: jax.Array):
    return tuple((array.astype(upstream.dtype) * upstream).astype(array.dtype)
                 if jnp.issubdtype(array.dtype, jnp.floating) else np.zeros(array.shape, jax.dtypes.float0)
                 for array in kept)


_objective.defvjp(_forward, _backward)
