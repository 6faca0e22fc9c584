// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a runner does for each kind of case, on Node and in a browser alike.

import type { LossClient } from "../src/client.js";
import type { CallOptions, ComputeStream } from "../src/shared.js";
import { type Case, checkError, checkResult, type Message, requestOf, SETTINGS, type Settings } from "./cases.js";

export interface Server {
  target: string;
  ca?: string;
  token?: string;
}

export type AnyClient = LossClient & { stream(options?: CallOptions): Promise<ComputeStream>; close?(): void };

export interface Context {
  /** Throws `Unknown` for settings that it has not. */
  connect(server: Server, settings: Settings): AnyClient;
  ask(question: "restart" | "rotate_token", server: string): Promise<{ token?: string }>;
}

/** A case that this runner cannot run. */
export class Unknown extends Error {}

export interface Report {
  case: string;
  verdict: "pass" | "fail" | "skip";
  text: string;
  seconds: number;
}

export async function run(read: Case, server: Server | undefined, context: Context): Promise<Report> {
  const begin = performance.now();
  const done = (verdict: Report["verdict"], text = ""): Report => ({ case: read.name, verdict, text, seconds: (performance.now() - begin) / 1000 });
  try {
    const kind = KINDS[read.kind];
    if (!kind) throw new Unknown(`kind ${read.kind}`);
    if (!server) throw new Unknown(`server ${read.server}`);
    for (const setting of Object.keys(read.client)) if (!SETTINGS.has(setting)) throw new Unknown(`setting ${setting}`);
    await kind(read, server, context);
    return done("pass");
  } catch (error) {
    return done(error instanceof Unknown ? "skip" : "fail", error instanceof Error ? error.message : String(error));
  }
}

async function call(client: Pick<AnyClient, "compute">, message: Message, options: CallOptions = {}): Promise<void> {
  const request = requestOf(message);
  const result = await client.compute(request, options).catch((error: unknown) => {
    checkError(message.expect.error, error);
    return undefined;
  });
  if (result) checkResult(message, request, result);
}

/** Credentials of a server, as settings want them. */
export function tokenOf(server: Server, settings: Settings): string | undefined {
  return settings.token === "wrong" ? "wrong" : settings.token === "none" ? undefined : server.token;
}

const KINDS: Record<string, (read: Case, server: Server, context: Context) => Promise<void>> = {
  async compute(read, server, context) {
    const client = context.connect(server, read.client);
    const after = read.client.cancel_after_ms;
    await call(client, read.messages[0]!, after === undefined ? {} : { signal: AbortSignal.timeout(after) });
    client.close?.();
  },

  async stream(read, server, context) {
    const client = context.connect(server, read.client);
    const stream = await client.stream();
    await Promise.all(read.messages.map((message) => call(stream, message)));
    await stream.close();
    client.close?.();
  },

  async info(read, server, context) {
    const client = context.connect(server, read.client);
    const info = await client.serverInfo();
    const { losses, limits } = read.expect!.info;
    const missing = losses.filter((name) => !info.losses.some((loss) => loss.name === name));
    if (missing.length > 0) throw new Error(`expected the losses ${missing}, got ${info.losses.map(({ name }) => name)}`);
    for (const [name, value] of Object.entries(limits)) {
      const got = info.limits?.[name.replace(/_./g, (part) => part[1]!.toUpperCase()) as "maxMessageBytes"];
      if (Number(got) !== value) throw new Error(`${name}: expected ${value}, got ${got}`);
    }
    if (client.maxMessageBytes !== limits.max_message_bytes) throw new Error(`expected the server's limit, got ${client.maxMessageBytes}`);
    client.close?.();
  },

  async restart(read, server, context) {
    const client = context.connect(server, read.client);
    let started = 0;
    let answered = 0;
    await Promise.all(Array.from({ length: read.client.concurrency! }, async () => {
      while (started++ < read.client.calls!) {
        await call(client, read.messages[0]!);
        if (++answered === read.client.restart_after) await context.ask("restart", read.server);
      }
    }));
    client.close?.();
  },

  async rotate(read, server, context) {
    const [message] = read.messages as [Message];
    const accepted = { ...message, expect: {} };
    const old = context.connect(server, read.client);
    await call(old, accepted);
    const { token } = await context.ask("rotate_token", read.server);
    await call(old, message);
    const fresh = context.connect({ ...server, ...(token !== undefined && { token }) }, read.client);
    await call(fresh, accepted);
    old.close?.();
    fresh.close?.();
  },
};
