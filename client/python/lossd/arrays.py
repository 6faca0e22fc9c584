# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""NumPy, torch and JAX arrays as bytes, and back, without copies where the memory allows.

bfloat16 has no NumPy dtype: torch tensors and JAX arrays carry it; NumPy arrays do with `ml_dtypes`, where that is
installed. Without it, arrays of "V2", which is how .npy files hold bfloat16, are sent as that, and gradients of that type
come back so; `Bfloat16Bits` sends the bits of a uint16 array. Plain uint16 arrays are refused, for they may as well be
numbers.
"""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from typing import Any, Union

import numpy as np

from lossd.v1 import tensor_pb2

Array = Union[np.ndarray, Any]  # Any: torch.Tensor, which is not imported unless it is used.

_NUMPY_TO_WIRE = {
    "float32": tensor_pb2.DTYPE_FLOAT32, "float16": tensor_pb2.DTYPE_FLOAT16, "bfloat16": tensor_pb2.DTYPE_BFLOAT16,
    "float64": tensor_pb2.DTYPE_FLOAT64, "int32": tensor_pb2.DTYPE_INT32, "int64": tensor_pb2.DTYPE_INT64,
    "uint8": tensor_pb2.DTYPE_UINT8,
}
_BFLOAT16_OF_NPY = np.dtype("V2")
_WIRE_TO_NUMPY = {wire: name for name, wire in _NUMPY_TO_WIRE.items()}


@dataclass(frozen=True)
class Bfloat16Bits:
    """bfloat16 elements: `bits` is the uint16 array of the upper halves of their float32 representation."""

    bits: np.ndarray


def is_torch(array: Array) -> bool:
    """Whether `array` is a torch tensor; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def is_jax(array: Array) -> bool:
    """Whether `array` is a JAX array; does not import JAX."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(array, jax.Array)


def wire_dtype(field: str, dtype: Any) -> int:
    """The lossd.v1.Dtype of a NumPy or torch dtype, or of its name; TypeError naming `field` if there is none."""
    if isinstance(dtype, type) or hasattr(dtype, "dtype"):  # Such as np.float32, jnp.bfloat16.
        dtype = np.dtype(dtype)
    name = dtype.name if isinstance(dtype, np.dtype) else str(dtype).removeprefix("torch.")
    if name not in _NUMPY_TO_WIRE:
        hint = "; bits of bfloat16 are sent as lossd.Bfloat16Bits(array)" if name == "uint16" else ""
        raise TypeError(f"{field}: expected one of {', '.join(_NUMPY_TO_WIRE)}, got {name}{hint}")
    return _NUMPY_TO_WIRE[name]


def to_wire(name: str, array: Array) -> tuple[int, tuple[int, ...], memoryview]:
    """dtype, shape and bytes (little endian, C order) of the input `name`; copies only what is not contiguous on the
    CPU. TypeError naming the input if it cannot be sent."""
    field = f"inputs[{name}].dtype"
    if is_torch(array):
        return _torch_to_wire(field, array)
    if isinstance(array, Bfloat16Bits):
        if not isinstance(array.bits, np.ndarray) or array.bits.dtype != np.uint16:
            raise TypeError(f"{field}: bits: expected a uint16 array, got {getattr(array.bits, 'dtype', array.bits)}")
        wire, array = tensor_pb2.DTYPE_BFLOAT16, array.bits
    else:
        array = _as_numpy(array)
        wire = tensor_pb2.DTYPE_BFLOAT16 if array.dtype == _BFLOAT16_OF_NPY else wire_dtype(field, array.dtype)
    if array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big"):
        array = array.astype(array.dtype.newbyteorder("<"))
    contiguous = np.ascontiguousarray(array)
    return wire, array.shape, memoryview(contiguous.reshape(-1).view(np.uint8))


def _as_numpy(array: Array) -> np.ndarray:
    """JAX arrays on the CPU are seen, not copied; what only exports itself by DLPack is taken so."""
    if hasattr(array, "__dlpack__") and not hasattr(array, "__array__"):
        return np.from_dlpack(array)
    return np.asarray(array)


def _torch_to_wire(field: str, tensor: Any) -> tuple[int, tuple[int, ...], memoryview]:
    import torch

    wire = wire_dtype(field, tensor.dtype)
    tensor = tensor.detach().cpu().resolve_neg().contiguous()
    bits = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
    return wire, tuple(tensor.shape), memoryview(bits.numpy().reshape(-1).view(np.uint8))


def _name(dtype: int) -> str:
    if dtype not in _WIRE_TO_NUMPY:
        raise ValueError(f"dtype: expected one of {sorted(_WIRE_TO_NUMPY)}, got {dtype}")
    return _WIRE_TO_NUMPY[dtype]


def from_wire(dtype: int, shape: tuple[int, ...], data: memoryview, like: Array = None) -> Array:
    """An array of the kind and on the device of `like`, over `data` where it can be. ValueError if `data` does not fit
    `shape`."""
    if like is None:
        return numpy_from_wire(dtype, shape, data)
    if is_torch(like):
        return torch_from_wire(dtype, shape, data).to(like.device)
    return _jax_from_wire(dtype, shape, data, like)


def numpy_from_wire(dtype: int, shape: tuple[int, ...], data: memoryview) -> np.ndarray:
    """An array over `data`, which it keeps alive; read-only where that is, as the bytes of a message are. ValueError if
    `data` does not fit `shape`."""
    name = _name(dtype)
    if name == "bfloat16":
        try:
            import ml_dtypes
        except ImportError:
            return np.frombuffer(data, _BFLOAT16_OF_NPY).reshape(shape)
        return np.frombuffer(data, ml_dtypes.bfloat16).reshape(shape)
    return np.frombuffer(data, np.dtype(name).newbyteorder("<")).reshape(shape)


def torch_from_wire(dtype: int, shape: tuple[int, ...], data: memoryview) -> Any:
    """A tensor over `data`, which it keeps alive. Nobody else reads a message's bytes, so that writing to the tensor
    harms nothing. ValueError if `data` does not fit `shape`."""
    import torch

    torch_dtype = getattr(torch, _name(dtype))
    if len(data) != math.prod(shape) * torch.empty((), dtype=torch_dtype).element_size():
        raise ValueError(f"data: expected a tensor of shape {shape}, got {len(data)} bytes")
    if len(data) == 0:
        return torch.empty(shape, dtype=torch_dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given buffer is not writable")
        return torch.frombuffer(data, dtype=torch_dtype).reshape(shape)


def _jax_from_wire(dtype: int, shape: tuple[int, ...], data: memoryview, like: Any) -> Any:
    """JAX keeps float64 only where it is told to (jax_enable_x64); without, such values are narrowed."""
    import jax

    return jax.device_put(numpy_from_wire(dtype, shape, data), next(iter(like.devices())))
