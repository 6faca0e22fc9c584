# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What each bench case asks of a card: arithmetic, traffic and bytes over the bus, by formula, and the time they take at
a card's ceilings. The table of docs/benchmarks.md is what this prints.

A contrast of M rows against N columns of D forms its scores (2 M N D operations), and the gradients of rows and columns
from them (2 M N D each). Where columns are summed, too, and a block does not hold the scores of all rows, they are formed
once more for the gradient, because a column's sum is known only when all rows were seen.
"""

from __future__ import annotations

import dataclasses
import math

MEMORY_BYTES = 139 << 30  # Of the card, of which four fifths are the budget, and a 256th of that a block of scores.
BLOCK_BYTES = min(max(MEMORY_BYTES // 5 * 4 // 256, 64 << 20), 1 << 30)


def block_rows(rows: int, columns: int, block_bytes: int = BLOCK_BYTES) -> int:
    """As Target::BlockRows (core/losses/aten/target.h)."""
    room = block_bytes // 4 // columns
    return rows if room >= rows else room // 256 * 256 if room >= 256 else max(room, 1)


@dataclasses.dataclass(frozen=True)
class Card:
    """Ceilings, in operations and bytes a second."""

    name: str
    flops: dict[str, float]
    memory: float
    bus: float


H200 = Card("H200", {"fp32": 60e12, "tf32": 400e12, "bf16": 790e12}, 4.3e12, 55e9)


@dataclasses.dataclass(frozen=True)
class Demand:
    """What a request asks for."""

    flops: float
    memory_bytes: float
    bus_up: float
    bus_down: float

    def times(self, card: Card, precision: str) -> dict[str, float]:
        """Seconds by what could bound it; the device's own are the first two."""
        return {"products": self.flops / card.flops[precision], "memory": self.memory_bytes / card.memory,
                "bus": max(self.bus_up, self.bus_down) / card.bus}


def rectangle(rows: int, columns: int, depth: int, *, sides: int, element: int = 4, symmetric: bool = False) -> Demand:
    """A contrast of rows against columns: info_nce and maps sum over rows (one side), clip over both, siglip over
    neither: its sigmoids need no sum before the gradient. Symmetric: the columns are the rows, as nt_xent's."""
    scores = rows * columns * 4.0
    blocks = math.ceil(rows / block_rows(rows, columns))
    again = sides == 2 and blocks > 1
    # Each score: written by the product and read by the sweeps, once a side and once for the gradient (by a sigmoid's
    # sweep for both); written and read again where it is formed twice. Its gradient: written, and read by two products,
    # as exactly as these read their operands.
    passes = 1 + max(sides + (not again), 1) + 2 * again + 3 * element / 4
    # Of a block: all columns are read by each product of scores and by that of the rows' gradient, and the sum of their
    # own gradient is read and written. Rows are in one block each.
    of_blocks = blocks * columns * depth * ((2 + again) * element + 2 * 4.0) + rows * depth * ((2 + again) * element + 2 * 4.0)
    # Beside the products: an input is read, widened, measured, scaled, its sum begun, and its gradient formed from both in
    # two passes, and laid where it leaves from.
    vectors = (rows if symmetric else rows + columns) * depth
    beside = vectors * (11 * 4.0 + element)
    return Demand(flops=(8.0 if again else 6.0) * rows * columns * depth,
                  memory_bytes=passes * scores + of_blocks + beside, bus_up=vectors * element,
                  bus_down=vectors * 4.0)  # The host rounds gradients.


def held(rows: int, columns: int, depth: int, *, element: int, block_bytes: int = BLOCK_BYTES) -> dict[str, float]:
    """Bytes of device memory that a batch of one such request holds at a time, by what they are. LibTorch's and cuBLAS's
    own, and what a context takes, are not in it."""
    vectors = (rows + columns) * depth
    block = block_rows(rows, columns, block_bytes) * columns
    narrow = element == 2
    return {"up": vectors * float(element), "widened": vectors * 4.0 * narrow, "operands": vectors * float(element),
            "sums of gradients": vectors * 4.0, "down": vectors * 4.0, "a block of scores": block * 4.0,
            "its gradient, rounded": block * 2.0 * narrow}


def maps(images: int, channels: int, locations: int) -> Demand:
    """One comparison, both directions: B sampled rows against all B L locations."""
    one = rectangle(images, images * locations, channels, sides=1)
    bytes_of_maps = 2.0 * images * locations * channels * 4
    return Demand(flops=2 * one.flops, memory_bytes=2 * one.memory_bytes, bus_up=bytes_of_maps, bus_down=bytes_of_maps)


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
    return Demand(flops=network + projections + contrast.flops, memory_bytes=activations + contrast.memory_bytes,
                  bus_up=bytes_of_map, bus_down=bytes_of_map)


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
    """Markdown: a row a case. The predicted time of the device is the sum of products and memory: the sweeps between the
    products share no time with them."""
    lines = ["| case | precision | GFLOP | memory, GB | up / down, MB | products, ms | memory, ms | bus, ms | device, ms | bound by |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for name, (demand, precision) in CASES.items():
        times = demand.times(card, precision)
        device = times["products"] + times["memory"]
        bound = max(times, key=times.get)
        milliseconds = [_number(1e3 * seconds) for seconds in (*times.values(), device)]
        lines.append(f"| {name} | {precision} | {_number(demand.flops / 1e9)} | {_number(demand.memory_bytes / 1e9)} "
                     f"| {_number(demand.bus_up / 1e6)} / {_number(demand.bus_down / 1e6)} | "
                     + " | ".join(milliseconds) + f" | {bound} |")
    return "\n".join(lines)


def held_table() -> str:
    """Markdown: what clip of 65536 x 512 in bf16 holds, in MB, with blocks as by default and with the smallest."""
    shares = [held(65536, 65536, 512, element=2, block_bytes=size) for size in (BLOCK_BYTES, 64 << 20)]
    lines = ["| blocks of | " + " | ".join([*shares[0], "all"]) + " |", "|---" * (len(shares[0]) + 2) + "|"]
    for size, share in zip((BLOCK_BYTES, 64 << 20), shares):
        cells = [round(part / 1e6) for part in (*share.values(), sum(share.values()))]
        lines.append(f"| {block_rows(65536, 65536, size)} rows | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
    print(held_table())
