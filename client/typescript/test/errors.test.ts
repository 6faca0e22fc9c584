// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { fromReason, fromStatus } from "../src/errors.js";
import { BadRequestSchema, QuotaFailureSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../src/gen/google/rpc/status_pb.js";

test("details become fields", () => {
  const bad = create(BadRequestSchema, { fieldViolations: [{ field: "inputs[x.0].shape", description: "expected 2" }] });
  const quota = create(QuotaFailureSchema, { violations: [{ description: "bytes in flight" }] });
  const retry = create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 5e8 } });
  const status = create(StatusSchema, {
    code: 8, message: "no room", details: [anyPack(BadRequestSchema, bad), anyPack(QuotaFailureSchema, quota), anyPack(RetryInfoSchema, retry)],
  });
  const error = fromStatus(status, "mine");
  assert.equal(error.code, Code.ResourceExhausted);
  assert.equal(error.origin, "server");
  assert.equal(error.requestId, "mine");
  assert.equal(error.message, "no room");
  assert.deepEqual(error.fieldViolations, [{ field: "inputs[x.0].shape", description: "expected 2" }]);
  assert.deepEqual(error.quotaViolations, ["bytes in flight"]);
  assert.equal(error.retryDelayMs, 1500);
});

test("who refused is told apart", () => {
  const answered = { "content-type": "application/grpc" };
  const origin = (message: string, headers?: HeadersInit) => fromReason(new ConnectError(message, Code.ResourceExhausted, headers), "").origin;
  assert.equal(origin("Received message larger than max (2 vs. 1)", answered), "server");
  assert.equal(origin("message size 2 is larger than configured readMaxBytes 1", answered), "client");
  assert.equal(origin("upstream connect error or disconnect/reset before headers", answered), "client");
  assert.equal(origin("connect ECONNREFUSED"), "client");
});

test("an error of another kind keeps its text and cause", () => {
  const cause = new Error("boom");
  const error = fromReason(cause, "id");
  assert.match(error.message, /boom/);
  assert.equal((error.cause as ConnectError).cause, cause);
  assert.equal(fromReason(error, "other"), error);
});

test("unreadable details are no second failure", () => {
  const status = create(StatusSchema, { code: 3, message: "m", details: [{ typeUrl: "type.googleapis.com/unknown", value: toBinary(StatusSchema, create(StatusSchema)) }] });
  assert.deepEqual(fromStatus(status, "").fieldViolations, []);
});

test("what TLS leaves unsaid is said", () => {
  assert.match(fromReason(new ConnectError("SSL routines:wrong version number\n", Code.Internal), "").message, /number; the server speaks plain text there/);
  assert.match(fromReason(new ConnectError("self-signed certificate in certificate chain"), "").message, /tls\.ca trusts none/);
});
