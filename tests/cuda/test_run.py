# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The command for a card, where there is none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_BIN = _ROOT / "build/cuda/bin"

needs_build = pytest.mark.skipif(not (_BIN / "liblossd_cuda.so").exists(),
                                 reason="there is no CUDA build: ./dev build cuda makes it")


def _run(*arguments: str, pack: Path | None = None) -> subprocess.CompletedProcess:
    environment = dict(os.environ) if pack is None else {**os.environ, "LOSSD_CUDA_PACK": str(pack)}
    return subprocess.run(["/usr/bin/python3", _ROOT / "tests/cuda/run", *arguments], capture_output=True, text=True,
                          env=environment, timeout=600, check=False)


@pytest.fixture(scope="module")
def megabytes() -> int:
    return int(subprocess.run([_ROOT / "tests/cuda/pack"], check=True, capture_output=True, text=True).stdout)


def test_without_what_it_takes_it_says_what_makes_it(tmp_path):
    ended = _run(str(tmp_path), pack=tmp_path)
    assert ended.returncode == 2
    assert "./dev build cuda and tests/cuda/pack make it" in ended.stderr


@needs_build
def test_what_travels_is_small(megabytes):
    assert megabytes <= 64


@needs_build
@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a driver")
def test_without_a_card_it_ends_as_the_server_does(megabytes, tmp_path):
    ended = _run(str(tmp_path / "out"))
    assert ended.returncode == 4
    assert "lossd: --device: expected a device that this build supports, got cuda: no " in ended.stderr
    assert not (tmp_path / "out").exists()


@needs_build
def test_the_rehearsal_passes_every_part(megabytes, tmp_path):
    ended = _run(str(tmp_path), "--rehearse")
    results = json.loads((tmp_path / "card.json").read_text())
    assert ended.returncode in (0, 1), ended.stderr
    for part in ("golden", "oracles", "batched against alone", "bench"):
        assert "failed" not in results[part] or results[part] == 0 or results[part]["failed"] == 0, results[part]
    assert results["batched against alone"]["equal bits"]
    assert "nt_xent" in (tmp_path / "card.md").read_text()
