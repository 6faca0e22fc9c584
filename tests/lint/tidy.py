#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy (.clang-tidy) and Clang's thread-safety analysis over all C++ sources, or those in the named folders;
prints each finding once.

usage: tests/lint/tidy.py GENERATED [FOLDER..]    GENERATED: the folder of the protocol's generated headers

Nearly all time goes into the headers of gRPC, protobuf, GoogleTest and LibTorch. So sources of a folder that declare no
name alike are read together, as one file that includes them; where that fails, those with errors by themselves.
clang-tidy takes such an included source as seriously as one of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tree import ROOT, files

TOGETHER = 12  # Sources.
# With the toolkit for cards, and in a project of their own, that finds lossd where it is installed.
LEFT_OUT = ("core/engine/cuda/", "core/losses/aten/cuda_module.cc", "tests/core/engine/cuda/", "tests/package/project/")
FLAGS = ["-std=c++20", "-pthread", "-Wthread-safety", f"-I{ROOT}", "-DLOSSD_TCMALLOC", "-DHWY_SHARED_DEFINE",
         "-DHWY_COMPILE_ONLY_STATIC", "-include", str(ROOT / "tests/lint/vector_before_torch.h")]
# What CMake defines for single targets; values do not matter here.
FLAGS += ['-DLOSSD_PROJECT_VERSION=""', "-DLOSSD_FOR_CARDS=0"]
# Paths through tests are without end for the analyser, and what it finds there is GoogleTest's; tests set their process's
# environment.
TEST_CHECKS = "-clang-analyzer-*,-concurrency-mt-unsafe"
TOGETHER_CHECKS = "-bugprone-suspicious-include"  # They are included.
# Declared outside functions and classes, roughly.
DECLARED = re.compile(r"^(?:(?:class|struct|enum|enum class|using) (\w+)|(?:[\w:<>,&*]+ )+[*&]?(\w+)(?:[({;\[]| = ))",
                      re.MULTILINE)
ERROR = re.compile(r"^(\S+?):\d+:\d+: error: ", re.MULTILINE)
FINDING = re.compile(r"^/\S+?:\d+:\d+: (?:warning|error): ")
FOREIGN = re.compile(rf"^(?!{re.escape(str(ROOT))}/)/.* warning: ")
# Highway compiles these headers once a target, in one source each.
ONCE_A_TARGET = re.compile(r".*-inl\.h:.*\[(misc-definitions-in-headers|google-build-namespaces)\]$", re.MULTILINE)


def tidy(sources: list[str], generated: str) -> tuple[str, bool]:
    """What clang-tidy says of sources that are read together, and whether they can be."""
    checks = TOGETHER_CHECKS + ("," + TEST_CHECKS if sources[0].startswith("tests/") else "")
    with tempfile.NamedTemporaryFile("w", suffix=".cc", dir=ROOT / "build") as together:
        together.write("".join(f'#include "{source}"\n' for source in sources))
        together.flush()
        run = subprocess.run(
            ["clang-tidy", "--quiet", f"--config-file={ROOT}/.clang-tidy", f"--checks={checks}",
             f"--header-filter={re.escape(str(ROOT))}/(core|proto/wire|server|client|tests)/.*", together.name, "--",
             *FLAGS, "-ferror-limit=0", "-isystem", generated], cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout, not ERROR.search(run.stdout) and (run.returncode == 0 or "warning: " in run.stdout)


def findings(sources: list[str], generated: str) -> list[str]:
    """The findings in sources, each with the lines that explain it."""
    said, readable = tidy(sources, generated)
    if not readable and len(sources) > 1:
        wrong = {os.path.relpath(path, ROOT) for path in ERROR.findall(said)}
        apart = [source for source in sources if source in wrong]
        if len(apart) in (0, len(sources)):
            apart = sources[len(sources) // 2:]
        together = [source for source in sources if source not in apart]
        return findings(together, generated) + findings(apart, generated)
    found: list[str] = [] if readable else [f"{sources[0]}: cannot be read"]
    for line in said.splitlines():
        if FINDING.match(line):
            found.append(line)
        elif found:
            found[-1] += "\n" + line
    return [each for each in found if not FOREIGN.match(each) and not ONCE_A_TARGET.match(each)]


def names(source: str) -> set[str]:
    return {name for found in DECLARED.findall((ROOT / source).read_text()) for name in found if name} - {"main"}


def groups(folders: list[str]) -> list[list[str]]:
    """The sources in folders, up to TOGETHER of a folder that declare no name alike."""
    by_folder: dict[str, list[tuple[list[str], set[str]]]] = defaultdict(list)
    for path in files():
        if not path.endswith(".cc") or path.startswith(LEFT_OUT) or not path.startswith(tuple(folders)):
            continue
        own = names(path)
        for sources, taken in by_folder[os.path.dirname(path)]:
            if len(sources) < TOGETHER and not taken & own:
                sources.append(path)
                taken |= own
                break
        else:
            by_folder[os.path.dirname(path)].append(([path], own))
    return [sources for folder in by_folder.values() for sources, _ in folder]


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    generated = str(Path(sys.argv[1]).resolve())
    folders = [folder.rstrip("/") + "/" for folder in sys.argv[2:] or ["core", "proto", "server", "client", "tests"]]
    (ROOT / "build").mkdir(exist_ok=True)
    with ThreadPoolExecutor(int(os.environ.get("JOBS", os.cpu_count() or 1))) as pool:
        found = {line for each in pool.map(lambda group: findings(group, generated), groups(folders)) for line in each}
    print("\n".join(sorted(found)) if found else "clang-tidy: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
