# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Runs one client's runner over the cases and keeps what it reports."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from case_format import CASES
from servers import Servers, write_plan

SERVERS = ("plain", "patient", "small", "full", "brief", "secure", "restarting")


@dataclass
class Report:
    """Verdicts and their texts by case, in the order of the reports."""

    client: str
    verdicts: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, verdict: str, text: str, seconds: float = 0.0) -> None:
        self.verdicts[name], self.texts[name], self.seconds[name] = verdict, text, seconds


def case_names(only: list[str] | None = None) -> list[str]:
    names = sorted(path.stem for path in CASES.glob("*.json"))
    if only:
        unknown = sorted(set(only) - set(names))
        if unknown:
            raise SystemExit(f"cases: expected names of {CASES}, got {', '.join(unknown)}")
        names = [name for name in names if name in only]
    return names


def _servers_of(names: list[str]) -> set[str]:
    return {json.loads((CASES / f"{name}.json").read_text())["server"] for name in names}


def run(client: str, command: list[str], binary: Path, only: list[str] | None = None, column: str = "",
        timeout: float = 600.0) -> Report:
    """Every case gets a verdict: what the runner leaves out, or what keeps it from ending in time, is `fail`."""
    names = case_names(only)
    report = Report(client)
    wanted = _servers_of(names)
    with Servers(binary, wanted) as servers:
        plan = servers.folder / "plan.json"
        write_plan(plan, CASES, {name: servers.plan_entry(name) for name in sorted(wanted)}, only)
        process = subprocess.Popen([*command, str(plan), *([column] if column else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        watchdog = threading.Timer(timeout, process.terminate)
        watchdog.start()
        try:
            _converse(process, servers, report)
        finally:
            watchdog.cancel()
            process.terminate()  # It may have children of its own to end.
            code = _end(process)
    for name in names:
        if name not in report.verdicts:
            report.add(name, "fail", f"no report; the runner ended with {code}")
    return report


def _end(process: subprocess.Popen) -> int:
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _converse(process: subprocess.Popen, servers: Servers, report: Report) -> None:
    for line in process.stdout:
        try:
            said = json.loads(line)
            if "ask" in said:
                process.stdin.write(json.dumps(servers.answer(said)) + "\n")
                process.stdin.flush()
            else:
                report.add(said["case"], said["verdict"], said["text"], float(said.get("seconds", 0)))
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{report.client}: expected a report or a question in a line of JSON, got {line!r}") from error
    process.wait(30)
