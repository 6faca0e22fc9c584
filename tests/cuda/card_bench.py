# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The bench of tests/cuda/run: lossd against PyTorch on the same device, and against what card_bounds predicts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import card_bounds
from card_cases import CASES, Case
from card_server import Server, lossctl, serving

_DEVICE = "lossd_device_"


def _load(server: Server, case: Case, shape: tuple[int, ...], concurrency: int, rehearsal: bool) -> dict[str, float]:
    length = ("--calls", "24") if rehearsal else ("--duration", "3s")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        lossctl("load", "--loss", case.loss, *case.flags, "--shape", ",".join(map(str, shape)),
                "--dtype", "bfloat16" if case.precision == "bf16" else "float32", "--concurrency", str(concurrency),
                *length, "--json", report, "--max-message-bytes", "1073741824", "--target", server.address)
        level = json.loads(report.read_text())["levels"][0]
    if level["failed"]:
        raise RuntimeError(f"{level['failed']} calls failed: {level['errors']}")
    percentiles = dict(level["latency_ms"]["percentiles"])
    return {"p50_ms": percentiles[0.5], "calls_per_second": level["goodput_per_second"]}


def _between(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What a request cost the device; nothing where that is the processor."""

    def grown(name: str, labels: str = "") -> float:
        return sum(value - before.get(series, 0) for series, value in after.items()
                   if series.startswith(f"{_DEVICE}{name}{{") and labels in series)

    requests, batches = grown("requests_total"), grown("batches_total")
    if not requests:
        return {}
    return {"device_ms": 1e3 * grown("busy_seconds_total", 'stream="compute"') / requests,
            "requests_a_batch": requests / batches, "launches_a_batch": grown("operations_total") / batches,
            "copies_a_request": grown("copies_total") / requests,
            "mb_up": grown("copied_bytes_total", 'direction="up"') / requests / 1e6,
            "mb_down": grown("copied_bytes_total", 'direction="down"') / requests / 1e6,
            "held_mb": sum(v for k, v in after.items() if k.startswith(f"{_DEVICE}held_bytes{{")) / 1e6}


def _with_torch(case: Case, shape: tuple[int, ...], rehearsal: bool) -> dict[str, object]:
    try:
        import torch_losses
    except ImportError as missing:
        return {"torch_error": str(missing)}
    device = "cpu" if rehearsal else "cuda"
    return torch_losses.measure(case.loss, shape, case.precision, device, 3 if rehearsal else 20)


def _free_mb(rehearsal: bool) -> float | None:
    """Of the card's memory, whoever uses it. LibTorch gives nothing back that it had, so that what has gone after some
    calls is the most that they took: regions, its own, and cuBLAS's. Nothing where there is no card or no torch."""
    if rehearsal:
        return None
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    return torch.cuda.mem_get_info()[0] / 1e6


def _row(server: Server, case: Case, rehearsal: bool) -> dict[str, object]:
    shape = case.small if rehearsal else case.shape
    row: dict[str, object] = {"case": case.name, "loss": case.loss, "shape": list(shape), "precision": case.precision,
                              "goal_ms": case.goal_ms, "goal_mb": case.goal_mb, "anchor": case.anchor}
    try:
        free = _free_mb(rehearsal)
        _load(server, case, shape, 1, rehearsal)  # The first calls allocate, and are in no figure.
        before = server.counters()
        row["alone"] = _load(server, case, shape, 1, rehearsal)
        row["device"] = _between(before, server.counters())
        if free is not None:
            row["memory_mb"] = free - _free_mb(rehearsal)
        _load(server, case, shape, 8, rehearsal)
        row["eight"] = _load(server, case, shape, 8, rehearsal)
    except Exception as error:  # noqa: BLE001  # Noted, and the next case runs.
        row["error"] = str(error)[-500:]
    row["torch"] = _with_torch(case, shape, rehearsal)
    if case.bound is not None and not rehearsal:
        demand, precision = card_bounds.CASES[case.bound]
        row["predicted_ms"] = {name: 1e3 * seconds for name, seconds in demand.times(card_bounds.H200, precision).items()}
    return row


def _judge(case: Case, row: dict) -> None:
    device = row.get("device", {}).get("device_ms")
    eager = row["torch"].get("eager_ms")
    if device and case.goal_ms:
        row["met"] = device <= case.goal_ms
    if case.goal_mb and "memory_mb" in row:
        row["met_memory"] = row["memory_mb"] <= case.goal_mb
    if device and eager:
        row["times_eager"] = eager / device
        if case.goal_times_eager:
            row["met"] = row["times_eager"] >= case.goal_times_eager


def bench(device: str, rehearsal: bool, cases: Iterable[Case] = CASES,
          serve: Callable = serving) -> list[dict[str, object]]:
    """A row a case. A server each precision, and each case whose memory is judged: on a processor there is no tf32, and
    fp32 stands for it."""
    rows = []
    groups: dict[tuple, list[Case]] = {}
    for case in sorted(cases, key=lambda one: ("fp32", "tf32", "bf16").index(one.precision)):
        groups.setdefault((case.precision, case.name if case.goal_mb else None), []).append(case)
    for (precision, _), of_server in groups.items():
        flag = "fp32" if rehearsal and precision == "tf32" else precision
        with serve(device, f"--compute_precision={flag}") as server:
            for case in of_server:
                rows.append(_row(server, case, rehearsal))
                _judge(case, rows[-1])
    return rows


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else str(value)


def table(rows: list[dict]) -> list[str]:
    """Markdown. Times in milliseconds: of the device, of a call alone, of PyTorch on the same device."""
    lines = ["| loss | shape | precision | device | call, p50 | calls/s at 8 | eager | compiled | eager / device | predicted "
             "| goal | launches | copies | MB up / down | MB of the card | error |", "|---" * 16 + "|"]
    for row in rows:
        device, torch = row.get("device", {}), row["torch"]
        predicted = row.get("predicted_ms", {})
        computing = predicted["products"] + predicted["memory"] if predicted else None
        goal = "" if "met" not in row else f"{_number(row['goal_ms'])} {'met' if row['met'] else 'missed'}"
        memory = _number(row.get("memory_mb"))
        if "met_memory" in row:
            memory += f" of {_number(row['goal_mb'])}: {'met' if row['met_memory'] else 'missed'}"
        cells = [row["loss"], "x".join(map(str, row["shape"])), row["precision"], device.get("device_ms"),
                 row.get("alone", {}).get("p50_ms"), row.get("eight", {}).get("calls_per_second"), torch.get("eager_ms"),
                 torch.get("compiled_ms"), row.get("times_eager"), computing, goal, device.get("launches_a_batch"),
                 device.get("copies_a_request"),
                 f"{device['mb_up']:.3g} / {device['mb_down']:.3g}" if device else "", memory,
                 row.get("error") or torch.get("eager_error") or torch.get("torch_error")]
        lines.append("| " + " | ".join(_number(cell).replace("\n", " ").replace("|", "/") for cell in cells) + " |")
    return lines
