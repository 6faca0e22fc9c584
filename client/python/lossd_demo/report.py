# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstration's report: one HTML file with everything in it, readable in light and dark."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Sequence

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 860, 300, 56, 34, 12
_SMOOTHING = 8

_STYLE = """
:root { --ink: #1d2430; --soft: #667085; --line: #d7dce5; --paper: #ffffff; --card: #f6f7fa; --a: #2563eb; --b: #e8590c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eaf0; --soft: #98a2b3; --line: #39414f; --paper: #14181f; --card: #1c222c; --a: #74a5ff; --b: #ff9f5a; }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; max-width: 900px; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
p.lead, td.note, figcaption, footer { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: .8rem; margin: 1.5rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem; }
.card b { display: block; font-size: 1.7rem; font-variant-numeric: tabular-nums; } .card span { color: var(--soft); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); } td.n, th.n { text-align: right; }
figure { margin: 0; } svg { width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.key i { display: inline-block; width: 1.4em; height: 3px; vertical-align: middle; margin: 0 .4em 0 1em; }
footer { margin-top: 2.5rem; font-size: .85rem; }
"""


@dataclass(frozen=True)
class Row:
    """A line of a table: a label, values, a remark."""

    label: str
    values: Sequence[str]
    note: str = ""


def _smooth(curve: Sequence[float]) -> list[float]:
    """The mean over the last few steps."""
    return [sum(curve[max(0, i + 1 - _SMOOTHING):i + 1]) / min(i + 1, _SMOOTHING) for i in range(len(curve))]


def _path(curve: Sequence[float], low: float, high: float, color: str, dash: str) -> str:
    step = (_WIDTH - _LEFT - 8) / max(1, len(curve) - 1)
    scale = (_HEIGHT - _BOTTOM - _TOP) / ((high - low) or 1.0)
    points = " ".join(f"{_LEFT + i * step:.1f},{_HEIGHT - _BOTTOM - (y - low) * scale:.1f}"
                      for i, y in enumerate(curve))
    return f'<polyline points="{points}" fill="none" stroke="var({color})" stroke-width="2" stroke-dasharray="{dash}"/>'


def _chart(remote: Sequence[float], local: Sequence[float]) -> str:
    remote, local = _smooth(remote), _smooth(local)
    low, high = min(remote + local), max(remote + local)
    lines = []
    for i in range(5):
        value = low + (high - low) * i / 4
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * i / 4
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>'
                     f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for i in range(5):
        x = _LEFT + (_WIDTH - _LEFT - 8) * i / 4
        lines.append(f'<text x="{x:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{(len(remote) - 1) * i // 4}</text>')
    return (f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="objective over steps">{"".join(lines)}'
            f'{_path(local, low, high, "--b", "")}{_path(remote, low, high, "--a", "7 6")}</svg>')


def _table(head: Sequence[str], rows: Sequence[Row]) -> str:
    cells = "".join(f'<th class="n">{html.escape(h)}</th>' if i else f"<th>{html.escape(h)}</th>"
                    for i, h in enumerate(head)) + "<th></th>"
    body = "".join(
        f"<tr><td>{html.escape(row.label)}</td>" + "".join(f'<td class="n">{html.escape(v)}</td>' for v in row.values)
        + f'<td class="note">{html.escape(row.note)}</td></tr>' for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def render(*, lead: str, cards: Sequence[tuple[str, str]], remote: Sequence[float], local: Sequence[float],
           difference: str, accuracies: tuple[Sequence[str], Sequence[Row]], stages: Sequence[Row], footer: str) -> str:
    """The page's HTML."""
    shown = "".join(f'<div class="card"><b>{html.escape(v)}</b><span>{html.escape(k)}</span></div>' for k, v in cards)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>lossd demo</title><style>{_STYLE}</style></head><body>
<h1>lossd: training with a remote loss</h1><p class="lead">{html.escape(lead)}</p>
<div class="cards">{shown}</div>
<h2>Objective over steps</h2>
<figure>{_chart(remote, local)}
<figcaption class="key"><i style="background:var(--a)"></i>loss by lossd (dashed)<i style="background:var(--b)"></i>loss
by plain torch. Means over {_SMOOTHING} steps. {html.escape(difference)}</figcaption></figure>
<h2>Linear-probe accuracy</h2>{_table(accuracies[0], accuracies[1])}
<h2>Where a call's time went on the server</h2>{_table(("stage", "mean"), stages)}
<footer>{html.escape(footer)}</footer></body></html>
"""
