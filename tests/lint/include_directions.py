#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that includes point the way the design allows, and that foreign headers stay where they belong.

Run from anywhere; prints each offending line and exits 1 if there is one. `--self-test` proves that it can fail.
"""

from __future__ import annotations

import re
import sys

from tree import ROOT, files

# Folder -> folders and headers of ours that it may include (itself always; core and server all that is below them). The
# longest matching prefix counts. A folder within another may also include what that one may.
ALLOWED = {
    "core/status": [],
    "core/process": [],
    "core/tensor": [],
    "core/random": [],
    "core/scheduling": ["core/status"],
    "core/engine": ["core/status", "core/tensor"],
    "core/losses": ["core/status", "core/tensor", "core/random", "core/engine"],
    "core/losses/cpc": ["core/losses"],
    "core/losses/aten": ["core/losses", "core/losses/cpc"],
    "core": [],
    "proto/wire": ["core/losses/loss_config.h", "core/status", "core/tensor"],
    "server/process": ["core/process", "core/status", "core/tensor"],
    "server/log": ["core/scheduling"],
    "server/settings": ["core/scheduling", "core/status", "server/process"],
    "server/metrics": ["core", "server/process"],
    "server/security": ["core/scheduling", "core/status", "server/log", "server/process", "server/settings"],
    "server/connections": ["core/scheduling", "core/status", "server/log", "server/process", "server/settings"],
    "server/rpc": ["core/scheduling", "core/status", "proto", "server/connections", "server/log", "server/metrics",
                   "server/security", "server/settings"],
    "server/compute": ["core", "proto", "server/metrics", "server/process", "server/rpc"],
    "server/ops": ["core", "proto", "server/metrics", "server/process", "server/rpc", "server/settings"],
    "server": ["core", "proto"],
    "client/npy": ["core/status", "core/tensor"],
    "client/cpp": ["core/losses/loss_config.h", "core/status", "core/tensor", "proto"],
    "client/cli": ["client/cpp", "client/load", "client/npy", "core/process", "core/status", "core/tensor", "proto"],
    "client/load": ["client/cpp", "core", "proto"],
}

# Foreign headers -> folders that may include them.
FOREIGN = {
    r"(torch|ATen|c10|caffe2)/": ["core/engine/cuda", "core/losses/aten"],
    r"(cuda|cublas|nvtx3)[^/]*(/nvToolsExt)?\.h": ["core/engine/cuda"],
    r"(grpcpp|grpc)/": ["proto/wire", "server/compute", "server/ops", "server/rpc", "server/security", "server/serving_server.cc", "client"],
    r"google/protobuf/|lossd/v1/|google/rpc/": ["proto/wire", "server/compute", "server/ops", "server/rpc", "server/serving_server.cc", "client"],
    r"prometheus/": ["server/metrics"],
    r"microhttpd": ["server/ops"],
    r"hwy/": ["core/engine", "core/tensor"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')


def folder_of(path: str) -> str | None:
    """The entry of ALLOWED that governs a file; None for files it does not govern (tests)."""
    matches = [folder for folder in ALLOWED if path.startswith(folder + "/")]
    return max(matches, key=len, default=None)


def allowed_to(folder: str) -> list[str]:
    """Folders and headers that a folder of the table may include."""
    parent = folder_of(folder)
    inherited = allowed_to(parent)[1:] if parent and "/" in parent else []
    return [folder, *ALLOWED[folder], *inherited]


def is_in(included: str, place: str) -> bool:
    """Whether a header is `place`, or lies in it and in no folder of the table below it; houses have all that is below."""
    return included == place or included.startswith(place + "/") and ("/" not in place or folder_of(included) in (place, None))


def offence(path: str, included: str) -> str | None:
    """Why `path` may not include `included`; None if it may."""
    folder = folder_of(path)
    if folder is None:
        return None
    target = folder_of(included)
    if target is not None or included.startswith("tests/"):
        allowed = allowed_to(folder)
        if not any(is_in(included, place) for place in allowed):
            return f"{folder} may include of ours only {', '.join(allowed)}"
    for pattern, folders in FOREIGN.items():
        if re.match(pattern, included) and not any(path.startswith(prefix) for prefix in folders):
            return f"{included} belongs to {', '.join(folders)} only"
    return None


def offences() -> list[str]:
    found = []
    for path in files():
        if not path.endswith((".h", ".cc", ".cu")):
            continue
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            reason = match and offence(path, match.group(1))
            if reason:
                found.append(f"{path}:{number}: {line.strip()}  ({reason})")
    return found


def self_test() -> None:
    assert offence("core/tensor/x.cc", "core/engine/gemm.h")
    assert offence("core/scheduling/x.cc", "core/losses/loss.h")
    assert offence("core/tile_backend.cc", "server/metrics/metrics.h")
    assert offence("core/tensor/x.cc", "ATen/ATen.h")
    assert offence("server/main.cc", "prometheus/counter.h")
    assert offence("core/losses/x.cc", "cuda_runtime_api.h")
    assert offence("client/cpp/client.cc", "server/settings/options.h")
    assert offence("core/engine/x.cc", "tests/support/accuracy.h")
    assert offence("core/losses/x.cc", "ATen/ATen.h")
    assert offence("core/engine/device/x.cc", "c10/core/Device.h")
    assert offence("core/losses/x.cc", "core/losses/cpc/cpc_plan.h")
    assert offence("core/losses/cpc/x.cc", "core/losses/aten/target.h")
    assert offence("core/losses/cpc/x.cc", "core/scheduling/clock.h")
    assert offence("core/engine/cuda/x.cu", "core/losses/loss.h")
    assert not offence("core/losses/aten/x.cc", "ATen/ATen.h")
    assert not offence("core/losses/aten/x.cc", "core/losses/cpc/cpc_plan.h")
    assert not offence("core/losses/cpc/x.cc", "core/losses/loss.h")
    assert not offence("core/losses/cpc/x.cc", "core/random/torch_generator.h")
    assert not offence("core/tile_backend.cc", "core/losses/registry.h")
    assert not offence("server/metrics/x.cc", "core/loss_backend.h")
    assert not offence("core/losses/x.cc", "core/engine/gemm.h")
    assert offence("client/cpp/x.h", "core/losses/loss.h")
    assert not offence("client/cpp/x.h", "core/losses/loss_config.h")
    assert not offence("server/metrics/metrics.cc", "prometheus/counter.h")
    assert offence("server/rpc/x.cc", "server/compute/compute_call.h")
    assert not offence("server/loss_server.cc", "server/ops/http_server.h")
    assert not offence("tests/core/x_test.cc", "server/settings/options.h")


if __name__ == "__main__":
    self_test()
    if "--self-test" in sys.argv:
        sys.exit(0)
    problems = offences()
    print("\n".join(problems) if problems else "include directions: clean")
    sys.exit(1 if problems else 0)
