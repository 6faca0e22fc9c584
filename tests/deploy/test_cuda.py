# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The manifests for cards."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_LOSSD = Path(os.environ.get("LOSSD_BIN_DIR", _ROOT / "build/release/bin")) / "lossd"
_COMPOSE = yaml.safe_load((_ROOT / "deploy/compose/cuda.yaml").read_text())["services"]["lossd"]


@pytest.fixture(scope="module")
def deployment() -> dict:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    text = subprocess.run(["kubectl", "kustomize", _ROOT / "deploy/kubernetes/cuda"], check=True, capture_output=True,
                          text=True).stdout
    return next(m for m in yaml.safe_load_all(text) if m["kind"] == "Deployment")["spec"]


def test_a_pod_has_a_card_and_computes_on_it(deployment):
    container = deployment["template"]["spec"]["containers"][0]
    assert container["image"].endswith("-cuda")
    assert {"name": "LOSSD_DEVICE", "value": "cuda"} in container["env"]
    for kind in ("requests", "limits"):
        assert container["resources"][kind]["nvidia.com/gpu"] == 1


def test_a_pod_has_what_it_has_without_a_card(deployment):
    container = deployment["template"]["spec"]["containers"][0]
    assert "--drain_delay=10s" in container["args"]
    assert container["readinessProbe"]["grpc"]["service"] == "readiness"
    assert container["startupProbe"]["grpc"]["service"] == "liveness"
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_no_new_pod_waits_for_the_card_of_an_old_one(deployment):
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_compose_asks_for_a_card_and_the_image_for_it():
    assert _COMPOSE["build"]["target"] == "runtime-cuda"
    assert _COMPOSE["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]


def _seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s", text)[1])


def test_all_checks_give_a_card_the_same_time_to_start(deployment):
    probe = deployment["template"]["spec"]["containers"][0]["startupProbe"]
    image = (_ROOT / "Dockerfile").read_text().split(" AS runtime-cuda\n")[1].split("\nFROM")[0]
    image_check = re.search(r"^HEALTHCHECK --start-period=(\S+) .*\"--healthcheck\"", image, re.MULTILINE)
    assert probe["periodSeconds"] * probe["failureThreshold"] == 120
    assert _seconds(_COMPOSE["healthcheck"]["start_period"]) == _seconds(image_check[1]) == 120


def test_the_server_takes_the_settings_it_is_given():
    subprocess.run([_LOSSD, "--validate_config"], check=True, env={**os.environ, **_COMPOSE["environment"]})
