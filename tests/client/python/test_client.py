# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Calls, arrays, errors."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import lossd
from lossd import specs


def test_squared_norm_returns_its_input_as_gradient(client):
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    result = client.compute(specs.squared_norm(), {"x.0": x})
    assert result.objective == 0.5 * np.square(x).sum()
    assert result.gradients["x.0"].dtype == np.float32
    np.testing.assert_array_equal(result.gradients["x.0"], x)
    np.testing.assert_array_equal(result.outputs["loss"], np.float32(result.objective))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_torch_tensors_come_back_as_torch_tensors_of_their_dtype(client, dtype):
    x = torch.randn(5, 7).to(dtype)
    result = client.compute(specs.squared_norm(), {"x.0": x})
    assert result.gradients["x.0"].dtype == dtype
    assert torch.equal(result.gradients["x.0"], x)


def test_views_that_are_not_contiguous_are_sent_as_what_they_show(client):
    x = torch.randn(4, 6)
    assert torch.equal(client.compute(specs.squared_norm(), {"x.0": x.t()}).gradients["x.0"], x.t())
    y = np.arange(12, dtype=">f4").reshape(3, 4)[:, ::2]
    np.testing.assert_array_equal(client.compute(specs.squared_norm(), {"x.0": y}).gradients["x.0"], y)


def test_messages_above_grpcs_default_of_4_mib_pass_both_ways(client):
    x = np.random.RandomState(0).randn(3 << 20).astype(np.float32)  # 12 MiB.
    np.testing.assert_array_equal(client.compute(specs.squared_norm(), {"x.0": x}).gradients["x.0"], x)


def test_gradient_options_select_convert_and_scale(client):
    inputs = {"x.0": np.ones(3, np.float32), "x.1": np.ones(2, np.float32)}
    assert client.compute(specs.squared_norm(), inputs, gradients="none").gradients == {}
    assert list(client.compute(specs.squared_norm(), inputs, gradients=["x.1"]).gradients) == ["x.1"]
    options = lossd.GradientOptions(dtype=np.float64, scale=8.0)
    gradient = client.compute(specs.squared_norm(), inputs, gradients=options).gradients["x.0"]
    assert gradient.dtype == np.float64
    np.testing.assert_array_equal(gradient, [8, 8, 8])
    with pytest.raises(ValueError, match='expected "all", "none" or a list'):
        client.compute(specs.squared_norm(), inputs, gradients="some")


def test_bfloat16_bits_are_sent_as_bfloat16(client):
    bits = np.array([0x3F80, 0x4000], np.uint16)  # 1, 2.
    result = client.compute(specs.squared_norm(), {"x.0": lossd.Bfloat16Bits(bits)})
    assert result.objective == 2.5
    np.testing.assert_array_equal(result.gradients["x.0"].view(np.uint16), bits)
    with pytest.raises(TypeError, match="uint16"):
        client.compute(specs.squared_norm(), {"x.0": lossd.Bfloat16Bits(bits.astype("i4"))})


def test_two_byte_voids_are_bfloat16_and_unsigneds_are_refused(client):
    testdata = Path(__file__).resolve().parents[1] / "npy" / "testdata"
    assert client.compute(specs.squared_norm(), {"x.0": np.load(testdata / "v2_bfloat16.npy")}).objective == 2.5
    with pytest.raises(TypeError, match="got uint16"):
        client.compute(specs.squared_norm(), {"x.0": np.load(testdata / "u2_bfloat16.npy")})
    with pytest.raises(TypeError, match="got void16"):
        client.compute(specs.squared_norm(), {"x.0": np.zeros(2, [("a", "u2")])})


def test_outputs_do_not_keep_the_gradients_bytes_alive(client):
    result = client.compute(specs.squared_norm(), {"x.0": np.ones(1000, "f4")})
    assert result.outputs["loss"].base is None and result.outputs["loss"].flags.writeable


def test_seeded_sampling_echoes_what_was_drawn(client):
    maps = {f"{side}.{i}": torch.rand(3, 5, 2, 2) for side in ("anchor", "positive") for i in range(2)}
    first = client.compute(specs.feature_map_contrastive("0r, r1", seed=3), maps)
    again = client.compute(specs.feature_map_contrastive("0r, r1", seed=3), maps)
    assert first.objective == again.objective
    assert first.outputs["positions"].shape == (2, 2, 3)
    assert torch.equal(first.outputs["positions"], again.outputs["positions"])


