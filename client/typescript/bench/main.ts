// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Measures the processor time that a call and a MB cost on the client's side, beside the plain generated client:
// node dist/bench/main.js HOST:PORT. Prints a line of JSON: see tests/conformance/README.md.

import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Client, Dtype, LossService } from "../src/node.js";

const SMALL_CALLS = 500;
const LARGE_CALLS = 20;
const LARGE_ELEMENTS = 2 ** 20;
const LARGE_MEGABYTES = (2 * 4 * LARGE_ELEMENTS) / 1e6; // There and back.

const target = process.argv[2] ?? "localhost:50051";
const client = new Client(target);
const stub = createClient(LossService, createGrpcTransport({ baseUrl: `http://${target}` }));

/** Microseconds of processor time a call. */
async function cost(call: (data: Float32Array<ArrayBuffer>) => Promise<unknown>, elements: number, calls: number): Promise<number> {
  const data = new Float32Array(elements);
  for (let i = 0; i < calls / 10; ++i) await call(data);
  const begin = process.cpuUsage();
  for (let i = 0; i < calls; ++i) await call(data);
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / calls;
}

const ours = (data: Float32Array<ArrayBuffer>) => client.compute({ loss: { case: "squaredNorm", value: {} }, inputs: { "x.0": { data, shape: [data.length] } } });
const plain = (data: Float32Array<ArrayBuffer>) => stub.compute({
  loss: { loss: { case: "squaredNorm", value: {} } },
  inputs: [{ name: "x.0", dtype: Dtype.FLOAT32, shape: [BigInt(data.length)], data: new Uint8Array(data.buffer) }],
});
console.log(JSON.stringify({
  call_us: await cost(ours, 4, SMALL_CALLS), stub_call_us: await cost(plain, 4, SMALL_CALLS),
  mb_us: (await cost(ours, LARGE_ELEMENTS, LARGE_CALLS)) / LARGE_MEGABYTES, stub_mb_us: (await cost(plain, LARGE_ELEMENTS, LARGE_CALLS)) / LARGE_MEGABYTES,
}));
process.exit(0);
