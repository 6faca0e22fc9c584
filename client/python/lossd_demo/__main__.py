# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""python3 -m lossd_demo: trains on real images with the loss computed by a lossd server, and reports."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import textwrap
from pathlib import Path

import torch

import lossd
from lossd.v1.loss_service_pb2 import GetServerInfoResponse

from lossd_demo import images, report
from lossd_demo.agreement import Agreement, compare
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


def _print_table(head: list[str], rows: list[report.Row]) -> None:
    table = [head, *([row.label, *row.values] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table)]
    for label, *values in table:
        print(label.ljust(widths[0]), *(value.rjust(width) for value, width in zip(values, widths[1:])), sep="  ")


def _accuracies(encoders: dict[str, torch.nn.Module], digits: images.Digits) -> tuple[list[str], list[report.Row]]:
    head = ["linear probe on", *(f"{n} label{'s' * (n > 1)} a class" for n in _LABELS)]
    return head, [report.Row(name, [f"{probe_accuracy(encoder, digits, n):.1%}" for n in _LABELS])
                  for name, encoder in encoders.items()]


def _stage_rows(metrics: str) -> list[report.Row]:
    means = stage_means(metrics)
    return [report.Row(stage, [f"{1e3 * means[stage][0]:.3f} ms"], f"{what} ({means[stage][1]} calls)")
            for stage, what in _STAGES.items() if stage in means]


def _agreement_text(remote: Run, local: Run, agreement: Agreement) -> str:
    gap = max(abs(a - b) for a, b in zip(remote.curve, local.curve))
    return (f"On the same maps ({agreement.batches} batches) losses differ by at most {agreement.loss:.1e}, gradients "
            f"by {agreement.gradient:.1e} of their largest entry. Training lets such rounding grow, as between any two "
            f"machines: the largest difference of the two curves is {gap:.2g}.")


def _milliseconds(run: Run) -> str:
    return f"{1e3 * run.loss_seconds / len(run.curve):.1f} ms"


def _machine(info: GetServerInfoResponse) -> str:
    device = info.devices[0]
    return (f"lossd {info.version} ({info.revision}) on {device.description}, {device.threads} threads of "
            f"{os.cpu_count()}; torch {torch.__version__}, Python {platform.python_version()}, "
            f"{platform.system()} {platform.machine()}.")


def main() -> int:
    arguments = _arguments()
    torch.set_num_threads(1)  # Small tensors: more threads only wait for each other.
    digits = images.load()
    options = dict(digits=digits, steps=arguments.steps, batch=arguments.batch, seed=arguments.seed)
    local_task = LocalFeatureMapContrastiveTask(_COMPARISONS)
    with ServerProcess(arguments.server) as server, lossd.Client(server.target) as client:
        info = client.server_info()
        print(f"server: lossd {info.version} on {server.target}, {info.devices[0].description}")
        remote_task = lossd.FeatureMapContrastiveTask(_COMPARISONS, client=client)
        remote = train(remote_task, label="remote loss", **options)
        stages = _stage_rows(server.metrics())
        agreement = compare(remote_task, local_task, remote.encoder, digits, batch=arguments.batch)
    local = train(local_task, label="local loss", **options)
    encoders = {"untrained encoder": new_encoder(arguments.seed), "trained, loss by lossd": remote.encoder,
                "trained, loss by plain torch": local.encoder}
    head, rows = _accuracies(encoders, digits)
    text = _agreement_text(remote, local, agreement)
    print()
    _print_table(head, rows)
    print(textwrap.fill(f"\nobjective: {remote.curve[0]:.4f} -> {remote.curve[-1]:.4f}. {text}", width=100,
                        replace_whitespace=False))
    print(f"loss and gradients, a step: {_milliseconds(remote)} remote, {_milliseconds(local)} local torch")
    page = report.render(report.Content(
        lead=f"A convolutional encoder learns from scikit-learn's handwritten digits, without labels, in "
             f"{arguments.steps} steps: two random views of each image, feature maps at two scales, comparisons "
             f"“{_COMPARISONS}”. A lossd server computes the loss and its gradients; plain torch repeats the run "
             "from the same seed.",
        cards=[("trained with lossd, probed with 5 labels a class", rows[1].values[1]),
               ("untrained encoder, probed likewise", rows[0].values[1]),
               ("loss and gradients by lossd, a step", _milliseconds(remote)),
               ("by plain torch (one thread), a step", _milliseconds(local))],
        remote=remote.curve, local=local.curve, agreement=text, accuracies=(head, rows), stages=stages,
        footer=_machine(info)))
    path = Path(arguments.report).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    print(f"report: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
