# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What each bench case asks of a card: arithmetic, traffic and bytes over the bus, by formula, and the time they take at
a card's ceilings. The table of docs/benchmarks.md is what this prints.

A contrast of M rows against N columns of D forms its scores (2 M N D operations), and the gradients of rows and columns
from them (2 M N D each). Where columns are summed, too, and one tile does not hold all scores, they are formed once more
for the gradient, because a column's sum is known only when all rows were seen.
"""

from __future__ import annotations

import dataclasses
import math

MEMORY_BYTES = 139 << 30  # Of the card, of which four fifths are the budget, and a 256th of that a block of scores.
BLOCK_BYTES = min(max(MEMORY_BYTES // 5 * 4 // 256, 64 << 20), 1 << 30)
TILE_SCORES = 1 << 25  # At most.
PATCH_ROWS, STRIP_COLUMNS = 128, 512  # Scores that a block of threads sums up both ways (pair_tile_sweeps.h).
STATE_BYTES = 32  # Of what it has summed up of a row of these, or of a column.


def block_rows(rows: int, columns: int, block_bytes: int = BLOCK_BYTES) -> int:
    """As Target::BlockRows (core/losses/aten/target.h)."""
    room = block_bytes // 4 // columns
    return rows if room >= rows else _whole(room)


def _whole(room: int) -> int:
    return room // 256 * 256 if room >= 256 else max(room, 1)


def first_tile(rows: int, columns: int, block_bytes: int = BLOCK_BYTES) -> tuple[int, int]:
    """As Target::FirstTile: its rows and columns."""
    room = min(block_bytes // 4, TILE_SCORES)
    if rows <= room // columns:
        return rows, columns
    wide = min(columns, _whole(math.isqrt(2 * room)))
    high = min(rows, _whole(room // wide))
    return high, min(columns, _whole(room // rows)) if high == rows else wide


@dataclasses.dataclass(frozen=True)
class Card:
    """Ceilings, in operations and bytes a second."""

    name: str
    flops: dict[str, float]
    memory: float
    bus: float


H200 = Card("H200", {"fp32": 60e12, "tf32": 400e12, "bf16": 790e12}, 4.3e12, 55e9)


@dataclasses.dataclass(frozen=True)
class Work:
    """Of kernels of one kind."""

    flops: float
    bytes: float


@dataclasses.dataclass(frozen=True)
class Demand:
    """What a request asks for."""

    work: tuple[Work, ...]
    bus_up: float
    bus_down: float

    @property
    def flops(self) -> float:
        return sum(kind.flops for kind in self.work)

    @property
    def memory_bytes(self) -> float:
        return sum(kind.bytes for kind in self.work)

    def times(self, card: Card, precision: str) -> dict[str, float]:
        """Seconds by what could bound it; the device's own are the first two."""
        return {"products": self.flops / card.flops[precision], "memory": self.memory_bytes / card.memory,
                "bus": max(self.bus_up, self.bus_down) / card.bus}

    def least(self, card: Card, precision: str) -> float:
        """Seconds on the device if every kernel read and wrote while it multiplied."""
        return sum(max(kind.flops / card.flops[precision], kind.bytes / card.memory) for kind in self.work)


def rectangle(rows: int, columns: int, depth: int, *, sides: int, element: int = 4, symmetric: bool = False) -> Demand:
    """A contrast of rows against columns: info_nce and maps sum over rows (one side), clip over both, siglip over
    neither: its sigmoids need no sum before the gradient. Symmetric: the columns are the rows, as nt_xent's. What needs
    whole rows goes in blocks of them, the rest in tiles."""
    scores = rows * columns * 4.0
    high, wide = (block_rows(rows, columns), columns) if sides == 1 else first_tile(rows, columns)
    down, across = math.ceil(rows / high), math.ceil(columns / wide)
    again = sides == 2 and down * across > 1
    of_rows, of_columns = across * rows * depth, down * columns * depth  # Numbers of operands that all tiles read.
    product = 2.0 * rows * columns * depth
    gradient = scores * element / 4  # As exactly as products read it.
    form = Work(product, scores + (of_rows + of_columns) * element)
    summed = Work(0, min(sides, 1) * scores + 2 * _part_states(rows, columns, high, wide) * STATE_BYTES * (sides == 2))
    work = [form, summed, Work(0, scores + gradient),
            Work(product, gradient + of_columns * element + of_rows * 8.0),  # Reads and writes the sum of the rows' gradient,
            Work(product, gradient + of_rows * element + of_columns * 8.0)]  # and of the columns'.
    if again:
        work.append(form)
    # Beside the products: an input is read in five passes of its sweeps, written as products read it, its sum begun, read
    # twice and written, and read and written where it leaves from.
    vectors = (rows if symmetric else rows + columns) * depth
    work.append(Work(0, vectors * (7.0 * element + 20.0)))
    return Demand(work=tuple(work), bus_up=vectors * element, bus_down=vectors * element)


