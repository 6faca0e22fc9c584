# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The package groups of ./dev and their installation; apt and dpkg are scripts that write down what they are told."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def _dev(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([_ROOT / "dev", *arguments], capture_output=True, text=True, **options)


def test_packages_are_printed_by_group():
    everything = _dev("packages").stdout.split()
    assert {"cmake", "python3-torch", "clang-format"} <= set(everything)
    assert _dev("packages", "runtime").stdout.split()
    assert "cmake" not in _dev("packages", "python", "lint").stdout.split()


@pytest.mark.parametrize("groups", [["nogroup"], ["build", "nogroup"]])
def test_a_group_that_does_not_exist_is_an_error_that_names_those_that_do(groups):
    done = _dev("packages", *groups)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "packages: expected groups of build, lint, python, runtime, got nogroup\n"
