# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a client may be told to call."""

from __future__ import annotations

import pytest

import lossd
from lossd import targets
from lossd.channel import channel_options
from lossd.retries import Retry


@pytest.mark.parametrize("target", ["localhost:50051", "10.0.0.1:1", "[::1]:50051", "unix:/run/lossd.sock", "unix:name",
                                    "unix-abstract:name", "dns:///lossd:50051", "dns:lossd:50051",
                                    "ipv4:10.0.0.1:1,10.0.0.2:1", "ipv6:[::1]:1", "lossd.svc.cluster.local:grpc"])
def test_what_grpc_resolves_is_taken(target):
    assert targets.check_target(target) == target


@pytest.mark.parametrize("target", ["", "localhost", "http://localhost:50051", "https://lossd:443/", "::1", "host:",
                                    "host:port:1", "dns:///lossd", " localhost:1", ":50051"])
def test_what_would_go_elsewhere_is_told_what_a_target_is(target):
    with pytest.raises(ValueError, match='^target: expected "host:port"') as caught:
        lossd.Client(target)
    assert repr(target) in str(caught.value)
    if target.startswith("http"):
        assert repr(target.split("//")[1].strip("/")) in str(caught.value)


@pytest.mark.parametrize("target", ["localhost:99999", "localhost:65536", "localhost:0", "[::1]:70000", "dns:///lossd:99999",
                                    "localhost:" + "9" * 5000])
def test_ports_that_there_are_not_are_refused(target):
    with pytest.raises(ValueError, match='^target: expected "host:port".*; ports are 1 to 65535$') as caught:
        lossd.Client(target)
    assert repr(target) in str(caught.value)


@pytest.mark.parametrize("target", [None, 50051])
def test_what_is_no_text_is_no_target(target):
    with pytest.raises(TypeError, match='^target: expected "host:port"'):
        lossd.Client(target)


def test_no_proxy_stands_between_this_machine_and_itself():
    for target in ("localhost:1", "127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "unix:/x", "dns:///localhost:1", "ipv4:127.0.0.1:1"):
        assert ("grpc.enable_http_proxy", 0) in channel_options(target, Retry(), 1), target
    for target in ("lossd:1", "10.0.0.1:1", "127.example.com:1", "dns:///lossd:1"):
        assert ("grpc.enable_http_proxy", 0) not in channel_options(target, Retry(), 1), target


def test_calls_of_this_machine_pass_where_a_proxy_is_set(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with lossd.Client(server.target, timeout=30) as client:
        assert client.server_info().version == lossd.__version__


def test_the_error_names_the_proxy_variable_and_not_its_password(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with lossd.Client("lossd.invalid:1", timeout=30, retry=Retry(patience=0)) as client:
        with pytest.raises(lossd.Unavailable, match="http_proxy=http://...@127.0.0.1:9 is set") as caught:
            client.server_info()
    assert "no_proxy" in str(caught.value) and "secret" not in str(caught.value)
    assert targets.proxy_hint("localhost:1") == ""
