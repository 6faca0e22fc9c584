# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The CUDA build where something is missing: real binaries, the real LibTorch, no card needed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(os.environ.get("LOSSD_CUDA_BIN_DIR", _ROOT / "build/cuda/bin"))
_MODULE = "liblossd_cuda.so"

pytestmark = pytest.mark.skipif(not (_BIN / _MODULE).exists(), reason="there is no CUDA build: ./dev build cuda makes it")
without_driver = pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a driver")


@pytest.fixture()
def folder(tmp_path):
    """A copy of the server alone."""
    shutil.copy(_BIN / "lossd", tmp_path)
    return tmp_path


def _complaint(program: Path, *flags: str) -> str:
    """What lossd says, in one line, before it ends with exit code 4."""
    listen = ["--listen=127.0.0.1:0", "--admin_listen=", "--http_listen="]
    ended = subprocess.run([program, *listen, *flags], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 4, ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("lossd: --device: expected a device that this build supports, got cuda")
    return ended.stderr


def _needed(file: Path) -> list[str]:
    text = subprocess.run(["readelf", "-d", file], check=True, capture_output=True, text=True).stdout
    return [line.split("[")[1].rstrip("]") for line in text.splitlines() if "(NEEDED)" in line]


def test_the_server_links_no_libtorch_and_the_module_all_of_it():
    assert not [name for name in _needed(_BIN / "lossd") if "torch" in name or "c10" in name or "cuda" in name]
    assert {"libtorch_cuda.so", "libtorch_cpu.so", "libc10.so", "libcudart.so.13"} <= set(_needed(_BIN / _MODULE))


def _card_code(file: Path) -> list[tuple[str, int]]:
    """Kind and compute capability of each code for cards that a library carries."""
    data, found = file.read_bytes(), []
    magic = struct.pack("<I", 0xBA55ED50)
    start = data.find(magic)
    while start >= 0:
        header, size = struct.unpack_from("<HQ", data, start + 6)
        entry = start + header
        while entry < start + header + size:
            kind, entry_header, entry_size = struct.unpack_from("<HxxIQ", data, entry)
            found.append(({1: "ptx", 2: "machine"}[kind], struct.unpack_from("<I", data, entry + 28)[0]))
            entry += entry_header + entry_size
        start = data.find(magic, entry)
    return found


def test_the_module_has_code_for_cards_of_today_and_of_tomorrow():
    assert sorted(_card_code(_BIN / _MODULE)) == [("machine", 80), ("machine", 90), ("ptx", 90)]


def test_a_missing_module_is_named(folder):
    assert f"no module: {_MODULE} is not installed in " in _complaint(folder / "lossd", "--device=cuda")


def test_a_missing_libtorch_is_named(folder):
    module = (_BIN / _MODULE).read_bytes()
    built_with = b"/torch/lib"
    assert built_with in module
    (folder / _MODULE).write_bytes(module.replace(built_with, b"/moved/lib"))
    assert "no LibTorch: lib" in _complaint(folder / "lossd", "--device=cuda")


def test_the_flag_says_where_libtorch_is(folder):
    shutil.copy(_BIN / _MODULE, folder)
    assert "no LibTorch with CUDA in --libtorch=/nowhere: " in _complaint(
        folder / "lossd", "--device=cuda", "--libtorch=/nowhere")


@without_driver
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "cuda:0,cuda:1"])
def test_a_missing_driver_is_named_once_all_is_loaded(device):
    assert "no driver: libcuda.so.1 is not on this machine" in _complaint(_BIN / "lossd", f"--device={device}")


@contextlib.contextmanager
def _serving(tmp_path: Path, device: str) -> Iterator[tuple[str, str]]:
    """A server's address and the line it logs once calls are answered."""
    address = f"unix:{tmp_path}/socket"
    server = subprocess.Popen([_BIN / "lossd", f"--listen={address}", "--admin_listen=", "--http_listen=",
                               f"--device={device}"], stderr=subprocess.PIPE, text=True)
    try:
        yield address, server.stderr.readline()
    finally:
        server.terminate()
        server.communicate()


def _lossctl(*arguments: str) -> str:
    return subprocess.run([_BIN / "lossctl", *arguments], check=True, capture_output=True, text=True).stdout


@without_driver
def test_auto_serves_on_the_processor_and_says_why(tmp_path):
    with _serving(tmp_path, "auto") as (address, line):
        assert "not on CUDA: no driver: there is no /dev/nvidiactl" in line
        assert "not on CUDA: no driver" in _lossctl("info", "--target", address)


def test_every_golden_case_passes_on_this_libtorch(tmp_path):
    with _serving(tmp_path, "aten-cpu") as (address, _):
        summary = json.loads(_lossctl("check", str(_ROOT / "tests/golden"), "--json", "--target", address))["summary"]
    assert summary["failed"] == 0 and summary["passed"] >= 64
