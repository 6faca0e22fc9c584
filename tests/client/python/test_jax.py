# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses for JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossd
import lossd.jax
from lossd import specs


def _views(dtype=jnp.float32):
    random = np.random.RandomState(0)
    return tuple(jnp.asarray(random.randn(6, 4), dtype) for _ in range(2))


def _nt_xent(out_1, out_2, temperature):
    both = jnp.concatenate([out_1, out_2]).astype(jnp.float32)
    scores = jnp.where(jnp.eye(len(both), dtype=bool), -jnp.inf, both @ both.T / temperature)
    partner = jnp.roll(jnp.arange(len(both)), len(out_1))
    return (jax.nn.logsumexp(scores, 1) - scores[jnp.arange(len(both)), partner]).mean()


@pytest.mark.parametrize("compile", [lambda f: f, jax.jit])
def test_nt_xent_and_its_gradients_are_the_definitions(client, compile):
    def mine(a, b):
        return 3 * lossd.jax.nt_xent_loss(2 * a, b, 0.5, client=client)

    loss, gradients = compile(jax.value_and_grad(mine, argnums=(0, 1)))(*_views())
    expected, wanted = jax.value_and_grad(lambda a, b: 3 * _nt_xent(2 * a, b, 0.5), argnums=(0, 1))(*_views())
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    for got, want in zip(gradients, wanted):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


def test_bfloat16_gradients_have_their_inputs_dtype(client):
    gradients = jax.grad(lambda a, b: lossd.jax.nt_xent_loss(a, b, 0.5, client=client), argnums=(0, 1))(*_views(jnp.bfloat16))
    assert all(g.dtype == jnp.bfloat16 for g in gradients)


def test_cpc_and_feature_maps_have_gradients(client):
    z = jnp.asarray(np.random.RandomState(0).rand(2, 4, 5, 5), jnp.float32)
    expected = client.compute(specs.cpc(init_seed=3), {"z": np.asarray(z)})
    loss, gradient = jax.value_and_grad(lambda z: lossd.jax.cpc_loss(z, init_seed=3, client=client))(z)
    assert loss == np.float32(expected.objective)
    np.testing.assert_array_equal(gradient, expected.gradients["z"])
    objective, gradients = jax.value_and_grad(
        lambda a, p: lossd.jax.feature_map_objective([a], [p], "00", seed=1, client=client), argnums=(0, 1))(z, z + 1)
    expected = client.compute(specs.feature_map_contrastive("00", seed=1),
                              {"anchor.0": np.asarray(z), "positive.0": np.asarray(z + 1)})
    assert objective == np.float32(expected.objective)
    np.testing.assert_array_equal(gradients[1], expected.gradients["positive.0"])


def test_the_client_takes_and_returns_jax_arrays(client):
    x = jnp.arange(6, dtype=jnp.bfloat16).reshape(2, 3)
    result = client.compute(specs.squared_norm(), {"x.0": x})
    assert isinstance(result.gradients["x.0"], jax.Array) and result.gradients["x.0"].dtype == jnp.bfloat16
    assert (result.gradients["x.0"] == x).all()


def test_errors_reach_the_caller(client):
    with pytest.raises(Exception, match="temperature"):
        lossd.jax.nt_xent_loss(*_views(), -1.0, client=client).block_until_ready()
