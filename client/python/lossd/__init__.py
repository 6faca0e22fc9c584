# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Client of lossd, a server that computes self-supervised losses and their gradients.

`Client` sends NumPy, torch or JAX arrays and gets back the loss and the gradient of every input; `lossd.aio` does it in
asyncio, `lossd.jax` in JAX functions that can be differentiated. The torch drop-ins `FeatureMapContrastiveTask`,
`CPCTask`, `nt_xent_loss` and others (imported with torch, on first use) take the place of the reference's.
"""

import os as _os

# gRPC 1.51 without this runs fork handlers that can hang a process which forks soon after its first call. Whoever wants
# gRPC's fork support sets the variable before.
_os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from lossd import specs
from lossd.arrays import Bfloat16Bits
from lossd.client import Client
from lossd.comparisons import parse_map_indexes
from lossd.default_client import default_client
from lossd.errors import (Cancelled, DeadlineExceeded, FieldViolation, Internal, InvalidArgument, LossdError,
                          OutOfRange, ResourceExhausted, Unauthenticated, Unavailable, Unimplemented)
from lossd.pending import PendingResult
from lossd.request import GradientOptions, Request, Result, Timing
from lossd.retries import Retry
from lossd.server_info import ServerInfo
from lossd.tls import Tls

__version__ = "0.1.0"

_TORCH_DROP_INS = {"FeatureMapContrastiveTask": "feature_maps", "CPCTask": "cpc", "PixelCNN": "cpc",
                   "nt_xent_loss": "nt_xent",
                   **dict.fromkeys(("NTXentLoss", "DCLLoss", "DCLWLoss", "VICRegLoss", "BarlowTwinsLoss"), "views"),
                   **dict.fromkeys(("InfoNCE", "ClipLoss", "SigLipLoss", "SupConLoss"), "pairs")}
_LAZY_MODULES = ("aio", "jax")  # Bring what most programs do not need, or do not have.

__all__ = [
    "Bfloat16Bits", "Cancelled", "Client", "DeadlineExceeded", "FieldViolation", "GradientOptions", "Internal",
    "InvalidArgument", "LossdError", "OutOfRange", "PendingResult", "Request", "ResourceExhausted", "Result", "Retry",
    "ServerInfo", "Timing", "Tls", "Unauthenticated", "Unavailable", "Unimplemented", "default_client", "parse_map_indexes", "specs", *_TORCH_DROP_INS,
]


def __getattr__(name: str):
    import importlib

    if name in _LAZY_MODULES:
        return importlib.import_module(f"lossd.{name}")
    if name in _TORCH_DROP_INS:
        return getattr(importlib.import_module(f"lossd.{_TORCH_DROP_INS[name]}"), name)
    raise AttributeError(f"module 'lossd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY_MODULES, *_TORCH_DROP_INS})
