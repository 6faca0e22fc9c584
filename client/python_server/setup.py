# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Packs a built server, the shared libraries it links and their licences."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Iterable

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
BINARIES = Path(os.environ.get("LOSSD_BIN_DIR") or HERE.parents[1] / "build" / "release" / "bin")
# What must be the machine's own: glibc, which also is what the wheel's tag promises.
GLIBC = re.compile(r"^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util))\.so")


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries(binary: Path) -> dict[str, Path]:
    """Paths by the names that the loader looks for."""
    found = dict(re.findall(r"(\S+) => (/\S+)", _output("ldd", str(binary))))
    return {name: Path(path).resolve() for name, path in found.items() if not GLIBC.match(name)}


def licences(files: Iterable[Path]) -> dict[Path, tuple[str, Path]]:
    """By file: name and copyright file of the Debian package that it is of, where there is one. Asks dpkg once, for exact
    paths: a pattern costs it a search of all that is installed."""
    spelled = {name: file for file in files for name in (str(file), str(file).removeprefix("/usr"))}  # As of before usrmerge.
    answer = subprocess.run(["dpkg-query", "--search", *spelled], capture_output=True, text=True).stdout
    owners = {spelled[name]: package for package, name in re.findall(r"^([^\s:,]+)[^/]*: (/.+)$", answer, re.M)
              if name in spelled}
    copyrights = {file: (package, Path("/usr/share/doc") / package / "copyright") for file, package in owners.items()}
    return {file: known for file, known in copyrights.items() if known[1].exists()}


class BuildPy(build_py):
    def run(self) -> None:
        super().run()
        binary = BINARIES / "lossd"
        if not binary.exists():
            raise SystemExit(f"setup.py: expected a built server in LOSSD_BIN_DIR, got no {binary}")
        package = Path(self.build_lib) / "lossd_server"
        for folder in ("bin", "lib", "licences"):
            (package / folder).mkdir(parents=True, exist_ok=True)
        self._strip(binary, package / "bin" / "lossd")
        linked = libraries(binary)
        self.announce(f"packing {binary}, {len(linked)} shared libraries that it links, and their licences", level=logging.INFO)
        known = licences(linked.values())
        for name, path in linked.items():
            self._strip(path, package / "lib" / name)
            if path not in known:
                raise SystemExit(f"setup.py: expected a Debian package with the licence of {path}, got none")
            shutil.copyfile(known[path][1], package / "licences" / known[path][0])
        shutil.copyfile(HERE.parents[1] / "LICENSE", package / "licences" / "lossd")

    @staticmethod
    def _strip(source: Path, target: Path) -> None:
        shutil.copyfile(source, target)
        target.chmod(0o755)
        subprocess.run(["strip", "--strip-unneeded", str(target)], check=True)


class PlatformWheel(bdist_wheel):
    """For any Python 3 of this processor and a glibc as new as this."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        glibc = os.confstr("CS_GNU_LIBC_VERSION").split()[1].replace(".", "_")
        return "py3", "none", f"manylinux_{glibc}_{os.uname().machine}"


setup(cmdclass={"build_py": BuildPy, "bdist_wheel": PlatformWheel})
