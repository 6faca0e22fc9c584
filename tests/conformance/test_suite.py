# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The cases are as their page says, and the suite can fail."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

import case_format
import clients
import runner
import table


class NoServers:
    """In place of real ones: answers every question with its own text."""

    def __init__(self, binary: Path, names: set[str]) -> None:
        self.folder = binary

    def plan_entry(self, name: str) -> dict:
        return {"target": name}

    def answer(self, question: dict) -> dict:
        return {"token": question["ask"]}

    def __enter__(self) -> "NoServers":
        return self

    def __exit__(self, *unused: object) -> None:
        pass


@pytest.fixture()
def run(tmp_path, monkeypatch):
    """Runs two cases by a runner that is this Python code; `say(**line)` writes a line, `cases` are the plan's."""
    monkeypatch.setattr(runner, "Servers", NoServers)

    def with_runner(code: str) -> runner.Report:
        script = tmp_path / "runner.py"
        script.write_text("import json, os, sys\nplan = json.load(open(sys.argv[1]))\ncases = plan['only']\n"
                          "def say(**line):\n    print(json.dumps(line), flush=True)\n" + code)
        return runner.run("fake", ["/usr/bin/python3", str(script)], tmp_path, ["stream", "gzip"])

    return with_runner


def test_all_cases_are_as_the_page_says():
    assert [problem for path in sorted(case_format.CASES.glob("*.json")) for problem in case_format.problems_of(path)] == []


@pytest.mark.parametrize("change,problem", [
    (lambda case: case.update(kind="dance"), "kind: expected one of"),
    (lambda case: case.update(server="mars"), "server: expected one of"),
    (lambda case: case["client"].update(patience=3), "client: unknown member patience"),
    (lambda case: case["messages"][0].update(request_binary="AAAA"), "request_binary is not that of request"),
    (lambda case: case["messages"][0]["inputs"][0].update(shape=[7]), "expected 28 bytes, got 96"),
    (lambda case: case["messages"][0]["expect"]["gradients"][0]["values"].pop(), "expected 24 values, got 23"),
])
def test_a_case_that_is_not_is_told(tmp_path, change, problem):
    case = json.loads((case_format.CASES / "nt_xent_float32.json").read_text())
    change(case)
    path = tmp_path / "nt_xent_float32.json"
    path.write_text(json.dumps(case))
    assert any(problem in line for line in case_format.problems_of(path))


def test_verdicts_are_kept_with_their_texts(run):
    report = run("say(case='gzip', verdict='skip', text='no gzip', seconds=0)\nsay(case='stream', verdict='pass', text='', seconds=1)")
    assert report.verdicts == {"gzip": "skip", "stream": "pass"} and report.texts["gzip"] == "no gzip"


def test_a_case_without_a_report_fails(run):
    report = run("say(case='gzip', verdict='pass', text='', seconds=0)\nsys.exit(3)")
    assert report.verdicts == {"gzip": "pass", "stream": "fail"} and "ended with 3" in report.texts["stream"]


def test_a_line_that_is_no_report_ends_the_suite(run):
    with pytest.raises(SystemExit, match="expected a report or a question"):
        run("print('hello', flush=True)")


def test_questions_are_answered(run):
    report = run("say(ask='restart', server='restarting')\nanswer = json.loads(input())\n"
                 "for name in cases:\n    say(case=name, verdict='fail', text=answer['token'], seconds=0)")
    assert report.texts == {"gzip": "restart", "stream": "restart"}


def test_tables_count_what_passes_of_what_there_is():
    reports = [runner.Report("go"), runner.Report("browser")]
    for name in runner.case_names():
        reports[0].add(name, "pass", "")
        reports[1].add(name, "skip" if name == "gzip" else "fail" if name == "stream" else "pass", "why")
    text = table.grouped(reports)
    assert "| streams | 4 of 4 | 3 of 4 |" in text and "| errors with their details | 13 of 13 | 12 of 12 |" in text
    everything = table.full(reports, {"go": {"lines by hand": "300"}})
    assert "- browser, `gzip`: why" in everything and "| lines by hand | 300 |  |" in everything


@pytest.fixture()
def client(tmp_path, monkeypatch):
    """A client `toy` in a project of its own."""
    folder = tmp_path / "client" / "toy"
    folder.mkdir(parents=True)
    script = folder / "tasks"
    script.write_text('#!/bin/sh\ncase $1 in inputs) cat version;; build) echo x >>"$2/built"; [ ! -e broken ];; needs) echo no toy; exit 1;;\n'
                      "*) exit 2;; esac\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(clients, "ROOT", tmp_path)
    monkeypatch.setattr(clients, "BUILDS", tmp_path / "build")
    monkeypatch.chdir(tmp_path)
    Path("version").write_text("toy 1\n")
    clients.subprocess.run(["git", "init", "-q", "."], check=True)
    return clients.Client("toy")


def test_a_client_is_built_once_a_content(client):
    first, _ = client.build()
    assert client.build()[0] == first and (first / "built").read_text() == "x\n"
    Path("version").write_text("toy 2\n")
    second, _ = client.build()
    (Path("client/toy") / "source").write_text("new")
    third, _ = client.build()
    assert len({first, second, third}) == 3 and not first.exists() and not second.exists()


def test_a_build_that_fails_is_made_again_and_says_why(client):
    Path("broken").touch()
    with pytest.raises(clients.Failed, match="client/toy/tasks build ended with 1"):
        client.build()
    Path("broken").unlink()
    assert client.build()[0].exists()


def test_what_a_client_misses_is_said_and_its_columns_default_to_its_name(client):
    assert client.missing("toy") == "no toy" and client.columns() == ["toy"] and client.bench(Path("."), "") == {}
