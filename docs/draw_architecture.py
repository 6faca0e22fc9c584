#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Draws docs/architecture.svg: the folders, which of them may include which, and the way of a call.

Arrows come from the table ALLOWED of tests/lint/include_directions.py; where rooms stand and how arrows bend is written
here. tests/lint/architecture.py holds the picture against the table, the includes and docs/architecture.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/lint"))
from include_directions import ALLOWED  # noqa: E402  (found by the line above)

PICTURE = ROOT / "docs/architecture.svg"
WIDTH, HEIGHT = 1240, 916

# A house: title, left, top, width, height.
HOUSES = {
    "client": ("client/: who calls", 16, 16, 1208, 156),
    "server": ("server/: a call's way in and out; knows gRPC", 16, 188, 664, 696),
    "proto": ("proto/: the wire format", 696, 188, 528, 160),
    "core": ("core/: the computation; a library, knows no gRPC", 696, 364, 528, 520),
}

# A room: left, top, width, height, what it does.
ROOMS = {
    "client/npy": (36, 52, 150, 102, ".npy, .npz, safetensors"),
    "client/cli": (226, 52, 220, 102, "lossctl"),
    "client/load": (486, 52, 170, 102, "load, chaos, reports"),
    "client/cpp": (696, 52, 230, 102, "lossd::client"),
    "client/python": (962, 52, 242, 15, "by generated code"),
    "client/python_server": (962, 69, 242, 15, "its server"),
    "client/go": (962, 86, 242, 15, "by generated code"),
    "client/java": (962, 103, 242, 15, "by generated code"),
    "client/rust": (962, 120, 242, 15, "by generated code"),
    "client/typescript": (962, 137, 242, 15, "by generated code"),
    "proto": (716, 224, 180, 104, "lossd/v1/*.proto and its code"),
    "proto/wire": (936, 224, 268, 104, "bytes to core types and back"),
    "server": (40, 224, 616, 82, "main, the two gRPC servers, what makes the back end: knows every room below"),
    "server/compute": (60, 350, 216, 100, "decode, plan, admit, copy, encode"),
    "server/ops": (400, 350, 236, 100, "health, info, pages"),
    "server/rpc": (60, 494, 260, 100, "the gate; any call from arrival to end"),
    "server/security": (60, 638, 150, 88, "tokens, TLS"),
    "server/connections": (248, 638, 164, 88, "sockets, what arrives"),
    "server/metrics": (480, 638, 156, 88, "counters without locks"),
    "server/settings": (60, 770, 150, 88, "one table of flags"),
    "server/log": (248, 770, 164, 88, "a writer that never blocks"),
    "server/process": (480, 770, 156, 88, "threads, signals, memory"),
    "core": (716, 400, 488, 76, "LossBackend: plan, run batches, find what is not finite; knows every room below"),
    "core/scheduling": (716, 526, 170, 76, "queue, workers, admission"),
    "core/losses": (976, 526, 228, 76, "what is computed"),
    "core/losses/aten": (990, 578, 98, 18, "LibTorch"),
    "core/losses/cpc": (1106, 578, 90, 18, "network"),
    "core/engine": (976, 640, 228, 66, "products, sweeps; device/, cuda/"),
    "core/random": (844, 640, 112, 66, "torch, numpy"),
    "core/process": (716, 640, 114, 66, "build, signals"),
    "core/tensor": (976, 738, 228, 60, "tensors, buffers, dtypes"),
    "core/status": (716, 826, 488, 44, "errors and their texts"),
}

