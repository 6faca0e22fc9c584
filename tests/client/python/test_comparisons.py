# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The grammar of comparisons."""

from __future__ import annotations

import pytest

from lossd import parse_map_indexes
from lossd.comparisons import format_map_indexes


@pytest.mark.parametrize("text, pairs", [
    ("00", [(0, 0)]), ("00, 11", [(0, 0), (1, 1)]), ("  00 ,\t11\n", [(0, 0), (1, 1)]), ("rr", [(-1, -1)]),
    ("11,59, 2r", [(1, 1), (5, 9), (2, -1)]), ("10:12, r:3, 10:r", [(10, 12), (-1, 3), (10, -1)])])
def test_accepts(text, pairs):
    assert parse_map_indexes(text) == pairs


@pytest.mark.parametrize("text", ["", " ", ",", "0", "012", "0 1", "-1", "00,", "R0", "0a", "1:", ":1", "1:2:3", "٣٣"])
def test_refuses(text):
    with pytest.raises(ValueError, match="comparisons"):
        parse_map_indexes(text)


def test_formats_what_it_parses():
    assert parse_map_indexes(format_map_indexes([(0, 1), (10, 12)])) == [(0, 1), (10, 12)]
