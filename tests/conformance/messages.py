# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The wire's messages in Python, generated from proto/ when they are first asked for."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def _generated() -> tempfile.TemporaryDirectory:
    """A folder with the generated code, in front of the path for as long as the process lives."""
    folder = tempfile.TemporaryDirectory(prefix="lossd-messages-")
    proto = ROOT / "proto"
    sources = sorted(str(path.relative_to(proto)) for path in proto.glob("lossd/v1/*.proto"))
    subprocess.run(["protoc", "-I", str(proto), f"--python_out={folder.name}", *sources, "google/rpc/status.proto",
                    "google/rpc/error_details.proto"], check=True)
    sys.path.insert(0, folder.name)
    return folder


def service() -> ModuleType:
    """lossd/v1/loss_service.proto."""
    _generated()
    return importlib.import_module("lossd.v1.loss_service_pb2")


def tensor() -> ModuleType:
    """lossd/v1/tensor.proto."""
    _generated()
    return importlib.import_module("lossd.v1.tensor_pb2")
