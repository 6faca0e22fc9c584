// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The runner for Node: node conformance/node.js PLAN.

import { readFileSync } from "node:fs";
import { compressionGzip } from "@connectrpc/connect-node";
import { Client, type NodeOptions } from "../src/node.js";
import { type Context, run, tokenOf } from "./kinds.js";
import { ask, casesOf, readPlan, report } from "./plan.js";

const context: Context = {
  ask,
  connect(server, settings) {
    const token = tokenOf(server, settings);
    const options: NodeOptions = {
      timeoutMs: settings.timeout_ms ?? 60_000,
      ...(settings.max_message_bytes !== undefined && { maxMessageBytes: settings.max_message_bytes }),
      ...(server.ca !== undefined && { tls: { ca: readFileSync(server.ca, "utf8") } }),
      ...(token !== undefined && { token }),
      ...(settings.compression === "gzip" && { transport: { sendCompression: compressionGzip, compressMinBytes: 0 } }),
    };
    return new Client(server.target, options);
  },
};

const plan = readPlan(process.argv[2]);
for (const read of casesOf(plan)) report(await run(read, plan.servers[read.server], context));
process.exit(0);
