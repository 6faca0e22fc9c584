# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The servers that the serving bench measures, each in processes of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
PYTHON = "/usr/bin/python3"
VENV_HINT = """--with-triton: Triton cannot be had here: {reason}
Needed is the package nvidia-pytriton, which carries the server, in {venv}:
  /usr/bin/python3 -m venv --system-site-packages {venv} && {venv}/bin/pip install --no-deps nvidia-pytriton"""


class Server:
    """Processes with one address on TCP and, but for Triton, one on a unix socket; ended with SIGTERM."""

    def __init__(self):
        self.processes = []
        self.addresses = {"tcp": [], "unix": []}

    def start(self, command, environment=None, output=subprocess.DEVNULL, errors=subprocess.DEVNULL):
        process = subprocess.Popen(command, stdout=output, stderr=errors, text=True,
                                   env={**os.environ, **(environment or {})})
        self.processes.append(process)
        return process

    def target(self, transport):
        return ",".join(self.addresses[transport])

    def resident(self, peak=False):
        """Resident bytes, now or at most so far."""
        status = Path(f"/proc/{self.processes[0].pid}/status").read_text()
        return 1024 * int(status.split("VmHWM:" if peak else "VmRSS:")[1].split()[0])

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()


class Lossd(Server):
    def __init__(self, folder, name, program, *flags):
        super().__init__()
        ports = folder / f"{name}.json"
        ports.unlink(missing_ok=True)
        process = self.start([str(program), f"--listen=127.0.0.1:0,unix:{folder}/{name}.sock",
                              "--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0", f"--port_file={ports}",
                              *flags])
        while not ports.exists():
            if process.poll() is not None:
                raise RuntimeError(f"{program} ended with {process.returncode}")
            time.sleep(0.01)
        tcp, unix = json.loads(ports.read_text())["listen"]
        self.addresses = {"tcp": [tcp], "unix": [unix]}


class Echo(Server):
    def __init__(self, folder, program):
        super().__init__()
        process = self.start([str(program), "127.0.0.1:0", f"unix:{folder}/echo.sock"], output=subprocess.PIPE)
        tcp, unix = process.stdout.readline().split()
        self.addresses = {"tcp": [tcp], "unix": [unix]}


class Python(Server):
    """Each process has its own address, so that calls are shared out evenly."""

    def __init__(self, folder, python, package, count):
        super().__init__()
        for transport in self.addresses:
            for i in range(count):
                address = "127.0.0.1:0" if transport == "tcp" else f"unix:{folder}/python{count}.{i}.sock"
                process = self.start([python, str(HERE / "eager_server.py"), address], {"PYTHONPATH": str(package)},
                                     output=subprocess.PIPE)
                self.addresses[transport].append(process.stdout.readline().strip())


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Triton(Server):
    """Two instances of a model of the Python back end."""

    CONFIG = """name: "maps"
backend: "python"
max_batch_size: 0
input [ {{ name: "anchor_0" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1 ] }},
        {{ name: "positive_0" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1 ] }} ]
output [ {{ name: "objective" data_type: TYPE_FP32 dims: [ 1 ] }},
         {{ name: "anchor_0_gradient" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1 ] }},
         {{ name: "positive_0_gradient" data_type: TYPE_FP32 dims: [ -1, -1, -1, -1 ] }} ]
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
"""

    def __init__(self, folder, venv):
        super().__init__()
        self.venv = Path(venv)
        root = self.find_server()
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        backends = folder / "backends"
        shutil.copytree(root / "backends", backends, symlinks=True)
        shutil.copy(root / "python_backend_stubs" / version / "triton_python_backend_stub", backends / "python")
        model = folder / "models/maps"
        (model / "1").mkdir(parents=True)
        (model / "config.pbtxt").write_text(self.CONFIG.format(instances=2))
        shutil.copy(HERE / "triton_model.py", model / "1/model.py")
        for module in ("eager_maps.py", "torch_reference.py"):
            shutil.copy(HERE / module, model / "1")
        port = free_port()
        log = open(folder / "triton.log", "w+", encoding="utf-8")
        libraries = f"{root}/external_libs:{root}/../../nvidia_pytriton.libs:{os.environ.get('LD_LIBRARY_PATH', '')}"
        process = self.start(
            [str(root / "bin/tritonserver"), f"--model-repository={folder}/models", f"--backend-directory={backends}",
             f"--grpc-port={port}", "--grpc-address=127.0.0.1", "--allow-http=false", "--allow-metrics=false"],
            {"LD_LIBRARY_PATH": libraries, "PATH": f"{self.venv}/bin:{os.environ['PATH']}"},
            errors=log)
        self.wait_until_started(process, Path(log.name))
        self.addresses = {"tcp": [f"127.0.0.1:{port}"], "unix": []}

    def find_server(self):
        if not self.venv.exists():
            done = subprocess.run(
                f"{PYTHON} -m venv --system-site-packages '{self.venv}' && "
                f"'{self.venv}/bin/pip' install --quiet --no-deps nvidia-pytriton",
                shell=True, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                shutil.rmtree(self.venv, ignore_errors=True)
                raise RuntimeError(VENV_HINT.format(venv=self.venv, reason=done.stderr.strip().rpartition("\n")[2]))
        found = list(self.venv.glob("lib/python3*/site-packages/pytriton/tritonserver"))
        if not found:
            raise RuntimeError(VENV_HINT.format(venv=self.venv, reason="the folder holds no pytriton/tritonserver"))
        return found[0]

    def wait_until_started(self, process, log):
        while "Started GRPCInferenceService" not in log.read_text():
            if process.poll() is not None:
                errors = [line for line in log.read_text().splitlines() if line.startswith("E") or "error" in line]
                raise RuntimeError(VENV_HINT.format(venv=self.venv, reason="\n".join(errors)))
            time.sleep(0.1)
