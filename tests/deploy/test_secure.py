# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""TLS and tokens as the manifests set them up, with the real server in the place of the container's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_KUBERNETES = _ROOT / "deploy" / "kubernetes"
_LOSSD = Path(os.environ.get("LOSSD_BIN_DIR", _ROOT / "build/release/bin")) / "lossd"

_needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
_needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def _rendered(folder: Path) -> list[dict]:
    text = subprocess.run(["kubectl", "kustomize", folder], check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(text))


def _pod(manifests: list[dict]) -> dict:
    return next(m for m in manifests if m["kind"] == "Deployment")["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory) -> Path:
    """What the secrets hold, by the names of their keys."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", "tls.key", "-out", "tls.crt", "-subj", "/CN=lossd.default.svc"], cwd=folder, check=True,
                   capture_output=True)
    shutil.copy(folder / "tls.crt", folder / "ca.crt")
    (folder / "tokens").write_text("token\n")
    return folder


@pytest.fixture(scope="module")
def with_everything(tmp_path_factory) -> Path:
    """An overlay that has every component."""
    folder = tmp_path_factory.mktemp("overlay")
    shutil.copytree(_KUBERNETES, folder, dirs_exist_ok=True)
    kustomization = folder / "secure" / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text() + "  - ../components/client-certificates\n")
    return folder / "secure"


def _in_place(environment: dict[str, str], secrets: Path) -> dict[str, str]:
    """The container's environment, with the files where this machine has them."""
    return {**os.environ, **{name: str(secrets / Path(path).name) for name, path in environment.items()}}


def _serve_and_probe(environment: dict[str, str], arguments: list[str], paths: set[str], tmp_path: Path) -> None:
    """Starts the server on free ports; the probes' pages and --healthcheck, which sees its environment alone, agree."""
    ports = tmp_path / "ports"
    flags = [*arguments, "--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0",
             f"--port_file={ports}"]
    with subprocess.Popen([_LOSSD, *flags], env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            while not ports.exists():
                assert server.poll() is None
                time.sleep(0.01)
            http = json.loads(ports.read_text())["http_listen"][0]
            for path in paths:
                with urllib.request.urlopen(f"http://{http}{path}") as page:
                    assert page.status == 200
            subprocess.run([_LOSSD, "--healthcheck", f"--port_file={ports}"], env=environment, check=True)
        finally:
            server.terminate()
    assert server.returncode == 0


@_needs_kubectl
@_needs_openssl
@pytest.mark.parametrize("everything", [False, True])
def test_the_server_starts_and_its_probes_pass(everything, with_everything, secrets, tmp_path):
    container = _pod(_rendered(with_everything if everything else _KUBERNETES / "secure"))["containers"][0]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    expected = {"LOSSD_TLS_CERT_FILE", "LOSSD_TLS_KEY_FILE", "LOSSD_AUTH_TOKEN_FILE"}
    assert set(environment) == (expected | {"LOSSD_TLS_CLIENT_CA_FILE"} if everything else expected)
    probes = [container[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert all("grpc" not in probe and probe["httpGet"]["port"] == "http-metrics" for probe in probes)
    _serve_and_probe(_in_place(environment, secrets), container["args"], {p["httpGet"]["path"] for p in probes},
                     tmp_path)


@_needs_kubectl
def test_files_come_from_secrets_that_are_followed_when_they_change(with_everything):
    pod = _pod(_rendered(with_everything))
    container = pod["containers"][0]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume["secret"] for volume in pod["volumes"]}
    for variable in container["env"]:
        mount = mounts[str(Path(variable["value"]).parent)]
        assert mount["readOnly"] and "subPath" not in mount
        secret = volumes[mount["name"]]
        assert secret["secretName"] in ("lossd-tls", "lossd-tokens")
        assert secret["defaultMode"] == 0o440 and pod["securityContext"]["fsGroup"] == 10001


@_needs_kubectl
def test_services_say_that_their_ports_speak_tls():
    ports = [port for manifest in _rendered(_KUBERNETES / "secure") if manifest["kind"] == "Service"
             for port in manifest["spec"]["ports"]]
    assert {port["name"]: port.get("appProtocol") for port in ports} == {
        "grpc": "https", "grpc-admin": "https", "http-metrics": None}


@_needs_openssl
def test_compose_serves_with_tls_and_tokens(secrets, tmp_path):
    plain = yaml.safe_load((_ROOT / "deploy/compose/compose.yaml").read_text())["services"]["lossd"]
    secure = yaml.safe_load((_ROOT / "deploy/compose/secure.yaml").read_text())["services"]["lossd"]
    assert {str(Path(path).parent) for path in secure["environment"].values()} == {"/etc/lossd/secrets"}
    assert secure["volumes"] == ["./secrets:/etc/lossd/secrets:ro"]
    assert plain["healthcheck"]["test"] == ["CMD", "lossd", "--healthcheck"]
    _serve_and_probe(_in_place(secure["environment"], secrets), plain["command"], set(), tmp_path)