def test_timing_comes_when_asked_for(client):
    assert client.compute(specs.squared_norm(), {"x.0": np.ones(1, "f4")}).timing is None
    timing = client.compute(specs.squared_norm(), {"x.0": np.ones(1, "f4")}, timing=True).timing
    assert timing.batch_requests >= 1 and timing.compute > 0


def test_invalid_argument_names_the_field(client):
    with pytest.raises(lossd.InvalidArgument, match="temperature") as caught:
        client.compute(specs.nt_xent(temperature=-1), {"out_1": np.ones((2, 2), "f4"), "out_2": np.ones((2, 2), "f4")})
    assert caught.value.field_violations[0].field == "loss.nt_xent.temperature"
    with pytest.raises(TypeError, match="complex64"):
        client.compute(specs.squared_norm(), {"x.0": np.ones(1, np.complex64)})


@pytest.mark.parametrize("loss", ["nt_xent", specs.nt_xent, specs.nt_xent().nt_xent, None])
def test_a_loss_that_is_no_spec_is_told_where_specs_come_from(client, loss):
    with pytest.raises(TypeError, match=r"loss: expected a LossSpec, as lossd\.specs makes them, got"):
        client.compute(loss, {"out_1": np.ones((2, 2), "f4"), "out_2": np.ones((2, 2), "f4")})


def test_nonfinite_values_are_named_or_refused(client):
    x = np.array([1, np.nan], np.float32)
    assert client.compute(specs.squared_norm(), {"x.0": x}).nonfinite == ["x.0", "loss", "x.0"]
    with pytest.raises(lossd.InvalidArgument, match="x.0"):
        client.compute(specs.squared_norm(), {"x.0": x}, nonfinite="reject")


def test_a_server_that_is_not_there_is_unavailable():
    with lossd.Client("unix:/nonexistent/lossd") as nobody, pytest.raises(lossd.LossdError) as caught:
        nobody.compute(specs.squared_norm(), {"x.0": np.ones(1, "f4")}, timeout=5)
    assert isinstance(caught.value, (lossd.Unavailable, lossd.DeadlineExceeded))


def test_one_client_serves_many_threads(client):
    objectives: dict[int, float] = {}

    def call(i: int) -> None:
        objectives[i] = client.compute(specs.squared_norm(), {"x.0": np.full(2, i, np.float32)}).objective

    threads = [threading.Thread(target=call, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert objectives == {i: float(i * i) for i in range(16)}


def test_server_info_tells_losses_and_limits(client):
    info = client.server_info()
    names = [loss.name for loss in info.losses]
    assert names[:4] == ["feature_map_contrastive", "cpc", "nt_xent", "squared_norm"]
    assert info.version == lossd.__version__
    assert info.limits.max_message_bytes == 256 << 20


@pytest.mark.parametrize("used", [False, True])
def test_a_client_that_was_closed_refuses_every_call(server, used):
    client = lossd.Client(server.target, timeout=60)
    if used:
        client.compute(specs.squared_norm(), {"x.0": np.ones(2, "f4")})
    client.close()
    client.close()
    for call in (lambda: client.compute(specs.squared_norm(), {"x.0": np.ones(2, "f4")}),
                 lambda: client.compute_async(specs.squared_norm(), {"x.0": np.ones(2, "f4")}),
                 client.stream, client.server_info, client.is_ready, client.wait_ready):
        with pytest.raises(lossd.Cancelled, match="^the client was closed$") as caught:
            call()
        assert caught.value.origin == "client"


def test_a_client_that_is_closed_while_a_call_starts_says_so(server, monkeypatch):
    client = lossd.Client(server.target, timeout=60)
    find = client._channel._method

    def found_just_before_the_end(name):
        method = find(name)
        client.close()
        return method

    monkeypatch.setattr(client._channel, "_method", found_just_before_the_end)
    with pytest.raises(lossd.Cancelled, match="^the client was closed$"):
        client.server_info()
    client = lossd.Client(server.target, timeout=60)
    find = client._channel._method
    monkeypatch.setattr(client._channel, "_method", found_just_before_the_end)
    with pytest.raises(lossd.Cancelled, match="^the client was closed$"):
        client.compute_async(specs.squared_norm(), {"x.0": np.ones(2, "f4")})
