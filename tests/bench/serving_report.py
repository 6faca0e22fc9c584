# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""Goals, tables and plots of the serving bench."""

import html

MB = 1_000_000
SMALL = 65536
PEER_GOALS = {"(3,5,2,2)": 20, "(16,64,7,7)": 6, "(64,256,7,7)": 2.5}


def goal(what, bound, value, met):
    return {"goal": what, "bound": bound, "value": value, "met": met}


def echo_goals(payload_bytes, concurrency, best):
    ratio = best["lossd"]["calls_per_second"] / best["echo"]["calls_per_second"]
    if payload_bytes >= MB:
        return [goal("throughput of the echo's >=", 0.85, ratio, ratio >= 0.85)]
    if payload_bytes > SMALL:
        return []
    if concurrency == 1:
        extra = 1000 * (best["lossd"]["p50_ms"] - best["echo"]["p50_ms"])
        return [goal("microseconds of p50 above the echo's <=", 60, extra, extra <= 60)]
    return [goal("throughput of the echo's >=", 0.7, ratio, ratio >= 0.7)]


def peer_goals(name, best):
    fastest = max(figures["calls_per_second"] for key, figures in best.items() if key != "lossd")
    ratio = best["lossd"]["calls_per_second"] / fastest
    bound = PEER_GOALS[name]
    return [goal("times the fastest peer >=", bound, ratio, ratio >= bound)]


def idle_goals(slowest_ms):
    return [goal("ms of the slowest first call <=", 10, slowest_ms, slowest_ms <= 10)]


def batching_goals(name, concurrency, best):
    if concurrency == 1:
        ratio = best["lossd"]["p50_ms"] / best["unbatched"]["p50_ms"]
        return [goal("p50 of that without batching <=", 1.05, ratio, ratio <= 1.05)]
    ratio = best["lossd"]["calls_per_second"] / best["unbatched"]["calls_per_second"]
    return [goal("throughput of that without batching >=", 1.8, ratio, ratio >= 1.8)]


def arrival_goals(best):
    ratio = best["poisson"]["p99_ms"] / best["constant"]["p99_ms"]
    return [goal("Poisson's p99 of the constant rate's <=", 2, ratio, ratio <= 2)]


def metrics_goals(best):
    cost = 100 * (1 - best["lossd"]["calls_per_second"] / best["uncounted"]["calls_per_second"])
    return [goal("% of throughput <=", 1, cost, cost <= 1)]


def memory_goals(at_once, settled):
    """Of resident memory after few calls and after many: at once, and when the server has had time to trim it."""
    growths = [(what, 100 * (late / early - 1)) for what, (early, late) in (("", at_once), (" once trimmed", settled))]
    return [goal(f"% of growth{what} <=", 5, growth, growth <= 5) for what, growth in growths]


def goal_text(item):
    return f"{item['goal']} {item['bound']:g}: {item['value']:.3g} {'met' if item['met'] else 'MISSED'}"


def line(case):
    figures = "; ".join(
        name + " " + ", ".join(f"{value:.4g} {key.replace('_', ' ')}" for key, value in values.items())
        for name, values in case["figures"].items())
    goals = "; ".join(goal_text(item) for item in case["goals"])
    return f"{case['kind']} {case['case']} {case['transport']} x{case['concurrency']}: {figures}. {goals}"


def table(cases):
    rows = [("against", "case", "via", "calls", "lossd/s", "other/s", "ratio", "p50 ms", "other p50", "goal")]
    for case in cases:
        goals = "; ".join(goal_text(item) for item in case["goals"])
        where = (case["case"], case["transport"], str(case["concurrency"] or ""))
        lossd = case["figures"].get("lossd", {})
        if "calls_per_second" not in lossd:
            rows.append((case["kind"], *where, "", "", "", "", "", goals))
            continue
        for name, other in case["figures"].items():
            if name == "lossd":
                continue
            ratio = lossd["calls_per_second"] / other["calls_per_second"]
            rows.append((name, *where, f"{lossd['calls_per_second']:.1f}", f"{other['calls_per_second']:.1f}",
                         f"{ratio:.2f}", f"{lossd['p50_ms']:.3f}", f"{other['p50_ms']:.3f}", goals))
            goals = ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def bars(title, items):
    """A bar for each (label, value), with a line at 1."""
    width, height, left = 720, 18 * len(items) + 40, 260
    scale = (width - left - 60) / max(1.0, *(value for _, value in items)) if items else 1
    parts = [f"<h2>{html.escape(title)}</h2><svg width='{width}' height='{height}'>"]
    for index, (label, value) in enumerate(items):
        y = 18 * index + 4
        parts.append(f"<text x='{left - 6}' y='{y + 12}' text-anchor='end'>{html.escape(label)}</text>"
                     f"<rect x='{left}' y='{y}' width='{value * scale:.1f}' height='14' fill='#1f77b4'/>"
                     f"<text x='{left + value * scale + 4:.1f}' y='{y + 12}'>{value:.2f}</text>")
    at_one = left + scale
    parts.append(f"<path d='M{at_one:.1f} 0 V{height - 30}' stroke='#d62728'/></svg>")
    return "".join(parts)


def ratios(cases, kind):
    items = []
    for case in cases:
        if case["kind"] != kind:
            continue
        lossd = case["figures"]["lossd"]["calls_per_second"]
        other = max(value["calls_per_second"] for name, value in case["figures"].items() if name != "lossd")
        if other > 0:
            items.append((f"{case['case']} {case['transport']} x{case['concurrency']}", lossd / other))
    return items


def page(cases):
    return ("<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>Serving</title>"
            "<style>body{font:14px sans-serif;margin:2em}svg text{font:11px sans-serif}pre{overflow-x:auto}</style>"
            "</head><body><h1>What serving costs</h1>"
            + bars("Calls per second of squared_norm over those of an echo", ratios(cases, "echo"))
            + bars("Calls per second of feature maps over those of an echo", ratios(cases, "maps"))
            + bars("Calls per second over those of the fastest peer", ratios(cases, "peers"))
            + bars("Calls per second over those without batching", ratios(cases, "batching"))
            + f"<pre>{html.escape(table(cases))}</pre></body></html>\n")
