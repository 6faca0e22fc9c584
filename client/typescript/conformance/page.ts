// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs the cases in a browser; conformance/browser.ts serves it.

import { Client } from "../src/web.js";
import type { Case } from "./cases.js";
import { type Context, run, type Server, tokenOf, Unknown } from "./kinds.js";

async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  return (await response.json()) as T;
}

const context: Context = {
  ask: (question, server) => post("/ask", { question, server }),
  connect(server, settings) {
    if (settings.compression !== undefined) throw new Unknown("gRPC-Web in browsers sends no compressed messages");
    const token = tokenOf(server, settings);
    return new Client(server.target, {
      timeoutMs: settings.timeout_ms ?? 60_000,
      ...(settings.max_message_bytes !== undefined && { maxMessageBytes: settings.max_message_bytes }),
      ...(token !== undefined && { token }),
    });
  },
};

const { cases, servers } = (await (await fetch("/plan")).json()) as { cases: Case[]; servers: Record<string, Server> };
for (const read of cases) await post("/report", await run(read, servers[read.server], context));
await post("/done", {});
