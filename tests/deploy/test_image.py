# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""How the image is built and named; the builder is a script that writes down what it is told."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_DOCKERFILE = (_ROOT / "Dockerfile").read_text()
_VERSION = re.search(r"project\(lossd VERSION (\S+)", (_ROOT / "CMakeLists.txt").read_text())[1]


@pytest.fixture()
def build(tmp_path):
    """Runs deploy/image/build with arguments; returns those of the builder."""
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\n[ "$1" = info ] || printf "%s\\n" "$@" >{tmp_path}/told\n')
    docker.chmod(0o755)

    def run(*arguments: str) -> list[str]:
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run([_ROOT / "deploy/image/build", *arguments], check=True, env=environment)
        return (tmp_path / "told").read_text().splitlines()

    return run


def _values(told: list[str], option: str) -> list[str]:
    return [value for name, value in zip(told, told[1:]) if name == option]


def test_the_image_is_named_by_its_version_and_as_the_latest(build):
    told = build()
    assert told[0] == "build" and told[-1] == "."
    assert _values(told, "--tag") == [f"lossd:{_VERSION}", "lossd:latest"]
    assert _values(told, "--target") == ["runtime"]


def test_a_name_and_options_of_ones_own_go_to_the_builder(build):
    told = build("registry/lossd:mine", "--build-arg", "RUN_TESTS=0")
    assert _values(told, "--tag") == ["registry/lossd:mine"]
    assert "RUN_TESTS=0" in _values(told, "--build-arg")


def test_another_target_can_be_asked_for(build):
    assert _values(build("lossd:aten", "--target", "runtime-aten"), "--target")[-1] == "runtime-aten"
    assert "runtime-aten" in re.findall(r"^FROM \S+ AS (\S+)", _DOCKERFILE, re.MULTILINE)


def test_the_image_for_cards_has_a_name_of_its_own(build):
    told = build("--cuda")
    assert _values(told, "--tag") == [f"lossd:{_VERSION}-cuda", "lossd:cuda"]
    assert _values(told, "--target") == ["runtime-cuda"]
    assert _values(build("--cuda", "mine"), "--tag") == ["mine"]
    assert {"build-cuda", "runtime-cuda"} <= set(re.findall(r"^FROM \S+ AS (\S+)", _DOCKERFILE, re.MULTILINE))


def test_the_images_install_groups_that_exist():
    groups = [group for line in re.findall(r"dev packages ([^|]*)", _DOCKERFILE) for group in line.split()]
    assert {"runtime", "aten", "cuda"} <= set(groups)
    subprocess.run([_ROOT / "dev", "packages", *groups], check=True, stdout=subprocess.DEVNULL)


def test_what_runs_the_image_names_this_version():
    kustomization = yaml.safe_load((_ROOT / "deploy/kubernetes/base/kustomization.yaml").read_text())
    compose = yaml.safe_load((_ROOT / "deploy/compose/compose.yaml").read_text())
    assert kustomization["images"] == [{"name": "lossd", "newTag": _VERSION}]
    assert compose["services"]["lossd"]["image"] == f"lossd:{_VERSION}"
    cuda = yaml.safe_load((_ROOT / "deploy/kubernetes/cuda/kustomization.yaml").read_text())
    assert cuda["images"] == [{"name": "lossd", "newTag": f"{_VERSION}-cuda"}]
    compose = yaml.safe_load((_ROOT / "deploy/compose/cuda.yaml").read_text())
    assert compose["services"]["lossd"]["image"] == f"lossd:{_VERSION}-cuda"


def test_pods_have_the_user_and_the_ports_of_the_image():
    pod = yaml.safe_load((_ROOT / "deploy/kubernetes/base/deployment.yaml").read_text())["spec"]["template"]["spec"]
    users = re.findall(r"^USER (\d+):(\d+)$", _DOCKERFILE, re.MULTILINE)
    assert {(str(pod["securityContext"]["runAsUser"]), str(pod["securityContext"]["runAsGroup"]))} == set(users)
    ports = [str(port["containerPort"]) for port in pod["containers"][0]["ports"]]
    assert re.findall(r"^EXPOSE (.*)$", _DOCKERFILE, re.MULTILINE) == [" ".join(ports)]
