#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Builds the clients, runs their tests and the conformance cases, and prints the table; `./dev test clients` calls it."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import case_format
import runner
import table
from clients import Client, Failed, all_clients
from messages import ROOT
from servers import Servers


def lines_by_hand(client: Client) -> int:
    """Of the package alone: neither generated code nor tests, examples, runners."""
    aside = ("/test", "_test.", "/example", "/conformance", "/internal/", ".pb.go", "/gen/")
    kinds = (".go", ".ts", ".rs", ".java", ".py", ".cc", ".h")
    listed = subprocess.run(["git", "ls-files", f"client/{client.name}"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.split() if path.endswith(kinds) and not any(part in path for part in aside)]
    return sum(len((ROOT / path).read_text().splitlines()) for path in paths)


def costs(measured: dict[str, float]) -> dict[str, str]:
    """Processor time on the client's side, and in brackets that of the plain generated stub in the same run."""
    if not measured:
        return {}
    return {"a call, beside (the plain stub)": f"{measured['call_us']:.0f} us ({measured['stub_call_us']:.0f})",
            "a MB, beside (the plain stub)": f"{measured['mb_us']:.0f} us ({measured['stub_mb_us']:.0f})"}


class Suite:
    """Goes through the clients; `failed` says whether anything was not as it should be."""

    def __init__(self, binaries: Path, only: list[str] | None, tests: bool, bench: bool) -> None:
        self._binaries, self._only, self._tests, self._bench = binaries, only, tests, bench
        self.reports: list[runner.Report] = []
        self.facts: dict[str, dict[str, str]] = {}
        self.failed = False

    def _fail(self, text: str) -> None:
        print(f"FAIL  {text}", flush=True)
        self.failed = True

    def run(self, client: Client) -> None:
        columns = []
        for column in client.columns():
            missing = client.missing(column)
            if missing:
                print(f"SKIP  {column}: {missing}", flush=True)
            else:
                columns.append(column)
        if not columns:
            return
        try:
            folder, seconds = client.build()
            print(f"ok    {client.name}: built in {seconds:.0f} s", flush=True)
            if self._tests:
                client.test(folder, self._binaries)
                print(f"ok    {client.name}: its own tests", flush=True)
        except Failed as error:
            self._fail(str(error))
            if not columns or "tasks build" in str(error):
                return
        for column in columns:
            self._conform(client, folder, column, seconds)
        if self._bench:
            with Servers(self._binaries / "lossd", {"plain"}) as servers:
                self.facts[columns[0]] |= costs(client.bench(folder, servers.plan_entry("plain")["target"]))

    def _conform(self, client: Client, folder: Path, column: str, seconds: float) -> None:
        report = runner.run(column, client.runner(folder), self._binaries / "lossd", self._only, column)
        self.reports.append(report)
        self.facts[column] = {"build, packages cached": f"{seconds:.0f} s", "lines by hand": str(lines_by_hand(client))}
        verdicts = list(report.verdicts.values())
        print(f"{'ok   ' if 'fail' not in verdicts else 'FAIL '} {column}: {verdicts.count('pass')} cases pass, "
              f"{verdicts.count('fail')} fail, {verdicts.count('skip')} are skipped", flush=True)
        for name, verdict in report.verdicts.items():
            if verdict != "pass":
                print(f"      {verdict} {name}: {report.texts[name][:600]}", flush=True)
        self.failed |= "fail" in verdicts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clients", nargs="*", help="folders of client/ (default: all that have tasks)")
    parser.add_argument("--bin-dir", type=Path, default=ROOT / "build" / "release" / "bin", help="where lossd is")
    parser.add_argument("--case", action="append", help="only this case; may be given several times")
    parser.add_argument("--no-tests", action="store_true", help="leave the clients' own tests out")
    parser.add_argument("--bench", action="store_true", help="measure what a call and a MB cost each client, beside its plain stub")
    parser.add_argument("--write", action="store_true", help="write the tables of README.md and tests/conformance/TABLE.md")
    arguments = parser.parse_args()
    problems = [problem for path in sorted(case_format.CASES.glob("*.json")) for problem in case_format.problems_of(path)]
    if problems:
        raise SystemExit("\n".join(problems))
    chosen = [client for client in all_clients() if not arguments.clients or client.name in arguments.clients]
    unknown = set(arguments.clients) - {client.name for client in chosen}
    if unknown:
        parser.error(f"clients: expected {', '.join(client.name for client in all_clients())}, got {', '.join(sorted(unknown))}")
    suite = Suite(arguments.bin_dir.resolve(), arguments.case, not arguments.no_tests, arguments.bench)
    for client in chosen:
        suite.run(client)
    if suite.reports and not arguments.case:
        print(table.grouped(suite.reports))
        for column, facts in suite.facts.items():
            print(f"{column}: {', '.join(f'{fact} {value}' for fact, value in facts.items())}")
        if arguments.write:
            table.write(suite.reports, suite.facts)
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
