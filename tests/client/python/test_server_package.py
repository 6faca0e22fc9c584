# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The server as a package, over the binary of the build."""

from __future__ import annotations

import importlib.util
import os
import runpy
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import lossd
from conftest import BINARY

PACKAGE = Path(__file__).resolve().parents[3] / "client" / "python_server" / "src" / "lossd_server"


@pytest.fixture()
def lossd_server(monkeypatch):
    """The installed package, or that of the checkout with the build's binary."""
    if importlib.util.find_spec("lossd_server") is None:
        monkeypatch.syspath_prepend(str(PACKAGE.parent))
    import lossd_server

    if not lossd_server.BINARY.exists():
        monkeypatch.setattr(lossd_server, "BINARY", BINARY.resolve())
    return lossd_server


def test_a_server_lives_as_long_as_its_block(lossd_server):
    with lossd_server.Server("--threads=1") as server:
        with lossd.Client(server.target, timeout=60) as client:
            assert client.compute(lossd.specs.squared_norm(), {"x.0": np.ones(2, "f4")}).objective == 1
        folder = Path(server._folder.name)
        assert folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
    assert not folder.exists() and server.stop() == 0


def test_a_server_that_does_not_start_says_why(lossd_server):
    with pytest.raises(RuntimeError, match="the server ended with 2: .*--thread"):
        lossd_server.Server("--thread=1")


def test_the_command_takes_the_servers_flags(lossd_server):
    code = f"import lossd_server, pathlib; lossd_server.BINARY = pathlib.Path({str(lossd_server.BINARY)!r}); " \
           "from lossd_server.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])})
    assert done.returncode == 0 and "0.1.0" in done.stdout, done.stderr


def test_the_libraries_that_come_along_are_found_first(lossd_server, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    assert lossd_server.environment()["LD_LIBRARY_PATH"] == f"{Path(lossd_server.__file__).parent / 'lib'}:/elsewhere"


@pytest.fixture()
def setup(monkeypatch):
    """What setup.py defines, without setuptools."""
    made = {"setuptools": "setup", "setuptools.command": "", "setuptools.command.bdist_wheel": "bdist_wheel",
            "setuptools.command.build_py": "build_py"}
    for name, member in made.items():
        module = types.ModuleType(name)
        setattr(module, member, type(member, (), {"__init__": lambda self, **_: None}))
        monkeypatch.setitem(sys.modules, name, module)
    return runpy.run_path(str(PACKAGE.parents[1] / "setup.py"))


def test_dpkg_is_asked_once_and_for_no_pattern(setup, tmp_path, monkeypatch):
    asked = tmp_path / "asked"
    fake = tmp_path / "dpkg-query"
    fake.write_text(f'#!/bin/sh\necho "$@" >>{asked}\necho "libc6:amd64: /lib/libone.so.1"\n'
                    'echo "libc6, other: /usr/lib/libtwo.so.2"\necho "bash: /usr/lib/libthree.so.3"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    one, two, three, none = (Path(f"/usr/lib/lib{name}") for name in ("one.so.1", "two.so.2", "three.so.3", "none.so.4"))
    found = setup["licences"]([one, two, three, none])
    assert {file: known[0] for file, known in found.items()} == {one: "libc6", two: "libc6", three: "bash"}
    assert all(known[1] == Path(f"/usr/share/doc/{known[0]}/copyright") for known in found.values())
    (line,) = asked.read_text().splitlines()
    assert {"/usr/lib/libone.so.1", "/lib/libone.so.1"} <= set(line.split()) and "*" not in line
