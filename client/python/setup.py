# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Builds the package with the messages' modules in it: made from ../../proto in a checkout, carried by source archives."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
PROTO = HERE.parents[1] / "proto"
CARRIED = HERE / "lossd" / "v1"  # In source archives.


def generate(out: Path) -> list[str]:
    """The messages' modules under `out`; their paths."""
    if not (PROTO / "lossd").is_dir():
        if not (CARRIED / "tensor_pb2.py").exists():
            raise SystemExit(f"setup.py: expected {PROTO} in a checkout, or modules in {CARRIED}, got neither")
        return []
    sys.path.insert(0, str(HERE))
    import generate_messages

    has_tools = importlib.util.find_spec("grpc_tools") is not None
    protoc = [sys.executable, "-m", "grpc_tools.protoc"] if has_tools else [shutil.which("protoc") or "protoc"]
    roots = [PROTO, *(path for path in (PROTO / "third_party",) if path.is_dir())]
    return [str(path) for path in generate_messages.generate(protoc, roots, out)]


class BuildPy(build_py):
    def run(self) -> None:
        super().run()
        self.made = generate(HERE if self.editable_mode else Path(self.build_lib))

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return super().get_outputs(include_bytecode) + ([] if self.editable_mode else getattr(self, "made", []))


class Sdist(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        generate(Path(base_dir))
        shutil.copy(HERE.parents[1] / "LICENSE", base_dir)


setup(license="Apache-2.0", cmdclass={"build_py": BuildPy, "sdist": Sdist})
