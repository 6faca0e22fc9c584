# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The tables language x case: every case in TABLE.md, groups of them in the project's README."""

from __future__ import annotations

import json
from pathlib import Path

from case_format import CASES
from messages import ROOT
from runner import Report

TABLE = Path(__file__).resolve().parent / "TABLE.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- conformance: written by ./dev test clients --write -->", "<!-- conformance ends -->"
MARKS = {"pass": "yes", "fail": "**no**", "skip": "–"}
# Groups of the README, by the first prefix that fits a case's name.
GROUPS = {
    "the documentation's example": ("documentation_example",),
    "streams": ("stream",),
    "no elements to 20 MB": ("squared_norm_empty", "squared_norm_scalar", "squared_norm_1mb", "squared_norm_20mb", "large_answer"),
    "errors with their details": ("invalid", "unimplemented", "resource", "message_too_long", "client_limit", "out_of_range", "gzip"),
    "what is not finite": ("nonfinite",),
    "gradients selected, scaled, rounded": ("gradients",),
    "deadlines, cancellation": ("deadline", "cancel", "unavailable"),
    "TLS, tokens and their rotation": ("secure", "token"),
    "a restart, no call lost; limits": ("restart", "server_info"),
    "every loss in every dtype": ("",),
}


def _group_of(name: str) -> str:
    return next(group for group, prefixes in GROUPS.items() if name.startswith(prefixes))


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _head(first: str, columns: list[str]) -> list[str]:
    return [_row([first, *columns]), _row(["---"] * (len(columns) + 1))]


def full(reports: list[Report], facts: dict[str, dict[str, str]]) -> str:
    """TABLE.md: case by case, and what is known of each client."""
    about = {path.stem: json.loads(path.read_text())["about"] for path in sorted(CASES.glob("*.json"))}
    lines = ["# Language x case", "", "Written by `./dev test clients --write`; a dash is a case that there is nothing for in that language:",
             "its reason is below the table.", ""]
    lines += _head("case", [report.client for report in reports])
    for name, text in about.items():
        lines.append(_row([f"`{name}`: {text}", *(MARKS[report.verdicts[name]] for report in reports)]))
    reasons = [f"- {report.client}, `{name}`: {report.texts[name]}" for report in reports
               for name, verdict in report.verdicts.items() if verdict != "pass"]
    if reasons:
        lines += ["", *reasons]
    lines += ["", *_head("", [report.client for report in reports])]
    for fact in dict.fromkeys(fact for known in facts.values() for fact in known):
        lines.append(_row([fact, *(facts.get(report.client, {}).get(fact, "") for report in reports)]))
    return "\n".join(lines) + "\n"


def grouped(reports: list[Report]) -> str:
    """The README's: how many of a group's cases pass, of those that the language has."""
    lines = _head("", [report.client for report in reports])
    for group in sorted(GROUPS, key=lambda group: list(GROUPS).index(group)):
        names = [path.stem for path in CASES.glob("*.json") if _group_of(path.stem) == group]
        cells = []
        for report in reports:
            verdicts = [report.verdicts[name] for name in names]
            passed, there = verdicts.count("pass"), len(verdicts) - verdicts.count("skip")
            cells.append(f"{passed} of {there}")
        lines.append(_row([group, *cells]))
    return "\n".join(lines)


def write(reports: list[Report], facts: dict[str, dict[str, str]]) -> None:
    """TABLE.md and the part of README.md between its two marks."""
    TABLE.write_text(full(reports, facts))
    text = README.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{README}: expected the lines {BEGIN!r} and {END!r}")
    before, after = text[:text.index(BEGIN)], text[text.index(END):]
    README.write_text(f"{before}{BEGIN}\n{grouped(reports)}\n{after}")
