// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a runner is told, and how it speaks with the suite.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Case } from "./cases.js";
import type { Report, Server } from "./kinds.js";

export interface Plan {
  cases: string;
  only?: string[];
  servers: Record<string, Server>;
}

export function readPlan(path: string | undefined): Plan {
  if (path === undefined) throw new Error("usage: conformance PLAN");
  return JSON.parse(readFileSync(path, "utf8")) as Plan;
}

export function casesOf(plan: Plan): Case[] {
  return readdirSync(plan.cases).filter((name) => name.endsWith(".json")).sort()
    .map((name) => JSON.parse(readFileSync(join(plan.cases, name), "utf8")) as Case)
    .filter(({ name }) => plan.only?.includes(name) ?? true);
}

export function report(line: Report): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function ask(question: string, server: string): Promise<{ token?: string }> {
  process.stdout.write(`${JSON.stringify({ ask: question, server })}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`expected an answer to ${question}, got none`);
  return JSON.parse(value as string) as { token?: string };
}
