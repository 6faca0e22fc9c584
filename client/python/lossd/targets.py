# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a client may be told to call, and what stands between."""

from __future__ import annotations

import os
import re
from typing import Mapping

_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:", "vsock:", "google-c2p:", "passthrough:")
_HOST_AND_PORT = re.compile(r"(\[[^\]]+\]|[^:/\[\]\s]+):([0-9]+|[a-zA-Z][\w-]*)")
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")  # In gRPC's order.
_EXCEPTIONS = ("no_grpc_proxy", "no_proxy")


def check_target(target: str) -> str:
    """The target, if gRPC would call what the caller means. ValueError if it has no port, a port that there is not, or is
    a URL; TypeError if it is no text."""
    expected = 'target: expected "host:port", "unix:/path" or another name that gRPC resolves, got'
    if not isinstance(target, str):
        raise TypeError(f"{expected} {target!r}")
    if target.startswith(("http://", "https://", "grpc://", "grpcs://")):
        host = target.split("://", 1)[1].strip("/") or "host:port"
        raise ValueError(f'{expected} {target!r}; without "{target.split("://")[0]}://" it may be {host!r}, and TLS is '
                         f"the argument tls")
    place = target[4:].rsplit("/", 1)[-1] if target.startswith("dns:") else target
    if target.startswith(_SCHEMES[1:]):
        return target
    match = _HOST_AND_PORT.fullmatch(place)
    if match is None:
        raise ValueError(f"{expected} {target!r}")
    port = match.group(2)
    if port[0].isdigit() and not (len(port) < 10 and 1 <= int(port) <= 65535):  # gRPC calls its last 16 bits.
        raise ValueError(f"{expected} {target!r}; ports are 1 to 65535")
    return target


def is_local(target: str) -> bool:
    """Whether the target is on this machine, where no proxy belongs between."""
    place = re.sub(r"^(dns:(//[^/]*/)?|ipv4:|ipv6:)", "", target)
    host = place.rsplit(":", 1)[0].strip("[]")
    return target.startswith("unix") or host in ("localhost", "::1") or bool(re.fullmatch(r"127(\.\d+){3}", host))


def proxy_variable(environment: Mapping[str, str] = os.environ) -> str:
    """The environment variable by which gRPC connects through a proxy; empty if there is none."""
    return next((name for name in _PROXIES if environment.get(name)), "")


def proxy_hint(target: str) -> str:
    """For an error of a connection that did not come about: which variable may have led it elsewhere."""
    name = proxy_variable()
    if not name or is_local(target):
        return ""
    return (f"; {name}={_without_password(os.environ[name])} is set, and gRPC connects through it: "
            f"{' or '.join(_EXCEPTIONS)} in the environment excepts hosts")


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", url)
