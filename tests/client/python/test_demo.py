# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""The demonstration, shortened."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import pytest
import torch

import lossd
from lossd_demo import __main__ as demo
from lossd_demo import chart, images, training
from lossd_demo.agreement import compare
from lossd_demo.local_loss import LocalFeatureMapContrastiveTask
from lossd_demo.server import stage_means


@pytest.fixture()
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


class _Tags(HTMLParser):
    """Fails where a tag is closed that was not opened last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_writes_a_report_that_needs_nothing_else(server, monkeypatch, tmp_path, capsys, one_thread):
    path = tmp_path / "report" / "index.html"
    monkeypatch.setattr(sys, "argv", ["lossd_demo", "--server", server.binary, "--report", str(path), "--steps", "3",
                                      "--batch", "16"])
    assert demo.main() == 0
    printed = capsys.readouterr().out
    assert f"report: {path}" in printed and "untrained encoder" in printed
    page = path.read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert not re.search(r"\b(src|href)=|url\(|@import", page)
    for stage in ("decode", "queue", "compute", "encode"):
        assert f"<td>{stage}</td>" in page


def test_equal_seeds_give_equal_runs(client, one_thread):
    torch.set_num_threads(1)
    digits = images.load()
    task = lossd.FeatureMapContrastiveTask("01, 11", client=client)
    runs = [training.train(task, digits, steps=3, batch=16, seed=5, label="") for _ in range(2)]
    assert runs[0].curve == runs[1].curve


def test_the_local_loss_agrees_and_comparing_leaves_the_encoder_alone(client):
    encoder = training.new_encoder(0)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    tasks = lossd.FeatureMapContrastiveTask("01, 11", client=client), LocalFeatureMapContrastiveTask("01, 11")
    agreement = compare(*tasks, encoder, images.load(), batch=16, batches=2)
    assert agreement.loss < 1e-5 and agreement.gradient < 1e-5 and agreement.batches == 2
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_charts_have_round_ticks_and_all_points():
    drawn = chart.line_chart([chart.Line([15.29, 14.0, 12.79], "--a")], title="a & b")
    assert re.findall(r'text-anchor="end">([\d.]+)<', drawn) == ["13", "13.5", "14", "14.5", "15"]
    assert len(re.search(r'points="([^"]+)"', drawn)[1].split()) == 3
    assert 'aria-label="a &amp; b"' in drawn
    flat = chart.line_chart([chart.Line([1e-8], "--a")], title="", logarithmic=True)
    assert "1e-08" in flat


def test_stage_means_are_read_off_the_metrics():
    text = ('lossd_stage_seconds_sum{device="cuda:0",stage="queue"} 0.5\nlossd_stage_seconds_count{device="cuda:0",stage="queue"} 2\n'
            'lossd_stage_seconds_sum{device="cuda:1",stage="queue"} 0.1\nlossd_stage_seconds_count{device="cuda:1",stage="queue"} 1\n'
            'lossd_stage_seconds_bucket{device="cuda:1",stage="queue",le="1"} 1\nother 1\n')
    assert stage_means(text) == {"queue": (pytest.approx(0.2), 3)}
