#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Measures what serving costs: lossd against a raw gRPC echo of equal bytes, and against servers in Python.

Every figure is a ratio of contenders that were measured in turn in the same run, with the same client (raw_client); of
the rounds the best counts, because others' work on the machine only ever slows. An echo returns as many bytes as it
gets, and so does squared_norm, whose gradient is its input. Needs what `./dev build` builds. Parts:

  echo      squared_norm against the echo, 240 B to 64 MB, TCP and unix sockets, 1, 16 and 64 calls at a time
  maps      feature maps against an echo of the same request
  peers     feature maps against a Python gRPC server in eager PyTorch, in one process and in two, and Triton
  idle      the first call after 3 s without one
  batching  what gathering costs a lone call and gives to many; Poisson against constant arrivals
  metrics   lossd against a build of it that counts nothing
  memory    resident memory after 2,000 and 20,000 calls of 1 KB to 64 MB (takes minutes)
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("echo", "maps", "peers", "idle", "batching", "metrics", "memory")
PARTS_BY_DEFAULT = ("echo", "maps", "peers", "idle")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a measurement")
    parser.add_argument("--parts", default=",".join(PARTS_BY_DEFAULT), help="any of " + ",".join(PARTS))
    parser.add_argument("--filter", default="", help="only cases with this in their name")
    parser.add_argument("--all-sizes", action="store_true", help="seven sizes instead of five")
    parser.add_argument("--with-triton", nargs="?", const=str(ROOT / "build/triton"), metavar="VENV",
                        help="also Triton, from this environment (build/triton; made where there is none)")
    parser.add_argument("--memory-calls", type=int, default=20_000)
    parser.add_argument("--torch-python", default="/usr/bin/python3",
                        help="interpreter of the Python server, with torch, grpc, numpy and protobuf")
    parser.add_argument("--bin", default=str(ROOT / "build/release/bin"), help="folder of the programs")
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--html", help="write a page with plots here")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"--parts: expected some of {','.join(PARTS)}, got {','.join(unknown)}")
    if options.rounds < 1:
        parser.error(f"--rounds: expected at least 1, got {options.rounds}")
    if not options.seconds > 0:
        parser.error(f"--seconds: expected more than 0, got {options.seconds}")
    options.bin = Path(options.bin)
    if not (options.bin / "lossd").is_file():
        parser.error(f"--bin: no lossd in {options.bin}: build it with ./dev build")
    return options


def main():
    options = parse_options()
    sys.path[:0] = [str(Path(__file__).parent), str(options.bin.parent / "python")]
    import serving_parts
    import serving_report

    with tempfile.TemporaryDirectory() as folder:
        bench = serving_parts.Bench(options, Path(folder))
        try:
            for part in PARTS:
                if part in options.parts:
                    serving_parts.RUN[part](bench)
        except KeyboardInterrupt:
            print("interrupted: what follows was finished before", file=sys.stderr)
        except RuntimeError as error:
            sys.exit(str(error))
    if not bench.cases and options.filter:
        sys.exit(f"--filter: no case with '{options.filter}' in its name")
    print("\n" + serving_report.table(bench.cases))
    if options.json:
        Path(options.json).write_text(json.dumps({"cases": bench.cases}, indent=2) + "\n")
    if options.html:
        Path(options.html).write_text(serving_report.page(bench.cases))


if __name__ == "__main__":
    main()
