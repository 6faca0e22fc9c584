// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The script of deploy/browser/index.html.

import { Client } from "../src/web.js";
import { described, documentationRequest } from "./documentation.js";

const result = document.getElementById("result")!;
try {
  result.textContent = described(await new Client().compute(documentationRequest()));
  result.dataset["state"] = "done";
} catch (error) {
  result.textContent = String(error);
  result.dataset["state"] = "failed";
}
