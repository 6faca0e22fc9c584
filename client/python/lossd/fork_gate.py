# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a fork means for calls.

gRPC's threads do not survive a fork, so that a child cannot call once its parent has, unless gRPC's own fork support is
on (GRPC_ENABLE_FORK_SUPPORT=1 before grpc is imported). That support needs a moment without calls: forks wait for one
here. It is not switched on for everybody: with it gRPC ends children whose parent was about to reconnect, also those
that never call, and on a busy machine a child may still hang.
"""

from __future__ import annotations

import os
import threading

LONGEST_WAIT_SECONDS = 30.0


def has_fork_support() -> bool:
    """Whether gRPC's fork support is on."""
    return os.environ.get("GRPC_ENABLE_FORK_SUPPORT", "0").lower() in ("1", "t", "true", "y", "yes", "on")


class ForkGate:
    """Lets calls pass while nobody forks. Thread-safe. One a process.

    With fork support, a fork waits until no call is under way, at most `LONGEST_WAIT_SECONDS`, and calls that start
    meanwhile wait for it.
    """

    def __init__(self) -> None:
        self._used = False
        self.usable = True
        self._reset()
        os.register_at_fork(before=self._close, after_in_parent=self._open, after_in_child=self._enter_child)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._forks = 0

    def enter(self) -> None:
        """Before a call. RuntimeError in a child that cannot call."""
        if not self.usable:
            raise RuntimeError("expected a process that can call: it was forked after its parent had called, without "
                               "GRPC_ENABLE_FORK_SUPPORT=1; set that, or start it with spawn or forkserver")
        with self._changed:
            self._changed.wait_for(lambda: not self._forks)
            self._under_way += 1
            self._used = True

    def leave(self) -> None:
        """After a call; once for every `enter`."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def _close(self) -> None:
        if has_fork_support():
            with self._changed:
                self._forks += 1
                self._changed.wait_for(lambda: not self._under_way, LONGEST_WAIT_SECONDS)

    def _open(self) -> None:
        if has_fork_support():
            with self._changed:
                self._forks -= 1
                self._changed.notify_all()

    def _enter_child(self) -> None:
        self.usable = self.usable and (not self._used or has_fork_support())
        self._reset()


GATE = ForkGate()
