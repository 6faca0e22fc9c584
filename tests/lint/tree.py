# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The files of the tree, for the checks beside this file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is no part of the tree, where git is not there to say so, as in an image that is being built.
LEFT_OUT = {".git", "build", "demo-report", "node_modules", "__pycache__", "target", "dist"}


def files() -> list[str]:
    """Paths from the root of all that git keeps or would keep; without git, of all but what is built."""
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                                check=False).stdout.splitlines()
    except FileNotFoundError:
        listed = []
    return sorted(path for path in listed or walked() if (ROOT / path).exists())


def walked() -> list[str]:
    found = []
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if name not in LEFT_OUT]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return found
