# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What goes into the image for cards, of packages that look like LibTorch's and CUDA's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / "deploy/image/cuda_libraries"


def _link(path: Path, *libraries: Path) -> Path:
    """A shared library with a local symbol, which links others by their paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = "static int hidden(int x) { return x + 1; } int (*volatile seen)(int) = hidden;"
    options = [f"-Wl,-rpath,{library.parent}" for library in libraries] + [str(library) for library in libraries]
    subprocess.run(["cc", "-shared", "-fPIC", "-Wl,--no-as-needed", f"-Wl,-soname,{path.name}", "-x", "c", "-", "-x",
                    "none", *options, "-o", path], input=code, text=True, check=True)
    return path


def _symbols(path: Path) -> str:
    return subprocess.run(["nm", path], capture_output=True, text=True).stdout


@pytest.fixture()
def packages(tmp_path) -> Path:
    packages = tmp_path / "packages"
    products = _link(packages / "nvidia/cu13/lib/libcublas.so.13")
    _link(packages / "nvidia/cu13/lib/libcusolver.so.12")
    _link(packages / "torch/lib/libtorch_cuda.so", products)
    _link(packages / "torch/lib/libtorch_cuda_linalg.so")
    files = {"torch-2": ["torch/lib/libtorch_cuda.so", "torch-2.dist-info/licenses/LICENSE",
                         "torch-2.dist-info/licenses/NOTICE"],
             "cublas-13": ["nvidia/cu13/lib/libcublas.so.13", "nvidia/cu13/License.txt"],
             "cusolver-12": ["nvidia/cu13/lib/libcusolver.so.12", "cusolver-12.dist-info/licenses/License.txt"]}
    for name, paths in files.items():
        record = packages / f"{name}.dist-info/RECORD"
        record.parent.mkdir()
        record.write_text("".join(f"{path},sha256=0,1\n" for path in paths))
        for path in paths[1:]:
            (packages / path).parent.mkdir(exist_ok=True)
            (packages / path).write_text(name)
    return packages


def test_what_the_module_links_is_copied_and_nothing_else(packages, tmp_path):
    module = _link(tmp_path / "liblossd_cuda.so", packages / "torch/lib/libtorch_cuda.so")
    folder = tmp_path / "image/lib"
    told = subprocess.run([_SCRIPT, module, folder], check=True, capture_output=True, text=True).stdout
    assert told.strip().isdigit()
    assert {path.name for path in folder.iterdir()} == {
        "liblossd_cuda.so", "libtorch_cuda.so", "libcublas.so.13", "licenses"}
    for stripped in ("liblossd_cuda.so", "libtorch_cuda.so"):
        assert "hidden" not in _symbols(folder / stripped)
    unchanged = packages / "nvidia/cu13/lib/libcublas.so.13"
    assert "hidden" in _symbols(unchanged) and (folder / unchanged.name).read_bytes() == unchanged.read_bytes()


def test_the_licences_of_what_is_copied_go_with_it(packages, tmp_path):
    module = _link(tmp_path / "liblossd_cuda.so", packages / "torch/lib/libtorch_cuda.so")
    subprocess.run([_SCRIPT, module, tmp_path / "image"], check=True, stdout=subprocess.DEVNULL)
    licences = tmp_path / "image/licenses"
    assert sorted(str(path.relative_to(licences)) for path in licences.rglob("*") if path.is_file()) == [
        "cublas-13/License.txt", "torch-2/LICENSE", "torch-2/NOTICE"]
    assert (licences / "cublas-13/License.txt").read_text() == "cublas-13"


@pytest.mark.parametrize("missing", ["torch/lib/libtorch_cuda.so", "nvidia/cu13/lib/libcublas.so.13"])
def test_a_module_whose_libraries_are_not_found_is_refused(packages, tmp_path, missing):
    module = _link(tmp_path / "liblossd_cuda.so", packages / "torch/lib/libtorch_cuda.so")
    (packages / missing).unlink()
    done = subprocess.run([_SCRIPT, module, tmp_path / "image"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "expected a module all of whose libraries are found" in done.stderr
    assert f"{Path(missing).name} => not found" in done.stderr
    assert not (tmp_path / "image").exists()


def test_a_module_without_cuda_is_refused(tmp_path):
    done = subprocess.run([_SCRIPT, _link(tmp_path / "other.so"), tmp_path / "image"], capture_output=True, text=True)
    assert done.returncode == 1 and "libtorch_cuda.so" in done.stderr
