# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The lossd server, for the machine that it is installed on.

    with lossd_server.Server() as server:
        client = lossd.Client(server.target)
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

_HERE = Path(__file__).resolve().parent
BINARY = _HERE / "bin" / "lossd"


def environment() -> dict[str, str]:
    """This process's, in which the server finds the libraries that come with it, before any others."""
    paths = [str(_HERE / "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(paths)}


class Server:
    """A server on this machine, at ports that are free, until `stop` or the end of `with`.

    Args:
        flags: what `lossd --help` lists, such as "--threads=4"; they win over the addresses chosen here.
        start_timeout: seconds it may take to start. RuntimeError with the server's own words if it takes longer.
    """

    def __init__(self, *flags: str, start_timeout: float = 30.0) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lossd-")
        folder = Path(self._folder.name)
        self._log = open(folder / "server.log", "w", encoding="utf-8")
        ports = folder / "ports.json"
        self._process = subprocess.Popen(
            [str(BINARY), "--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0",
             f"--port_file={ports}", *flags], env=environment(), stdout=self._log, stderr=subprocess.STDOUT)
        try:
            self._await(ports, start_timeout)
            self.target: str = json.loads(ports.read_text())["listen"][0]
        except BaseException:
            self.stop()
            raise

    def _await(self, ports: Path, timeout: float) -> None:
        """The server writes its addresses once it serves."""
        end = time.monotonic() + timeout
        while not ports.exists():
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}: {self.log()}")
            if time.monotonic() > end:
                raise RuntimeError(f"expected a server within {timeout} s, got none: {self.log()}")
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        """What the server has written."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """Lets calls under way end, and returns the server's exit code. Without effect once it has ended."""
        self._process.terminate()
        code = self._process.wait()
        self._log.close()
        self._folder.cleanup()
        return code

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()
