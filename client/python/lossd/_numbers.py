# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Numbers and other plain values that callers pass, checked where they enter: a tensor's gradient, None and NaN must not
get lost on the way."""

from __future__ import annotations

import math
import threading
from typing import Any

# Thirty years, where threads can wait so long: what is longer is no limit, and more than clocks and gRPC can add up.
LONGEST_TIMEOUT_SECONDS = min(1e9, threading.TIMEOUT_MAX)


def number(name: str, value: Any) -> float:
    """`value` as a float: a Python or NumPy number, or an array or tensor of one element. TypeError naming `name` for
    anything else, and for a tensor that requires a gradient, which would not get one."""
    if getattr(value, "requires_grad", False):
        raise TypeError(f"{name}: expected a number, got a tensor that requires a gradient, which there is none for; "
                        f"detach it to use its value")
    if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__") and not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    try:
        return float(value.item() if hasattr(value, "item") else value)  # NumPy 2.5 makes no float of a shape (1,).
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"{name}: expected a number, got {value!r}") from error


def whole(name: str, value: Any, low: int, high: int) -> int:
    """`value` as an int from `low` to `high`; TypeError or ValueError naming `name`."""
    if not number(name, value).is_integer():
        raise ValueError(f"{name}: expected a whole number, got {value!r}")
    exact = int(value.item() if hasattr(value, "item") else value)  # Of more digits than a float has.
    if not low <= exact <= high:
        raise ValueError(f"{name}: expected {low} to {high}, got {value!r}")
    return exact


def flag(name: str, value: Any) -> bool:
    """`value` as a bool: Python's or NumPy's, 0 or 1; TypeError naming `name`."""
    if type(value).__name__ in ("bool", "bool_") or type(value) is int and value in (0, 1):
        return bool(value)
    raise TypeError(f"{name}: expected True or False, got {value!r}")


def text(name: str, value: Any) -> str:
    """`value`, if it is a text; TypeError naming `name`."""
    if isinstance(value, str):
        return value
    raise TypeError(f"{name}: expected a text, got {value!r}")


def seconds(name: str, value: Any) -> float | None:
    """A timeout. None, which is no limit, stays None; what is longer than a clock can tell becomes None. ValueError for
    NaN and negative values."""
    if value is None:
        return None
    length = number(name, value)
    if math.isnan(length) or length < 0:
        raise ValueError(f"{name}: expected seconds, at least 0, or None, got {value!r}")
    return None if length > LONGEST_TIMEOUT_SECONDS else length
