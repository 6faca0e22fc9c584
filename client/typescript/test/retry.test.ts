// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { LossdError } from "../src/errors.js";
import { withRetries } from "../src/retry.js";

const FROM_SERVER = { "content-type": "application/grpc" };
const refusal = (pushback: string, code = Code.Unavailable) => new ConnectError("draining", code, { ...FROM_SERVER, "grpc-retry-pushback-ms": pushback });

/** Fails as `errors` say, then answers with the number of attempts. */
function failing(...errors: unknown[]) {
  let attempts = 0;
  return async () => {
    const error = errors[attempts++];
    if (error !== undefined) throw error;
    return attempts;
  };
}

test("UNAVAILABLE is tried again, four times", async () => {
  assert.equal(await withRetries(failing(refusal("1"), refusal("1"), refusal("1"), refusal("1")), {}, ""), 5);
  await assert.rejects(withRetries(failing(...Array.from({ length: 5 }, () => refusal("1"))), {}, "id"),
    (error: LossdError) => error.code === Code.Unavailable && error.origin === "server" && error.requestId === "id");
});

test("a server that says no retry is not asked again", async () => {
  for (const code of [Code.Unavailable, Code.ResourceExhausted]) {
    for (const pushback of ["-1", "soon"]) {
      const attempt = failing(refusal(pushback, code));
      await assert.rejects(withRetries(attempt, {}, ""), (error: LossdError) => error.code === code);
      assert.equal(await attempt(), 2);
    }
  }
});

test("a limit for which the server names a delay is tried again after it, where the call's time suffices", async () => {
  const limit = refusal("300", Code.ResourceExhausted);
  const begin = performance.now();
  assert.equal(await withRetries(failing(limit, limit), {}, ""), 3);
  assert.ok(performance.now() - begin >= 600, `${performance.now() - begin} ms`);
  const attempt = failing(limit);
  await assert.rejects(withRetries(attempt, { timeoutMs: 200 }, ""), (error: LossdError) => error.code === Code.ResourceExhausted && error.origin === "server");
  assert.equal(await attempt(), 2);
});

test("what the request's content is to blame for is not tried again", async () => {
  for (const code of [Code.InvalidArgument, Code.ResourceExhausted, Code.Unauthenticated, Code.DeadlineExceeded, Code.Internal]) {
    const attempt = failing(new ConnectError("no", code, FROM_SERVER));
    await assert.rejects(withRetries(attempt, {}, ""), (error: LossdError) => error.code === code);
    assert.equal(await attempt(), 2);
  }
});

test("a connection that broke or did not come about is made anew; a certificate that nobody trusts is not", async () => {
  const node = (code: string) => new ConnectError(code, Code.Internal, undefined, undefined, Object.assign(new Error(code), { code }));
  assert.equal(await withRetries(failing(node("ECONNREFUSED"), node("ERR_HTTP2_STREAM_ERROR"), node("ECONNRESET")), {}, ""), 4);
  assert.equal(await withRetries(failing(new ConnectError("x", Code.Internal, undefined, undefined, new TypeError("Failed to fetch"))), {}, ""), 2);
  await assert.rejects(withRetries(failing(node("SELF_SIGNED_CERT_IN_CHAIN")), {}, ""), LossdError);
});

test("where the time does not suffice the error says so, and what the last attempt said", async () => {
  const attempt = failing(...Array.from({ length: 99 }, () => new ConnectError("connect ECONNREFUSED 127.0.0.1:1", Code.Unavailable)));
  await assert.rejects(withRetries(attempt, { timeoutMs: 60 }, ""),
    (error: LossdError) => error.code === Code.DeadlineExceeded && error.origin === "client" && /60 ms.*ECONNREFUSED/.test(error.message));
});

test("a cancelled call does not wait for its next attempt", async () => {
  const controller = new AbortController();
  const attempt = async () => {
    controller.abort();
    throw refusal("3600000");
  };
  await assert.rejects(withRetries(attempt, { signal: controller.signal }, ""), LossdError);
});

test("attempts are given whole milliseconds, as a deadline on the wire must be; what is too long for a timer is no limit", async () => {
  const given: (number | undefined)[] = [];
  for (const timeoutMs of [1234.5, 0.25, 2 ** 40]) {
    await withRetries(async (left) => given.push(left), { timeoutMs }, "");
  }
  assert.ok(Number.isInteger(given[0]) && given[0]! > 1000 && given[0]! <= 1235, `${given[0]}`);
  assert.deepEqual(given.slice(1), [1, undefined]);
});
