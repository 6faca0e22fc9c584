# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The command for a card, where there is none."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import card_server  # noqa: E402  # Beside this file.
from card_cases import CASES  # noqa: E402  # Beside this file.

_ROOT = Path(__file__).resolve().parents[2]
_BIN = _ROOT / "build/cuda/bin"
_HERE = Path(os.environ.get("LOSSD_BIN_DIR", _ROOT / "build/release/bin"))

needs_build = pytest.mark.skipif(not (_BIN / "liblossd_cuda.so").exists(),
                                 reason="there is no CUDA build: ./dev build cuda makes it")


def _run(*arguments: str, pack: Path | None = None) -> subprocess.CompletedProcess:
    environment = dict(os.environ) if pack is None else {**os.environ, "LOSSD_CUDA_PACK": str(pack)}
    return subprocess.run(["/usr/bin/python3", _ROOT / "tests/cuda/run", *arguments], capture_output=True, text=True,
                          env=environment, timeout=600, check=False)


@pytest.fixture(scope="module")
def megabytes() -> int:
    return int(subprocess.run([_ROOT / "tests/cuda/pack"], check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("library, found", [("libtorch_cuda.so", True), ("libtorch_cpu.so", False)])
def test_only_a_torch_for_cuda_is_of_use_to_the_programs(library, found, tmp_path, monkeypatch):
    (tmp_path / "torch/lib").mkdir(parents=True)
    for name in ("torch/__init__.py", f"torch/lib/{library}"):
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert bool(card_server.libtorch()) == found
    assert (str(tmp_path) in card_server.test_environment()["LD_LIBRARY_PATH"]) == found


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


def _every_case_was_measured(results: dict) -> None:
    for part in ("golden", "oracles", "batched against alone"):
        assert results[part].get("failed", 0) == 0, results[part]
    assert all(loss["equal bits"] for loss in results["batched against alone"].values())
    assert len(results["batched against alone"]) == 6 and len(results["oracles"]) == 56
    rows = {row["case"]: row for row in results["bench"]}
    assert set(rows) == {case.name for case in CASES}
    for row in rows.values():
        assert "error" not in row, row
        assert row["alone"]["p50_ms"] > 0 and row["eight"]["calls_per_second"] > 0


@pytest.fixture()
def pack_of_this_build(tmp_path):
    """What this build has made, as if it were packed."""
    if not (_HERE / "lossd").exists():
        pytest.skip(f"there is no lossd in {_HERE}")
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "bin").symlink_to(_HERE)
    return pack


def test_the_rehearsal_measures_every_case_in_this_build(pack_of_this_build, tmp_path):
    ended = _run(str(tmp_path / "out"), "--rehearse", pack=pack_of_this_build)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    _every_case_was_measured(json.loads((tmp_path / "out/card.json").read_text()))
    page = (tmp_path / "out/card.md").read_text()
    assert page.count("| siglip |") == 2 and "| clip | 24x16 | bf16 |" in page


@needs_build
def test_the_rehearsal_measures_every_case_in_the_build_for_cards(megabytes, tmp_path):
    ended = _run(str(tmp_path), "--rehearse")
    assert ended.returncode == 0, ended.stderr + ended.stdout
    _every_case_was_measured(json.loads((tmp_path / "card.json").read_text()))
