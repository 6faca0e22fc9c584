# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The client of modules that were given none."""

from __future__ import annotations

import os
import threading

from lossd.client import Client

_lock = threading.Lock()
_client: Client | None = None


def default_client() -> Client:
    """A client of the server that LOSSD_TARGET names, by default localhost:50051. One a process, made on first use."""
    global _client
    with _lock:
        if _client is None:
            _client = Client(os.environ.get("LOSSD_TARGET", "localhost:50051"))
        return _client
