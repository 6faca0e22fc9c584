# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a case expects, held against what came."""

from __future__ import annotations

from typing import Any

import numpy as np

import lossd
from case_messages import Message


class Mismatch(Exception):
    """What was expected and what came."""


def check_error(error: lossd.LossdError, expect: dict[str, Any]) -> None:
    expected = expect.get("error")
    if expected is None:
        raise Mismatch(f"expected an answer, got {error.code.name}: {error}")
    if error.code.name not in expected["code"]:
        raise Mismatch(f"expected {' or '.join(expected['code'])}, got {error.code.name}: {error}")
    fields = [violation.field for violation in error.field_violations]
    if "field" in expected and expected["field"] not in fields:
        raise Mismatch(f"expected a violation of {expected['field']}, got {fields}")
    for what, got in (("quota", bool(error.quota_violations)), ("retry_delay", error.retry_delay is not None),
                      ("origin", error.origin)):
        if what in expected and expected[what] != got:
            raise Mismatch(f"{what}: expected {expected[what]}, got {got}: {error}")
    for text in expected.get("text", ()):
        if text.lower() not in str(error).lower():
            raise Mismatch(f"expected '{text}' in the message, got: {error}")


def check_answer(result: lossd.Result, message: Message) -> None:
    expect = message.expect
    if "error" in expect:
        raise Mismatch(f"expected {' or '.join(expect['error']['code'])}, got an answer")
    if "objective" in expect:
        _check_values("objective", np.float64(result.objective), [expect["objective"]["value"]],
                      expect["objective"]["tolerance"])
    for kind, got in (("outputs", result.outputs), ("gradients", result.gradients)):
        if kind in expect:
            _check_tensors(kind, got, expect[kind], message)
    if "nonfinite" in expect and set(result.nonfinite) != set(expect["nonfinite"]):
        raise Mismatch(f"nonfinite: expected {expect['nonfinite']}, got {result.nonfinite}")


def _check_tensors(kind: str, got: dict[str, np.ndarray], expected: list[dict[str, Any]], message: Message) -> None:
    if list(got) != [tensor["name"] for tensor in expected]:
        raise Mismatch(f"{kind}: expected {[tensor['name'] for tensor in expected]}, got {list(got)}")
    for tensor in expected:
        name, array = f"{kind}[{tensor['name']}]", got[tensor["name"]]
        if "dtype" in tensor and _dtype(array) != tensor["dtype"].lower():
            raise Mismatch(f"{name}.dtype: expected {tensor['dtype']}, got {_dtype(array)}")
        if "shape" in tensor and list(array.shape) != tensor["shape"]:
            raise Mismatch(f"{name}.shape: expected {tensor['shape']}, got {list(array.shape)}")
        if "values" in tensor:
            _check_values(name, array, tensor["values"], tensor["tolerance"])
        if "equals_input" in tensor:
            wanted = message.inputs[tensor["equals_input"]]
            wanted = wanted.bits if isinstance(wanted, lossd.Bfloat16Bits) else wanted
            if array.tobytes() != wanted.tobytes():
                raise Mismatch(f"{name}: expected the bytes of input {tensor['equals_input']}, got others")


def _dtype(array: np.ndarray) -> str:
    return "bfloat16" if array.dtype == np.dtype("V2") else array.dtype.name


def _widened(array: np.ndarray) -> np.ndarray:
    if _dtype(array) == "bfloat16":
        return (array.view(np.uint16).astype("<u4") << 16).view("<f4").astype(np.float64)
    return array.astype(np.float64)


def _check_values(name: str, array: np.ndarray, expected: list[Any], tolerance: float) -> None:
    got, wanted = _widened(np.asarray(array)).reshape(-1), np.array([float(value) for value in expected])
    if got.shape != wanted.shape:
        raise Mismatch(f"{name}: expected {wanted.size} elements, got {got.size}")
    with np.errstate(invalid="ignore"):
        good = (np.abs(got - wanted) <= tolerance) | (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    if not good.all():
        place = int(np.argmin(good))
        raise Mismatch(f"{name}: element {place}: expected {wanted[place]!r} within {tolerance}, got {got[place]!r}")
