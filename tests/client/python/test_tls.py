# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""TLS, certificates of clients and tokens, against real servers, with certificates made by openssl."""

from __future__ import annotations

import pickle
import shutil
import subprocess
from pathlib import Path

import grpc
import numpy as np
import pytest

import lossd
from lossd import errors, specs
from lossd_demo.server import ServerProcess

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    """Signs certificates; each is NAME.crt beside NAME.key, its own among them."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._openssl("req", "-x509", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}")
        self.ca_file = folder / f"{name}.crt"

    def _openssl(self, *arguments: str, **options) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True, text=True, **options)

    def issue(self, name: str) -> tuple[Path, Path]:
        self._openssl("req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self._name}.crt", "-CAkey", f"{self._name}.key",
                      "-CAcreateserial", "-extfile", "/dev/stdin", "-out", f"{name}.crt",
                      input="subjectAltName=DNS:localhost,IP:127.0.0.1")
        return self._folder / f"{name}.crt", self._folder / f"{name}.key"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    path.write_text("# of the tests\nsecret\n")
    return path


@pytest.fixture(scope="module")
def secure(server, authority, tokens):
    """A server that wants everything."""
    certificate, key = authority.issue("server")
    with ServerProcess(server.binary, f"--tls_cert_file={certificate}", f"--tls_key_file={key}",
                       f"--tls_client_ca_file={authority.ca_file}", f"--auth_token_file={tokens}") as process:
        yield process
        assert process.stop() == 0


@pytest.fixture(scope="module")
def tls(authority):
    return lossd.Tls.from_files(authority.ca_file, *authority.issue("client"))


def _refusal(target: str, **options) -> lossd.LossdError:
    impatient = lossd.Retry(patience=1)
    with lossd.Client(target, timeout=20, retry=impatient, **options) as client, \
            pytest.raises(lossd.LossdError) as caught:
        client.server_info()
    return caught.value


def test_answers_have_the_same_bits_as_in_plain_text(server, secure, tls):
    inputs = {"out_1": np.random.RandomState(0).randn(512, 2048).astype("f4"),
              "out_2": np.random.RandomState(1).randn(512, 2048).astype("f4")}  # 4 MiB each.
    with lossd.Client(secure.target, timeout=60, tls=tls, auth_token="secret\n") as client, \
            lossd.Client(server.target, timeout=60) as plain:
        expected = plain.compute(specs.nt_xent(), inputs)
        unary = client.compute(specs.nt_xent(), inputs)
        with client.stream() as stream:
            streamed = stream.send(specs.nt_xent(), inputs).result()
        for result in (unary, streamed):
            assert result.objective == expected.objective
            for name, gradient in expected.gradients.items():
                np.testing.assert_array_equal(result.gradients[name], gradient)


def test_credentials_and_metadata_of_grpc_do_as_well(secure, tls):
    with lossd.Client(secure.target, timeout=20, credentials=tls.credentials(),
                      metadata=[("authorization", "Bearer secret")]) as client:
        assert client.server_info().version == lossd.__version__
        with pytest.raises(TypeError, match="expected one with tls"):
            pickle.dumps(client)
    with pytest.raises(ValueError, match="tls or credentials, got both"):
        lossd.Client(secure.target, tls=tls, credentials=tls.credentials())


def test_a_pickled_client_has_certificate_and_token(secure, tls):
    with lossd.Client(secure.target, timeout=20, tls=tls, auth_token="secret") as client:
        other = pickle.loads(pickle.dumps(client))
    with other:
        assert other.server_info().version == lossd.__version__


def test_a_refused_token_is_unauthenticated_everywhere(secure, tls):
    x = {"x.0": np.ones(3, "f4")}
    for token, got in (("", "none"), ("guess", "another token")):
        with lossd.Client(secure.target, timeout=20, tls=tls, auth_token=token) as client:
            with pytest.raises(lossd.Unauthenticated, match=f'expected "Bearer <token>".* got {got}'):
                client.compute(specs.squared_norm(), x)
            with pytest.raises(lossd.Unauthenticated, match=got):
                client.server_info()
            with pytest.raises(lossd.Unauthenticated, match=got), client.stream() as stream:
                stream.send(specs.squared_norm(), x).result()


def test_what_no_header_can_carry_is_no_token_and_is_not_repeated():
    with pytest.raises(ValueError) as caught:
        lossd.Client(auth_token="secret words")
    assert str(caught.value) == "auth_token: expected visible ASCII characters, got others"


def test_connections_that_fail_say_why(server, secure, authority, stranger, tls):
    for unwanted in (None, lossd.Tls.from_files(authority.ca_file),
                     lossd.Tls.from_files(authority.ca_file, *stranger.issue("client"))):
        error = _refusal(secure.target, tls=unwanted)
        assert isinstance(error, lossd.Unavailable) and "servers do so that want the client's tls" in str(error)
    error = _refusal(secure.target, tls=lossd.Tls.from_files(stranger.ca_file))
    assert isinstance(error, lossd.Unavailable) and "trusts none who signed the server's certificate" in str(error)
    assert "the server speaks plain text there" in str(_refusal(server.target, tls=tls))
    assert "cannot be read" in str(_refusal(secure.target, tls=lossd.Tls(b"no certificate")))


def test_certificate_and_key_come_together_and_the_key_is_not_printed(tls):
    with pytest.raises(ValueError, match="certificate_chain and private_key together"):
        lossd.Tls(certificate_chain=b"chain")
    assert "PRIVATE KEY" in tls.private_key.decode() and "PRIVATE KEY" not in repr(tls)


class _Failed(grpc.RpcError):
    def code(self):
        return grpc.StatusCode.UNAVAILABLE

    def details(self):
        return "Socket closed"

    def trailing_metadata(self):
        return ()


def test_a_connection_that_ends_later_says_nothing_of_tls():
    assert str(errors.from_rpc_error(_Failed(), "")) == "Socket closed"
