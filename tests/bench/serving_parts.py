# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the serving bench. Each measures its cases and adds them to the bench."""

import contextlib
import json
import subprocess
import time

import serving_contenders as contenders
import serving_report as report
import serving_requests as requests

# Elements of a squared_norm input.
SIZES = {"240 B": 60, "4 KB": 1024, "64 KB": 16384, "1 MB": 1 << 18, "4 MB": 1 << 20, "16 MB": 1 << 22,
         "64 MB": 1 << 24}
SIZES_BY_DEFAULT = ("240 B", "64 KB", "1 MB", "16 MB", "64 MB")
MAPS = {"(3,5,2,2)": (3, 5, 2, 2), "(16,64,7,7)": (16, 64, 7, 7), "(64,256,7,7)": (64, 256, 7, 7)}
MAX_BYTES_UNDER_WAY = 300 << 20
IDLE_SECONDS = 3
LOAD_SHARE = 0.6  # Of capacity, for arrivals.
ARRIVAL_SECONDS = 4
MEMORY_STEPS = 10
MEMORY_SETTLES_SECONDS = 12  # Twice MemoryTrimmer::kPeriod, and some more.
MEMORY_SIZES = [1 << exponent for exponent in range(8, 25)]  # Elements: 1 KB to 64 MB.


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.cases = []

    @contextlib.contextmanager
    def servers(self, **servers):
        """Started servers by name; ended on leaving, also those started before one that fails."""
        started = {}
        try:
            for name, start in servers.items():
                started[name.replace("_", " ")] = start()
            yield started
        finally:
            for server in started.values():
                server.stop()

    def lossd(self, name="lossd", *flags, program="lossd"):
        return contenders.Lossd(self.folder, name, self.options.bin / program, *flags)

    def echo(self):
        return contenders.Echo(self.folder, self.options.bin / "echo_server")

    def python(self, count):
        return contenders.Python(self.folder, self.options.torch_python, self.options.bin.parent / "python", count)

    def skips(self, case):
        return self.options.filter not in case

    def file_of(self, message, name="request"):
        path = self.folder / name
        path.write_bytes(message)
        return path

    def call(self, target, request, concurrencies, *flags):
        """Levels of raw_client, by concurrency."""
        command = [str(self.options.bin / "raw_client"), "--target", target, "--request", str(request),
                   "--concurrency", ",".join(map(str, concurrencies)), "--duration", f"{self.options.seconds}s",
                   "--min_calls=5", *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        return {level["concurrency"]: level for level in map(json.loads, done.stdout.splitlines())}

    def rounds(self, calls, concurrencies, *flags):
        """Measures all of `calls`, name to (target, request, flags), in turn; of each level the best figures."""
        best = {concurrency: {} for concurrency in concurrencies}
        for _ in range(self.options.rounds):
            for name, (target, request, own_flags) in calls.items():
                for concurrency, level in self.call(target, request, concurrencies, *own_flags, *flags).items():
                    figures = best[concurrency].setdefault(name, level)
                    figures["calls_per_second"] = max(figures["calls_per_second"], level["calls_per_second"])
                    for key in ("p50_ms", "p99_ms"):
                        figures[key] = min(figures[key], level[key])
        return best

    def add(self, kind, case, transport, concurrency, figures, goals=()):
        kept = {name: {key: value for key, value in values.items() if key not in ("concurrency", "calls", "first_ms")}
                for name, values in figures.items()}
        entry = {"kind": kind, "case": case, "transport": transport, "concurrency": concurrency, "figures": kept,
                 "goals": list(goals)}
        self.cases.append(entry)
        print(report.line(entry), flush=True)


def echo(bench):
    with bench.servers(lossd=bench.lossd, echo=bench.echo) as servers:
        for transport in ("tcp", "unix"):
            for size, count in SIZES.items():
                if bench.skips(size) or not (bench.options.all_sizes or size in SIZES_BY_DEFAULT):
                    continue
                request = bench.file_of(requests.squared_norm(count))
                levels = [level for level in (1, 16, 64) if level * count * 4 <= MAX_BYTES_UNDER_WAY]
                calls = {name: (server.target(transport), request, ()) for name, server in servers.items()}
                for level, best in bench.rounds(calls, levels).items():
                    bench.add("echo", size, transport, level, best, report.echo_goals(count * 4, level, best))


def maps(bench):
    with bench.servers(lossd=bench.lossd, echo=bench.echo) as servers:
        for transport in ("tcp", "unix"):
            for name, shape in MAPS.items():
                if bench.skips(name):
                    continue
                request = bench.file_of(requests.feature_maps(shape))
                calls = {key: (server.target(transport), request, ()) for key, server in servers.items()}
                for level, best in bench.rounds(calls, (1, 16)).items():
                    bench.add("maps", name, transport, level, best)


def peers(bench):
    starts = {"lossd": bench.lossd, "python_x1": lambda: bench.python(1), "python_x2": lambda: bench.python(2)}
    if bench.options.with_triton:
        starts["triton"] = lambda: contenders.Triton(bench.folder, bench.options.with_triton)
    with bench.servers(**starts) as servers:
        for transport in ("tcp", "unix"):
            for name, shape in MAPS.items():
                if bench.skips(name):
                    continue
                request = bench.file_of(requests.feature_maps(shape))
                calls = {key: (server.target(transport), request, ()) for key, server in servers.items()
                         if server.target(transport)}
                if "triton" in calls:
                    triton_request = bench.file_of(requests.triton_feature_maps(shape), "triton_request")
                    calls["triton"] = (calls["triton"][0], triton_request, ("--method", requests.TRITON))
                best = bench.rounds(calls, (16,), "--connections=2")[16]
                bench.add("peers", name, transport, 16, best, report.peer_goals(name, best))


def idle(bench):
    """The first call on a connection that was made before the pause."""
    request = bench.file_of(requests.squared_norm(SIZES["240 B"]))
    with bench.servers(lossd=bench.lossd, echo=bench.echo) as servers:
        figures = {}
        for name, server in servers.items():
            times = [bench.call(server.target("tcp"), request, (1,), f"--idle={IDLE_SECONDS}s", "--duration=10ms",
                                "--warmup=0")[1]["first_ms"] for _ in range(bench.options.rounds)]
            figures[name] = {"best_ms": min(times), "worst_ms": max(times)}
    bench.add("idle", f"first call after {IDLE_SECONDS} s", "tcp", 1, figures,
              report.idle_goals(figures["lossd"]["worst_ms"]))


def batching(bench):
    starts = {"lossd": bench.lossd, "unbatched": lambda: bench.lossd("unbatched", "--max_batch_requests=1")}
    with bench.servers(**starts) as servers:
        cases = [("maps (16,64,7,7)", requests.feature_maps((16, 64, 7, 7)), 1),
                 ("maps (3,5,2,2)", requests.feature_maps((3, 5, 2, 2)), 1),
                 ("cpc (1,512,7,7)", requests.cpc((1, 512, 7, 7)), 1),
                 ("cpc (1,512,7,7)", requests.cpc((1, 512, 7, 7)), 16)]
        for name, message, level in cases:
            if bench.skips(name):
                continue
            request = bench.file_of(message)
            calls = {key: (server.target("tcp"), request, ()) for key, server in servers.items()}
            best = bench.rounds(calls, (level,))[level]
            bench.add("batching", name, "tcp", level, best, report.batching_goals(name, level, best))
        if not bench.skips("arrivals"):
            arrivals(bench, servers["lossd"].target("tcp"))


def load(bench, target, *flags):
    """A level of `lossctl load`, which has open loops."""
    path = bench.folder / "load.json"
    subprocess.run([str(bench.options.bin / "lossctl"), "load", "--target", target, "--loss", "feature_map_contrastive",
                    "--shape", "16,64,7,7", "--connections=4", "--json", str(path), *flags], capture_output=True,
                   check=False)
    return json.loads(path.read_text())["levels"][0]


def arrivals(bench, target):
    """p99 of Poisson arrivals beside that of constant ones, counted from when a call was due."""
    capacity = load(bench, target, "--concurrency=16", "--duration=1s", "--window=1s")["goodput_per_second"]
    figures = {}
    for _ in range(bench.options.rounds):
        for kind in ("constant", "poisson"):
            level = load(bench, target, f"--rate={LOAD_SHARE * capacity}", f"--arrivals={kind}",
                         f"--duration={ARRIVAL_SECONDS}s", f"--window={ARRIVAL_SECONDS}s")
            p99 = next(value for share, value in level["latency_ms"]["percentiles"] if share == 0.99)
            best = figures.setdefault(kind, {"calls_per_second": level["goodput_per_second"], "p99_ms": p99})
            best["p99_ms"] = min(best["p99_ms"], p99)
    bench.add("arrivals", f"maps (16,64,7,7) at {100 * LOAD_SHARE:.0f} % of capacity", "tcp", 0, figures,
              report.arrival_goals(figures))


def metrics(bench):
    starts = {"lossd": bench.lossd, "uncounted": lambda: bench.lossd("uncounted", program="lossd_uncounted")}
    with bench.servers(**starts) as servers:
        for name, message in (("240 B", requests.squared_norm(SIZES["240 B"])),
                              ("64 KB", requests.squared_norm(SIZES["64 KB"])),
                              ("maps (16,64,7,7)", requests.feature_maps((16, 64, 7, 7)))):
            if bench.skips(name):
                continue
            request = bench.file_of(message)
            calls = {key: (server.target("tcp"), request, ()) for key, server in servers.items()}
            for level, best in bench.rounds(calls, (16, 64)).items():
                bench.add("metrics", name, "tcp", level, best, report.metrics_goals(best))


def memory(bench):
    files = [bench.file_of(requests.squared_norm(count), f"request{count}") for count in MEMORY_SIZES]
    total = bench.options.memory_calls
    step = total // MEMORY_STEPS
    with bench.servers(lossd=bench.lossd) as servers:
        server = servers["lossd"]
        at_once, settled = [], []
        for number in range(1, MEMORY_STEPS + 1):
            bench.call(server.target("tcp"), ",".join(map(str, files)), (4,), f"--calls={step}", f"--seed={number}")
            print(f"memory: {number * step} of {total} calls, {server.resident() / 1e6:.0f} MB resident", flush=True)
            if number in (1, MEMORY_STEPS):
                at_once.append(server.resident())
                time.sleep(MEMORY_SETTLES_SECONDS)
                settled.append(server.resident())
        figures = {"lossd": {"mb_peak": server.resident(peak=True) / 1e6}}
        for calls, now, later in zip((step, total), at_once, settled):
            figures["lossd"][f"mb_after_{calls}"] = now / 1e6
            figures["lossd"][f"mb_{MEMORY_SETTLES_SECONDS}_s_after_{calls}"] = later / 1e6
        bench.add("memory", "1 KB to 64 MB", "tcp", 4, figures, report.memory_goals(at_once, settled))


RUN = {"echo": echo, "maps": maps, "peers": peers, "idle": idle, "batching": batching, "metrics": metrics,
       "memory": memory}
