// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The runner for browsers: node conformance/browser.js PLAN, with ENVOY and CHROMIUM from the environment. Runs the cases in
// headless Chromium, each server behind an Envoy with the configuration of deploy/browser.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Report, Server } from "./kinds.js";
import { ask, casesOf, readPlan, report } from "./plan.js";

const ROOT = process.env["LOSSD_ROOT"] ?? resolve(import.meta.dirname, "../../../..");
const folder = mkdtempSync(join(tmpdir(), "lossd-browser-"));
const children: ChildProcess[] = [];

function start(command: string, ...args: string[]): void {
  const log = openSync(join(folder, "log"), "a"); // Chromium says much that means nothing.
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", log, log] });
  child.on("error", (error) => fail(`${command}: ${error.message}`));
  children.push(child);
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const socket = createSocket().listen(0, "127.0.0.1", () => {
      const { port } = socket.address() as AddressInfo;
      socket.close(() => done(port));
    });
  });
}

/** Puts an Envoy before a server. */
async function behindEnvoy(name: string, server: Server): Promise<Server> {
  const port = await freePort();
  let text = readFileSync(join(ROOT, "deploy/browser/envoy.yaml"), "utf8").replace("8080", String(port));
  text = text.replace("50051", server.target.slice(server.target.lastIndexOf(":") + 1));
  if (server.ca !== undefined) text = text.replaceAll("#tls ", "").replace("filename: ca.crt", `filename: ${server.ca}`);
  writeFileSync(join(folder, `${name}.yaml`), text);
  start(process.env["ENVOY"] ?? "envoy", "-c", `${name}.yaml`, "--log-level", "error", "--disable-hot-restart", "--concurrency", "1");
  return { ...server, target: `http://127.0.0.1:${port}` };
}

async function bodyOf<T>(request: IncomingMessage): Promise<T> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || "null") as T;
}

function end(code: number): never {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}

function fail(why: string): never {
  console.error(why);
  end(1);
}

process.on("SIGTERM", () => fail(readFileSync(join(folder, "log"), "utf8").slice(-4000)));

const plan = readPlan(process.argv[2]);
const cases = casesOf(plan);
writeFileSync(join(folder, "index.html"), '<!doctype html><script type="module" src="page.js"></script>');
writeFileSync(join(folder, "page.js"), readFileSync(join(import.meta.dirname, "../conformance.js")));
const servers = Object.fromEntries(await Promise.all(Object.entries(plan.servers).map(async ([name, server]) => [name, await behindEnvoy(name, server)] as const)));

const pages = createServer(async (request, response) => {
  const routes: Record<string, () => Promise<object | void>> = {
    "/plan": async () => ({ cases, servers }),
    "/report": async () => {
      report(await bodyOf<Report>(request));
    },
    "/ask": async () => {
      const { question, server } = await bodyOf<{ question: string; server: string }>(request);
      return ask(question, server);
    },
    "/done": async () => {
      response.on("finish", () => end(0));
    },
  };
  const route = routes[request.url ?? ""];
  if (route) {
    const answer = await route();
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer ?? {}));
    return;
  }
  const file = request.url === "/page.js" ? "page.js" : "index.html";
  response.setHeader("content-type", file === "page.js" ? "text/javascript" : "text/html").end(readFileSync(join(folder, file)));
});
pages.listen(0, "127.0.0.1", () => {
  start(process.env["CHROMIUM"] ?? "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${folder}/profile`,
    `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
});
