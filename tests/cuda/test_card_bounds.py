# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The predictions for a card: their formulas, and that the page shows what they give."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(_FOLDER))

import card_bounds  # noqa: E402  # Beside this file.


def test_the_page_shows_the_table_of_today():
    page = (_FOLDER.parents[1] / "docs/benchmarks.md").read_text()
    assert card_bounds.table() in page
    assert card_bounds.held_table() in page


def test_products_of_a_square_are_three_and_with_sums_of_columns_four():
    kept = card_bounds.rectangle(65536, 65536, 512, sides=0)
    again = card_bounds.rectangle(65536, 65536, 512, sides=2)
    assert kept.flops == 6 * 65536**2 * 512
    assert again.flops == 8 * 65536**2 * 512
    assert again.times(card_bounds.H200, "bf16")["products"] == pytest.approx(22.3e-3, rel=0.01)


def test_scores_are_passed_over_as_often_as_the_sweeps_do():
    scores = 65536**2 * 4.0
    parts = 2 * 32 / 4 * (1 / 128 + 1 / 512)  # Of a pass: states of 32 bytes, of as many scores, written and read.
    for sides, element, passes in ((0, 4, 5), (0, 2, 3.5), (1, 4, 6), (2, 4, 7 + parts), (2, 2, 5.5 + parts)):
        demand = card_bounds.rectangle(65536, 65536, 1, sides=sides, element=element)
        assert demand.memory_bytes / scores == pytest.approx(passes, rel=5e-3)
    kept = card_bounds.rectangle(4096, 4096, 1, sides=2)
    assert kept.memory_bytes / (4096**2 * 4) == pytest.approx(6 + parts, rel=1e-2)


def test_blocks_are_those_of_the_target():
    assert card_bounds.block_rows(65536, 65536) == 1536
    assert card_bounds.block_rows(65536, 65536, 64 << 20) == 256
    assert card_bounds.block_rows(4096, 4096) == 4096
    assert card_bounds.block_rows(10, 1 << 40) == 1
    assert card_bounds.first_tile(65536, 65536) == (4096, 8192)
    assert card_bounds.first_tile(4096, 4096, 1 << 22) == (768, 1280)
    assert card_bounds.first_tile(10, 1 << 20, 1 << 22) == (10, 104704)


def test_every_tile_reads_its_operands_and_reads_and_writes_the_sums_of_their_gradients():
    def beyond_scores(depth):
        return card_bounds.rectangle(65536, 65536, depth, sides=0, element=2).memory_bytes

    down, across = 16, 8
    added = beyond_scores(512) - beyond_scores(256)
    of_tiles = (down + across) * 65536 * 256 * (2 * 4 + 2 * 2)
    assert added == of_tiles + 2 * 65536 * 256 * (7 * 2 + 20)


def test_the_least_is_between_what_bounds_a_case_and_the_prediction():
    for demand, precision in card_bounds.CASES.values():
        times = demand.times(card_bounds.H200, precision)
        least = demand.least(card_bounds.H200, precision)
        assert max(times["products"], times["memory"]) <= least <= times["products"] + times["memory"]


def test_clip_holds_less_than_what_was_asked():
    assert sum(card_bounds.held(65536, 65536, 512, element=2).values()) < 0.9e9


def test_vectors_that_are_contrasted_with_themselves_cross_the_bus_once():
    assert card_bounds.CASES["nt_xent 2 x 4096 x 256"][0].bus_up == 2 * 4096 * 256 * 4


def test_small_scores_are_formed_once():
    assert card_bounds.rectangle(4096, 4096, 256, sides=2).flops == 6 * 4096**2 * 256


def test_amdim_takes_half_a_millisecond_of_products_and_more_for_the_bus():
    demand, precision = card_bounds.CASES["AMDIM '00' (200,1280,7,7)"]
    times = demand.times(card_bounds.H200, precision)
    assert times["products"] == pytest.approx(0.5e-3, rel=0.01)
    assert times["bus"] > times["products"] + times["memory"]
