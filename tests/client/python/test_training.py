# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a training script does around a loss: processes of DDP, workers of data loaders."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

_DDP = """
import sys, torch, lossd
rank, world, store, target = int(sys.argv[1]), 2, sys.argv[2], sys.argv[3]
torch.distributed.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=world)
torch.manual_seed(0)
with lossd.Client(target, timeout=60) as client:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), lossd.CPCTask(4, 8, client=client))
    wrapped = torch.nn.parallel.DistributedDataParallel(model)
    z = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(rank))
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=1e-3)
    for _ in range(3):
        optimizer.zero_grad()
        wrapped(z).backward()
        optimizer.step()
    print(sum(p.double().sum().item() for p in model.parameters()))
torch.distributed.destroy_process_group()
"""

_LOADER = """
import sys, torch, lossd
class Views(torch.utils.data.Dataset):
    def __len__(self): return 16
    def __getitem__(self, i): return torch.full((4,), float(i))
with lossd.Client(sys.argv[1], timeout=60) as client:
    task = lambda a: lossd.nt_xent_loss(a, a.flip(0), 0.5, client=client)
    for method in ("fork", "spawn") if sys.argv[2] == "both" else ("fork",):
        loader = torch.utils.data.DataLoader(Views(), batch_size=4, num_workers=2, multiprocessing_context=method)
        task(torch.ones(2, 4))
        print(method, sum(1 for batch in loader if task(batch).isfinite()))
"""


def test_two_processes_train_one_model(server, tmp_path):
    workers = [subprocess.Popen([sys.executable, "-c", _DDP, str(rank), str(tmp_path / "store"), server.target],
                                stdout=subprocess.PIPE, text=True) for rank in range(2)]
    printed = [worker.communicate(timeout=120)[0].strip() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert printed[0] == printed[1] != ""


def test_workers_of_a_data_loader_leave_calls_alone(server, tmp_path):
    script = tmp_path / "loader.py"
    script.write_text(_LOADER)
    done = subprocess.run([sys.executable, str(script), server.target, "fork"], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["fork", "4"], done.stderr


def test_the_readmes_lines_print_what_they_say(server):
    readme = Path(__file__).resolve().parents[3] / "README.md"
    if not readme.exists():
        pytest.skip("no README.md beside these tests")
    code = readme.read_text().split("```python\n")[1].split("```")[0]
    code = code.replace("localhost:50051", server.target)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=dict(os.environ))
    assert done.stdout.splitlines() == ["tensor([2.2351, 2.1902]) tensor(0.0324)", "tensor(0.1267)"], done.stderr
