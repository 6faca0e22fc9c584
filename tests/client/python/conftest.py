# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""A real server for the tests of the Python client."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

import lossd
from lossd_demo.server import ServerProcess

BINARY = Path(os.environ.get("LOSSD_BIN_DIR", "build/release/bin")) / "lossd"


def _needs(package: str) -> list[str]:
    """The test files that import a package."""
    here = Path(__file__).parent
    marks = (f"\nimport {package}\n", f"\nfrom {package} ", f"\nimport {package}.")
    return [path.name for path in here.glob("test_*.py") if any(mark in path.read_text() for mark in marks)]


_MISSING = [package for package in ("torch", "jax", "sklearn") if importlib.util.find_spec(package) is None]
collect_ignore = [name for package in _MISSING for name in _needs(package)]


def pytest_report_header() -> list[str]:
    return [f"{package} is not installed: SKIPPED {', '.join(_needs(package))}" for package in _MISSING if _needs(package)]


@pytest.fixture(scope="session")
def server():
    with ServerProcess(str(BINARY), "--threads=2") as process:
        yield process
        assert process.stop() == 0


@pytest.fixture()
def client(server):
    with lossd.Client(server.target, timeout=60) as made:
        yield made


@pytest.fixture()
def counting_client(client, monkeypatch):
    """A client whose `calls` counts what it computed."""
    client.calls = 0
    compute = client.compute

    def counted(*arguments, **options):
        client.calls += 1
        return compute(*arguments, **options)

    monkeypatch.setattr(client, "compute", counted)
    return client