# How an arrow between rooms of a house runs: corners; straight ones need no entry but these two points either.
PATHS = {
    ("client/cli", "client/npy"): [(226, 104), (186, 104)],
    ("client/cli", "client/load"): [(446, 104), (486, 104)],
    ("client/load", "client/cpp"): [(656, 104), (696, 104)],
    ("client/cli", "client/cpp"): [(416, 52), (416, 40), (726, 40), (726, 52)],
    ("server/compute", "server/rpc"): [(150, 450), (150, 494)],
    ("server/compute", "server/metrics"): [(276, 390), (356, 390), (356, 610), (510, 610), (510, 638)],
    ("server/compute", "server/process"): [(276, 410), (342, 410), (342, 620), (446, 620), (446, 800), (480, 800)],
    ("server/ops", "server/rpc"): [(420, 450), (420, 472), (300, 472), (300, 494)],
    ("server/ops", "server/metrics"): [(540, 450), (540, 638)],
    ("server/ops", "server/process"): [(636, 400), (648, 400), (648, 814), (636, 814)],
    ("server/ops", "server/settings"): [(460, 450), (460, 480), (36, 480), (36, 800), (60, 800)],
    ("server/rpc", "server/settings"): [(60, 560), (48, 560), (48, 820), (60, 820)],
    ("server/rpc", "server/log"): [(230, 594), (230, 790), (248, 790)],
    ("server/rpc", "server/security"): [(120, 594), (120, 638)],
    ("server/rpc", "server/connections"): [(290, 594), (290, 638)],
    ("server/rpc", "server/metrics"): [(320, 550), (570, 550), (570, 638)],
    ("server/security", "server/settings"): [(120, 726), (120, 770)],
    ("server/security", "server/log"): [(150, 726), (150, 740), (270, 740), (270, 770)],
    ("server/security", "server/process"): [(180, 726), (180, 732), (500, 732), (500, 770)],
    ("server/connections", "server/settings"): [(300, 726), (300, 756), (180, 756), (180, 770)],
    ("server/connections", "server/log"): [(330, 726), (330, 770)],
    ("server/connections", "server/process"): [(390, 726), (390, 748), (530, 748), (530, 770)],
    ("server/metrics", "server/process"): [(580, 726), (580, 770)],
    ("server/settings", "server/process"): [(135, 858), (135, 866), (558, 866), (558, 858)],
    ("core/scheduling", "core/status"): [(837, 602), (837, 826)],
    ("core/losses/aten", "core/losses"): [(1038, 578), (1038, 564)],
    ("core/losses/cpc", "core/losses"): [(1150, 578), (1150, 564)],
    ("core/losses/aten", "core/losses/cpc"): [(1088, 587), (1106, 587)],
    ("core/losses", "core/engine"): [(1080, 602), (1080, 640)],
    ("core/losses", "core/random"): [(976, 588), (900, 588), (900, 640)],
    ("core/losses", "core/tensor"): [(1204, 570), (1211, 570), (1211, 768), (1204, 768)],
    ("core/losses", "core/status"): [(976, 596), (963, 596), (963, 826)],
    ("core/engine", "core/tensor"): [(1080, 706), (1080, 738)],
    ("core/engine", "core/status"): [(1180, 706), (1180, 722), (1218, 722), (1218, 848), (1204, 848)],
}

# The way of a call: number, room, where its circle stands on the room's edge. docs/architecture.md tells what happens.
STEPS = [
    (1, "client/cpp", (816, 154)),
    (2, "server/connections", (360, 638)),
    (3, "server/rpc", (310, 594)),
    (4, "server/compute", (240, 450)),
    (5, "proto/wire", (1000, 328)),
    (6, "core", (1100, 400)),
    (7, "core/scheduling", (770, 526)),
    (8, "core/tensor", (976, 784)),
    (9, "core/scheduling", (886, 572)),
    (10, "core/losses", (976, 572)),
    (11, "core/engine", (1120, 640)),
    (12, "proto/wire", (1150, 328)),
    (13, "server/rpc", (262, 494)),
    (14, "server/log", (248, 818)),
]

# Its parts, from room to room, drawn below them.
WAY = [
    [(816, 154), (816, 180), (688, 180), (688, 630), (360, 630), (360, 638)],
    [(310, 638), (310, 594)],
    [(240, 494), (240, 450)],
    [(220, 350), (220, 322), (680, 322), (680, 338), (1000, 338), (1000, 328)],
    [(1100, 328), (1100, 400)],
    [(770, 476), (770, 526)],
    [(866, 602), (866, 622), (970, 622), (970, 784), (976, 784)],
    [(886, 572), (976, 572)],
    [(1120, 602), (1120, 640)],
    [(1204, 674), (1217, 674), (1217, 356), (1150, 356), (1150, 328)],
    [(960, 328), (960, 345), (670, 345), (670, 484), (262, 484), (262, 494)],
    [(239, 594), (239, 818), (248, 818)],
]

LEGEND = "Arrows and labels (→): may include. Numbers: the way of a call, as docs/architecture.md tells it."

STYLE = """
    .sheet { fill: #ffffff } .house { fill: #f3f5f8; stroke: #c4cdd9 } .room { fill: #ffffff; stroke: #8fa3bf }
    text { fill: #1c2733 } .name { font-weight: 600 } .small { font-size: 11px; fill: #5a6675 } .house-name { fill: #5a6675; font-weight: 600 }
    .arrow { stroke: #6b7c93; stroke-width: 1.4; fill: none; marker-end: url(#head) } .head { fill: #6b7c93 }
    .chip rect { stroke: none } .chip text { font-size: 11px }
    .to-core rect { fill: #dcefe1 } .to-core text { fill: #1f5c34 } .to-proto rect { fill: #e6e0f5 } .to-proto text { fill: #4b3387 }
    .way { stroke: #f0b48a; stroke-width: 5; stroke-linecap: round; fill: none }
    .step circle { fill: #c2611f } .step text { fill: #ffffff; font-size: 11px; font-weight: 700; text-anchor: middle }
    @media (prefers-color-scheme: dark) {
      .sheet { fill: #0f1419 } .house { fill: #171e26; stroke: #36424f } .room { fill: #1f2832; stroke: #55677d }
      text { fill: #e3e9f0 } .small, .house-name { fill: #9fb0c3 } .arrow { stroke: #8798ad } .head { fill: #8798ad }
      .to-core rect { fill: #1d3d28 } .to-core text { fill: #a6dbb6 } .to-proto rect { fill: #33284f } .to-proto text { fill: #cabdf0 }
      .way { stroke: #7a4522 } .step circle { fill: #e58a4b } .step text { fill: #1b1206 }
    }"""


