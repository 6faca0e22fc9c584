# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Starts a lossd server on free ports and stops it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path


class ServerProcess:
    """A server of its own; a context manager. `target` is where calls go, `metrics()` what it says of itself."""

    def __init__(self, binary: str, *flags: str, start_timeout: float = 30.0) -> None:
        self.binary = binary
        self._directory = tempfile.TemporaryDirectory(prefix="lossd-")
        port_file = Path(self._directory.name) / "ports.json"
        self._log = open(Path(self._directory.name) / "server.log", "w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [binary, "--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0",
             f"--port_file={port_file}", *flags], stdout=self._log, stderr=subprocess.STDOUT)
        try:
            self._wait_for(port_file, start_timeout)
        except BaseException:
            self.stop()
            raise
        addresses = json.loads(port_file.read_text())
        self.pid: int = self._process.pid
        self.target: str = addresses["listen"][0]
        self.http: str = addresses["http_listen"][0]

    def _wait_for(self, port_file: Path, timeout: float) -> None:
        """The server renames the file into place once calls can be served."""
        deadline = time.monotonic() + timeout
        while not port_file.exists():
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with code {self._process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"expected a server within {timeout} s, got none:\n{self.log()}")
            time.sleep(0.01)

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(encoding="utf-8")

    def metrics(self) -> str:
        """The text of /metrics."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as response:
            return response.read().decode()

    def stop(self) -> int:
        """SIGTERM, then the exit code."""
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGTERM)
        code = self._process.wait(timeout=30)
        self._log.close()
        return code

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()


def stage_means(metrics: str) -> dict[str, tuple[float, int]]:
    """Mean seconds and count of each stage over all devices, from the text of /metrics."""
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    for line in metrics.splitlines():
        found = re.fullmatch(r'lossd_stage_seconds_(sum|count)\{.*\bstage="(\w+)".*\} (\S+)', line)
        if found:
            into = sums if found[1] == "sum" else counts
            into[found[2]] = into.get(found[2], 0) + float(found[3])
    return {stage: (sums[stage] / counts[stage], int(counts[stage])) for stage in sums if counts.get(stage)}
