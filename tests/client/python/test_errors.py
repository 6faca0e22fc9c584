# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Statuses as exceptions."""

from __future__ import annotations

import pickle

import grpc
import numpy as np
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

import lossd
from lossd import errors, specs
from lossd_demo.server import ServerProcess


def _packed(message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


@pytest.mark.parametrize("cls", [lossd.InvalidArgument, lossd.ResourceExhausted, lossd.Unavailable, lossd.Internal,
                                 lossd.DeadlineExceeded, lossd.Cancelled, lossd.OutOfRange, lossd.Unimplemented,
                                 lossd.Unauthenticated])
def test_every_code_has_its_class(cls):
    error = errors.from_status(status_pb2.Status(code=cls.code.value[0], message="why"), "id")
    assert type(error) is cls
    assert (str(error), error.message, error.request_id) == ("why", "why", "id")


def test_codes_without_a_class_are_plain_errors_with_the_code():
    error = errors.from_status(status_pb2.Status(code=7, message="not you"), "")
    assert type(error) is lossd.LossdError and error.code is grpc.StatusCode.PERMISSION_DENIED


def test_details_become_attributes_and_survive_pickling():
    violation = error_details_pb2.BadRequest.FieldViolation(field="loss.tclip", description="expected more")
    quota = error_details_pb2.QuotaFailure.Violation(subject="--max_inflight_bytes", description="2 of 1")
    status = status_pb2.Status(code=8, message="full", details=[
        _packed(error_details_pb2.BadRequest(field_violations=[violation])),
        _packed(error_details_pb2.QuotaFailure(violations=[quota])),
        _packed(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=250_000_000)))])
    for error in (errors.from_status(status, "id"), pickle.loads(pickle.dumps(errors.from_status(status, "id")))):
        assert error.field_violations == [lossd.FieldViolation("loss.tclip", "expected more")]
        assert error.quota_violations == ["2 of 1"]
        assert error.retry_delay == 0.25


def test_limits_of_the_server_are_resource_exhausted_and_name_the_flag(server):
    with ServerProcess(server.binary, "--max_message_bytes=65536", "--max_request_flops=1e6") as strict, \
            lossd.Client(strict.target, timeout=30) as client:
        with pytest.raises(lossd.ResourceExhausted, match="max_message_bytes"):
            client.compute(specs.squared_norm(), {"x.0": np.zeros(1 << 16, "f4")})
        with pytest.raises(lossd.ResourceExhausted, match="max_request_flops") as caught:
            client.compute(specs.nt_xent(), {"out_1": np.zeros((64, 64), "f4"), "out_2": np.zeros((64, 64), "f4")})
        assert caught.value.quota_violations and caught.value.retry_delay is None


def test_limits_of_the_client_are_resource_exhausted(server):
    with lossd.Client(server.target, timeout=30, max_message_bytes=1 << 16) as client:
        with client.stream() as stream:
            for call in (client.compute, client.compute_async, stream.send):
                with pytest.raises(lossd.ResourceExhausted, match="max_message_bytes: expected at most 65536") as caught:
                    call(specs.squared_norm(), {"x.0": np.zeros(1 << 16, "f4")})
                assert caught.value.origin == "client"
        with pytest.raises(lossd.ResourceExhausted, match="65536") as caught:  # The answer is longer than the request.
            client.compute(specs.cpc(), {"z": np.zeros((1, 4, 3, 3), "f4")}, gradients=["parameters.*"])
        assert caught.value.origin == "client"
