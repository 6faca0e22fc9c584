#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Computes the engine bench's cases in PyTorch and times that on request.

Says "torch VERSION" once it is up. Then it reads JSON lines and answers a line each:
  {"prepare": KIND, "case": {...}, "inputs": PATH, "threads": n}  ->  "ok LOSS GRADIENT_NORM VARIANT" or "absent REASON"
  {"prepare": "bound", "products": [[m, n, k, times], ...], "threads": n}                ->  "ok 0 0 VARIANT"
  {"run": KIND, "times": n}                                       ->  the seconds that took
KIND is "reference" (torch_reference.py), "by hand" or "compiled" (torch_by_hand.py); of several variants the fastest is
taken. "bound" is matrix products alone, each in the layout that is fastest. The file at PATH holds all inputs as float32, one behind the other. Seconds are elapsed ones, or with the argument
"processor" those of this process's threads.
"""

import ctypes
import json
import math
import os
import sys
import time

import numpy
import torch
import torch_by_hand
import torch_reference

KINDS = {"reference": torch_reference.variants, "by hand": torch_by_hand.variants,
         "compiled": torch_by_hand.compiled_variants}
TRIAL_SECONDS = 0.3


def set_threads(threads):
    """Sets the threads of torch's operations and of its BLAS, which has its own where it is OpenBLAS."""
    torch.set_num_threads(threads)
    try:
        blas = ctypes.CDLL("libopenblas.so.0", mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return  # torch has another BLAS, whose threads are its own.
    blas.openblas_set_num_threads(threads)


def blas_name():
    """What torch's matrix products are of, as far as it says so."""
    return "MKL" if torch.backends.mkl.is_available() else "BLAS"


def read_inputs(case, path):
    flat = torch.from_numpy(numpy.fromfile(path, dtype=numpy.float32))
    inputs = []
    for shape in case["inputs"]:
        size = math.prod(shape)
        inputs.append(flat[:size].view(shape))
        flat = flat[size:]
    return inputs


def fastest(candidates, clock):
    """The name of the candidate with the shortest run; each runs at least twice after one to warm up."""
    best = {}
    for name, step in candidates.items():
        step()
        begin = clock()
        best[name] = math.inf
        for _ in range(1000):
            start = clock()
            step()
            best[name] = min(best[name], clock() - start)
            if clock() - begin > TRIAL_SECONDS and start > begin:
                break
    return min(best, key=best.get)


def bound_step(products, clock):
    """Computes all products [m, n, k, times] once, by torch's BLAS; operands share memory, as gemm_bound.cc has it."""
    sizes = [max(shape[i] * shape[j] for shape in products) for i, j in ((0, 2), (2, 1), (0, 1))]
    left, right, result = (torch.full((size,), 0.5) for size in sizes)
    calls = []
    for m, n, k, times in products:
        layouts = {}
        for left_turned in (False, True):
            for right_turned in (False, True):
                a = left[:m * k].view(k, m).t() if left_turned else left[:m * k].view(m, k)
                b = right[:k * n].view(n, k).t() if right_turned else right[:k * n].view(k, n)
                c = result[:m * n].view(m, n)
                layouts[left_turned, right_turned] = lambda a=a, b=b, c=c: torch.mm(a, b, out=c)
        calls += [layouts[fastest(layouts, clock)]] * times
    return lambda: [call() for call in calls]


class Worker:
    def __init__(self, clock):
        self.clock = clock
        self.steps = {}

    def prepare(self, message):
        kind = message["prepare"]
        self.steps.pop(kind, None)
        if kind == "compiled":
            if not hasattr(torch, "compile"):
                return f"absent torch {torch.__version__} has no torch.compile"
            torch._dynamo.reset()  # The code compiled last holds for another number of threads.
        set_threads(message["threads"])
        if kind == "bound":
            self.steps[kind] = bound_step(message["products"], self.clock)
            return f"ok 0 0 {blas_name()}"
        candidates = KINDS[kind](message["case"], read_inputs(message["case"], message["inputs"]))
        name = next(iter(candidates)) if len(candidates) == 1 else fastest(candidates, self.clock)
        self.steps[kind] = candidates[name]
        loss, gradients = self.steps[kind]()
        norm = math.sqrt(sum(gradient.double().square().sum().item() for gradient in gradients))
        return f"ok {loss.item()!r} {norm!r} {name}"

    def run(self, message):
        step = self.steps[message["run"]]
        begin = self.clock()
        for _ in range(message["times"]):
            step()
        return repr(self.clock() - begin)


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr  # Nothing else may come between the answers.
    print("torch", torch.__version__, file=answers, flush=True)
    worker = Worker(time.process_time if sys.argv[1:] == ["processor"] else time.perf_counter)
    for line in sys.stdin:
        message = json.loads(line)
        answer = worker.prepare(message) if "prepare" in message else worker.run(message)
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()
