#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that docs/reference.md has every flag and every metric, and none that there is not.

Flags are those of server/settings/flag_table.cc, metrics the names that sources of the server give to families. Prints each
difference and exits 1 if there is one. `--self-test` proves that it can fail.
"""

from __future__ import annotations

import re
import sys

from tree import ROOT, files

PAGE = "docs/reference.md"
TABLE = "server/settings/flag_table.cc"
FLAG = re.compile(r'\{"([a-z_]+)",\s*[A-Z]\w*Flag\{')
METRIC = re.compile(r'"((?:grpc_server|lossd|process)_[a-z_]+)"')


def rows(page: str, section: str) -> str:
    """The first cells of a section's tables: what they define, not what they mention."""
    text = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return "\n".join(line.split(" | ")[0] for line in text.splitlines() if line.startswith("| "))


def difference(what: str, told: set[str], there: set[str]) -> list[str]:
    return ([f"{PAGE}: expected a row for the {what} {name}" for name in sorted(there - told)]
            + [f"{PAGE}: a row for {name}, which is no {what}" for name in sorted(told - there)])


def problems(page: str, table: str, sources: list[str]) -> list[str]:
    flags = set(re.findall(r"--([a-z_]+)", rows(page, "Flags")))
    metrics = set(re.findall(r"`([a-z_]+)(?:\{[a-z_,]+\})?`", rows(page, "Metrics")))
    return (difference("flag", flags, set(FLAG.findall(table)))
            + difference("metric", metrics, {name for source in sources for name in METRIC.findall(source)}))


def self_test() -> None:
    page = "# A\n\n## Flags\n\n| `--listen` | where `--other` |\n\n## Metrics\n\n| `lossd_calls{code}` | calls |\n\n## Errors\n"
    table, sources = '{{"listen", TextFlag{&x}, "Help."}}', ['Add("lossd_calls", ...)']
    assert not problems(page, table, sources)
    assert problems(page, table + '{"threads",\n CountFlag{&x}}', sources) == [f"{PAGE}: expected a row for the flag threads"]
    assert len(problems(page, "", sources)) == 1
    assert len(problems(page, table, [])) == 1
    assert len(problems(page, table, [*sources, '"process_threads"'])) == 1


def main() -> int:
    self_test()
    if "--self-test" in sys.argv:
        return 0
    sources = [(ROOT / path).read_text() for path in files() if path.startswith("server/") and path.endswith(".cc")]
    found = problems((ROOT / PAGE).read_text(), (ROOT / TABLE).read_text(), sources)
    print("\n".join(found) if found else "reference: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
