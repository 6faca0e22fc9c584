# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Packs a built server, the shared libraries it links and their licences."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

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


def licence(library: Path) -> tuple[str, Path] | None:
    """Name and copyright file of the Debian package that a library is of."""
    owner = subprocess.run(["dpkg-query", "-S", f"*{library.name}"], capture_output=True, text=True).stdout
    package = owner.partition(":")[0]
    path = Path("/usr/share/doc") / package / "copyright"
    return (package, path) if package and path.exists() else None


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
        for name, path in libraries(binary).items():
            self._strip(path, package / "lib" / name)
            known = licence(path)
            if known is None:
                raise SystemExit(f"setup.py: expected a Debian package with the licence of {path}, got none")
            shutil.copyfile(known[1], package / "licences" / known[0])
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
