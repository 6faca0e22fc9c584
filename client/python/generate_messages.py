#!/usr/bin/env python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Writes the Python modules of the wire format's messages: `<out>/lossd/v1/*_pb2.py`, and stubs for type checkers.

protoc's own Python code runs with the protobuf of its release and newer ones only. These modules hold the same
descriptors and build the same classes, by calls that every protobuf from 4.21 on has, whichever protoc compiled them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator

PROTOS = ("lossd/v1/tensor.proto", "lossd/v1/losses.proto", "lossd/v1/loss_service.proto")
_MODULE = '''# Made from {name} by generate_messages.py; not for editing.
from google.protobuf import descriptor_pool as _descriptor_pool
from google.protobuf.internal import builder as _builder
{imports}
DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile({descriptor!r})
_builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, "{module}_pb2", globals())
'''


def _module(name: str) -> str:
    return name.removesuffix(".proto").replace("/", ".")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def _texts(message: bytes, number: int) -> Iterator[bytes]:
    """The fields of a number whose values have a length; the messages of descriptors have no others than these and
    varints."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        length, at = _varint(message, at)
        if tag & 7 == 2:
            if tag >> 3 == number:
                yield message[at:at + length]
            at += length


def compile_protos(protoc: list[str], roots: list[Path], out: Path) -> list[bytes]:
    """The serialised FileDescriptorProto of each of PROTOS; also writes stubs to `out`. CalledProcessError if protoc
    fails."""
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / "set.bin"
        includes = [f"-I{root}" for root in roots]
        subprocess.run([*protoc, *includes, f"--pyi_out={out}", f"--descriptor_set_out={described}", *PROTOS],
                       check=True)
        return list(_texts(described.read_bytes(), 1))


def generate(protoc: list[str], roots: list[Path], out: Path) -> list[Path]:
    """Writes the modules and stubs; the files written."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for descriptor in compile_protos(protoc, roots, out):
        name = next(_texts(descriptor, 1)).decode()
        path = out / (name.removesuffix(".proto") + "_pb2.py")
        imports = "".join(f"import {_module(imported.decode())}_pb2\n" for imported in _texts(descriptor, 3))
        path.write_text(_MODULE.format(name=name, imports=imports, module=_module(name), descriptor=descriptor))
        written += [path, path.with_suffix(".pyi")]
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protoc", default="", help="protoc to run; by default that of grpcio-tools")
    parser.add_argument("--root", type=Path, action="append", required=True, help="folder of .proto files")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    protoc = [arguments.protoc] if arguments.protoc else [sys.executable, "-m", "grpc_tools.protoc"]
    generate(protoc, arguments.root, arguments.out)


if __name__ == "__main__":
    main()
