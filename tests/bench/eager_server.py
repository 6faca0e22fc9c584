#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""What one would otherwise write: a Python gRPC server that computes feature_map_contrastive with PyTorch's autograd.

Takes lossd's own messages, with payloads as raw bytes, and answers loss and gradients of every map. One torch thread.
Usage: eager_server.py ADDRESS, host:0 or unix:PATH. Prints its address in one line and runs until it is ended.
"""

import sys
from concurrent import futures

import eager_maps
import grpc
import torch

from lossd.v1 import loss_service_pb2, tensor_pb2

OPTIONS = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def tensor_of(message):
    """The input as a leaf of autograd."""
    flat = torch.frombuffer(bytearray(message.data), dtype=torch.float32)
    return flat.view(tuple(message.shape)).requires_grad_()


def compute(request, _context):
    maps = {message.name: tensor_of(message) for message in request.inputs}
    total = sum(eager_maps.bidirectional_loss(maps[f"anchor.{index}"], maps[f"positive.{index}"])
                for index in range(len(maps) // 2))
    total.backward()
    response = loss_service_pb2.ComputeResponse(objective=total.item())
    for name, leaf in maps.items():
        response.gradients.add(name=name, dtype=tensor_pb2.DTYPE_FLOAT32, shape=leaf.shape,
                               data=leaf.grad.numpy().tobytes())
    return response


def main():
    address = sys.argv[1]
    torch.set_num_threads(1)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=OPTIONS)
    handler = grpc.unary_unary_rpc_method_handler(
        compute, request_deserializer=loss_service_pb2.ComputeRequest.FromString,
        response_serializer=loss_service_pb2.ComputeResponse.SerializeToString)
    service = grpc.method_handlers_generic_handler("lossd.v1.LossService", {"Compute": handler})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port(address)
    server.start()
    print(address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
