# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The servers that the cases name, and what runners ask for: a restart, another token."""

from __future__ import annotations

import json
import queue
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from types import TracebackType

import grpc

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
_AWAY = 0.5  # Seconds between a server's end and its next start.
_FLAGS = {
    "plain": [],
    "patient": ["--max_queue_delay=30s"],
    "small": ["--max_message_bytes=2097152", "--max_request_flops=1e6"],
    "full": ["--max_concurrent_calls=1"],
    "brief": ["--max_concurrent_calls=1"],
    "secure": [],
    "restarting": ["--max_queue_delay=50ms"],  # So that calls are under way whenever it is told to stop.
}
_COUNTED = r'^grpc_server_\w+_total\{(?=.*grpc_method="%s")(?:.*grpc_code="(\w+)")?.*\} (\d+)$'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: str, condition, seconds: float = 30.0) -> None:
    """Until `condition()` is true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"expected {what} within {seconds} s")
        time.sleep(0.02)


class Server:
    """A lossd process that can be stopped and started again on its port."""

    def __init__(self, binary: Path, folder: Path, name: str, flags: list[str]) -> None:
        self.port = free_port()
        self._ports = folder / f"{name}.ports.json"
        self._log = open(folder / f"{name}.log", "ab")
        self._command = [str(binary), f"--listen=127.0.0.1:{self.port}", "--admin_listen=127.0.0.1:0",
                         "--http_listen=127.0.0.1:0", f"--port_file={self._ports}", "--threads=2", *flags]
        self.start()

    def start(self) -> None:
        self._ports.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)

        def serves() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}, see {self._log.name}")
            return self._ports.exists()

        wait_for("a server", serves)

    def stop(self, by: int = signal.SIGTERM) -> int:
        if self._process.poll() is None:
            self._process.send_signal(by)
        return self._process.wait(60)

    def calls(self, method: str = "Compute") -> Counter:
        """Calls of a method that have ended, by code, and under "started" all that came."""
        address = json.loads(self._ports.read_text())["http_listen"][0]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            found = re.findall(_COUNTED % method, answer.read().decode(), re.MULTILINE)
        return Counter({code or "started": int(count) for code, count in found})

    def is_busy(self, method: str = "Compute") -> bool:
        """Whether calls of a method are under way."""
        calls = self.calls(method)
        return 2 * calls["started"] > calls.total()

    def restart(self) -> None:
        """While calls are under way: they must be answered, by this process or the next."""
        wait_for("calls under way", self.is_busy)
        code = self.stop()
        if code != 0:
            raise RuntimeError(f"expected a server that ends with 0, got {code}, see {self._log.name}")
        time.sleep(_AWAY)
        self.start()


class Servers:
    """All of them, in a folder of their own; a context manager."""

    def __init__(self, binary: Path, names: set[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lossd-conformance-")
        self.folder = Path(self._folder.name)
        self._token_file = self.folder / "token"
        self._token_file.write_text("first-token\n")
        self.ca = self.folder / "ca.crt"
        self._servers: dict[str, Server] = {}
        self._held: dict[str, tuple[grpc.Channel, grpc.Call, queue.SimpleQueue]] = {}
        self._closing = threading.Event()
        self._freeing: threading.Thread | None = None
        try:
            if "secure" in names:
                self._issue()
            for name in sorted(names & set(_FLAGS)):
                self._servers[name] = Server(binary, self.folder, name, _FLAGS[name] + self._secure_flags(name))
            for name in sorted(names & {"full", "brief"}):
                self._fill(name)
            if "brief" in names:
                self._freeing = threading.Thread(target=self._free, args=("brief",))
                self._freeing.start()
        except BaseException:
            self.close()
            raise

    def _issue(self) -> None:
        """Makes an authority and a certificate for localhost."""
        def openssl(*arguments: str, **options) -> None:
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, text=True, **options)

        openssl("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=conformance")
        openssl("req", *_KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile",
                "/dev/stdin", "-out", "server.crt", input="subjectAltName=DNS:localhost,IP:127.0.0.1")

    def _secure_flags(self, name: str) -> list[str]:
        if name != "secure":
            return []
        return [f"--tls_cert_file={self.folder}/server.crt", f"--tls_key_file={self.folder}/server.key",
                f"--auth_token_file={self._token_file}"]

    def _fill(self, name: str) -> None:
        """Takes the only place of a server with a stream that says nothing."""
        channel = grpc.insecure_channel(self.plan_entry(name)["target"])
        silence: queue.SimpleQueue = queue.SimpleQueue()
        stream = channel.stream_stream("/lossd.v1.LossService/ComputeStream")(iter(silence.get, None))
        self._held[name] = channel, stream, silence
        wait_for("a full server", lambda: self._servers[name].is_busy("ComputeStream"))

    def _free(self, name: str) -> None:
        """Gives the place free once a call was refused."""
        while not self._servers[name].calls()["RESOURCE_EXHAUSTED"]:
            if self._closing.wait(0.02):
                return
        self._let_go(name)

    def _let_go(self, name: str) -> None:
        channel, stream, silence = self._held.pop(name)
        silence.put(None)  # Ends the thread that gRPC asks for messages.
        stream.cancel()
        channel.close()

    def plan_entry(self, name: str) -> dict:
        """What a plan says of a server."""
        if name == "nobody":
            return {"target": f"127.0.0.1:{free_port()}"}
        port = self._servers[name].port
        if name != "secure":
            return {"target": f"127.0.0.1:{port}"}
        return {"target": f"localhost:{port}", "ca": str(self.ca), "token": self._token_file.read_text().strip()}

    def answer(self, question: dict) -> dict:
        """Does what a runner asks for."""
        if question["ask"] == "restart":
            self._servers[question["server"]].restart()
            return {}
        if question["ask"] == "rotate_token":
            return {"token": self._rotate()}
        raise RuntimeError(f"expected restart or rotate_token, got {question}")

    def _rotate(self) -> str:
        token = secrets.token_hex(16)
        fresh = self._token_file.with_suffix(".new")
        fresh.write_text(token + "\n")
        fresh.rename(self._token_file)
        credentials = grpc.ssl_channel_credentials(self.ca.read_bytes())
        with grpc.secure_channel(self.plan_entry("secure")["target"], credentials) as channel:
            call = channel.unary_unary("/lossd.v1.LossService/GetServerInfo")

            def taken() -> bool:
                try:
                    call(b"", metadata=[("authorization", f"Bearer {token}")], timeout=5)
                except grpc.RpcError:
                    return False
                return True

            wait_for("the new token to be taken", taken)
        return token

    def close(self) -> None:
        self._closing.set()
        if self._freeing is not None:
            self._freeing.join()
        for name in list(self._held):
            self._let_go(name)
        stops = [threading.Thread(target=server.stop) for server in self._servers.values()]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        self._folder.cleanup()

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def write_plan(path: Path, cases: Path, servers: dict, only: list[str] | None) -> None:
    plan = {"cases": str(cases), "servers": servers}
    if only is not None:
        plan["only"] = only
    path.write_text(json.dumps(plan, indent=1))