def house_of(room: str) -> str:
    return room.split("/")[0]


def number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def rounded(points: list[tuple[float, float]], radius: float = 8) -> str:
    """A line through the corners, which are rounded."""
    parts = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:]):
        ends = []
        for other in (before, after):
            length = max(abs(other[0] - corner[0]) + abs(other[1] - corner[1]), 1e-9)
            step = min(radius, length / 2) / length
            ends.append((corner[0] + (other[0] - corner[0]) * step, corner[1] + (other[1] - corner[1]) * step))
        parts.append(f"L{number(ends[0][0])} {number(ends[0][1])}Q{number(corner[0])} {number(corner[1])} "
                     f"{number(ends[1][0])} {number(ends[1][1])}")
    parts.append(f"L{number(points[-1][0])} {number(points[-1][1])}")
    return "".join(parts)


def house_svg(name: str) -> str:
    title, left, top, width, height = HOUSES[name]
    return (f'<rect class="house" x="{left}" y="{top}" width="{width}" height="{height}" rx="10"/>'
            f'<text class="house-name" x="{left + 20}" y="{top + 22}">{title}</text>')


def chips_svg(room: str) -> str:
    """The arrows of a room to other houses, each as a label in the room."""
    left, top, width, height, _ = ROOMS[room]
    x, row, rows = left + 8, 0, []
    for target in ALLOWED[room]:
        if house_of(target) == house_of(room):
            continue
        text = "→ " + target.removeprefix("core/losses/").removeprefix("core/").removeprefix("server/")
        chip = 10 + 6.1 * len(text)
        if x + chip > left + width - 6:
            x, row = left + 8, row + 1
        rows.append((row, x, chip, target, text))
        x += chip + 5
    parts = []
    for row, x, chip, target, text in rows:
        y = top + height - 26 - 19 * (rows[-1][0] - row)
        parts.append(f'<g class="chip to-{house_of(target)}" data-from="{room}" data-to="{target}">'
                     f'<title>{room} includes {target}</title>'
                     f'<rect x="{number(x)}" y="{y}" width="{number(chip)}" height="17" rx="8"/>'
                     f'<text x="{number(x + 5)}" y="{y + 12.5}">{text}</text></g>')
    return "".join(parts)


def room_svg(room: str) -> str:
    left, top, width, height, text = ROOMS[room]
    label = room + "/" if "/" in room else f"{room}/ itself"
    if room.rpartition("/")[0] in ROOMS and room.count("/") > 1:  # It stands in that one.
        label = room.rpartition("/")[2] + "/"
    if height < 20:
        words = f'<text class="small" x="{left + 10}" y="{top + 12}">{label} {text}</text>'
    else:
        words = (f'<text class="name" x="{left + 10}" y="{top + 20}">{label}</text>'
                 f'<text class="small" x="{left + 10}" y="{top + 36}">{text}</text>')
    return (f'<g data-room="{room}"><rect class="room" x="{left}" y="{top}" width="{width}" height="{height}" rx="6"/>'
            f'{words}</g>')


def arrows() -> list[tuple[str, str]]:
    """Those between rooms of one house, which are drawn as lines."""
    return [(room, target) for room, targets in ALLOWED.items() for target in targets if house_of(room) == house_of(target)]


def step_svg(step: int, room: str, place: tuple[int, int]) -> str:
    x, y = place
    return (f'<g class="step" data-step="{step}" data-at="{room}"><circle cx="{x}" cy="{y}" r="9"/>'
            f'<text x="{x}" y="{y + 4}">{step}</text></g>')


def picture() -> str:
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" '
             f'font-size="13">',
             "<!-- Written by docs/draw_architecture.py. -->",
             "<title>The folders of lossd, which may include which, and the way of a call</title>",
             f"<style>{STYLE}\n</style>",
             '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
             'markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
             f'<rect class="sheet" width="{WIDTH}" height="{HEIGHT}"/>']
    lines += [house_svg(house) for house in HOUSES]
    lines += [f'<path class="way" d="{rounded(part)}"/>' for part in WAY]
    lines += [room_svg(room) for room in ROOMS]
    lines += [f'<path class="arrow" data-from="{source}" data-to="{target}" d="{rounded(PATHS[source, target])}"/>'
              for source, target in arrows()]
    lines += [chips_svg(room) for room in ALLOWED]
    lines += [step_svg(*step) for step in STEPS]
    lines.append(f'<text class="small" x="20" y="{HEIGHT - 12}">{LEGEND}</text>')
    return "\n".join(line for line in lines if line) + "\n</svg>\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        if PICTURE.read_text() != picture():
            sys.exit("docs/architecture.svg: expected what docs/draw_architecture.py writes; run it")
    else:
        PICTURE.write_text(picture())
