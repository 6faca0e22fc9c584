#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""What one would otherwise write: a Python gRPC server that computes feature_map_contrastive with PyTorch's autograd.

Takes lossd's own messages, with payloads as raw bytes, and answers loss and gradients of every map. One torch thread a
process; several processes share the port. Prints its address in one line and runs until SIGTERM.
"""

import argparse
import os
import signal
import socket
from concurrent import futures

import grpc
import torch
import torch_by_hand

from lossd.v1 import loss_service_pb2, tensor_pb2

OPTIONS = [("grpc.so_reuseport", 1), ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def tensor_of(message):
    """The input as a leaf of autograd."""
    flat = torch.frombuffer(bytearray(message.data), dtype=torch.float32)
    return flat.view(tuple(message.shape)).requires_grad_()


def compute(request, _context):
    maps = {message.name: tensor_of(message) for message in request.inputs}
    total = 0
    for index in range(len(maps) // 2):
        sides = maps[f"anchor.{index}"], maps[f"positive.{index}"]
        for source, target in (sides, sides[::-1]):
            positions = torch.randint(source.shape[2] * source.shape[3], (source.shape[0],))
            loss, regularizer = torch_by_hand.amdim_direction(source, target, positions, 10.0)
            total = total + 0.5 * (loss + regularizer)
    total.backward()
    response = loss_service_pb2.ComputeResponse(objective=total.item())
    for name, leaf in maps.items():
        response.gradients.add(name=name, dtype=tensor_pb2.DTYPE_FLOAT32, shape=leaf.shape,
                               data=leaf.grad.numpy().tobytes())
    return response


def serve(address):
    torch.set_num_threads(1)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=OPTIONS)
    handler = grpc.unary_unary_rpc_method_handler(
        compute, request_deserializer=loss_service_pb2.ComputeRequest.FromString,
        response_serializer=loss_service_pb2.ComputeResponse.SerializeToString)
    service = grpc.method_handlers_generic_handler("lossd.v1.LossService", {"Compute": handler})
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    processes = parser.parse_args().processes
    # Reserves a port that all processes can bind; gRPC starts threads only after the fork.
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        children = []
        for _ in range(processes):
            child = os.fork()
            if child == 0:
                serve(address)
            children.append(child)
        signal.signal(signal.SIGTERM, lambda *_: [os.kill(child, signal.SIGKILL) for child in children])
        print(address, flush=True)
        for child in children:
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
