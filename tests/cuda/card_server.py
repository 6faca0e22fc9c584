# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The packed server and client, as a child process and a function."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

PACK = Path(os.environ.get("LOSSD_CUDA_PACK", Path(__file__).resolve().parents[2] / "build/cuda/pack"))


class NoCard(Exception):
    """What lossd says is missing."""


@dataclasses.dataclass(frozen=True)
class Server:
    address: str
    http: str  # host:port

    def counters(self) -> dict[str, float]:
        """Every series of /metrics by its name and labels, as they stand there."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        found = (re.fullmatch(r"(\S+(?:\{.*\})?) (\S+)", line) for line in lines if not line.startswith("#"))
        return {match[1]: float(match[2]) for match in found if match}


def environment() -> dict[str, str]:
    libraries = [str(PACK / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}


def libtorch() -> str:
    """The folder of the libraries of the installed torch for CUDA, found without importing it; empty if there is none:
    those of another torch are no use to programs that were linked with one for CUDA."""
    found = importlib.util.find_spec("torch")
    folder = None if found is None else Path(found.submodule_search_locations[0]) / "lib"
    return str(folder) if folder is not None and (folder / "libtorch_cuda.so").exists() else ""


def test_environment() -> dict[str, str]:
    """For programs that link LibTorch and CUDA themselves: where these are on this machine."""
    variables = environment()
    torch = Path(libtorch())
    places = [variables["LD_LIBRARY_PATH"], str(torch), str(torch.parents[1] / "nvidia/cu13/lib")] if libtorch() else []
    return {**variables, "LD_LIBRARY_PATH": ":".join(places)} if places else variables


@contextlib.contextmanager
def serving(device: str, *flags: str) -> Iterator[Server]:
    """A server on the device. Raises NoCard where it has none."""
    with tempfile.TemporaryDirectory() as folder:
        command = [PACK / "bin/lossd", f"--listen=unix:{folder}/socket", "--admin_listen=", "--http_listen=127.0.0.1:0",
                   f"--device={device}", f"--port_file={folder}/ports", f"--libtorch={libtorch()}",
                   "--max_message_bytes=1073741824", "--max_inflight_bytes=34359738368", "--max_request_flops=1e16", *flags]
        with open(f"{folder}/log", "w+", encoding="utf-8") as log:
            server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())
            line = server.stderr.readline()
            if not line.startswith("{"):
                server.wait()
                if server.returncode == 4:
                    raise NoCard(line.strip())
                raise RuntimeError(line + server.stderr.read())
            drain = subprocess.Popen(["cat"], stdin=server.stderr, stdout=log)  # So that the server never waits for us.
            try:
                ports = json.loads(Path(f"{folder}/ports").read_text())
                yield Server(f"unix:{folder}/socket", ports["http_listen"][0])
            finally:
                server.terminate()
                server.wait(60)
                drain.wait(10)


def lossctl(*arguments: str | Path, timeout: float = 300) -> str:
    done = subprocess.run([PACK / "bin/lossctl", *arguments], capture_output=True, text=True, env=environment(),
                          timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"lossctl {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
    return done.stdout
