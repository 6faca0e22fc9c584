# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The page of deploy/browser in headless Chromium, served by the shipped Envoy configuration before a real server.

LOSSD_PAGE names the page's script, which the TypeScript client's build makes; ENVOY and CHROMIUM name the programs.
"""

from __future__ import annotations

import http.server
import json
import os
import queue
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_BINARY = Path(os.environ.get("LOSSD_BIN_DIR", _ROOT / "build/release/bin")) / "lossd"
_ENVOY = shutil.which(os.environ.get("ENVOY", "envoy"))
_CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
_PAGE = os.environ.get("LOSSD_PAGE")

pytestmark = pytest.mark.skipif(not (_ENVOY and _CHROMIUM and _PAGE), reason="envoy, chromium or LOSSD_PAGE is missing: see "
                                "`./dev test clients typescript`")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until(condition, what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"expected {what} within 60 s"
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture()
def server(tmp_path):
    """The port of a server."""
    ports = tmp_path / "ports.json"
    process = subprocess.Popen([_BINARY, "--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0",
                                f"--port_file={ports}", "--log_level=warning"])
    try:
        _wait_until(ports.exists, "a server")
        yield int(json.loads(ports.read_text())["listen"][0].rpartition(":")[2])
    finally:
        process.terminate()
        assert process.wait(60) == 0


# Sends what the page shows once it is done: when a headless browser's page is done is not for it to know.
_TELL = """<script>
new MutationObserver((_, observer) => {
  const result = document.getElementById("result");
  if (!result.dataset.state) return;
  observer.disconnect();
  fetch("http://127.0.0.1:%d/", { method: "POST", mode: "no-cors", body: result.textContent });
}).observe(document.getElementById("result"), { attributes: true });
</script>"""


@pytest.fixture()
def told():
    """An HTTP server whose `texts` are what was posted to it."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.server.texts.put(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(204)
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.texts = queue.Queue()
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


@pytest.fixture()
def page(tmp_path, server, told):
    """The page's address."""
    port = _free_port()
    (tmp_path / "index.html").write_text((_ROOT / "deploy/browser/index.html").read_text() + _TELL % told.server_port)
    shutil.copy(_PAGE, tmp_path / "page.js")
    config = (_ROOT / "deploy/browser/envoy.yaml").read_text()
    assert config.count("port_value: 8080") == 1 and config.count("port_value: 50051") == 1
    (tmp_path / "envoy.yaml").write_text(config.replace("8080", str(port)).replace("50051", str(server)))
    process = subprocess.Popen([_ENVOY, "-c", "envoy.yaml", "--log-level", "error", "--disable-hot-restart"], cwd=tmp_path)
    try:
        _wait_until(lambda: _listens(port) or process.poll() is not None, "Envoy")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(60)


def test_the_page_computes_the_documentations_example(page, told, tmp_path):
    browser = subprocess.Popen([_CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                f"--user-data-dir={tmp_path}/profile", page], stderr=subprocess.DEVNULL)
    try:
        assert told.texts.get(timeout=120) == "losses 2.2351 2.1902, sum of |d anchor.0| 0.1267"
    finally:
        browser.terminate()
        browser.wait(60)


def test_every_call_reaches_the_server(page):
    for _ in range(4):
        call = urllib.request.Request(f"{page}lossd.v1.LossService/GetServerInfo", data=bytes(5),  # An empty message.
                                      headers={"content-type": "application/grpc-web+proto"})
        with urllib.request.urlopen(call, timeout=60) as answer:
            assert b"grpc-status:0" in answer.read()
