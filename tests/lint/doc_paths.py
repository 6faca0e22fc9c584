#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that what the documents name is there: targets of links, headings, paths and tests.

In every Markdown file of the tree: a link's file and its `#heading`; in code, a path (`core/tensor/tensor.h`, `tests/golden`), a
file's name (`gemm.h`) and a test's (`deadlines_test`). Prints each that is missing and exits 1 if there is one.
`--self-test` proves that it can fail.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import sys

from tree import ROOT, files

# A bare name with one of these endings can only be a file of ours.
EXTENSIONS = "h|cc|cu|py|md|svg|proto|cmake"

FENCE = re.compile(r"^(```|~~~).*?^\1[^\S\n]*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
IMAGE = re.compile(r'<img[^>]*\bsrc="([^"]+)"')
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
PATH = re.compile(r"(?<![\w./:@~$-])(?:\.{1,2}/)*[\w.-]+(?:/[\w.*{},<>-]+)+/?")
FILE = re.compile(rf"(?<![\w./:@~$<>*-])[\w-]+(?:-inl)?\.(?:{EXTENSIONS})(?![\w/.(-])")
TEST = re.compile(r"(?<![\w./])[a-z][a-z0-9_]*_test(?![\w.])")


def slug(heading: str) -> str:
    """The anchor that a heading gets where Markdown is shown."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def without_fences(text: str) -> str:
    return FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), text)


class Tree:
    """The files of the tree, and what each document of it names."""

    def __init__(self, paths: set[str], read):
        self.files = paths
        self.read = read
        self.folders = {parent for path in paths for parent in self.parents(path)}
        self.tops = {path.split("/")[0] for path in paths if "/" in path}
        self.names = {posixpath.basename(path) for path in paths}
        self.stems = {name.rsplit(".", 1)[0] for name in self.names}

    @staticmethod
    def parents(file: str) -> list[str]:
        parts = file.split("/")[:-1]
        return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]

    def exists(self, path: str) -> bool:
        path = path.rstrip("/")
        if re.search(r"[*<{]", path):  # `core/*/x.h`, `client/<language>/tasks`, `x.{h,cc}`
            alternatives = re.search(r"\{([^}]*)\}", path)
            if alternatives:
                each = alternatives.group(1).split(",")
                return all(self.exists(path.replace(alternatives.group(0), one)) for one in each)
            pattern = re.sub(r"<[^>]*>", "*", path)
            return any(fnmatch.fnmatchcase(known, pattern) for known in self.files | self.folders)
        return path in self.files or path in self.folders or path in ("", ".")

    def offences(self, document: str) -> list[str]:
        text = self.read(document)
        found = []
        for number, line in enumerate(without_fences(text).splitlines(), 1):
            for target in LINK.findall(line) + IMAGE.findall(line):
                reason = self.link_offence(document, target)
                if reason:
                    found.append(f"{document}:{number}: {reason}")
        for number, code in self.code(text):
            for reason in self.code_offences(document, code):
                found.append(f"{document}:{number}: {reason}")
        return found

    @staticmethod
    def code(text: str):
        """Lines of code blocks and code spans, each with its line's number."""
        fenced = without_fences(text).splitlines()
        for number, (line, outside) in enumerate(zip(text.splitlines(), fenced + [""] * text.count("\n")), 1):
            if line != outside:
                yield number, line
            else:
                for span in SPAN.findall(line):
                    yield number, span

    def link_offence(self, document: str, target: str) -> str | None:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            return None
        path, _, anchor = target.partition("#")
        resolved = posixpath.normpath(posixpath.join(posixpath.dirname(document), path)) if path else document
        if not self.exists(resolved):
            return f"the link {target}: expected a file or folder {resolved} in the tree"
        if anchor and resolved.endswith(".md"):
            if anchor not in {slug(heading) for heading in HEADING.findall(without_fences(self.read(resolved)))}:
                return f"the link {target}: expected a heading of {resolved}"
        return None

    def code_offences(self, document: str, code: str) -> list[str]:
        found = []
        here = posixpath.dirname(document)
        for path in PATH.findall(code):
            relative = posixpath.normpath(posixpath.join(here, path))
            start = re.match(r"(\.\./)*[^/]+", path).group(0)  # Where it begins is known to be ours, or it is another's.
            known = start in self.tops or posixpath.normpath(posixpath.join(here, start)) in self.folders
            judged = re.match(r"\./\w", path) if start == "." else known
            if judged and not (self.exists(path.removeprefix("./")) or self.exists(relative)):
                found.append(f"{path}: expected a file or folder of the tree")
        for name in FILE.findall(code):
            if name not in self.names:
                found.append(f"{name}: expected the name of a file of the tree")
        for name in TEST.findall(code):
            if name not in self.stems:
                found.append(f"{name}: expected the name of a test of the tree")
        return found


def self_test() -> None:
    def judge(text: str, document: str = "docs/page.md") -> list[str]:
        paths = {"docs/page.md", "docs/other.md", "core/engine/gemm.h", "core/engine/map.cc", "tests/core/map_test.cc", "dev",
                 "client/go/tasks", "client/go/example/main.go"}
        return Tree(paths | {document}, {document: text, "docs/other.md": "# A `name`, and more\n"}.get).offences(document)

    for wrong in ("[a](../core/gemm.h)", "[a](other.md#a-name)", "[a](#none)", "![a](none.svg)", "`core/gemm.h`", "`core/map`",
                  "`gemv.h`", "`gemm_test`", "`./deploy`", "```sh\n./dev core/none\n```", "`core/engine/*.py`", "`client/<x>/task`",
                  "`core/engine/{gemm,none}.h`"):
        assert len(judge(wrong)) == 1, wrong
    for right in ("[a](../core/engine/gemm.h)", "[a](../core)", "[a](other.md#a-name-and-more)", "# B\n[a](#b)",
                  "[a](https://x.y/core/none.h)", "`core/engine/gemm.h`", "`core/engine/`", "`gemm.h`, `map_test`", "`./dev test`",
                  "`build/release/bin/lossd`", "`/tmp/core/x.h`", "`core/engine/*.h`", "`client/<language>/tasks`",
                  "`core/engine/{gemm.h,map.cc}`", "core/none.h", "`a / b`, `x.h5`", "`go test ./...`"):
        assert not judge(right), (right, judge(right))
    assert judge("`example/none.go`", "client/go/README.md")
    assert not judge("`./tasks`, `example/main.go`", "client/go/README.md")


def main() -> int:
    self_test()
    if "--self-test" in sys.argv:
        return 0
    paths = files()
    tree = Tree(set(paths), lambda path: (ROOT / path).read_text())
    problems = [problem for path in paths if path.endswith(".md") for problem in tree.offences(path)]
    print("\n".join(problems) if problems else "paths in documents: clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
