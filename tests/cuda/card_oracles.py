# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Every loss on the server against its formula in float64 with autograd, in float32 and in float64; and the same request
alone and in batches."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from card_server import PACK, Server, environment, lossctl

# Of the largest entry of a gradient. What products of float32 sum on a card is not as exact as on the processor.
ALLOWED = {"float32": 1e-5, "float64": 1e-10}
_POSITIONS = (1, 3, 0, 2, 2, 0)  # Of three images, both directions.


@dataclasses.dataclass(frozen=True)
class Oracle:
    loss: str
    inputs: tuple[str, ...]
    formula: Callable  # Of module torch_formulas, or as they are.
    shapes: tuple[tuple[int, ...], ...] = ((5, 3), (64, 64), (1000, 257))
    flags: tuple[str, ...] = ()
    labels: bool = False  # Whether the last input is of labels, with no gradient.
    normalized: bool = False  # Whether rows have to come so.


def oracles() -> tuple[Oracle, ...]:
    import torch_formulas as formulas
    return (Oracle("nt_xent", ("out_1", "out_2"), formulas.nt_xent, normalized=True),
            Oracle("info_nce", ("query", "key"), formulas.info_nce),
            Oracle("clip", ("image", "text"), formulas.clip, normalized=True),
            Oracle("siglip", ("image", "text"), formulas.siglip, normalized=True),
            Oracle("dcl", ("out_1", "out_2"), formulas.dcl),
            Oracle("sup_con", ("features", "labels"), formulas.sup_con, labels=True),
            Oracle("vicreg", ("z_1", "z_2"), formulas.vicreg),
            Oracle("barlow_twins", ("z_1", "z_2"), formulas.barlow_twins),
            Oracle("cpc", ("z",), formulas.cpc, ((2, 4, 5, 5), (8, 16, 7, 7))),
            Oracle("feature_map_contrastive", ("anchor.0", "positive.0"), formulas.maps(_POSITIONS),
                   ((3, 5, 2, 2), (3, 64, 7, 7)),
                   ("--comparisons", "00", "--positions", ",".join(map(str, _POSITIONS)))))


def compute(address: str, folder: Path, loss: str, flags: tuple[str, ...], inputs: dict) -> dict:
    """Gradients of named tensors."""
    import numpy
    folder.mkdir(exist_ok=True)
    for name, tensor in inputs.items():
        numpy.save(folder / f"{name}.in.npy", tensor.detach().cpu().numpy())
    lossctl("compute", "--loss", loss, *flags, "--json", "--gradients-dir", str(folder), "--target", address,
            *[f"{name}={folder}/{name}.in.npy" for name in inputs])
    return {name: numpy.load(folder / f"{name}.npy") for name in inputs if (folder / f"{name}.npy").exists()}


def draw(oracle: Oracle, shape: tuple[int, ...], dtype: str) -> dict:
    """Inputs of the shape, always the same."""
    import torch
    torch.manual_seed(0)
    count = len(oracle.inputs) - oracle.labels
    inputs = {name: torch.randn(*shape, dtype=torch.float64) for name in oracle.inputs[:count]}
    if oracle.normalized:
        inputs = {name: torch.nn.functional.normalize(tensor, dim=1) for name, tensor in inputs.items()}
    inputs = {name: tensor.to(getattr(torch, dtype)) for name, tensor in inputs.items()}
    if oracle.labels:
        inputs[oracle.inputs[-1]] = torch.randint(max(2, shape[0] // 4), (shape[0],))
    return inputs


def difference(address: str, oracle: Oracle, shape: tuple[int, ...], dtype: str) -> float:
    """The largest difference of a gradient from that of the formula, of the formula's largest entry."""
    inputs = draw(oracle, shape, dtype)
    with tempfile.TemporaryDirectory() as folder:
        got = compute(address, Path(folder), oracle.loss, oracle.flags, inputs)
    wide = {name: tensor.double().requires_grad_() if tensor.is_floating_point() else tensor
            for name, tensor in inputs.items()}
    oracle.formula(*wide.values()).backward()
    expected = {name: tensor.grad for name, tensor in wide.items() if tensor.is_floating_point()}
    if set(expected) - set(got):
        raise RuntimeError(f"{oracle.loss}: no gradient of {set(expected) - set(got)}")
    return max(float(abs(got[name] - grad.numpy()).max() / grad.abs().max()) for name, grad in expected.items())


def compare(server: Server) -> dict[str, float]:
    found, too_far = {}, []
    for oracle in oracles():
        for shape in oracle.shapes:
            for dtype, allowed in ALLOWED.items():
                name = f"{oracle.loss} {'x'.join(map(str, shape))} {dtype}"
                found[name] = difference(server.address, oracle, shape, dtype)
                if not found[name] <= allowed:
                    too_far.append(name)
    if too_far:
        raise RuntimeError(f"further than {ALLOWED} of the largest entry: {too_far} of {found}")
    return found


# Of the oracles' losses, with what the load beside them sends. Requests of one key meet in a batch.
_TOGETHER = {"nt_xent": (64, 64), "info_nce": (64, 64), "sup_con": (64, 64), "vicreg": (64, 32), "cpc": (4, 8, 5, 5),
             "feature_map_contrastive": (3, 16, 7, 7)}


def _batches(server: Server) -> tuple[float, float]:
    """Requests and batches of all devices so far."""
    counters = server.counters()
    return tuple(sum(value for series, value in counters.items() if series.startswith(name))
                 for name in ("lossd_device_requests_total{", "lossd_device_batches_total{"))


def batched_against_alone(server: Server, rehearsal: bool) -> dict[str, dict]:
    """The same request alone, and while sixteen of its kind are under way; the largest difference of a gradient. Fails
    where a device counts batches and none had two requests."""
    found = {}
    for oracle in oracles():
        if oracle.loss not in _TOGETHER:
            continue
        shape = _TOGETHER[oracle.loss]
        inputs = draw(oracle, shape, "float32")
        with tempfile.TemporaryDirectory() as folder:
            alone = compute(server.address, Path(folder) / "alone", oracle.loss, oracle.flags, inputs)
            requests, batches = _batches(server)
            load = subprocess.Popen(
                [PACK / "bin/lossctl", "load", "--loss", oracle.loss, *oracle.flags, "--shape", ",".join(map(str, shape)),
                 *(["--maps", "1"] if oracle.loss == "feature_map_contrastive" else []), "--concurrency", "16",
                 "--duration", "1s" if rehearsal else "5s", "--target", server.address],
                env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                together = [compute(server.address, Path(folder) / f"together{i}", oracle.loss, oracle.flags, inputs)
                            for i in range(5 if rehearsal else 20)]
            finally:
                _, complaint = load.communicate(timeout=60)
            if load.returncode:
                raise RuntimeError(f"the load of {oracle.loss}: {complaint}")
            requests, batches = (after - before for after, before in zip(_batches(server), (requests, batches)))
        if batches and requests <= batches:
            raise RuntimeError(f"{oracle.loss}: {requests} requests were {batches} batches: none met another")
        differences = [float(abs(one[name] - alone[name]).max()) for one in together for name in alone]
        found[oracle.loss] = {"runs": len(together), "equal bits": max(differences) == 0,
                              "largest difference": max(differences),
                              "requests a batch": requests / batches if batches else None}
    return found


if __name__ == "__main__":
    address = sys.argv[1]
    print(json.dumps(compare(Server(address, "")), indent=1))
