# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What the bench for a card makes of a server's counters and of failures."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import card_bench  # noqa: E402  # Beside this file.
import card_bounds  # noqa: E402
from card_cases import CASES  # noqa: E402


def _counters(requests: int) -> dict[str, float]:
    device = '{device="cuda:0"'
    return {f"lossd_device_requests_total{device}}}": requests, f"lossd_device_batches_total{device}}}": requests / 2,
            f"lossd_device_operations_total{device}}}": 15.0 * requests,
            f'lossd_device_busy_seconds_total{device},stream="compute"}}': 0.25 * requests,
            f'lossd_device_busy_seconds_total{device},stream="upload"}}': 7.0 * requests,
            f'lossd_device_copies_total{device},direction="up"}}': requests,
            f'lossd_device_copies_total{device},direction="down"}}': requests,
            f'lossd_device_copied_bytes_total{device},direction="up"}}': 3e6 * requests,
            f'lossd_device_copied_bytes_total{device},direction="down"}}': 4e6 * requests,
            f"lossd_device_held_bytes{device}}}": 5e6}


def test_what_a_request_costs_is_what_grew_between():
    cost = card_bench._between(_counters(10), _counters(14))
    assert cost == {"device_ms": 250, "requests_a_batch": 2, "launches_a_batch": 30, "copies_a_request": 2, "mb_up": 3,
                    "mb_down": 4, "held_mb": 5}
    assert card_bench._between({}, {"lossd_batch_requests_count": 3.0}) == {}


def test_every_shape_that_was_asked_for_is_a_case_with_a_prediction():
    bounds = {case.bound for case in CASES if case.bound}
    assert bounds == set(card_bounds.CASES)
    assert all(card_bounds.CASES[case.bound][1] == case.precision for case in CASES if case.bound)


@pytest.fixture()
def without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_losses", None)


def test_a_case_that_fails_has_its_error_in_the_table_and_the_others_run(without_torch, monkeypatch):
    class Broken:
        address = "unix:/nowhere"

        def counters(self):
            raise OSError("nobody\nlistens")

    monkeypatch.setattr(card_bench, "_load", lambda *_: {})
    served = []

    @contextlib.contextmanager
    def serve(device, *flags):
        served.append((device, *flags))
        yield Broken()

    rows = card_bench.bench("cuda", False, serve=serve)
    assert len(rows) == len(CASES) and all("nobody" in row["error"] for row in rows)
    assert served == [("cuda", f"--compute_precision={p}") for p in ("fp32", "tf32", "bf16", "bf16")]  # clip's own.
    table = card_bench.table(rows)
    assert len(table) == 2 + len(CASES) and all(line.count("|") == 17 for line in table)
    assert "nobody listens" in table[2]


def test_the_first_calls_are_in_no_figure(without_torch, monkeypatch):
    asked = []

    class Noting:
        def counters(self):
            asked.append("counters")
            return _counters(len(asked))

    monkeypatch.setattr(card_bench, "_load", lambda _, __, ___, concurrency, ____: asked.append(concurrency) or {})
    card_bench._row(Noting(), CASES[0], True)
    assert asked == [1, "counters", 1, "counters", 8, 8]


def test_the_memory_of_a_case_is_judged_where_it_is_known():
    clip = next(case for case in CASES if case.goal_mb)
    for row, met in (({"memory_mb": 999.0}, True), ({"memory_mb": 1001.0}, False), ({}, None)):
        row["torch"] = {}
        card_bench._judge(clip, row)
        assert row.get("met_memory") is met


def test_goals_are_judged_by_the_device_time():
    clip = next(case for case in CASES if case.loss == "clip")
    small = next(case for case in CASES if case.goal_times_eager)
    for case, device, eager, met in ((clip, 35.0, 1.0, True), (clip, 37.0, 1.0, False), (small, 1.0, 10.0, True),
                                     (small, 1.0, 9.0, False)):
        row = {"device": {"device_ms": device}, "torch": {"eager_ms": eager}}
        card_bench._judge(case, row)
        assert row["met"] is met
