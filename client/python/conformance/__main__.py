# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Runs the conformance cases of a plan through the Python client: see tests/conformance/README.md."""

from __future__ import annotations

import concurrent.futures
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import lossd

from expectations import Mismatch, check_answer, check_error
from case_messages import Message

_KNOWN = {"timeout_ms", "cancel_after_ms", "compression", "max_message_bytes", "token", "calls", "concurrency",
          "restart_after"}
_stdout = threading.Lock()


class Skip(Exception):
    """A case that this client cannot run."""


def ask(question: str, server: str) -> dict[str, Any]:
    """Asks the suite, and waits until it has done so."""
    with _stdout:
        print(json.dumps({"ask": question, "server": server}), flush=True)
        return json.loads(sys.stdin.readline())


def make_client(server: dict[str, Any], settings: dict[str, Any], token: str | None = None) -> lossd.Client:
    tls = lossd.Tls.from_files(server["ca"]) if "ca" in server else None
    chosen = {"none": "", "wrong": "wrong-token"}.get(settings.get("token", ""), server.get("token", ""))
    options = [("grpc.default_compression_algorithm", 2)] if settings.get("compression") == "gzip" else []
    timeout = settings.get("timeout_ms")
    return lossd.Client(server["target"], tls=tls, auth_token=chosen if token is None else token,
                        timeout=None if timeout is None else timeout / 1000, channel_options=options,
                        max_message_bytes=settings.get("max_message_bytes"))


def outcome(call, message: Message) -> None:
    """Holds what `call` returns or raises against what the message expects."""
    try:
        result = call()
    except lossd.LossdError as error:
        check_error(error, message.expect)
    else:
        check_answer(result, message)


def run_compute(client: lossd.Client, case: dict[str, Any]) -> None:
    message = Message(case["messages"][0])
    cancel_after = case["client"].get("cancel_after_ms")
    if cancel_after is None:
        outcome(lambda: client.compute(*message.arguments, **message.options), message)
        return
    pending = client.compute_async(*message.arguments, **message.options)
    timer = threading.Timer(cancel_after / 1000, pending.cancel)
    timer.start()
    outcome(pending.result, message)


def run_stream(client: lossd.Client, case: dict[str, Any]) -> None:
    messages = [Message(described) for described in case["messages"]]
    with client.stream() as stream:
        futures = [stream.send(*message.arguments, **message.options) for message in messages]
        for future, message in zip(futures, messages):
            outcome(lambda: future.result(120), message)


def run_info(client: lossd.Client, case: dict[str, Any]) -> None:
    info, expected = client.server_info(), case["expect"]["info"]
    missing = set(expected["losses"]) - {loss.name for loss in info.losses}
    if missing:
        raise Mismatch(f"losses: expected {sorted(missing)} too")
    for name, value in expected["limits"].items():
        if getattr(info.limits, name) != value:
            raise Mismatch(f"limits.{name}: expected {value}, got {getattr(info.limits, name)}")
    if client.max_message_bytes != info.limits.max_message_bytes:
        raise Mismatch(f"expected a client with the server's limit of messages, got {client.max_message_bytes}")


def run_restart(client: lossd.Client, case: dict[str, Any]) -> None:
    settings, message = case["client"], Message(case["messages"][0])
    numbers = iter(range(settings["calls"]))
    lock, answered, reached = threading.Lock(), 0, threading.Event()

    def work() -> None:
        nonlocal answered
        while True:
            with lock:
                if next(numbers, None) is None:
                    return
            outcome(lambda: client.compute(*message.arguments, **message.options), message)
            with lock:
                answered += 1
                restarts = answered == settings["restart_after"]
            if restarts:
                ask("restart", case["server"])
                reached.set()

    with concurrent.futures.ThreadPoolExecutor(settings["concurrency"]) as pool:
        for worker in [pool.submit(work) for _ in range(settings["concurrency"])]:
            worker.result()
    if not reached.is_set() or answered != settings["calls"]:
        raise Mismatch(f"expected {settings['calls']} answers and a restart, got {answered}")


def run_rotate(client: lossd.Client, case: dict[str, Any], server: dict[str, Any]) -> None:
    message = Message(case["messages"][0])
    client.compute(*message.arguments, **message.options)
    token = ask("rotate_token", case["server"])["token"]
    outcome(lambda: client.compute(*message.arguments, **message.options), message)
    with make_client(server, case["client"], token) as renewed:
        renewed.compute(*message.arguments, **message.options)
    server["token"] = token


def run_case(case: dict[str, Any], server: dict[str, Any]) -> None:
    runs = {"compute": run_compute, "stream": run_stream, "info": run_info, "restart": run_restart,
            "rotate": lambda client, described: run_rotate(client, described, server)}
    unknown = set(case["client"]) - _KNOWN
    if case["kind"] not in runs or unknown:
        raise Skip(f"expected a known kind and known settings, got {case['kind']}, {sorted(unknown)}")
    with make_client(server, case["client"]) as client:
        runs[case["kind"]](client, case)


def judge(case: dict[str, Any], server: dict[str, Any]) -> tuple[str, str]:
    """Verdict and text."""
    try:
        run_case(case, server)
    except Skip as skip:
        return "skip", str(skip)
    except Exception as error:
        return "fail", f"{type(error).__name__}: {error}"
    return "pass", ""


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(plan["cases"])
    for name in plan.get("only") or sorted(path.stem for path in folder.glob("*.json")):
        case = json.loads((folder / f"{name}.json").read_text())
        start = time.monotonic()
        verdict, text = judge(case, plan["servers"][case["server"]])
        line = {"case": name, "verdict": verdict, "text": text, "seconds": round(time.monotonic() - start, 4)}
        with _stdout:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
