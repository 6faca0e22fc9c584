# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstration's report: one HTML file with everything in it, readable in light and dark."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Sequence

from lossd_demo.chart import Line, line_chart, smooth

_SMOOTHING = 8
_SMALLEST = 1e-8  # Differences below are drawn there.

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1d2430; --soft: #5d6879; --line: #dde1e9; --paper: #ffffff; --card: #f6f7fa; --a: #2563eb; --b: #e8590c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e7eaf0; --soft: #a3adbd; --line: #333b48; --paper: #14181f; --card: #1c222c; --a: #74a5ff; --b: #ff9f5a;
  }
}
body {
  background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
  max-width: 900px; margin: 3rem auto; padding: 0 1.25rem;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin-bottom: .3rem; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem; }
p.lead { font-size: 1.05rem; }
p.lead, td.note, figcaption, footer { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: .8rem; margin: 1.5rem 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem; }
.card b { display: block; font-size: 1.7rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card span { display: block; color: var(--soft); font-size: .85rem; line-height: 1.4; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
th { font-size: .85rem; font-weight: 600; color: var(--soft); }
td.n, th.n { text-align: right; white-space: nowrap; }
figure { margin: 0; }
figcaption { font-size: .9rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); }
.key { display: flex; gap: 1.4rem; font-size: .9rem; color: var(--soft); margin: .2rem 0 .4rem; }
.key i { display: inline-block; width: 1.6em; border-top: 3px solid; vertical-align: middle; margin-right: .5em; }
footer { margin-top: 2.8rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .85rem; }
"""


@dataclass(frozen=True)
class Row:
    """A line of a table: a label, values, a remark."""

    label: str
    values: Sequence[str]
    note: str = ""


@dataclass(frozen=True)
class Content:
    """What the report says.

    Attributes:
        lead: what was done, in a sentence or two.
        cards: the figures that matter most: what, value.
        remote, local: the objective of every step of the two runs.
        agreement: how far the two are apart, in words.
        accuracies: head and rows of the table of probes.
        stages: rows of the table of the server's stages.
        footer: machine and versions.
    """

    lead: str
    cards: Sequence[tuple[str, str]]
    remote: Sequence[float]
    local: Sequence[float]
    agreement: str
    accuracies: tuple[Sequence[str], Sequence[Row]]
    stages: Sequence[Row]
    footer: str


def _table(head: Sequence[str], rows: Sequence[Row]) -> str:
    noted = any(row.note for row in rows)
    cells = "".join(f'<th class="n">{html.escape(h)}</th>' if i else f"<th>{html.escape(h)}</th>"
                    for i, h in enumerate(head)) + ("<th></th>" if noted else "")
    body = "".join(
        f"<tr><td>{html.escape(row.label)}</td>" + "".join(f'<td class="n">{html.escape(v)}</td>' for v in row.values)
        + (f'<td class="note">{html.escape(row.note)}</td>' if noted else "") + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{cells}</tr>{body}</table></div>'


def _curves(content: Content) -> str:
    lines = [Line(smooth(content.local, _SMOOTHING), "--b"), Line(smooth(content.remote, _SMOOTHING), "--a", "8 7")]
    return f"""<h2>Objective</h2>
<div class="key"><span><i style="border-color: var(--a); border-top-style: dashed"></i>loss by lossd</span>
<span><i style="border-color: var(--b)"></i>loss by plain torch</span></div>
<figure>{line_chart(lines, title="objective over steps")}
<figcaption>Means over {_SMOOTHING} steps. Both runs share seed, images, views and draws.</figcaption></figure>"""


def _differences(content: Content) -> str:
    gaps = [max(abs(a - b), _SMALLEST) for a, b in zip(content.remote, content.local)]
    chart = line_chart([Line(gaps, "--a")], title="difference of the objectives over steps", height=190,
                       logarithmic=True)
    return f"""<h2>Difference of the two runs</h2>
<figure>{chart}
<figcaption>{html.escape(content.agreement)} Differences of zero lie at the bottom.</figcaption></figure>"""


def render(content: Content) -> str:
    """The page's HTML."""
    cards = "".join(f'<div class="card"><b>{html.escape(value)}</b><span>{html.escape(what)}</span></div>'
                    for what, value in content.cards)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>lossd: training with a remote loss</title><style>{_STYLE}</style></head><body>
<h1>Training with a remote loss</h1><p class="lead">{html.escape(content.lead)}</p>
<div class="cards">{cards}</div>
{_curves(content)}
{_differences(content)}
<h2>Linear-probe accuracy</h2>{_table(*content.accuracies)}
<h2>Where a call's time went on the server</h2>{_table(("stage", "mean"), content.stages)}
<footer>{html.escape(content.footer)}</footer></body></html>
"""
