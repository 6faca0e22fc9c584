# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Numbers that stand for objects where only numbers may go: in the graphs of compiled models."""

from __future__ import annotations

import itertools
import weakref
from typing import Generic, TypeVar

T = TypeVar("T")


class Handles(Generic[T]):
    """Objects by number, as long as somebody else keeps them. Thread-safe. 0 stands for none."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = itertools.count(1)
        self._objects: weakref.WeakValueDictionary[int, T] = weakref.WeakValueDictionary()

    def add(self, made: T) -> int:
        handle = next(self._next)
        self._objects[handle] = made
        return handle

    def get(self, handle: int) -> T | None:
        """None if it is gone."""
        return self._objects.get(handle)

    def __getitem__(self, handle: int) -> T:
        """RuntimeError if it is gone."""
        found = self._objects.get(handle)
        if found is None:
            raise RuntimeError(f"{self._what}: expected one that is in use, got one that was deleted or belongs to "
                               f"another process")
        return found
