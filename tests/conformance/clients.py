# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The clients of client/*/tasks: built once a content, tested and run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from messages import ROOT

BUILDS = ROOT / "build" / "clients"


class Failed(Exception):
    """A step of a client's tasks that did not succeed."""


@dataclass(frozen=True)
class Client:
    """A language's client; `columns` are the places that it runs in."""

    name: str

    @property
    def script(self) -> Path:
        return ROOT / "client" / self.name / "tasks"

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([str(self.script), *arguments], capture_output=True, text=True)

    def columns(self) -> list[str]:
        said = self._ask("columns")
        return said.stdout.split() if said.returncode == 0 else [self.name]

    def missing(self, column: str) -> str:
        """What is not installed that `column` needs; empty if nothing."""
        said = self._ask("needs", column)
        return "" if said.returncode == 0 else (said.stdout + said.stderr).strip()

    def _paths(self, inputs: list[str]) -> list[str]:
        wanted = [f"client/{self.name}", "proto", "tests/conformance/README.md"]
        wanted += [line for line in inputs if (ROOT / line).exists()]
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *wanted], cwd=ROOT, capture_output=True,
                                text=True, check=True)
        return sorted(set(listed.stdout.splitlines()))

    def content(self) -> str:
        """A digest of all that the build depends on."""
        inputs = self._ask("inputs").stdout.splitlines()
        digest = hashlib.sha256("\n".join(inputs).encode())
        for path in self._paths(inputs):
            if (ROOT / path).is_file():
                digest.update(f"\0{path}\0".encode() + (ROOT / path).read_bytes())
        return digest.hexdigest()[:16]

    def build(self) -> tuple[Path, float]:
        """(folder, seconds of its build from nothing). Folders of other contents are removed."""
        folder = BUILDS / self.name / self.content()
        record = folder / "built.json"
        if not record.exists():
            shutil.rmtree(BUILDS / self.name, ignore_errors=True)
            folder.mkdir(parents=True)
            begin = time.monotonic()
            self._run("build", folder)
            record.write_text(json.dumps({"seconds": time.monotonic() - begin}))
        return folder, json.loads(record.read_text())["seconds"]

    def test(self, folder: Path, binaries: Path) -> None:
        self._run("test", folder, LOSSD_BIN_DIR=str(binaries))

    def bench(self, folder: Path, target: str) -> dict[str, float]:
        """What a call and a MB cost; nothing where the client does not say."""
        said = self._ask("bench", str(folder), target)
        return json.loads(said.stdout) if said.returncode == 0 else {}

    def runner(self, folder: Path) -> list[str]:
        return [str(self.script), "conform", str(folder)]

    def _run(self, verb: str, folder: Path, **environment: str) -> None:
        log = folder / f"{verb}.log"
        with open(log, "w", encoding="utf-8") as out:
            done = subprocess.run([str(self.script), verb, str(folder)], env={**os.environ, **environment}, stdout=out,
                                  stderr=subprocess.STDOUT)
        if done.returncode != 0:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-60:])
            raise Failed(f"client/{self.name}/tasks {verb} ended with {done.returncode} ({log}):\n{tail}")


def all_clients() -> list[Client]:
    return [Client(path.parent.name) for path in sorted((ROOT / "client").glob("*/tasks"))]
