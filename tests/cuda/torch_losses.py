# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The bench cases' losses in PyTorch on any device, as users write them: formulas and autograd."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
from torch_reference import CpcModules  # noqa: E402  # As the reference initialises them.


def _wide(scores):
    """16-bit scores are summed in float32, as autocast has it."""
    return scores if scores.dtype in (torch.float32, torch.float64) else scores.float()


def nt_xent(out_1, out_2, temperature=0.5):
    z = torch.cat([out_1, out_2])
    scores = _wide(z @ z.T / temperature)
    scores = scores.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), float("-inf"))
    own = scores.diagonal(len(out_1)).repeat(2)
    return (scores.logsumexp(1) - own).mean()


def info_nce(query, key, temperature=0.07):
    scores = functional.normalize(query, dim=1) @ functional.normalize(key, dim=1).T / temperature
    return functional.cross_entropy(_wide(scores), torch.arange(len(query), device=query.device))


def clip(image, text, scale=1 / 0.07):
    scores = _wide(scale * (image @ text.T))
    labels = torch.arange(len(image), device=image.device)
    return (functional.cross_entropy(scores, labels) + functional.cross_entropy(scores.T, labels)) / 2


def siglip(image, text, scale=10.0, bias=-10.0):
    scores = _wide(scale * (image @ text.T) + bias)
    signs = 2 * torch.eye(len(image), device=image.device) - 1
    return -functional.logsigmoid(signs * scores).sum() / len(image)


def maps(anchor, positive, tclip=10.0):
    total = 0
    images, channels = anchor.shape[:2]
    numbers = torch.arange(images, device=anchor.device)
    own = torch.eye(images, dtype=torch.bool, device=anchor.device)
    for source, target in ((anchor, positive), (positive, anchor)):
        places = torch.randint(source.shape[2] * source.shape[3], (images,), device=anchor.device)
        sources = source.flatten(2)[numbers, :, places]
        targets = target.flatten(2).permute(1, 0, 2).reshape(channels, -1)
        raw = _wide(sources @ targets / math.sqrt(channels)).view(images, images, -1)
        scores = tclip * torch.tanh(raw / tclip)
        negatives = scores.masked_fill(own[:, :, None], -math.inf).flatten(1).logsumexp(dim=1)
        positives = scores.diagonal(dim1=0, dim2=1)
        total = total + (functional.softplus(negatives - positives).mean() + 0.05 * raw.square().mean()) / 2
    return total


class Cpc(nn.Module):
    """All steps of a position from one log-sum-exp, which is faster than the reference's loops over steps."""

    def __init__(self, channels):
        super().__init__()
        self.modules_of = CpcModules(channels)

    def forward(self, z):
        modules = self.modules_of
        context = z
        for block in modules.blocks:
            context = context + block(context)
        predictions = modules.pred_cnn(context.relu()).permute(0, 2, 3, 1)  # [B, h, w, D]
        targets = modules.target_cnn(z).permute(0, 2, 3, 1)
        batch, height, width, dim = targets.shape
        scores = _wide(0.1 * predictions[:, :-2].reshape(-1, dim) @ targets.reshape(-1, dim).T)
        sums = scores.logsumexp(1).view(batch, height - 2, width)
        loss = 0
        for step in range(1, height - 1):
            rows = height - step - 1
            picks = _wide(0.1 * (predictions[:, :rows] * targets[:, step + 1:]).sum(3))
            loss = loss + step * (sums[:, :rows] - picks).mean()
        return loss


def loss_of(name: str, shape: tuple[int, ...], device: str) -> tuple[Callable, int]:
    """The loss, and how many inputs of the shape it takes."""
    if name == "cpc":
        return Cpc(shape[1]).to(device), 1
    return {"feature_map_contrastive": maps, "nt_xent": nt_xent, "info_nce": info_nce, "clip": clip,
            "siglip": siglip}[name], 2


DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def milliseconds(step: Callable[[], object], device: str, repeats: int) -> float:
    """Of a step, the mean over so many, on the device's own clock."""
    for _ in range(3):
        step()
    if device == "cpu":
        begin = time.perf_counter()
        for _ in range(repeats):
            step()
        return 1e3 * (time.perf_counter() - begin) / repeats
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    for _ in range(repeats):
        step()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / repeats


def measure(name: str, shape: tuple[int, ...], precision: str, device: str, repeats: int) -> dict[str, object]:
    """Milliseconds of PyTorch, eager and compiled, and the device memory of eager; errors under their own names."""
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    loss, count = loss_of(name, shape, device)
    dtype = DTYPES.get(precision, torch.float32)
    if isinstance(loss, nn.Module):
        loss = loss.to(dtype)
    inputs = [torch.randn(*shape, device=device).to(dtype).requires_grad_() for _ in range(count)]
    ways = {"eager": loss}
    if hasattr(torch, "compile") and device != "cpu":
        ways["compiled"] = torch.compile(loss)
    found: dict[str, object] = {}
    for way, function in ways.items():
        try:
            if device != "cpu":
                torch.cuda.reset_peak_memory_stats()
            found[f"{way}_ms"] = milliseconds(lambda f=function: f(*inputs).backward(), device, repeats)
            if device != "cpu":
                found[f"{way}_mb"] = torch.cuda.max_memory_allocated() / 1e6
        except Exception as error:  # noqa: BLE001  # Out of memory, or no compiler: noted, and the next one runs.
            found[f"{way}_error"] = str(error).splitlines()[0][:200]
        for tensor in inputs:
            tensor.grad = None
        if device != "cpu":
            torch.cuda.empty_cache()
    return found
