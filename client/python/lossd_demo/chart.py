# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Line charts as inline SVG, coloured by the page's CSS variables."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Callable, Sequence

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 860, 64, 20, 12, 44


@dataclass(frozen=True)
class Line:
    """A curve, one value a step. `color` is a CSS variable, `dash` an SVG dash pattern."""

    values: Sequence[float]
    color: str
    dash: str = ""


def smooth(values: Sequence[float], window: int) -> list[float]:
    """The mean of each value and those before it, `window` together."""
    parts = (values[max(0, i + 1 - window):i + 1] for i in range(len(values)))
    return [sum(part) / len(part) for part in parts]


def _round_step(span: float, count: int) -> float:
    """A step of 1, 2, 2.5 or 5 times a power of ten that cuts `span` into about `count` parts."""
    raw = (span or 1.0) / count
    power = 10.0 ** math.floor(math.log10(raw))
    return next((m * power for m in (1, 2, 2.5, 5) if m * power >= raw), 10 * power)


def _ticks(low: float, high: float, count: int) -> list[float]:
    step = _round_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    return [step * i for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _polyline(line: Line, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    points = " ".join(f"{x(i):.1f},{y(value):.1f}" for i, value in enumerate(line.values))
    return (f'<polyline points="{points}" fill="none" stroke="var({line.color})" stroke-width="2" '
            f'stroke-linejoin="round" stroke-dasharray="{line.dash}"/>')


def _axes(xs: Sequence[float], ys: Sequence[float], x: Callable[[float], float], y: Callable[[float], float],
          label: Callable[[float], str], height: int) -> str:
    rows = "".join(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
                   f'<text x="{_LEFT - 10}" y="{y(v) + 4:.1f}" text-anchor="end">{label(v)}</text>' for v in ys)
    columns = "".join(f'<text x="{x(v):.1f}" y="{height - _BOTTOM + 20}" text-anchor="middle">{v:g}</text>' for v in xs)
    return f'{rows}{columns}<text x="{_WIDTH - _RIGHT}" y="{height - 4}" text-anchor="end">step</text>'


def line_chart(lines: Sequence[Line], *, title: str, height: int = 300, logarithmic: bool = False) -> str:
    """An SVG of curves of equal length; with `logarithmic`, values are positive and rows are powers of ten."""
    if logarithmic:
        lines = [Line([math.log10(v) for v in line.values], line.color, line.dash) for line in lines]
    values = [v for line in lines for v in line.values]
    low, high = min(values), max(values)
    if logarithmic:
        low, high = math.floor(low), math.ceil(high)
    last = max(1, len(lines[0].values) - 1)
    scale = (height - _TOP - _BOTTOM) / ((high - low) or 1.0)

    def x(step: float) -> float:
        return _LEFT + step * (_WIDTH - _LEFT - _RIGHT) / last

    def y(value: float) -> float:
        return height - _BOTTOM - (value - low) * scale

    rows = range(int(low), int(high) + 1, max(1, int(high - low) // 3)) if logarithmic else _ticks(low, high, 5)
    axes = _axes(_ticks(0, last, 6), rows, x, y, (lambda v: f"1e{v:+03d}") if logarithmic else "{:g}".format, height)
    curves = "".join(_polyline(line, x, y) for line in lines)
    return (f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{html.escape(title)}">{axes}{curves}</svg>')
