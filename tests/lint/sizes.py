#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Checks the sizes the style asks for: no source above 400 lines, and a test of its name beside every source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
SOURCES = ("*.h", "*.cc", "*.cu", "*.py", "*.go", "*.java", "*.rs", "*.ts", "*.mjs", "dev")
GENERATED = "*.pb.go"  # As Go wants it, in the tree.
# Sources whose test cannot bear their name, with the reason.
TESTED_ELSEWHERE = {
    "server/main.cc": "run by every test under tests/e2e",
    "client/cli/main.cc": "run by tests/client/cli",
    "client/cpp/conformance/main.cc": "run by the conformance suite",
    "client/cpp/conformance/cost.cc": "run by the conformance suite's --bench",
}


def tracked(*patterns: str) -> list[str]:
    return subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout.split()


def main() -> int:
    problems = []
    for path in tracked(*SOURCES, f":!{GENERATED}"):
        lines = len((ROOT / path).read_text().splitlines())
        if lines > MAX_LINES:
            problems.append(f"{path}: {lines} lines, expected at most {MAX_LINES}")
    tests = {Path(path).name for path in tracked("tests")}
    for path in tracked("core/*.cc", "proto/*.cc", "server/*.cc", "client/*.cc"):
        if path not in TESTED_ELSEWHERE and f"{Path(path).stem}_test.cc" not in tests:
            problems.append(f"{path}: expected a test {Path(path).stem}_test.cc")
    print("\n".join(problems) if problems else "sizes: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
