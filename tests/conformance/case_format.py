#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Checks the cases against README.md and prints what is wrong; `--fix` fills in their `request_binary`."""

from __future__ import annotations

import base64
import json
import math
import sys
from pathlib import Path

from google.protobuf import json_format

import messages

CASES = Path(__file__).resolve().parent / "cases"
SERVERS = ("plain", "patient", "small", "full", "brief", "secure", "restarting", "nobody")
KINDS = ("compute", "stream", "info", "restart", "rotate")
SIZES = {"FLOAT32": 4, "FLOAT16": 2, "BFLOAT16": 2, "FLOAT64": 8, "INT32": 4, "INT64": 8, "UINT8": 1}
MEMBERS = {
    "case": {"name", "about", "server", "kind", "client", "messages", "expect"},
    "client": {"timeout_ms", "cancel_after_ms", "compression", "max_message_bytes", "token", "calls", "concurrency",
               "restart_after"},
    "message": {"request", "request_binary", "inputs", "expect"},
    "input": {"name", "dtype", "shape", "data", "fill"},
    "fill": {"step", "modulus", "offset", "scale"},
    "expect": {"objective", "outputs", "gradients", "nonfinite", "error", "info"},
    "objective": {"value", "tolerance"},
    "tensor": {"name", "dtype", "shape", "values", "tolerance", "equals_input"},
    "error": {"code", "field", "quota", "retry_delay", "text", "origin"},
}


def _unknown(kind: str, value: dict) -> list[str]:
    return [f"{kind}: unknown member {name}" for name in sorted(set(value) - MEMBERS[kind])]


def binary_of(request: dict) -> str:
    """`request_binary` of a `request`."""
    message = json_format.ParseDict(request, messages.service().ComputeRequest())
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def _request_problems(message: dict) -> list[str]:
    if "request_binary" not in message:
        return ["message: expected request_binary, got none (--fix writes it)"]
    if "request" not in message:
        return []
    expected = binary_of(message["request"])
    if message["request_binary"] != expected:
        return [f"message: request_binary is not that of request, expected {expected}"]
    return []


def _input_problems(tensor: dict) -> list[str]:
    problems = _unknown("input", tensor)
    if ("data" in tensor) == ("fill" in tensor):
        problems.append(f"input {tensor['name']}: expected data or fill")
    elif "fill" in tensor:
        problems += _unknown("fill", tensor["fill"])
    else:
        bytes_ = math.prod(tensor["shape"]) * SIZES[tensor["dtype"]]
        got = len(base64.b64decode(tensor["data"]))
        if got != bytes_:
            problems.append(f"input {tensor['name']}: expected {bytes_} bytes, got {got}")
    return problems


def _expect_problems(expect: dict, inputs: set[str]) -> list[str]:
    problems = _unknown("expect", expect)
    if "error" in expect:
        problems += _unknown("error", expect["error"])
    if "objective" in expect:
        problems += _unknown("objective", expect["objective"])
    for tensor in expect.get("outputs", []) + expect.get("gradients", []):
        problems += _unknown("tensor", tensor)
        if "values" in tensor and len(tensor["values"]) != math.prod(tensor["shape"]):
            problems.append(f"{tensor['name']}: expected {math.prod(tensor['shape'])} values, got {len(tensor['values'])}")
        if tensor.get("equals_input", next(iter(inputs), None)) not in inputs:
            problems.append(f"{tensor['name']}: equals_input names no input")
    return problems


def problems_of(path: Path) -> list[str]:
    """What is wrong with a case; nothing if it is as README.md says."""
    case = json.loads(path.read_text())
    problems = _unknown("case", case) + _unknown("client", case.get("client", {}))
    if case.get("name") != path.stem:
        problems.append(f"name: expected {path.stem}, got {case.get('name')}")
    if case.get("server") not in SERVERS:
        problems.append(f"server: expected one of {SERVERS}, got {case.get('server')}")
    if case.get("kind") not in KINDS:
        problems.append(f"kind: expected one of {KINDS}, got {case.get('kind')}")
    for message in case.get("messages", []):
        problems += _unknown("message", message) + _request_problems(message)
        for tensor in message["inputs"]:
            problems += _input_problems(tensor)
        problems += _expect_problems(message["expect"], {tensor["name"] for tensor in message["inputs"]})
    return [f"{path.name}: {problem}" for problem in problems]


def text_of(case: dict) -> str:
    """A case as its file holds it."""
    return json.dumps(case, indent=1, allow_nan=False) + "\n"


def fix(path: Path) -> None:
    """Writes each `request_binary` whose `request` is there."""
    case = json.loads(path.read_text())
    for message in case.get("messages", []):
        if "request" in message:
            message["request_binary"] = binary_of(message["request"])
    path.write_text(text_of(case))


def main() -> int:
    paths = sorted(CASES.glob("*.json"))
    if "--fix" in sys.argv[1:]:
        for path in paths:
            fix(path)
    problems = [problem for path in paths for problem in problems_of(path)]
    print("\n".join(problems) if problems else f"{len(paths)} cases: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
