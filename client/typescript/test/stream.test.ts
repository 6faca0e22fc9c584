// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { LossdError } from "../src/errors.js";
import { type ComputeRequest, ComputeResponseSchema } from "../src/gen/lossd/v1/loss_service_pb.js";
import type { Request } from "../src/messages.js";
import { BidiStream, ParallelCalls } from "../src/stream.js";

const norm = (requestId = "", value = 1): Request => ({
  requestId, loss: { case: "squaredNorm", value: {} }, inputs: { "x.0": { data: new Float32Array([value]), shape: [1] } },
});

/** Answers pairs of messages, the later first; one named "bad" is refused. */
async function* backwards(requests: AsyncIterable<ComputeRequest>) {
  let held: ComputeRequest | undefined;
  const answer = ({ requestId, inputs }: ComputeRequest) => create(ComputeResponseSchema, {
    requestId, gradients: inputs, ...(requestId === "bad" && { status: { code: 3, message: "no" } }),
  });
  for await (const request of requests) {
    if (!held) held = request;
    else {
      yield answer(request);
      yield answer(held);
      held = undefined;
    }
  }
  if (held) yield answer(held);
}

test("answers find their requests in any order", async () => {
  const stream = new BidiStream(backwards);
  const answers = Array.from({ length: 51 }, (_, i) => stream.compute(norm("", i)));
  const closed = stream.close();
  for (const [i, answer] of (await Promise.all(answers)).entries()) assert.equal(answer.gradients["x.0"]!.data[0], i);
  await closed;
});

test("one bad message ends nothing else", async () => {
  const stream = new BidiStream(backwards);
  const bad = stream.compute(norm("bad"));
  const good = stream.compute(norm("good"));
  await assert.rejects(bad, (error: LossdError) => error.code === Code.InvalidArgument && error.requestId === "bad" && error.origin === "server");
  await good;
  await stream.close();
});

test("an id twice under way is refused here", async () => {
  for (const stream of [new BidiStream(backwards), new ParallelCalls(() => new Promise((resolve) => setTimeout(resolve, 1, {})))]) {
    const first = stream.compute(norm("same"));
    await assert.rejects(stream.compute(norm("same")), /request_id: expected one that no outstanding message has, got "same"/);
    await stream.close();
    await first;
  }
});

test("what the stream's end leaves unanswered fails with its error, and nothing is sent after it", async () => {
  const stream = new BidiStream(async function* (requests) {
    for await (const request of requests) if (request.requestId === "last") throw new ConnectError("draining", Code.Unavailable, { a: "b" });
  });
  const answers = ["first", "last"].map((id) => stream.compute(norm(id)));
  for (const settled of await Promise.allSettled(answers)) {
    assert.equal(settled.status === "rejected" && (settled.reason as LossdError).code, Code.Unavailable);
  }
  await assert.rejects(stream.close(), /draining/);
  await assert.rejects(stream.compute(norm()), /draining/);
});

test("a server that ends the stream early is an error", async () => {
  const stream = new BidiStream(async function* (requests) {
    for await (const _ of requests) return;
  });
  await assert.rejects(stream.compute(norm()), (error: LossdError) => error.code === Code.Unavailable);
});

test("drained waits for what the transport has not taken", async () => {
  let take: () => void = () => {};
  const stream = new BidiStream(async function* (requests) {
    await new Promise<void>((resolve) => (take = resolve));
    yield* backwards(requests);
  });
  const answers = [stream.compute(norm()), stream.compute(norm())];
  let drained = false;
  const waiting = stream.drained().then(() => (drained = true));
  await Promise.resolve();
  assert.equal(drained, false);
  take();
  await Promise.all([waiting, ...answers]);
  await stream.close();
});
