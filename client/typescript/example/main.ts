// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// node dist/example/main.js [HOST:PORT]

import { Client } from "../src/node.js";
import { described, documentationRequest } from "./documentation.js";

const client = new Client(process.argv[2] ?? "localhost:50051");
console.log(described(await client.compute(documentationRequest())));
client.close();
