# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The manifests against the server they start."""

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
_BASE = _ROOT / "deploy" / "kubernetes" / "base"
_LOSSD = Path(os.environ.get("LOSSD_BIN_DIR", _ROOT / "build/release/bin")) / "lossd"


def _manifests() -> list[dict]:
    """Of every resource that the kustomization lists."""
    names = yaml.safe_load((_BASE / "kustomization.yaml").read_text())["resources"]
    return [manifest for name in names for manifest in yaml.safe_load_all((_BASE / name).read_text())]


def _of_kind(kind: str) -> dict[str, dict]:
    return {m["metadata"]["name"]: m["spec"] for m in _manifests() if m["kind"] == kind}


def _container() -> dict:
    return _of_kind("Deployment")["lossd"]["template"]["spec"]["containers"][0]


def test_the_server_takes_the_flags_it_is_given():
    compose = yaml.safe_load((_ROOT / "deploy/compose/compose.yaml").read_text())
    for flags in (_container()["args"], compose["services"]["lossd"]["command"]):
        subprocess.run([_LOSSD, "--validate_config", *flags], check=True)


_UNITS = {"Mi": 2**20, "Gi": 2**30}


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * _UNITS[quantity[-2:]]


def _memory_bound(flags: list[str], tmp_path: Path) -> int:
    """What deploy/README.md says that a server with these flags needs at most."""
    ports = tmp_path / "ports"
    server = subprocess.Popen([_LOSSD, *flags, "--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0",
                               "--http_listen=127.0.0.1:0", "--drain_delay=0s", f"--port_file={ports}"])
    try:
        deadline = time.monotonic() + 30
        while not ports.exists():
            assert server.poll() is None and time.monotonic() < deadline, "the server has not started"
            time.sleep(0.02)
        http = json.loads(ports.read_text())["http_listen"][0]
        with urllib.request.urlopen(f"http://{http}/configz", timeout=10) as page:
            limits = json.load(page)
        return limits["max_inflight_bytes"] + limits["transport_memory_bytes"] + 300_000_000
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_a_pod_has_the_memory_that_its_server_may_need(tmp_path):
    resources = _container()["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"], "memory that may be taken back kills pods"
    bound = _memory_bound(_container()["args"], tmp_path)
    assert bound <= _bytes(resources["limits"]["memory"]) <= 1.1 * bound
    patch = yaml.safe_load((_BASE.parent / "components" / "cuda" / "deployment.yaml").read_text())
    card = patch["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    libraries = 2**30
    assert bound + libraries <= _bytes(card["memory"])


def test_old_connections_end_so_that_new_replicas_get_work():
    assert {"--max_connection_age=10m", "--max_connection_age_grace=1m"} <= set(_container()["args"])


def test_calls_have_a_service_of_their_own():
    services = _of_kind("Service")
    ports = {name: [port["name"] for port in service["ports"]] for name, service in services.items()}
    assert ports == {"lossd": ["grpc"], "lossd-admin": ["grpc-admin", "http-metrics"]}
    targets = {port["name"]: port["containerPort"] for port in _container()["ports"]}
    assert all(targets[p["targetPort"]] == p["port"] for service in services.values() for p in service["ports"])


def test_only_neighbours_may_call_and_only_monitoring_may_look():
    policy = _of_kind("NetworkPolicy")["lossd"]
    assert policy["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "lossd"}
    assert policy["policyTypes"] == ["Ingress", "Egress"] and not policy.get("egress")
    allowed = {tuple(p["port"] for p in rule["ports"]): rule["from"] for rule in policy["ingress"]}
    assert allowed == {
        ("grpc",): [{"podSelector": {}}],
        ("grpc-admin", "http-metrics"): [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    }


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_selects_the_pods_and_nothing_else():
    rendered = subprocess.run(["kubectl", "kustomize", _BASE], check=True, capture_output=True, text=True).stdout
    label = {"app.kubernetes.io/name": "lossd"}
    manifests = list(yaml.safe_load_all(rendered))
    assert [m["kind"] for m in manifests].count("Service") == 2
    for manifest in manifests:
        spec = manifest["spec"]
        if manifest["kind"] == "Service":
            assert spec["selector"] == label
        elif manifest["kind"] == "NetworkPolicy":
            assert spec["podSelector"] == {"matchLabels": label}
            assert [rule["from"] for rule in spec["ingress"]] == [
                rule["from"] for rule in _of_kind("NetworkPolicy")["lossd"]["ingress"]]
        else:
            assert spec["selector"] == {"matchLabels": label}
