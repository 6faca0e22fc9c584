#!/usr/bin/python3
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that docs/architecture.svg and docs/architecture.md show the tree as it is.

The arrows that are drawn are those of the table of include_directions.py, and each is used by an include; the rooms are the
folders, in the picture and in the page's table; the numbered way of a call is the same in both. Prints each difference
and exits 1 if there is one. `--self-test` proves that it can fail.
"""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, replace

from include_directions import ALLOWED, INCLUDE, folder_of
from tree import ROOT, files

PICTURE = "docs/architecture.svg"
PAGE = "docs/architecture.md"
HOUSES = ("client", "core", "proto", "server")
# Headers that are generated from the .proto files, and so the arrow to proto.
GENERATED = re.compile(r"(lossd/v1|google/rpc)/.*\.pb\.h")

Arrow = tuple[str, str]


@dataclass(frozen=True)
class House:
    """What one of the places says: what is drawn, told, allowed or there."""

    drawn: frozenset[Arrow]
    allowed: frozenset[Arrow]
    included: frozenset[Arrow]  # Of `allowed`, those that an include needs.
    rooms: frozenset[str]       # Folders of the tree.
    drawn_rooms: frozenset[str]
    told_rooms: frozenset[str]
    drawn_steps: tuple[Arrow, ...]  # Number and room.
    told_steps: tuple[Arrow, ...]


def difference(what: str, here: frozenset, there: frozenset, places: tuple[str, str]) -> list[str]:
    text = lambda item: " -> ".join(item) if isinstance(item, tuple) else item  # noqa: E731
    return ([f"{what} {text(item)}: in {places[0]}, not in {places[1]}" for item in sorted(here - there)]
            + [f"{what} {text(item)}: in {places[1]}, not in {places[0]}" for item in sorted(there - here)])


def problems(house: House) -> list[str]:
    found = difference("arrow", house.drawn, house.allowed, (PICTURE, "the table of include_directions.py"))
    found += [f"arrow {source} -> {target}: allowed by include_directions.py, expected an include that needs it"
              for source, target in sorted(house.allowed - house.included)]
    found += difference("room", house.drawn_rooms, house.rooms, (PICTURE, "the tree"))
    found += difference("room", house.told_rooms, house.rooms, (PAGE, "the tree"))
    if house.drawn_steps != house.told_steps:
        found.append(f"the way of a call: {PICTURE} has {house.drawn_steps}, {PAGE} {house.told_steps}")
    numbers = [number for number, _ in house.told_steps]
    if numbers != [str(number) for number in range(1, len(numbers) + 1)]:
        found.append(f"{PAGE}: expected steps numbered from 1 on, got {numbers}")
    return found


def arrow_of(path: str, included: str) -> Arrow | None:
    """The arrow of the table that lets `path` include `included`; None where it needs none."""
    source = folder_of(path)
    if source is None or included.startswith(source + "/") and folder_of(included) == source:
        return None
    name = "proto/" + included if GENERATED.match(included) else included
    targets = [target for target in ALLOWED[source] if name == target or name.startswith(target + "/")]
    return (source, max(targets, key=len)) if targets else None


def included_arrows() -> frozenset[Arrow]:
    arrows = set()
    for path in files():
        if not folder_of(path) or not path.endswith((".h", ".cc", ".cu")):
            continue
        for line in (ROOT / path).read_text().splitlines():
            match = INCLUDE.match(line)
            arrow = match and arrow_of(path, match.group(1))
            if arrow:
                arrows.add(arrow)
    return frozenset(arrows)


def rooms_of_tree() -> frozenset[str]:
    """Folders of the houses with files in them: those of the table, and those of clients without C++."""
    rooms = {"proto", *ALLOWED}
    for path in files():
        parts = path.split("/")
        if parts[0] in HOUSES and len(parts) > 2 and (parts[0] == "client" or path.endswith((".h", ".cc", ".cu"))):
            rooms.add("/".join(parts[:2]))
    return frozenset(rooms)


def as_it_is() -> House:
    svg = list(ElementTree.fromstring((ROOT / PICTURE).read_text()).iter())
    page = (ROOT / PAGE).read_text()
    return House(
        drawn=frozenset((e.get("data-from"), e.get("data-to")) for e in svg if e.get("data-from")),
        allowed=frozenset((source, target) for source, targets in ALLOWED.items() for target in targets),
        included=included_arrows(),
        rooms=rooms_of_tree(),
        drawn_rooms=frozenset(e.get("data-room") for e in svg if e.get("data-room")),
        told_rooms=frozenset(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)),
        drawn_steps=tuple((e.get("data-step"), e.get("data-at")) for e in svg if e.get("data-step")),
        told_steps=tuple(re.findall(r"^(\d+)\. `([^`]+)`", page, re.MULTILINE)))


def self_test() -> None:
    arrow, other = ("server/rpc", "core/status"), ("core/tensor", "server/log")
    right = House(drawn=frozenset({arrow}), allowed=frozenset({arrow}), included=frozenset({arrow}), rooms=frozenset({"core"}),
                  drawn_rooms=frozenset({"core"}), told_rooms=frozenset({"core"}),
                  drawn_steps=(("1", "core"),), told_steps=(("1", "core"),))
    assert not problems(right)
    for wrong in ({"drawn": {arrow, other}}, {"drawn": set()}, {"included": set()}, {"drawn_rooms": set()},
                  {"told_rooms": {"core", "attic"}}, {"rooms": {"core", "core/cellar"}},
                  {"allowed": {arrow, other}, "drawn": {arrow, other}}):
        assert problems(replace(right, **{name: frozenset(value) for name, value in wrong.items()})), wrong
    assert problems(replace(right, told_steps=(("1", "proto"),)))
    assert problems(replace(right, told_steps=(("2", "core"),), drawn_steps=(("2", "core"),)))
    assert arrow_of("server/rpc/x.cc", "server/rpc/y.h") is None
    assert arrow_of("server/rpc/x.cc", "google/rpc/status.pb.h") == ("server/rpc", "proto")
    assert arrow_of("server/rpc/x.cc", "core/status/errors.h") == arrow
    assert arrow_of("tests/core/x_test.cc", "core/status/errors.h") is None


def main() -> int:
    self_test()
    if "--self-test" in sys.argv:
        return 0
    found = problems(as_it_is())
    if subprocess.run([sys.executable, "docs/draw_architecture.py", "--check"], cwd=ROOT, check=False).returncode != 0:
        found.append(f"{PICTURE}: expected what docs/draw_architecture.py writes")
    print("\n".join(found) if found else "architecture: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
