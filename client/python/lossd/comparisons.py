# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The grammar of comparisons: which anchor map is compared with which positive map."""

from __future__ import annotations

RANDOM = -1  # Stands for `r`, a random index.


def _index(text: str, item: str) -> int:
    if text == "r":
        return RANDOM
    if not text or any(c not in "0123456789" for c in text):
        raise ValueError(f'comparisons: expected digits or r in "{item}", got "{text}"')
    return int(text)


def parse_map_indexes(comparisons: str) -> list[tuple[int, int]]:
    """Pairs of map indices (anchor, positive); -1 stands for `r`.

    >>> parse_map_indexes("11, 59, 2r")
    [(1, 1), (5, 9), (2, -1)]
    >>> parse_map_indexes("10:12")
    [(10, 12)]
    """
    pairs = []
    for item in (part.strip() for part in comparisons.split(",")):
        sides = item.split(":") if ":" in item else list(item)
        if len(sides) != 2:
            raise ValueError(f'comparisons: expected two indices such as "01", "0r" or "10:12", got "{item}"')
        pairs.append((_index(sides[0], item), _index(sides[1], item)))
    return pairs


def format_map_indexes(pairs: list[tuple[int, int]]) -> str:
    """The grammar's text for resolved pairs."""
    return ", ".join(f"{anchor}:{positive}" for anchor, positive in pairs)
