// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Against a real server: LOSSD_BIN_DIR names the folder of its binary.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { described, documentationRequest } from "../example/documentation.js";
import { Client, Code, type LossdError } from "../src/node.js";

const bin = process.env["LOSSD_BIN_DIR"];
const skip = bin === undefined ? "LOSSD_BIN_DIR is not set: no server to call" : false;
const folder = mkdtempSync(join(tmpdir(), "lossd-"));
let server: ChildProcess;
let target = "";

before(async () => {
  if (bin === undefined) return;
  server = spawn(join(bin, "lossd"), ["--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0",
    `--port_file=${folder}/ports.json`, "--log_level=warning"], { stdio: "inherit" });
  while (target === "" && server.exitCode === null) {
    try {
      target = (JSON.parse(readFileSync(`${folder}/ports.json`, "utf8")) as { listen: [string] }).listen[0];
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10)); // Renamed into place once calls can be served.
    }
  }
});

after(async () => {
  if (server) {
    const ended = once(server, "exit");
    server.kill();
    await ended;
  }
  rmSync(folder, { recursive: true });
});

test("the example prints the numbers of the documentation", { skip }, async () => {
  const client = new Client(target);
  assert.equal(described(await client.compute(documentationRequest())), "losses 2.2351 2.1902, sum of |d anchor.0| 0.1267");
  assert.equal(client.maxMessageBytes, 256 * 2 ** 20);
  client.close();
});

test("an error names the field", { skip }, async () => {
  const client = new Client(target);
  const request = { requestId: "mine", loss: { case: "ntXent" as const, value: {} }, inputs: { out_1: { data: new Float32Array(4), shape: [2, 2] } } };
  await assert.rejects(client.compute(request), (error: LossdError) => error.code === Code.InvalidArgument && error.requestId === "mine" &&
    error.origin === "server" && error.fieldViolations[0]!.field === "inputs[out_2]");
  client.close();
});

test("an aborted call is cancelled", { skip }, async () => {
  const client = new Client(target, { maxMessageBytes: 1 << 20 });
  await assert.rejects(client.compute(documentationRequest(), { signal: AbortSignal.abort() }), (error: LossdError) => error.code === Code.Canceled);
  client.close();
});

test("a closed client refuses calls", { skip }, async () => {
  const client = new Client(target);
  await client.compute(documentationRequest());
  client.close();
  client.close();
  for (const call of [() => client.compute({ ...documentationRequest(), requestId: "mine" }), () => client.serverInfo(), () => client.stream()]) {
    await assert.rejects(call, (error: LossdError) => error.code === Code.Canceled && error.origin === "client" && error.message === "the client was closed");
  }
});

test("a call that waits for a server ends with its client", async () => {
  const client = new Client("127.0.0.1:1");
  const call = assert.rejects(client.compute(documentationRequest()), (error: LossdError) => error.code === Code.Canceled && error.origin === "client");
  client.close();
  await call;
});

test("addresses of another server than was meant are refused", () => {
  for (const address of ["", "localhost", "localhost:", "::1", "[::1]", ":1", "localhost:port", "localhost:1/path", "grpc://localhost:1", " localhost:1", "http://"]) {
    assert.throws(() => new Client(address), { name: "RangeError", message: `address: expected "host:port", or an http: or https: URL, got ${JSON.stringify(address)}` });
  }
  for (const address of ["localhost:99999", "localhost:0", "http://localhost:65536", "[::1]:70000"]) {
    assert.throws(() => new Client(address), { name: "RangeError", message: /; ports are 1 to 65535$/ });
  }
  for (const address of ["localhost:1", "[::1]:1", "http://localhost:1", "https://lossd/", "https://lossd:65535/path"]) new Client(address).close();
});

test("limits that no transport has are refused", () => {
  assert.throws(() => new Client("localhost:1", { maxMessageBytes: 0 }), /maxMessageBytes: expected 1 to 4294967295, got 0/);
});
