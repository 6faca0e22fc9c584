# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What a client needs for TLS, in a form that can be pickled; gRPC's credentials cannot."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import grpc

_Path = str | os.PathLike


def _read(path: _Path | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()


@dataclass(frozen=True)
class Tls:
    """PEM texts.

    Attributes:
        root_certificates: who may have signed the server's certificate; None: gRPC's own.
        certificate_chain: to show, with `private_key`, to servers that ask clients for a certificate.
        private_key: of that certificate. A pickled client has it inside.
    """

    root_certificates: bytes | None = None
    certificate_chain: bytes | None = None
    private_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.certificate_chain is None) != (self.private_key is None):
            raise ValueError("tls: expected certificate_chain and private_key together, got one of them")

    @classmethod
    def from_files(cls, ca_file: _Path | None = None, cert_file: _Path | None = None,
                   key_file: _Path | None = None) -> Tls:
        """The contents of files, read now."""
        return cls(_read(ca_file), _read(cert_file), _read(key_file))

    def credentials(self) -> grpc.ChannelCredentials:
        """The same for gRPC."""
        return grpc.ssl_channel_credentials(self.root_certificates, self.private_key, self.certificate_chain)
