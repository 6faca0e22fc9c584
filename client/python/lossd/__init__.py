# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Client of lossd, a server that computes self-supervised losses and their gradients.

`Client` sends NumPy arrays or torch tensors and gets back the loss and the gradient of every input. The torch drop-ins
`FeatureMapContrastiveTask`, `CPCTask` and `nt_xent_loss` (imported with torch, on first use) take the place of the
reference's.
"""

from lossd import specs
from lossd.arrays import Bfloat16Bits
from lossd.client import Client
from lossd.comparisons import parse_map_indexes
from lossd.default_client import default_client
from lossd.errors import (Cancelled, DeadlineExceeded, FieldViolation, Internal, InvalidArgument, LossdError,
                          OutOfRange, ResourceExhausted, Unauthenticated, Unavailable, Unimplemented)
from lossd.pending import PendingResult
from lossd.request import GradientOptions, Request, Result, Timing
from lossd.tls import Tls

__version__ = "0.1.0"

_TORCH_DROP_INS = {"FeatureMapContrastiveTask": "feature_maps", "CPCTask": "cpc", "PixelCNN": "cpc",
                   "nt_xent_loss": "nt_xent"}

__all__ = [
    "Bfloat16Bits", "Cancelled", "Client", "DeadlineExceeded", "FieldViolation", "GradientOptions", "Internal",
    "InvalidArgument", "LossdError", "OutOfRange", "PendingResult", "Request", "ResourceExhausted", "Result", "Timing",
    "Tls", "Unauthenticated", "Unavailable", "Unimplemented", "default_client", "parse_map_indexes", "specs", *_TORCH_DROP_INS,
]


def __getattr__(name: str):
    if name not in _TORCH_DROP_INS:
        raise AttributeError(f"module 'lossd' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"lossd.{_TORCH_DROP_INS[name]}"), name)
