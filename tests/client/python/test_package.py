# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What `import lossd` brings, and what comes on first use."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

import lossd


def _run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=100).stdout


def test_modules_that_few_need_come_on_first_use():
    program = """
import sys, lossd
later = ("jax", "torch", "grpc.aio", "lossd.aio", "lossd.jax")
already = "grpc.aio" in sys.modules  # grpc brings it along.
print([name for name in later if name in sys.modules and not (already and name == "grpc.aio")])
print(lossd.aio.Client.__module__, lossd.aio is sys.modules["lossd.aio"])
"""
    assert _run(program) == "[]\nlossd.aio True\n"


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_the_functions_for_jax_come_on_first_use():
    assert _run("import lossd; print(lossd.jax.nt_xent_loss.__name__)") == "nt_xent_loss\n"


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="JAX is installed")
def test_without_jax_its_functions_say_what_is_missing():
    with pytest.raises(ModuleNotFoundError, match="jax"):
        lossd.jax


def test_dir_lists_what_comes_on_first_use_and_others_are_no_attributes():
    assert {"aio", "jax", "CPCTask", "InfoNCE", "Client", "specs"} <= set(dir(lossd))
    with pytest.raises(AttributeError, match="module 'lossd' has no attribute 'tf'"):
        lossd.tf