def _part_states(rows: int, columns: int, high: int, wide: int) -> int:
    """Of all tiles: written by the sweep that forms them, and read by the one that joins them."""
    down, across = math.ceil(rows / high), math.ceil(columns / wide)
    return rows * across * math.ceil(wide / STRIP_COLUMNS) + columns * down * math.ceil(high / PATCH_ROWS)


def held(rows: int, columns: int, depth: int, *, element: int, block_bytes: int = BLOCK_BYTES) -> dict[str, float]:
    """Bytes of device memory that a batch of one such request, in tiles, holds at a time, by what they are. LibTorch's and
    cuBLAS's own, and what a context takes, are not in it."""
    vectors = (rows + columns) * depth
    high, wide = first_tile(rows, columns, block_bytes)
    return {"up": vectors * float(element), "operands": vectors * float(element), "sums of gradients": vectors * 4.0,
            "down": vectors * float(element), "a tile of scores": high * wide * 4.0,
            "its sums in parts": float(_part_states(high, wide, high, wide) * STATE_BYTES),
            "its gradient, rounded": high * wide * 2.0 * (element == 2)}


def maps(images: int, channels: int, locations: int) -> Demand:
    """One comparison, both directions: B sampled rows against all B L locations."""
    one = rectangle(images, images * locations, channels, sides=1)
    bytes_of_maps = 2.0 * images * locations * channels * 4
    return Demand(work=2 * one.work, bus_up=bytes_of_maps, bus_down=bytes_of_maps)


def cpc(images: int, channels: int, height: int, width: int, dim: int = 64) -> Demand:
    """The context network of 5 blocks forwards and twice backwards, the projections, and one contrast for all steps."""
    rows, places = height - 2, images * height * width
    hidden = 256
    taps = 2 + 3 * (width - 2) / width  # Of a hidden layer's place: 2 x 1 whole, 1 x 3 without a margin.
    network = 30.0 * places * (2 * hidden * channels + hidden * hidden * taps) * rows / height
    projections = 6.0 * places * channels * dim * (1 + rows / height)
    contrast = rectangle(images * rows * width, places, dim, sides=1)
    activations = 3 * 5 * (2.0 * channels + 6 * hidden) * 4 * images * rows * width
    bytes_of_map = places * channels * 4.0
    return Demand(work=(Work(network + projections, activations), *contrast.work), bus_up=bytes_of_map,
                  bus_down=bytes_of_map)


CASES = {
    "AMDIM '00' (200,1280,7,7)": (maps(200, 1280, 49), "fp32"),
    "CPC (64,512,7,7)": (cpc(64, 512, 7, 7), "fp32"),
    "nt_xent 2 x 4096 x 256": (rectangle(8192, 8192, 256, sides=1, symmetric=True), "fp32"),
    "info_nce 4096 x 256": (rectangle(4096, 4096, 256, sides=1), "fp32"),
    "clip 65536 x 512": (rectangle(65536, 65536, 512, sides=2, element=2), "bf16"),
    "siglip 65536 x 512": (rectangle(65536, 65536, 512, sides=0, element=2), "bf16"),
    "siglip 65536 x 768": (rectangle(65536, 65536, 768, sides=0, element=2), "bf16"),
}


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def table(card: Card = H200) -> str:
    """Markdown: a row a case. The predicted time of the device is the sum of products and memory, as if no kernel did
    both at once; the least is if every one did."""
    lines = ["| case | precision | GFLOP | memory, GB | up / down, MB | products, ms | memory, ms | bus, ms | device, ms | least, ms "
             "| bound by |", "|---|---|---|---|---|---|---|---|---|---|---|"]
    for name, (demand, precision) in CASES.items():
        times = demand.times(card, precision)
        device = times["products"] + times["memory"]
        bound = max(times, key=times.get)
        milliseconds = [_number(1e3 * seconds) for seconds in (*times.values(), device, demand.least(card, precision))]
        lines.append(f"| {name} | {precision} | {_number(demand.flops / 1e9)} | {_number(demand.memory_bytes / 1e9)} "
                     f"| {_number(demand.bus_up / 1e6)} / {_number(demand.bus_down / 1e6)} | "
                     + " | ".join(milliseconds) + f" | {bound} |")
    return "\n".join(lines)


def held_table() -> str:
    """Markdown: what clip of 65536 x 512 in bf16 holds, in MB."""
    share = held(65536, 65536, 512, element=2)
    high, wide = first_tile(65536, 65536)
    lines = ["| tiles of | " + " | ".join([*share, "all"]) + " |", "|---" * (len(share) + 2) + "|"]
    cells = [round(part / 1e6) for part in (*share.values(), sum(share.values()))]
    lines.append(f"| {high} x {wide} | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
    print(held_table())
