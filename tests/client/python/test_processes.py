# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Clients across processes: forks, pickles, copies. Forks happen in fresh interpreters, in which nothing used gRPC."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

import lossd
from lossd import specs
from lossd.fork_gate import ForkGate

_FORK = """
import os, sys
import numpy as np
import lossd

client = lossd.Client(sys.argv[1], timeout=30)

def call():
    return client.compute(lossd.specs.squared_norm(), {"x.0": np.ones(4, "f4")}).objective

def call_in_child():
    pid = os.fork()
    if pid == 0:
        code = 9
        try:
            code = 0 if call() == call() == 2.0 else 1
        except RuntimeError as error:
            code = 2 if "GRPC_ENABLE_FORK_SUPPORT" in str(error) else 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

"""


def _run(server, script: str, **environment: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _FORK + script, server.target], capture_output=True, text=True,
                          timeout=120, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_child_calls_where_the_parent_has_not_yet(server):
    assert _run(server, "print(call_in_child(), call())", GRPC_ENABLE_FORK_SUPPORT="0") == ["0", "2.0"]


def test_a_child_of_a_parent_that_has_called_is_told_so_and_leaves_the_parent_alone(server):
    script = "print(call(), call_in_child(), call(), call_in_child(), call())"
    assert _run(server, script, GRPC_ENABLE_FORK_SUPPORT="0") == ["2.0", "2", "2.0", "2", "2.0"]


def test_forks_soon_after_the_first_call_do_not_hang(server):
    script = "print(call(), *[call_in_child() for _ in range(3)], os.environ['GRPC_ENABLE_FORK_SUPPORT'])"
    unset = {name: value for name, value in os.environ.items() if name != "GRPC_ENABLE_FORK_SUPPORT"}
    for _ in range(10):
        done = subprocess.run([sys.executable, "-c", _FORK + script, server.target], capture_output=True, text=True,
                              timeout=60, env=unset)
        assert done.stdout.split() == ["2.0", "2", "2", "2", "0"], done.stderr


def test_with_grpcs_fork_support_a_fork_waits_for_the_calls_under_way(monkeypatch):
    monkeypatch.setenv("GRPC_ENABLE_FORK_SUPPORT", "1")
    gate = ForkGate()
    order = []
    gate.enter()

    def fork() -> None:
        gate._close()
        order.append("fork")
        gate._open()

    forking = threading.Thread(target=fork)
    forking.start()
    order.append("answer")
    gate.leave()
    forking.join()
    gate.enter()  # Passes again.
    gate.leave()
    assert order == ["answer", "fork"]


def test_a_pickled_client_calls_the_same_server(server):
    with lossd.Client(server.target, timeout=30, metadata=[("x-request-id", "a")]) as client:
        other = pickle.loads(pickle.dumps(client))
        assert (other.target, other.timeout) == (client.target, 30)
        with other:
            assert other.compute(specs.squared_norm(), {"x.0": np.ones(2, "f4")}).objective == 1.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_modules_can_be_copied_and_pickled(client, duplicate):
    maps = torch.randn(3, 4, 5, 5)
    contrast = duplicate(lossd.FeatureMapContrastiveTask("00", client=client))
    assert contrast(maps, maps)[0].shape == (1,)
    original = lossd.CPCTask(4, 8, client=client)
    assert duplicate(original)(maps).item() == original(maps).item()
