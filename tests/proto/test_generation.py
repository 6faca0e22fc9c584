# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Each command of proto/README.md generates code for each file that it names, where its plugin is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_README = (_ROOT / "proto" / "README.md").read_text()
_COMMANDS = dict(re.findall(r"^### ([^\n]+)\n\n```sh\n(.+?)```", _README, re.DOTALL | re.MULTILINE))
# A file that says that the service was generated, or where the command makes messages alone, the messages.
_EXPECTED = {
    "C++": "lossd/v1/loss_service.grpc.pb.h", "C#": "Lossd/V1/LossService.cs", "Go": "lossd/v1/loss_service_grpc.pb.go",
    "Java": "dev/lossd/v1/LossServiceGrpc.java", "Kotlin": "dev/lossd/v1/ComputeRequestKt.kt",
    "Objective-C": "lossd/v1/LossService.pbobjc.h", "PHP": "Lossd/V1/LossServiceClient.php",
    "Python": "lossd/v1/loss_service_pb2_grpc.py", "Ruby": "lossd/v1/loss_service_services_pb.rb",
    "TypeScript and JavaScript": "lossd/v1/loss_service_pb.ts",
}


def _path() -> str:
    """PATH, with the plugins that the clients' builds have."""
    folders = [str(path) for path in _ROOT.glob("build/clients/typescript/*/client/typescript/node_modules/.bin")]
    if shutil.which("go"):
        for plugin in ("protoc-gen-go", "protoc-gen-go-grpc"):
            found = subprocess.run(["go", "tool", "-n", plugin], cwd=_ROOT / "client" / "go", capture_output=True, text=True)
            folders += [str(Path(found.stdout.strip()).parent)] if found.returncode == 0 else []
    return os.pathsep.join([*folders, os.environ["PATH"]])


def _missing(command: str, path: str) -> list[str]:
    plugins = re.findall(r"command -v ([\w-]+)", command) + re.findall(r"--(go|go-grpc)_out", command)
    return [name for plugin in plugins if not shutil.which(name := f"protoc-gen-{plugin}" if plugin.startswith("go") else plugin, path=path)]


def test_every_language_with_a_command_is_tested():
    assert set(_COMMANDS) == set(_EXPECTED)


@pytest.mark.parametrize("language", sorted(_COMMANDS))
def test_the_readmes_command_generates_a_client(language, tmp_path):
    path = _path()
    if missing := _missing(_COMMANDS[language], path):
        pytest.skip(f"not installed: {', '.join(missing)}")
    (tmp_path / "proto").symlink_to(_ROOT / "proto")
    (tmp_path / "out").mkdir()
    done = subprocess.run(["bash", "-eu", "-c", _COMMANDS[language]], cwd=tmp_path, env={**os.environ, "PATH": path},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    generated = sorted(str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file())
    assert _EXPECTED[language] in generated


def test_nothing_that_grpcs_packages_have_is_generated_from_the_clients_root():
    assert not list((_ROOT / "proto").rglob("health.proto")) and not list((_ROOT / "proto").rglob("reflection.proto"))


@pytest.mark.parametrize("name,package", [("health/v1/health", "google.golang.org/grpc/health/grpc_health_v1"),
                                          ("reflection/v1/reflection", "google.golang.org/grpc/reflection/grpc_reflection_v1")])
def test_gRPCs_own_protos_have_upstreams_options(name, package):
    text = (_ROOT / "server" / "proto" / "grpc" / f"{name}.proto").read_text()
    assert f'option go_package = "{package}";' in text and 'option java_package = "io.grpc.' in text


def test_pythons_code_is_imported_beside_grpcs_own_health_classes(tmp_path):
    """They would be registered twice if the clients' root had them."""
    subprocess.run(["bash", "-eu", "-c", "mkdir out && ln -s \"$ROOT/proto\" proto\n" + _COMMANDS["Python"]], cwd=tmp_path,
                   env={**os.environ, "ROOT": str(_ROOT)}, check=True)
    health = tmp_path / "health"
    health.mkdir()
    subprocess.run(["protoc", "-I", str(_ROOT / "server" / "proto"), f"--python_out={health}", "grpc/health/v1/health.proto"], check=True)
    rpc = tmp_path / "rpc"
    rpc.mkdir()
    subprocess.run(["protoc", "-I", str(_ROOT / "proto"), f"--python_out={rpc}", "google/rpc/status.proto"], check=True)
    script = ("import runpy, sys; from lossd.v1 import loss_service_pb2, loss_service_pb2_grpc; "
              f"runpy.run_path('{health}/grpc/health/v1/health_pb2.py'); print(loss_service_pb2.ComputeRequest.DESCRIPTOR.full_name)")
    done = subprocess.run(["/usr/bin/python3", "-c", script], env={**os.environ, "PYTHONPATH": f"{tmp_path}/out:{rpc}"}, capture_output=True,
                          text=True)
    assert done.stdout == "lossd.v1.ComputeRequest\n", done.stderr
