#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Measures what serving costs: lossd against a gRPC echo of equal bytes, and against a Python server.

Every figure is a ratio of contenders that were measured in turn in the same run; of the rounds the best counts, because
others' work on the machine only ever slows. An echo returns as many bytes as it gets, and so does squared_norm, whose
gradient is its input. Needs what `./dev build` builds.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

import serving_report  # noqa: E402

# Elements of a squared_norm input: 240 bytes to 64 MB.
SIZES = {"240 B": 60, "4 KB": 1024, "64 KB": 16384, "1 MB": 1 << 18, "4 MB": 1 << 20, "16 MB": 1 << 22,
         "64 MB": 1 << 24}
MAPS = {"(3,5,2,2)": "3,5,2,2", "(16,64,7,7)": "16,64,7,7", "(64,256,7,7)": "64,256,7,7"}
IDLE_SECONDS = 3
MIN_CALLS = 10
MAX_SECONDS = 20


class Server:
    """A process that prints or writes its addresses, ended with SIGTERM."""

    def __init__(self, command, port_file=None, environment=None):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env={**os.environ, **(environment or {})})
        if port_file is None:
            self.addresses = self.process.stdout.readline().split()
            return
        while not port_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {self.process.returncode}")
            time.sleep(0.01)
        self.addresses = json.loads(port_file.read_text())["listen"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.bin = Path(options.bin)
        self.cases = []

    def start_lossd(self):
        ports = self.folder / "ports.json"
        return Server([str(self.bin / "lossd"), f"--listen=127.0.0.1:0,unix:{self.folder}/lossd.sock",
                       "--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0", f"--port_file={ports}"], ports)

    def start_echo(self):
        return Server([str(self.bin / "echo_server"), "127.0.0.1:0", f"unix:{self.folder}/echo.sock"])

    def start_python(self, processes):
        return Server(["/usr/bin/python3", str(Path(__file__).parent / "eager_server.py"), f"--processes={processes}"],
                      environment={"PYTHONPATH": str(self.bin.parent / "python")})

    def load(self, target, flags, concurrency, seconds, connections=1, warmup=0.2):
        """One level of `lossctl load`, longer where too few calls end in that time."""
        report = self.folder / "report.json"
        while True:
            report.unlink(missing_ok=True)
            command = [str(self.bin / "lossctl"), "load", "--target", target, "--concurrency", str(concurrency),
                       "--connections", str(connections), "--duration", f"{seconds}s", "--window", f"{seconds}s",
                       "--warmup", f"{warmup}s", "--json", str(report), *flags]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            level = json.loads(report.read_text())["levels"][0] if report.exists() else None
            if level is None or level["failed"] > 0:
                raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
            if level["succeeded"] >= MIN_CALLS or seconds >= MAX_SECONDS:
                return level
            seconds *= 3

    def rounds(self, contenders, concurrency, connections=1):
        """Measures all contenders in turn; of each the best round's calls per second and p50."""
        best = {}
        for _ in range(self.options.rounds):
            for name, (target, flags) in contenders.items():
                level = self.load(target, flags, concurrency, self.options.seconds, connections)
                if level["succeeded"] == 0:
                    raise RuntimeError(f"{name}: no call ended within {MAX_SECONDS} s")
                figures = best.setdefault(name, {"calls_per_second": 0.0, "p50_ms": float("inf")})
                figures["calls_per_second"] = max(figures["calls_per_second"], level["goodput_per_second"])
                p50 = next(value for share, value in level["latency_ms"]["percentiles"] if share == 0.5)
                figures["p50_ms"] = min(figures["p50_ms"], p50)
        return best

    def add(self, kind, case, transport, concurrency, figures, goals=()):
        entry = {"kind": kind, "case": case, "transport": transport, "concurrency": concurrency, "figures": figures,
                 "goals": list(goals)}
        self.cases.append(entry)
        print(serving_report.line(entry), flush=True)

    def against_echo(self, lossd, echo):
        for transport, index in (("tcp", 0), ("unix", 1)):
            for size, elements in SIZES.items():
                for concurrency in (1, 16, 64):
                    if elements * 4 * concurrency > self.options.max_bytes or self.skips(size):
                        continue
                    flags = ["--loss", "squared_norm", "--shape", str(elements)]
                    best = self.rounds({"echo": (echo.addresses[index], flags),
                                        "lossd": (lossd.addresses[index], flags)}, concurrency)
                    self.add("echo", size, transport, concurrency, best,
                             serving_report.echo_goals(elements * 4, concurrency, best))

    def maps_against_echo(self, lossd, echo):
        """Feature maps beside an echo of the same request: what of a call is computation."""
        for name, shape in MAPS.items():
            if self.skips(name):
                continue
            flags = ["--loss", "feature_map_contrastive", "--shape", shape]
            for concurrency in (1, 16):
                best = self.rounds({"echo": (echo.addresses[0], flags), "lossd": (lossd.addresses[0], flags)},
                                   concurrency)
                self.add("maps", name, "tcp", concurrency, best)

    def against_python(self, lossd):
        servers = {f"python x{count}": self.start_python(count) for count in (1, 2)}
        try:
            for name, shape in MAPS.items():
                if self.skips(name):
                    continue
                flags = ["--loss", "feature_map_contrastive", "--shape", shape]
                contenders = {"lossd": (lossd.addresses[0], flags)}
                contenders.update({key: (server.addresses[0], flags) for key, server in servers.items()})
                best = self.rounds(contenders, 16, connections=8)
                self.add("python", name, "tcp", 16, best, serving_report.python_goals(name, best))
        finally:
            for server in servers.values():
                server.stop()

    def after_idling(self, lossd):
        """The first call after the server was idle, on a new connection that is established before."""
        times = []
        for _ in range(self.options.rounds):
            time.sleep(IDLE_SECONDS)
            level = self.load(lossd.addresses[0], ["--loss", "squared_norm", "--shape", "60"], 1, 0.02, warmup=0)
            times.append(level["latency_ms"]["percentiles"][-1][1])
        self.add("idle", f"slowest of the first 20 ms after {IDLE_SECONDS} s", "tcp", 1,
                 {"lossd": {"max_ms": min(times), "worst_ms": max(times)}}, serving_report.idle_goals(max(times)))

    def skips(self, case):
        return self.options.filter not in case

    def run(self):
        lossd, echo = self.start_lossd(), self.start_echo()
        try:
            if "echo" in self.options.parts:
                self.against_echo(lossd, echo)
            if "maps" in self.options.parts:
                self.maps_against_echo(lossd, echo)
            if "python" in self.options.parts:
                self.against_python(lossd)
            if "idle" in self.options.parts:
                self.after_idling(lossd)
        finally:
            lossd.stop()
            echo.stop()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of which the best counts")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a measurement")
    parser.add_argument("--parts", default="echo,maps,python,idle", help="any of echo,maps,python,idle")
    parser.add_argument("--filter", default="", help="only cases with this in their name")
    parser.add_argument("--max-bytes", type=int, default=300 << 20, help="skip cases with more bytes under way")
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"), help="folder of the programs")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--html", help="write a page with plots here")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    return options


def main():
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        bench.run()
    print("\n" + serving_report.table(bench.cases))
    if options.json:
        Path(options.json).write_text(json.dumps({"cases": bench.cases}, indent=2) + "\n")
    if options.html:
        Path(options.html).write_text(serving_report.page(bench.cases))


if __name__ == "__main__":
    main()
