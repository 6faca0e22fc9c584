# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""python3 -m lossd_demo: trains on real images with the loss computed by a lossd server, and reports."""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

import torch

import lossd
from lossd_demo import images, report
from lossd_demo.local_loss import LocalFeatureMapContrastiveTask
from lossd_demo.server import ServerProcess, stage_means
from lossd_demo.training import Run, new_encoder, probe_accuracy, train

_COMPARISONS = "01, 11"  # The whole image against parts of the other view, and parts against parts.
_LABELS = (1, 5, 20)
_STAGES = {"decode": "bytes to tensors: the one copy", "queue": "waiting for a worker",
           "compute": "loss and all gradients", "encode": "tensors to slices: no copy"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lossd_demo", description=__doc__)
    parser.add_argument("--server", required=True, help="the lossd binary to start")
    parser.add_argument("--report", default="demo-report/index.html", help="where to write the HTML report")
    parser.add_argument("--steps", type=int, default=300, help="training steps of each run (default %(default)s)")
    parser.add_argument("--batch", type=int, default=128, help="images a step (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, views and draws (default %(default)s)")
    return parser.parse_args()


def _accuracy_rows(encoders: dict[str, torch.nn.Module], digits: images.Digits) -> list[report.Row]:
    return [report.Row(name, [f"{probe_accuracy(encoder, digits, n):.1%}" for n in _LABELS])
            for name, encoder in encoders.items()]


def _print_table(head: list[str], rows: list[report.Row]) -> None:
    width = max(len(row.label) for row in rows)
    print(" " * width, *(f"{h:>12}" for h in head[1:]))
    for row in rows:
        print(f"{row.label:<{width}}", *(f"{v:>12}" for v in row.values), row.note)


def _write_report(path: Path, remote: Run, local: Run, head: list[str], rows: list[report.Row],
                  stages: list[report.Row], difference: str, server_version: str) -> None:
    steps = len(remote.curve)
    page = report.render(
        lead=f"A convolutional encoder on scikit-learn's digits, {steps} steps, no labels: two random views of each "
             f"image, feature maps at two scales, comparisons “{_COMPARISONS}”.",
        cards=[("trained with lossd, 5 labels a class", rows[1].values[1]),
               ("untrained encoder, 5 labels a class", rows[0].values[1]),
               ("remote loss and gradients, a step", f"{1e3 * remote.loss_seconds / steps:.1f} ms"),
               ("local torch and autograd, a step", f"{1e3 * local.loss_seconds / steps:.1f} ms")],
        remote=remote.curve, local=local.curve, difference=difference, accuracies=(head, rows), stages=stages,
        footer=f"lossd {server_version}, torch {torch.__version__}, Python {platform.python_version()}, "
               f"{platform.machine()}. Both runs share seed, images, views and draws.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def main() -> int:
    arguments = _arguments()
    torch.set_num_threads(1)  # Small tensors: more threads only wait for each other.
    digits = images.load()
    options = dict(digits=digits, steps=arguments.steps, batch=arguments.batch, seed=arguments.seed)
    with ServerProcess(arguments.server) as server, lossd.Client(server.target) as client:
        info = client.server_info()
        print(f"server: lossd {info.version} on {server.target}, {info.devices[0].description}")
        remote = train(lossd.FeatureMapContrastiveTask(_COMPARISONS, client=client), label="remote loss", **options)
        means = stage_means(server.metrics())
        stages = [report.Row(stage, [f"{1e3 * means[stage][0]:.3f} ms"], f"{note} ({means[stage][1]} calls)")
                  for stage, note in _STAGES.items()]
    local = train(LocalFeatureMapContrastiveTask(_COMPARISONS), label="local loss", **options)
    gaps = [abs(a - b) for a, b in zip(remote.curve, local.curve)]
    difference = f"Largest difference over the run {max(gaps):.2g}, in the first step {gaps[0]:.2g}."
    head = ["linear probe on", *(f"{n} label{'s' * (n > 1)}/class" for n in _LABELS)]
    rows = _accuracy_rows({"untrained encoder": new_encoder(arguments.seed), "trained, loss by lossd": remote.encoder,
                           "trained, loss by plain torch": local.encoder}, digits)
    print()
    _print_table(head, rows)
    print(f"\nobjective: {remote.curve[0]:.4f} -> {remote.curve[-1]:.4f}. {difference}")
    print(f"loss and gradients, a step: {1e3 * remote.loss_seconds / arguments.steps:.1f} ms remote, "
          f"{1e3 * local.loss_seconds / arguments.steps:.1f} ms local torch")
    path = Path(arguments.report).resolve()
    _write_report(path, remote, local, head, rows, stages, difference, info.version)
    print(f"report: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
