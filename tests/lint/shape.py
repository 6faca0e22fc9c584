#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Measures the shape of the tree's C++: lines a folder, medians of files and functions, the share of prose in headers.

    tests/lint/shape.py [REVISION...]    # by default HEAD

Prints Markdown tables with a column for each revision. `--self-test` proves that it counts what it says.

A function's length is the number of lines between its braces, 1 where these are on one line; lambdas are part of the
function that they are in. Prose is lines of a header that are comments alone, or that have one, of all its lines that are
not empty; the licence counts in neither.
"""

from __future__ import annotations

import io
import re
import statistics
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOUSES = ("core", "proto", "server", "client", "tests")
SUFFIXES = (".h", ".cc", ".cu")

# What is no code, in which braces mean nothing: raw strings, comments, directives, strings, characters.
NO_CODE = re.compile(
    r'R"(\w*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|^[ \t]*#(?:\\\n|[^\n])*|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL | re.MULTILINE)
SCOPE = re.compile(r"^(?:export )?(?:inline )?namespace\b|^extern\b[^(]*$|\b(?:class|struct|union)\b")


def sources(revision: str) -> dict[str, str]:
    """The C++ files of a revision, by path."""
    archive = subprocess.run(["git", "archive", revision, *HOUSES], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        return {member.name: tree.extractfile(member).read().decode() for member in tree
                if member.isfile() and member.name.endswith(SUFFIXES)}


def without_parentheses(text: str) -> str:
    before = None
    while before != text:
        before, text = text, re.sub(r"\([^()]*\)", "", text)
    return text


def opens_function(head: str) -> bool:
    """Whether the brace behind `head`, which is all since the last statement or brace outside functions, opens one."""
    if "(" not in head or not head[-1].isspace():  # Initialisers follow their name without a space.
        return False
    outside = re.sub(r"\boperator\s*\W+", "", without_parentheses(head))
    return "=" not in re.sub(r"^\s*template\s*<[^{]*?>(?=\s)", "", outside)


def function_lengths(text: str) -> list[tuple[int, bool]]:
    """Of each function: how long it is, and whether it stands within a class."""
    code = NO_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    lengths = []
    classes = []        # Of the namespaces and classes that are open, which are classes.
    begin = inside = 0  # Of what is since the last statement; how many braces are open in a function or initialiser.
    opened = None       # Where the function began.
    for place, sign in enumerate(code):
        if inside:
            inside += (sign == "{") - (sign == "}")
            if not inside and opened is not None:
                lengths.append((max(code.count("\n", opened, place) - 1, 1), any(classes)))
                begin, opened = place + 1, None
        elif sign == "{":
            head = code[begin:place]
            if opens_function(head):
                inside, opened = 1, place
            elif scope := SCOPE.search(without_parentheses(head).strip()):
                classes.append(scope.group(0) in ("class", "struct", "union"))
                begin = place + 1
            else:
                inside = 1  # An initialiser, an enumeration: what it belongs to goes on behind it.
        elif sign in ";}":
            if sign == "}":
                classes.pop()
            begin = place + 1
    return lengths


def prose(text: str) -> tuple[int, int, int]:
    """Lines that are comments alone, that have one, and that are not empty; without the licence."""
    lines = [line.strip() for line in text.splitlines() if not re.match(r"// (Copyright|SPDX)", line)]
    lines = [line for line in lines if line]
    return sum(line.startswith("//") for line in lines), sum("//" in line for line in lines), len(lines)


def folder(path: str) -> str:
    parts = path.split("/")
    return parts[0] if parts[0] == "tests" or len(parts) == 2 else "/".join(parts[:2])


def lines_by_folder(files: dict[str, str]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for path, text in files.items():
        lines[folder(path)] = lines.get(folder(path), 0) + len(text.splitlines())
    return lines


def spread(lengths: list[int]) -> str:
    lengths = sorted(lengths)
    return f"{statistics.median(lengths):.0f} / {lengths[len(lengths) * 9 // 10]} / {lengths[-1]}"


def medians(files: dict[str, str]) -> dict[str, str]:
    ours = {path: text for path, text in files.items() if not path.startswith("tests/")}
    headers = [text for path, text in ours.items() if path.endswith(".h")]
    bodies = [text for path, text in ours.items() if not path.endswith(".h")]
    functions = [function for text in ours.values() for function in function_lengths(text)]
    outside = [length for length, in_class in functions if not in_class]
    alone, with_one, lines = (sum(counts) for counts in zip(*map(prose, headers)))
    return {
        "headers, sources": f"{len(headers)}, {len(bodies)}",
        "lines of a header": spread([len(text.splitlines()) for text in headers]),
        "lines of a source": spread([len(text.splitlines()) for text in bodies]),
        "lines of a function": spread([length for length, _ in functions]),
        "of one that stands outside classes": spread(outside),
        "functions, of them outside classes": f"{len(functions):,}, {len(outside):,}",
        "lines of headers that are comments, that have one": f"{100 * alone / lines:.0f} %, {100 * with_one / lines:.0f} %",
    }


def table(title: str, columns: list[str], rows: dict[str, list[str]]) -> str:
    lines = [[title, *columns], ["---"] * (len(columns) + 1), *([name, *cells] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def self_test() -> None:
    for text, lengths in {
        "int F() { return 1; }": [1],
        "namespace a {\nvoid F(int b = 1,\n       int c) const {\n  if (b) {\n    c();\n  }\n}\n}  // namespace a": [3],
        "A::A(int b) : b_{b}, c_(b) {\n  D();\n}": [1],
        "struct A {\n  int b = 1;\n  std::array<int, 2> c = {1, 2};\n  bool D() const { return b > 1; }\n};": [1],
        "template <typename T = int>\nT F(T a) {\n  // }\n  return '}' + \"{\"[0];\n}": [2],
        "const auto f = [](int a) {\n  return a;\n};\nenum class E { kA, kB };\nbool operator==(A a, A b) { return true; }": [1],
        "#define A(b) { b }\nextern \"C\" {\nint F() {\n  return 1;\n}\n}": [1],
    }.items():
        found = function_lengths(text)
        assert [length for length, _ in found] == lengths, (text, found)
    assert [inside for _, inside in function_lengths("struct A {\n  void B() {}\n};\nvoid A::C() {}")] == [True, False]
    assert prose("// Copyright x\n// SPDX y\n\n// Says.\nint F();  // One.\nint G();\n") == (1, 2, 3)
    assert [folder(path) for path in ("core/a.h", "core/losses/cpc/a.h", "tests/core/a.cc")] == ["core", "core/losses", "tests"]


def main(arguments: list[str]) -> int:
    self_test()
    if "--self-test" in arguments:
        return 0
    revisions = arguments or ["HEAD"]
    trees = [sources(revision) for revision in revisions]
    counts = [lines_by_folder(files) for files in trees]
    folders = sorted({name for lines in counts for name in lines})
    rows = {f"`{name}`": [f"{lines[name]:,}" if name in lines else "-" for lines in counts] for name in folders}
    rows["all"] = [f"{sum(lines.values()):,}" for lines in counts]
    print(table("lines of C++", revisions, rows))
    shapes = [medians(files) for files in trees]
    rows = {name: [shape[name] for shape in shapes] for name in shapes[0]}
    print(table("median / nine of ten have no more / largest, without tests", revisions, rows), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
