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
    assert done.stderr == "packages: expected groups of aten, build, clients, cuda, lint, oracles, python, runtime, test, got nogroup\n"


@pytest.fixture()
def install(tmp_path):
    """Runs ./dev on a machine without any package; returns what it has root do, up to the build, which fails."""
    for name, script in {"dpkg-query": "exit 1", "id": "echo 1000", "cmake": "exit 1",
                         "sudo": f'[ "$1" != install ] || cat >/dev/null; echo "$@" >>{tmp_path}/told'}.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    shutil.copy(_ROOT / "packages.txt", tmp_path)
    policy = tmp_path / "policy-rc.d"
    (tmp_path / "dev").write_text((_ROOT / "dev").read_text().replace("/usr/sbin/policy-rc.d", str(policy)))

    def run(command: str) -> list[str]:
        environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
        subprocess.run(["bash", tmp_path / "dev", command], env=environment, capture_output=True)
        return (tmp_path / "told").read_text().splitlines()

    run.policy = policy
    return run


def test_installing_starts_no_service(install):
    update, forbid, installation, allow = install("test")
    assert update == "apt-get update -qq"
    assert forbid == f"install -m 755 /dev/stdin {install.policy}"
    assert " apt-get install " in installation
    assert allow == f"rm -f {install.policy}"


def test_a_policy_that_is_there_stays(install):
    install.policy.touch()
    assert not any("policy-rc.d" in line for line in install("test"))
    assert install.policy.exists()


def test_prometheus_comes_with_the_tests_alone(install):
    assert "prometheus" not in install("build")[-2].split()
    assert "prometheus" in install("test")[-2].split()
