# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The manifests against the server they start."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

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


def test_old_connections_end_so_that_new_replicas_get_work():
    assert {"--max_connection_age=10m", "--max_connection_age_grace=1m"} <= set(_container()["args"])
