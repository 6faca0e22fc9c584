# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Compares every loss of running servers, and every torch drop-in, with the library its users know: losses and gradients,
in FLOAT64 and FLOAT32, and the drop-ins' arguments.

compare.py DEVICE=ADDRESS..: prints the largest differences as docs/losses.md shows them, each the largest of all devices,
and exits 1 where one is above what docs/losses.md allows.
"""

from __future__ import annotations

import sys
import warnings
from typing import Callable, Iterable

import drop_ins
import lossd
import torch
from accuracy import Computed, Difference, difference, largest
from cases import Case, all_cases
from torch import Tensor

_HEAD = """\
| case | loss, FLOAT64 | gradients | loss, FLOAT32 | gradients | share of what is allowed |
|---|---|---|---|---|---|"""

Measured = tuple[Difference, Difference]  # In FLOAT64 and FLOAT32.


def stored_as(inputs: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """Inputs as rounded to their storage type; labels stay."""
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}


def by_library(case: Case, stored: dict[str, Tensor]) -> Computed:
    """In float64, of what is stored."""
    exact = stored_as(stored, torch.float64)
    wanted = [name for name, value in exact.items() if value.is_floating_point() and name not in case.constant]
    for name in wanted:
        exact[name] = exact[name].clone().requires_grad_()
    loss = case.reference(**{name.replace(".", "_"): value for name, value in exact.items()})
    return Computed(loss.detach(), dict(zip(wanted, torch.autograd.grad(loss, [exact[name] for name in wanted]))))


def compared(client: lossd.Client, case: Case, dtype: torch.dtype) -> Difference:
    stored = stored_as(dict(case.inputs), dtype)
    result = client.compute(case.spec, stored)
    got = Computed(torch.tensor(result.objective, dtype=torch.float64), result.gradients)
    return difference(got, by_library(case, stored), case.kappa, dtype)


def row(name: str, measured: Iterable[Measured]) -> tuple[str, bool]:
    """A line of the table, and whether all is within what is allowed."""
    wide, narrow = ([one[place] for one in measured] for place in (0, 1))
    share = largest([one.share for one in wide + narrow])
    cells = [f"{largest([getattr(one, field) for one in kind]):.1e}" for kind in (wide, narrow)
             for field in ("loss", "gradients")]
    return f"| {' | '.join([name, *cells, f'{share:.2f}'])} |{'' if share <= 1 else '  DIFFERS'}", share <= 1


def main(devices: dict[str, str]) -> int:
    clients = {device: lossd.Client(target) for device, target in devices.items()}
    measures: dict[str, Callable[[lossd.Client, torch.dtype], Difference]] = {
        case.name: lambda client, dtype, case=case: compared(client, case, dtype) for case in all_cases()}
    replacements = drop_ins.drop_ins()
    for one in replacements:
        measures[one.title()] = lambda client, dtype, one=one: drop_ins.compared(client, one, dtype)
    on: dict[str, list[Measured]] = {device: [] for device in devices}
    complaints = sorted({complaint for one in replacements for complaint in drop_ins.signature_differences(one)})
    print(*complaints, sep="\n", end="\n" if complaints else "")
    good = not complaints
    print(_HEAD)
    for name, measure in measures.items():
        for device, client in clients.items():
            on[device].append((measure(client, torch.float64), measure(client, torch.float32)))
        line, accurate = row(name, [measured[-1] for measured in on.values()])
        good &= accurate
        print(line, flush=True)
    for device, measured in on.items():
        print(row(f"the worst on `{device}`", measured)[0])
    return 0 if good else 1


if __name__ == "__main__":
    warnings.simplefilter("ignore", UserWarning)  # Of the libraries' own.
    sys.exit(main(dict(argument.split("=", 1) for argument in sys.argv[1:])))
