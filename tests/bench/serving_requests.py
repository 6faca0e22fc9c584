# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The requests of the serving bench, as the bytes that travel."""

import random

from lossd.v1 import loss_service_pb2, tensor_pb2

COMPUTE = "/lossd.v1.LossService/Compute"
TRITON = "/inference.GRPCInferenceService/ModelInfer"


def floats(count):
    """Random numbers as float32 bytes: about normal, never large."""
    import torch

    return torch.randn(count, generator=torch.Generator().manual_seed(0)).numpy().tobytes()


def elements(shape):
    count = 1
    for extent in shape:
        count *= extent
    return count


def add_inputs(request, names, shape):
    data = floats(elements(shape))
    for name in names:
        request.inputs.add(name=name, dtype=tensor_pb2.DTYPE_FLOAT32, shape=shape, data=data)
    return request.SerializeToString()


def squared_norm(count):
    request = loss_service_pb2.ComputeRequest()
    request.loss.squared_norm.SetInParent()
    return add_inputs(request, ["x.0"], [count])


def feature_maps(shape):
    request = loss_service_pb2.ComputeRequest()
    request.loss.feature_map_contrastive.comparisons = "00"
    request.loss.feature_map_contrastive.sampling.seed.torch_seed = 1
    return add_inputs(request, ["anchor.0", "positive.0"], shape)


def cpc(shape):
    """With parameters that all requests share: those of a seed."""
    request = loss_service_pb2.ComputeRequest()
    request.loss.cpc.init_seed = random.Random(0).getrandbits(16)
    return add_inputs(request, ["z"], shape)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def triton_feature_maps(shape):
    """The same maps as an inference.ModelInferRequest with raw contents."""
    data = floats(elements(shape))
    names = [b"anchor_0", b"positive_0"]
    extents = b"".join(varint(extent) for extent in shape)
    inputs = [field(5, field(1, name) + field(2, b"FP32") + field(3, extents)) for name in names]
    return field(1, b"maps") + b"".join(inputs) + b"".join(field(7, data) for _ in names)
